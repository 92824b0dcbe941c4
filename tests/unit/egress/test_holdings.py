# SPDX-License-Identifier: Apache-2.0
import csv
import json
from datetime import timedelta
from pathlib import Path

import pytest

from govshare_policy.crypto import Signer, generate_key, open_signer
from govshare_policy.egress.holdings import (
    HoldingEvent,
    Statement,
    load_holdings,
    register_holdings,
)
from govshare_policy.egress.keys import DepartmentKey
from govshare_policy.egress.register import select
from govshare_policy.errors import CallError, ConfigError, SignatureError, VerificationError
from tests.unit.egress.egress_world import AT, FIELDS, KEY, person, release

EARLIER = AT - timedelta(days=30)


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    path = tmp_path_factory.mktemp("key") / "key.pem"
    generate_key(path, b"test")
    return open_signer(f"file:{path}", b"test")


def source(directory: Path, end: str, *numbers: int) -> Path:
    path = directory / f"own{end}"
    with path.open("w", encoding="utf-8", newline="") as file:
        if end == ".jsonl":
            file.writelines(json.dumps(person(number)) + "\n" for number in numbers)
        else:
            writer = csv.DictWriter(file, FIELDS, delimiter="\t" if end == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(person(number) for number in numbers)
    return path


def register(directory: Path, signer: Signer, path: Path, **more: object) -> Statement:
    directory.mkdir(exist_ok=True)
    settings = {"subject": "id_no", "at": EARLIER, "key": KEY, "signer": signer, **more}
    return register_holdings(directory, path, **settings)[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("end", [".csv", ".tsv", ".jsonl"])
def test_what_was_held_before_is_not_kept(tmp_path: Path, signer: Signer, end: str) -> None:
    statement = register(tmp_path / "own", signer, source(tmp_path, end, 1, 2))
    assert (statement.subjects, statement.values, statement.number) == (2, 12, 1)
    own = load_holdings(tmp_path / "own", key=KEY, public=signer.public)
    counts = select(release(1, 3), holdings=own).counts
    assert (counts.kept, counts.held) == (5, 5)


def test_what_is_registered_after_the_release_takes_nothing_away(
    tmp_path: Path, signer: Signer
) -> None:
    register(tmp_path / "own", signer, source(tmp_path, ".csv", 1), at=AT)
    own = load_holdings(tmp_path / "own", key=KEY, public=signer.public)
    assert select(release(1), holdings=own).counts.held == 0


def test_late_and_large_registrations_are_events(tmp_path: Path, signer: Signer) -> None:
    (tmp_path / "own").mkdir()
    _, none = register_holdings(
        tmp_path / "own", source(tmp_path, ".csv", *range(10)),
        subject="id_no", at=EARLIER, key=KEY, signer=signer,
    )  # fmt: skip
    _, small = register_holdings(
        tmp_path / "own", source(tmp_path, ".csv", 11),
        subject="id_no", at=EARLIER, key=KEY, signer=signer,
    )  # fmt: skip
    _, both = register_holdings(
        tmp_path / "own", source(tmp_path, ".csv", *range(20, 40)),
        subject="id_no", at=AT, key=KEY, signer=signer, first_release=AT,
    )  # fmt: skip
    assert (none, small, both) == ((), (), (HoldingEvent.LATE, HoldingEvent.LARGE))


def test_statements_follow_each_other(tmp_path: Path, signer: Signer) -> None:
    register(tmp_path / "own", signer, source(tmp_path, ".csv", 1))
    register(tmp_path / "own", signer, source(tmp_path, ".csv", 2))
    own = load_holdings(tmp_path / "own", key=KEY, public=signer.public)
    assert select(release(1, 2), holdings=own).counts.kept == 0
    for name in ("tags", "sig", "statement"):
        (tmp_path / "own" / f"000001.{name}").unlink()
        (tmp_path / "own" / f"000002.{name}").rename(tmp_path / "own" / f"000001.{name}")
    with pytest.raises(VerificationError, match="own holdings `1`"):
        load_holdings(tmp_path / "own", key=KEY, public=signer.public)


@pytest.mark.parametrize(
    ("end", "error"),
    [("tags", VerificationError), ("sig", SignatureError), ("statement", SignatureError)],
)
def test_a_changed_file_is_refused(
    tmp_path: Path, signer: Signer, end: str, error: type[Exception]
) -> None:
    register(tmp_path / "own", signer, source(tmp_path, ".csv", 1))
    path = tmp_path / "own" / f"000001.{end}"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    with pytest.raises(error):
        load_holdings(tmp_path / "own", key=KEY, public=signer.public)


def test_a_file_that_is_gone_and_another_key_are_refused(tmp_path: Path, signer: Signer) -> None:
    register(tmp_path / "own", signer, source(tmp_path, ".csv", 1))
    other = DepartmentKey(epoch=2, secret=bytes(32))
    with pytest.raises(ConfigError, match="epoch `2`"):
        load_holdings(tmp_path / "own", key=other, public=signer.public)
    (tmp_path / "own" / "000001.tags").unlink()
    with pytest.raises(ConfigError, match="cannot read the own holdings"):
        load_holdings(tmp_path / "own", key=KEY, public=signer.public)


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.csv", "id_no,name\n,王小明\n"), ("a.csv", "id_no\n1,2\n"), ("a.csv", "id_no,name\n1\n"),
     ("a.jsonl", "[1]\n"), ("a.jsonl", "{\n"), ("a.doc", "")],
    ids=["no subject", "long row", "short row", "no object", "no json", "other file"],
)  # fmt: skip
def test_what_does_not_read_is_refused_without_showing_it(
    tmp_path: Path, signer: Signer, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(CallError) as caught:
        register(tmp_path / "own", signer, tmp_path / name)
    assert "王小明" not in str(caught.value)


def test_no_value_stands_in_the_register_or_is_shown(tmp_path: Path, signer: Signer) -> None:
    register(tmp_path / "own", signer, source(tmp_path, ".csv", 1))
    own = load_holdings(tmp_path / "own", key=KEY, public=signer.public)
    stored = b"".join(file.read_bytes() for file in (tmp_path / "own").iterdir())
    for name, cell in person(1).items():
        assert name == "sex" or str(cell).encode() not in stored
        assert str(cell) not in repr(own)


def test_a_registration_is_dated_in_order(tmp_path: Path, signer: Signer) -> None:
    register(tmp_path / "own", signer, source(tmp_path, ".csv", 1))
    with pytest.raises(ValueError, match="dated"):
        register(
            tmp_path / "own", signer, source(tmp_path, ".csv", 2), at=EARLIER - timedelta(days=1)
        )
