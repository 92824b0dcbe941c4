# SPDX-License-Identifier: Apache-2.0
"""What a pack says besides its rules: its law file, its clauses, and that all of it is there."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from govshare_policy.errors import PolicyError
from govshare_policy.policy import load_bundle
from govshare_policy.policy._casbin import parse_model
from govshare_policy.policy.bundle import load_pack
from govshare_policy.policy.pack import parse_pack
from govshare_policy.register import Register
from tests.county import county_register
from tests.unit.mutated import PACKS, Edit, mutated_bundle, swap, write_packs

END = len((PACKS / "hubei" / "clauses.tsv").read_text("utf-8").splitlines()) + 1


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Register:
    return county_register(tmp_path_factory.mktemp("county"))


def fault(register: Register, directory: Path, edits: Mapping[str, Edit]) -> str:
    with pytest.raises(PolicyError) as caught:
        mutated_bundle(register, directory, edits)
    return str(caught.value)


class Wrong(NamedTuple):
    edit: Edit
    said: str


LAW: Mapping[str, Wrong] = {
    "a clause for parts of resources that nobody knows": Wrong(
        swap('item_share = "HU-a07-03"', 'item_share = "HU-a99-01"'),
        "`HU-a99-01` is not in the clause registry of this text",
    ),
    "an unknown key": Wrong(swap("level =", "force = 1\nlevel ="), "unknown key `force`"),
    "a missing key": Wrong(swap('level = "local"', ""), "`level` is missing"),
    "no networks": Wrong(swap("networks", "#"), "`networks` is missing"),
    "another level": Wrong(
        swap('level = "local"', 'level = "city"'), "`level` is not one of local, national"
    ),
    "a number for a text": Wrong(
        swap('level = "local"', "level = 1"), "`level` is not a text"
    ),
    "another profile": Wrong(
        swap('"hubei"', '"hunan"'), "`profile` is not the name of the directory"
    ),
    "a silence without a clause": Wrong(
        swap('silence = "HU-a27-01"', 'silence = "HU-x"'),
        "`HU-x` is not in the clause registry of this text",
    ),
    "an unknown dimension": Wrong(
        swap("[scope]", '[scope]\nregion = "HU-a24-01"'),
        "`region` in [scope] is not a dimension of a grant",
    ),
    "a dimension bound by no clause": Wrong(
        swap('purpose = "HU-a24-04"', 'purpose = "HU-x"'),
        "`HU-x` is not in the clause registry of this text",
    ),
    "a scope that is no table": Wrong(
        lambda text: text.replace("[scope]", 'scope = ["field"]\n[[duty]]\n', 1),
        "[scope] is a table of dimensions and clauses",
    ),
    "an open share nobody knows": Wrong(
        swap("open_share = []", 'open_share = ["secret"]'),
        "`open_share` is a list of unconditional, controlled, conditional",
    ),
    "an open share that is no list": Wrong(
        swap("open_share = []", 'open_share = "unconditional"'),
        "`open_share` is a list of unconditional, controlled, conditional",
    ),
    "an open share of lists": Wrong(
        swap("open_share = []", 'open_share = [["unconditional"]]'),
        "`open_share` is a list of unconditional, controlled, conditional",
    ),
    "a network nobody knows": Wrong(
        swap('networks = ["extranet"]', 'networks = ["internet"]'),
        "`networks` is a list of extranet, intranet",
    ),
    "a day that is none": Wrong(
        swap(
            "level =",
            'in_force_from = "2025-02-30"\nin_force_clause = "HU-a05-02"\nlevel =',
        ), "`in_force_from` is not a date"
    ),
    "a day that no clause states": Wrong(
        swap("level =", 'in_force_from = "2025-02-28"\nlevel ='),
        "`in_force_from` and `in_force_clause` stand together",
    ),
    "a duty without a clause": Wrong(
        swap('clause = "HU-a24-03"', ""),
        "a duty has `code` and `clause`, and may have value and when",
    ),
    "a duty with another key": Wrong(
        swap('clause = "HU-a24-03"', 'clause = "HU-a24-03"\nwhen = "always"'),
        "a duty has `code` and `clause`, and may have value and when",
    ),
    "a duty under no clause": Wrong(
        swap('clause = "HU-a24-03"', 'clause = "HU-x"'),
        "`HU-x` is not in the clause registry of this text",
    ),
    "a duty with a value nobody fills in": Wrong(
        swap('value = "purpose"', 'value = "name"'),
        "`value` is not one of , purpose, system, provider, usage_requirements, three_years_on",
    ),
    "a duty for an unknown action": Wrong(
        swap('clause = "HU-a24-03"', 'clause = "HU-a24-03"\naction = ["write"]'),
        "`action` is a list of read, onward",
    ),
    "a duty that is no table": Wrong(
        lambda text: "duty = [1]\n" + text.split("[[duty]]", maxsplit=1)[0],
        "[[duty]] is a list of tables",
    ),
    "a key twice": Wrong(
        swap('level = "local"', 'level = "local"\nlevel = "local"'),
        "Cannot overwrite a value (at line 7, column 16)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", LAW.values(), ids=list(LAW))
def test_a_law_that_is_not_one_is_refused_at_load(
    wrong: Wrong, county: Register, tmp_path: Path
) -> None:
    assert (
        fault(county, tmp_path, {"hubei/law.toml": wrong.edit}) == f"hubei/law.toml: {wrong.said}"
    )


COLUMNS = (
    "line 1: the columns are not id, document, article, actor, topic, paraphrase_en, "
    "paraphrase_zh, parameter"
)
CLAUSES: Mapping[str, Wrong] = {
    "another header": Wrong(swap("id\tdocument", "clause\tdocument"), COLUMNS),
    "nothing": Wrong(lambda _text: "", COLUMNS),
    "a cell too many": Wrong(
        lambda text: text.replace("\n", "\tx\n", 2).replace("\tx\n", "\n", 1),
        "line 2: 9 cells where the header has 8",
    ),
    "a blank line": Wrong(
        lambda text: text.replace("\n", "\n\n", 1), "line 2: 0 cells where the header has 8"
    ),
    "a clause of another text": Wrong(
        swap("\nHU-", "\nNR-"), "line 2 column 1: the id has another prefix or stands twice"
    ),
    "a clause twice": Wrong(
        lambda text: text + text.split("\n")[1],
        f"line {END} column 1: the id has another prefix or stands twice",
    ),
    "an unclosed quote": Wrong(
        lambda text: text.rstrip("\n") + '\nHU-z\t"x',
        f"line {END}: not a row of cells",
    ),
}


@pytest.mark.parametrize("wrong", CLAUSES.values(), ids=list(CLAUSES))
def test_a_clause_registry_that_is_not_one_is_refused_at_load(
    wrong: Wrong, county: Register, tmp_path: Path
) -> None:
    said = fault(county, tmp_path, {"hubei/clauses.tsv": wrong.edit})

    assert said == f"hubei/clauses.tsv {wrong.said}"


@pytest.mark.parametrize("name", ["law.toml", "policy.csv", "clauses.tsv"])
def test_a_file_of_a_pack_that_is_no_utf8_is_refused(
    name: str, county: Register, tmp_path: Path
) -> None:
    packs = write_packs(tmp_path, {})
    data = (packs / "hubei" / name).read_bytes()
    (packs / "hubei" / name).write_bytes(b"\xff" + data)

    with pytest.raises(PolicyError, match=rf"^hubei/{name}: not valid UTF-8 at byte 0$"):
        load_bundle("hubei", county, packs=packs)


@pytest.mark.parametrize("name", ["law.toml", "policy.csv", "clauses.tsv"])
def test_a_file_missing_from_a_pack_is_refused(name: str, county: Register, tmp_path: Path) -> None:
    packs = write_packs(tmp_path, {})
    (packs / "hubei" / name).rename(packs / "hubei" / "gone")
    if name == "law.toml":
        (packs / "hubei" / name).mkdir()

    with pytest.raises(PolicyError, match=r"^hubei: a file of the pack cannot be read"):
        load_bundle("hubei", county, packs=packs)


def test_a_text_can_be_read_without_a_register(county: Register) -> None:
    [text] = load_bundle("hubei", county).texts

    pack = load_pack("hubei")

    assert (pack.profile, pack.rules, pack.clauses) == (
        text.pack.profile,
        text.pack.rules,
        text.pack.clauses,
    )
    with pytest.raises(PolicyError, match=r"^unknown profile; there are "):
        load_pack("hunan")


def test_files_that_do_not_make_a_pack_are_refused_by_name(county: Register) -> None:
    bundle = load_bundle("hubei", county)
    rules = parse_model((PACKS / "common" / "rules.conf").read_text("utf-8"), name="rules.conf")

    with pytest.raises(PolicyError, match=r"^law\.toml: missing from the pack$"):
        parse_pack({}, model=rules, findings=bundle.findings, texts=bundle.reasons)
