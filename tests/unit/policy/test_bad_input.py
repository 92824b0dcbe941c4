# SPDX-License-Identifier: Apache-2.0
"""What issue 3 calls bad input: refused when it loads, with its place; the old policy stays."""

import asyncio
import csv
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from govshare_policy.catalogue import load_catalogue
from govshare_policy.errors import FactError, PolicyError
from govshare_policy.policy import Bundle, Precedence, bundle
from govshare_policy.register import load_register
from govshare_policy.usage import Usage
from govshare_sidecar.basis import CurrentBasis
from govshare_sidecar.config import load_config
from govshare_sidecar.metrics import Metrics
from tests.county import COUNTY, write_county
from tests.unit.mutated import Edit, columns, in_rule, line_of, write_packs

POLICY = "hubei/policy.csv"
RULE = "hu-purpose"
CONFIG = """
profile = "hubei"
precedence = "strictest"
data = "data"
[log]
directory = "audit/log"
key = "file:keys/audit.pem"
passphrase_file = "keys/audit.passphrase"
pin = "audit/pin"
[tls]
certificate = "tls/sidecar.pem"
key = "tls/sidecar.key"
client_ca = "tls/clients-ca.pem"
[grpc]
listen = "127.0.0.1:9443"
"""


class Wrong(NamedTuple):
    """One fault: an edit of a pack or of a register, and where it is said to stand."""

    file: str
    edit: Edit
    said: str


def at(column: str) -> str:
    text = (bundle.packs_directory() / POLICY).read_text("utf-8")
    return f"{POLICY} line {line_of(text, RULE)} column {columns().index(column) + 2}: "


def cut(text: str) -> str:
    """Leave the line of the rule only three of its values."""
    lines, number = text.split("\n"), line_of(text, RULE)
    lines[number - 1] = ",".join(lines[number - 1].split(",")[:4])
    return "\n".join(lines)


def cell(line: int, column: str, value: str) -> Edit:
    """Return the edit of a register that puts *value* into one cell."""

    def edit(text: str) -> str:
        rows = [row.split("\t") for row in text.splitlines()]
        rows[line - 1][rows[0].index(column)] = value
        return "\n".join("\t".join(row) for row in rows) + "\n"

    return edit


def grants_at_odds(text: str) -> str:
    head, first, *rest = text.splitlines()
    same = first.replace("G01\t", "G99\t", 1)
    lines = [f"{head}\tdaily_quota", f"{first}\t10", *(f"{row}\t" for row in rest), f"{same}\t20"]
    return "\n".join(lines) + "\n"


def item_of_no_type(text: str) -> str:
    head, *rows = text.splitlines()
    cells = ["phone=secret" if row.startswith("R10\t") else "" for row in rows]
    lines = [f"{row}\t{stated}" for row, stated in zip(rows, cells, strict=True)]
    return "\n".join([f"{head}\titem_share_types", *lines]) + "\n"


