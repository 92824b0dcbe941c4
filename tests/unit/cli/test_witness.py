# SPDX-License-Identifier: Apache-2.0
"""``govshare witness``: two checkpoints compared, evidence verified, and a witness started."""

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from govshare_policy.audit import (
    AuditLog,
    Checkpoint,
    Conflict,
    encode_record,
    load_trust,
    read_commit,
    trust_text,
    verify_conflict,
)
from govshare_policy.crypto import generate_key, open_signer
from tests.unit.cli.conftest import Command

ORIGIN = "qinglan/audit"
AT = datetime(2025, 9, 22, 2, tzinfo=UTC)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two logs that part at size 2, the receipt of a record of the first, and a trust file."""
    generate_key(tmp_path / "key.pem", b"correct horse")
    signer = open_signer(f"file:{tmp_path}/key.pem", b"correct horse")
    (tmp_path / "trust.toml").write_text(trust_text(ORIGIN, signer.public), "utf-8")
    with AuditLog.create(
        tmp_path / "one", origin=ORIGIN, signer=signer, now=lambda: AT, preallocate=1024
    ) as log:
        log.append(encode_record({"n": 1}))
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    for name, count in (("one", 1), ("two", 3)):
        with AuditLog.open(tmp_path / name, signer=signer, now=lambda: AT) as log:
            receipts = [log.append(encode_record({"n": n, "log": name})) for n in range(count)]
        (tmp_path / f"{name}.txt").write_text(receipts[-1].to_text(), "utf-8")
    return tmp_path


def compare(govshare: Command, place: Path, one: str, other: str, *more: object) -> tuple[int, str]:
    arguments = (place / one, place / other, "--trust", place / "trust.toml", *more)
    done = govshare("witness", "compare", *arguments)
    return done.code, done.out + done.err


def test_a_kept_receipt_shows_that_a_log_was_forked(govshare: Command, place: Path) -> None:
    """The evidence stands without the logs."""
    out = place / "fork.txt"
    code, said = compare(
        govshare, place, "one.txt", "two/checkpoint", "--log", place / "two", "--out", out
    )
    assert code == 1
    assert '"forked": true' in said
    verify_conflict(Conflict.from_text(out.read_text("utf-8")), load_trust(place / "trust.toml"))

    done = govshare("witness", "evidence", out, "--trust", place / "trust.toml")
    assert (done.code, done.json) == (0, {"proven": True, "forked": True, "sizes": [3, 5]})


def test_one_log_continues_itself(govshare: Command, place: Path) -> None:
    (place / "old").write_bytes(read_commit(place / "two", 2).to_note())
    out = place / "fork.txt"

    code, said = compare(
        govshare, place, "old", "two.txt", "--log", place / "two", "--out", out, "-o", "table"
    )

    assert (code, said) == (0, "one continues the other\n")
    assert not out.exists()
    assert compare(govshare, place, "two.txt", "two/checkpoint")[0] == 0


def test_checkpoints_of_two_sizes_need_the_log(govshare: Command, place: Path) -> None:
    code, said = compare(govshare, place, "one.txt", "two.txt")

    assert (code, "of size 5, at hand" in said) == (1, True)


def test_what_is_not_signed_is_not_compared(govshare: Command, place: Path) -> None:
    """Nor what is no checkpoint at all."""
    (place / "forged").write_bytes(
        (place / "two" / "checkpoint").read_bytes().replace(b"\n5\n", b"\n4\n")
    )
    (place / "bytes").write_bytes(b"\xff")
    for name, says in (("forged", "signature"), ("trust.toml", "note"), ("bytes", "not utf-8")):
        code, said = compare(govshare, place, name, "two.txt")
        assert (code, says in said) == (1, True), said
    assert compare(govshare, place, "none", "two.txt")[0] == 2


@pytest.mark.parametrize(("lang", "says"), [("en", "once had 5 records"), ("zh", "曾有 5 条记录")])
def test_a_log_that_was_set_back_is_told_apart(
    govshare: Command, place: Path, lang: str, says: str
) -> None:
    short, long = (read_commit(place / "two", size).to_note() for size in (2, 5))
    (place / "back.txt").write_text(Conflict(smaller=short, larger=long, root=None).to_text())

    done = govshare(
        *("witness", "evidence", place / "back.txt", "--trust", place / "trust.toml"),
        *("--lang", lang, "-o", "table"),
    )

    assert (done.code, says in done.out) == (0, True)


def test_evidence_that_proves_nothing_is_refused(govshare: Command, place: Path) -> None:
    note = Checkpoint.from_note((place / "two" / "checkpoint").read_bytes()).to_note()
    (place / "none.txt").write_text(Conflict(smaller=note, larger=note, root=None).to_text())

    done = govshare("witness", "evidence", place / "none.txt", "--trust", place / "trust.toml")

    assert (done.code, done.out) == (1, "")


def test_a_witness_that_cannot_start_says_why(govshare: Command, place: Path) -> None:
    (place / "witness.toml").write_text('state = "state"\n')
    done = govshare("witness", "serve", "--config", place / "witness.toml")

    assert (done.code, "`name` is missing" in done.err) == (2, True)


def test_a_witness_needs_the_extra(
    govshare: Command, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "govshare_sidecar.witness.server", None)
    done = govshare("witness", "serve", "--config", place / "witness.toml")

    assert (done.code, "install govshare-policy[sidecar]" in done.err) == (2, True)
