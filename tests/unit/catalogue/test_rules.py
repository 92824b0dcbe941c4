# SPDX-License-Identifier: Apache-2.0
"""What a text asks of its catalogue is read strictly: each fault names the file and the key."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from govshare_policy.catalogue import LintText, Severity, load_lint, parse_lint
from govshare_policy.catalogue.rules import SHARE_KINDS
from govshare_policy.errors import PolicyError
from govshare_policy.legal import Clause
from govshare_policy.policy import packs_directory

PACKS = packs_directory()
RULE = """\
[[rule]]
id = "hu-reason"
clauses = ["HU-a08-02"]
severity = "error"
check = "stated"
columns = ["reason"]
when = { share_type = ["non_share", ""] }
en = "{resource} does not state its {column}"
zh = "未写明{column}"
"""
SHARES = "".join(
    f'[share.{kind}]\nclauses = ["HU-a07-01"]\nen = "{kind}"\nzh = "类型"\n' for kind in SHARE_KINDS
)


def parse(text: str, clauses: Mapping[str, Clause]) -> LintText:
    return parse_lint(text.encode(), "hubei", prefix="HU", clauses=clauses)


@pytest.fixture(scope="module")
def clauses() -> Mapping[str, Clause]:
    return load_lint("hubei")[1]


def test_a_rule_says_what_it_looks_at_and_what_it_rests_on(clauses: Mapping[str, Clause]) -> None:
    [rule] = parse(RULE + SHARES, clauses).rules

    assert (rule.id, rule.code, rule.severity) == ("hu-reason", "reason", Severity.ERROR)
    assert (rule.clauses, rule.columns) == (("HU-a08-02",), ("reason",))
    assert (rule.when, rule.unless) == ({"share_type": ("non_share", "")}, {})


FAULTS: Mapping[str, tuple[str, str, str]] = {
    # name: (old, new, what is said after the name of the rule)
    "unknown key": ('severity = "error"', 'level = "error"', "unknown key `level`"),
    "missing key": ('severity = "error"\n', "", "`severity` is missing"),
    "unknown severity": ('"error"', '"fatal"', "`severity` is not one of error, warning"),
    "unknown check": ('"stated"', '"present"', "`check` is not one of stated, filled, among"),
    "unknown column": ('["reason"]', '["reasons"]', "`stated` cannot look at `reasons`"),
    "no column": ('["reason"]', "[]", "`columns` is not a list of texts"),
    "column twice": ('["reason"]', '["reason", "reason"]', "a text stands twice in `columns`"),
    "clause elsewhere": (
        '"HU-a08-02"',
        '"NR-a14-01"',
        "`NR-a14-01` is not in the clause registry of this text",
    ),
    "no clause": ('["HU-a08-02"]', "[]", "`clauses` is not a list of texts"),
    "clause no text": ('["HU-a08-02"]', "[8]", "`clauses` is not a list of texts"),
    "values unasked": (
        'columns = ["reason"]',
        'columns = ["reason"]\nvalues = ["x"]',
        "`stated` takes no `values`",
    ),
    "when no table": ('{ share_type = ["non_share", ""] }', "1", "`when` is not a table"),
    "when no column": ("share_type", "type", "`when` names `type`, which is no column"),
    "when no code": (
        '"non_share"',
        '"nonshare"',
        "`when` names `nonshare`, which is no code of `share_type`",
    ),
    "when no list": ('["non_share", ""]', '"non_share"', "`share_type` is not a list of texts"),
    "empty sentence": ('"未写明{column}"', '" "', "`zh` is not a sentence"),
    "sentence no text": ('"未写明{column}"', "1", "`zh` is not a sentence"),
    "brace alone": ("未写明{column}", "未写明{column", "`zh` has a brace without its pair"),
    "no such value": ('{column}"\nzh', '{cell}"\nzh', "`en` mentions `cell`, which has no value"),
    "conversion": ("{resource}", "{resource!r}", "`en` mentions `resource`, which has no value"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_a_rule_names_the_rule_and_the_key(
    name: str, clauses: Mapping[str, Clause]
) -> None:
    old, new, said = FAULTS[name]
    assert old in RULE

    with pytest.raises(PolicyError) as caught:
        parse(RULE.replace(old, new, 1) + SHARES, clauses)

    where = "rule 1" if "key" in name else "rule `hu-reason`"
    assert str(caught.value).startswith(f"catalogue.toml: {where}: {said}")


SIGNATURES = {
    "among without values": (
        'check = "among"\ncolumns = ["reason"]',
        "`among` needs `values`",
    ),
    "among with no code": (
        'check = "among"\ncolumns = ["share_type"]\nvalues = ["open"]',
        "`values` names `open`, which is no code of `share_type`",
    ),
    "one date": (
        'check = "not_before"\ncolumns = ["filed_on"]',
        "`not_before` takes another number of `columns`",
    ),
    "three dates": (
        'check = "not_before"\ncolumns = ["filed_on", "updated_on", "secrecy_review"]',
        "`not_before` takes another number of `columns`",
    ),
    "a date that is none": (
        'check = "not_before"\ncolumns = ["filed_on", "fee"]',
        "`not_before` cannot look at `fee`",
    ),
    "a list that is none": (
        'check = "includes"\ncolumns = ["format"]\nvalues = ["api"]',
        "`includes` cannot look at `format`",
    ),
    "two forms": (
        'check = "matches"\ncolumns = ["fee"]\nvalues = ["a", "b"]',
        "`matches` takes one of `values`",
    ),
    "a form that is none": (
        'check = "matches"\ncolumns = ["fee"]\nvalues = ["("]',
        "`values` is not a regular expression",
    ),
    "a level that is none": (
        'check = "platform_at_least"\ncolumns = ["mlps_level"]\nvalues = ["6"]',
        "`values` is not a level from 1 to 5",
    ),
    "a key of the catalogue": (
        'check = "platform_stated"\ncolumns = ["fee"]',
        "`platform_stated` cannot look at `fee`",
    ),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_check_is_told_what_it_can_look_at_and_no_more(
    name: str, clauses: Mapping[str, Clause]
) -> None:
    lines, said = SIGNATURES[name]
    old = 'check = "stated"\ncolumns = ["reason"]'
    assert old in RULE

    with pytest.raises(PolicyError) as caught:
        parse(RULE.replace(old, lines, 1) + SHARES, clauses)

    assert str(caught.value) == f"catalogue.toml: rule `hu-reason`: {said}"


FILES = {
    "not toml": ("rule = [", "catalogue.toml: Invalid value"),
    "no rules": (f"rule = []\n{SHARES}", "catalogue.toml: the file: has a list of [[rule]]"),
    "rules no list": (f"rule = 1\n{SHARES}", "catalogue.toml: the file: has a list of [[rule]]"),
    "a rule that is none": (f"rule = [1]\n{SHARES}", "catalogue.toml: rule 1: is not a table"),
    "shares no table": (f"share = 1\n{RULE}", "catalogue.toml: the file: has a list of [[rule]]"),
    "unknown table": (f"{RULE}{SHARES}[more]\n", "catalogue.toml: the file: unknown key `more`"),
    "no shares": (RULE, "catalogue.toml: the file: `share` is missing"),
    "a share type missing": (
        RULE + SHARES.replace("[share.secret]", "[share.secrets]"),
        "catalogue.toml: [share]: unknown key `secrets`",
    ),
    "a share type that is none": (
        RULE + SHARES.partition("[share.secret]")[0] + "[share]\nsecret = 1\n",
        "catalogue.toml: ",
    ),
    "the same id twice": (
        RULE + RULE + SHARES,
        "catalogue.toml: rule 2: the id `hu-reason` stands twice",
    ),
    "an id of another text": (
        RULE.replace("hu-reason", "nr-reason") + SHARES,
        "catalogue.toml: rule 1: `id` is not lower-case words after `hu-`",
    ),
    "an id that is no text": (
        RULE.replace('"hu-reason"', "1") + SHARES,
        "catalogue.toml: rule 1: `id` is not lower-case words after `hu-`",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_fault_of_the_file_is_refused(name: str, clauses: Mapping[str, Clause]) -> None:
    text, said = FILES[name]

    with pytest.raises(PolicyError) as caught:
        parse(text, clauses)

    assert str(caught.value).startswith(said)


def test_bytes_that_are_no_text_are_refused(clauses: Mapping[str, Clause]) -> None:
    with pytest.raises(PolicyError, match=r"^catalogue.toml: not valid UTF-8 at byte 2$"):
        parse_lint(b"# \xff", "hubei", prefix="HU", clauses=clauses)


def test_a_fault_in_a_pack_names_the_pack(tmp_path: Path) -> None:
    shutil.copytree(PACKS, tmp_path / "packs")
    (tmp_path / "packs" / "hubei" / "catalogue.toml").write_text(RULE, "utf-8")

    with pytest.raises(PolicyError, match=r"^hubei/catalogue.toml: the file: `share` is missing$"):
        load_lint("hubei", packs=tmp_path / "packs")


def test_a_pack_without_rules_for_the_catalogue_is_refused(tmp_path: Path) -> None:
    shutil.copytree(PACKS, tmp_path / "packs")
    (tmp_path / "packs" / "hubei" / "catalogue.toml").unlink()

    with pytest.raises(PolicyError, match=r"^hubei/catalogue.toml: cannot be read"):
        load_lint("hubei", packs=tmp_path / "packs")