LAST_GRANT = len((COUNTY / "grants.tsv").read_text("utf-8").splitlines()) + 1
BAD: Mapping[str, Wrong] = {
    "an unknown effect word": Wrong(
        POLICY, in_rule(RULE, eft="refuse"), f"{at('eft')}`refuse` is not an effect; "
    ),
    "an effect word in another case": Wrong(
        POLICY,
        in_rule(RULE, eft="Deny"),
        f"{at('eft')}`Deny` is not an effect; the effect of outcome `deny` is `deny`",
    ),
    "the effect of another outcome": Wrong(
        POLICY, in_rule(RULE, eft="allow"), f"{at('eft')}the effect of outcome `deny` is `deny`"
    ),
    "an outcome in another case": Wrong(POLICY, in_rule(RULE, outcome="Deny"), at("outcome")),
    "a short row": Wrong(POLICY, cut, at("reason")),
    "a long row": Wrong(POLICY, in_rule(RULE, eft="deny, deny"), f"{POLICY} line "),
    "an unknown kind of line": Wrong(
        POLICY, lambda text: f"p9, x\n{text}", f"{POLICY} line 1 column 1: "
    ),
    "a rule id twice": Wrong(POLICY, in_rule(RULE, rule="hu-fields"), at("rule")),
    "a clause that is in no registry": Wrong(
        POLICY, in_rule(RULE, clauses="HU-a99-01"), at("clauses")
    ),
    "a row of clauses that is short": Wrong(
        "hubei/clauses.tsv", lambda text: f"{text}HU-a36-01\n", "hubei/clauses.tsv line "
    ),
    "a grant on a day that does not exist": Wrong(
        "grants.tsv", cell(2, "valid_to", "2026-02-30"), "grants.tsv line 2 column `valid_to`: "
    ),
    "an entry updated on a day that does not exist": Wrong(
        "resources.tsv",
        cell(9, "updated_on", "2025-06-31"),
        "resources.tsv line 9 column `updated_on`: ",
    ),
    "a short row of a register": Wrong(
        "grants.tsv", lambda text: f"{text}G99\tR08\n", f"grants.tsv line {LAST_GRANT} column 3: "
    ),
    "grants that contradict": Wrong(
        "grants.tsv", grants_at_odds, f"grants.tsv line {LAST_GRANT} column `daily_quota`: "
    ),
    "an item of a type that does not exist": Wrong(
        "resources.tsv",
        item_of_no_type,
        "resources.tsv line 11 column `item_share_types`: ",
    ),
}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A deployment's directory, as far as its configuration looks."""
    for name in (
        "keys/audit.passphrase",
        "tls/sidecar.pem",
        "tls/sidecar.key",
        "tls/clients-ca.pem",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"secret\n")
        path.chmod(0o600)
    write_county(tmp_path / "data")
    (tmp_path / "govshare.toml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def loaded(data: Path) -> Bundle:
    return bundle.load_bundle("hubei", load_register(data), precedence=Precedence.STRICTEST)


@pytest.mark.parametrize("wrong", BAD.values(), ids=list(BAD))
def test_bad_input_is_refused_with_its_place_and_the_old_policy_stays(
    wrong: Wrong,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A sidecar that is told to reload keeps on deciding by what it had."""
    packs = write_packs(place, {})
    monkeypatch.setattr(bundle, "packs_directory", lambda: packs)
    basis = CurrentBasis(load_config(place / "govshare.toml"), Usage(), Metrics())
    before, revision = basis(), basis.revision
    target = (packs if "/" in wrong.file else place / "data") / wrong.file
    target.write_text(wrong.edit(target.read_text("utf-8")), "utf-8")

    with pytest.raises((FactError, PolicyError)) as caught:
        loaded(place / "data")
    asyncio.run(basis.reload())

    assert str(caught.value).startswith(wrong.said)
    assert basis() is before
    assert basis.revision == revision
    assert f"reload refused, the policy in force stays: {caught.value}" in caplog.text


def test_what_is_not_bad_is_put_in_force(place: Path) -> None:
    """The refusals above are not refusals of everything."""
    basis = CurrentBasis(load_config(place / "govshare.toml"), Usage(), Metrics())
    revision = basis.revision
    target = place / "data" / "grants.tsv"
    target.write_text(cell(2, "valid_to", "2026-12-30")(target.read_text("utf-8")), "utf-8")

    asyncio.run(basis.reload())

    assert basis.revision != revision


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue of 100,000 entries; the day of number 99,990 does not exist."""
    data = write_county(tmp_path_factory.mktemp("large") / "data")
    path = data / "resources.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    updated, sample = rows[0].index("updated_on"), rows[8]
    rows.extend([f"X{number:06}", *sample[1:]] for number in range(len(rows), 100_001))
    rows[99_990][updated] = "2025-02-29"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t", lineterminator="\n").writerows(rows)
    return data


@pytest.mark.parametrize("read", [load_register, load_catalogue], ids=["register", "lint"])
def test_one_bad_cell_in_a_hundred_thousand_entries_is_found_in_bounded_time(
    read: Callable[[Path], object], large: Path
) -> None:
    start = time.process_time()

    with pytest.raises(FactError) as caught:
        read(large)

    said = "resources.tsv line 99991 column `updated_on`: no such day in the calendar"
    assert str(caught.value) == said
    assert time.process_time() - start < 30
