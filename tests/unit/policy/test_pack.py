# SPDX-License-Identifier: Apache-2.0
"""The real Hubei pack with one change: each is refused when the pack loads, and says where."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from govshare_policy.errors import PolicyError
from govshare_policy.legal import Outcome
from govshare_policy.policy import load_bundle
from govshare_policy.register import Register
from tests.county import county_register
from tests.unit.mutated import (
    PACKS,
    Edit,
    both,
    columns,
    in_rule,
    line_of,
    mutated_bundle,
)

PLAIN_RULE = "hu-allow-conditional"
POLICY = (PACKS / "hubei" / "policy.csv").read_text("utf-8")
WIDTH = len(columns())


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Register:
    return county_register(tmp_path_factory.mktemp("county"))


def fault(register: Register, directory: Path, edits: Mapping[str, Edit]) -> str:
    with pytest.raises(PolicyError) as caught:
        mutated_bundle(register, directory, edits)
    return str(caught.value)


def at(rule: str, column: str) -> str:
    number = 1 if column == "p" else columns().index(column) + 2
    return f"line {line_of(POLICY, rule)} column {number}"


def added(line: str) -> Edit:
    """Return the edit that puts *line* first of all."""
    return lambda text: f"{line}\n{text}"


def cut(rule: str, cells: int) -> Edit:
    """Return the edit that leaves the line of *rule* only its first *cells* after the ``p``."""

    def edit(text: str) -> str:
        lines, number = text.split("\n"), line_of(text, rule)
        lines[number - 1] = ",".join(lines[number - 1].split(",")[: cells + 1])
        return "\n".join(lines)

    return edit


def denying(text: str) -> str:
    """Return *text* with every allowance turned into a denial."""
    for line in text.split("\n"):
        cells = [cell.strip() for cell in line.split(",")]
        if cells[0] == "p" and cells[-1] == "allow":
            text = in_rule(cells[1], outcome="deny", eft="deny")(text)
    return text


class Wrong(NamedTuple):
    edit: Edit
    said: str


RULES: Mapping[str, Wrong] = {
    "an effect in capitals": Wrong(
        in_rule("hu-purpose", eft="Deny"),
        f"{at('hu-purpose', 'eft')}: "
        "`Deny` is not an effect; the effect of outcome `deny` is `deny`",
    ),
    "an effect that is not the outcome's": Wrong(
        in_rule("hu-purpose", eft="allow"),
        f"{at('hu-purpose', 'eft')}: the effect of outcome `deny` is `deny`",
    ),
    "an allowance that denies": Wrong(
        in_rule(PLAIN_RULE, eft="deny"),
        f"{at(PLAIN_RULE, 'eft')}: the effect of outcome `allow` is `allow`",
    ),
    "no effect": Wrong(
        cut("hu-purpose", WIDTH - 1),
        f"{at('hu-purpose', 'eft')}: {WIDTH - 1} values where the model defines {WIDTH}",
    ),
    "a short line": Wrong(
        cut("hu-purpose", 3),
        f"{at('hu-purpose', 'reason')}: 3 values where the model defines {WIDTH}",
    ),
    "a line of nothing": Wrong(
        cut("hu-purpose", 0),
        f"{at('hu-purpose', 'rule')}: 0 values where the model defines {WIDTH}",
    ),
    "a long line": Wrong(
        in_rule("hu-purpose", eft="deny, deny"),
        f"line {line_of(POLICY, 'hu-purpose')} column {WIDTH + 2}: "
        f"{WIDTH + 1} values where the model defines {WIDTH}",
    ),
    "an unknown kind of line": Wrong(
        added("p9, hu-x, allow"), "line 1 column 1: a line starts with `p` or `g`"
    ),
    "a line in capitals": Wrong(
        added("P, hu-x, allow"), "line 1 column 1: a line starts with `p` or `g`"
    ),
    "a second role definition": Wrong(
        added("g2, open, in_regime"), "line 1 column 1: a line starts with `p` or `g`"
    ),
    "a comment that is indented": Wrong(
        added("  # p, x"), "line 1 column 1: a line starts with `p` or `g`"
    ),
    "a rule twice": Wrong(
        in_rule("hu-purpose", rule="hu-fields"),
        f"{at('hu-purpose', 'rule')}: the rule `hu-fields` stands twice",
    ),
    "a rule id in capitals": Wrong(
        in_rule("hu-purpose", rule="HU-purpose"),
        f"{at('hu-purpose', 'rule')}: a rule id is lower-case words joined by hyphens",
    ),
    "an empty rule id": Wrong(
        in_rule("hu-purpose", rule=""),
        f"{at('hu-purpose', 'rule')}: a rule id is lower-case words joined by hyphens",
    ),
    "a clause nobody knows": Wrong(
        in_rule("hu-purpose", clauses="HU-a24-04|HU-a99-01"),
        f"{at('hu-purpose', 'clauses')}: `HU-a99-01` is not in the clause registry of this text",
    ),
    "a clause of another text": Wrong(
        in_rule("hu-purpose", clauses="NR-a25-01"),
        f"{at('hu-purpose', 'clauses')}: `NR-a25-01` is not in the clause registry of this text",
    ),
    "no clause": Wrong(
        in_rule("hu-purpose", clauses=""),
        f"{at('hu-purpose', 'clauses')}: `` is not in the clause registry of this text",
    ),
    "an unknown outcome": Wrong(
        in_rule("hu-purpose", outcome="refuse"),
        f"{at('hu-purpose', 'outcome')}: `refuse` is not an outcome",
    ),
    "an outcome in capitals": Wrong(
        in_rule("hu-purpose", outcome="DENY"),
        f"{at('hu-purpose', 'outcome')}: `DENY` is not an outcome",
    ),
    "a reason without text": Wrong(
        in_rule("hu-purpose", reason="because"),
        f"{at('hu-purpose', 'reason')}: `because` has no text in reasons.toml",
    ),
    "an unknown finding": Wrong(
        in_rule("hu-purpose", use="elsewhere"),
        f"{at('hu-purpose', 'use')}: "
        "`elsewhere` is neither a finding nor a kind that a `g` line defines",
    ),
    "a finding of another column": Wrong(
        in_rule("hu-purpose", use="missing"),
        f"{at('hu-purpose', 'use')}: "
        "`missing` is neither a finding nor a kind that a `g` line defines",
    ),
    "a finding in capitals": Wrong(
        in_rule("hu-purpose", use="Outside"),
        f"{at('hu-purpose', 'use')}: neither a finding nor a kind of findings",
    ),
    "an empty finding": Wrong(
        in_rule("hu-purpose", use=""),
        f"{at('hu-purpose', 'use')}: neither a finding nor a kind of findings",
    ),
    "an expression for a finding": Wrong(
        in_rule("hu-purpose", use="outside || true"),
        f"{at('hu-purpose', 'use')}: neither a finding nor a kind of findings",
    ),
    "a kind in a column where nothing is of that kind": Wrong(
        in_rule("hu-purpose", entry="lawful"),
        f"{at('hu-purpose', 'entry')}: no finding of `entry` is of the kind `lawful`",
    ),
    "a kind that no rule names": Wrong(
        added("g, open, idle_kind"), ": no rule names the kind `idle_kind`"
    ),
    "a kind of something unheard of": Wrong(
        added("g, opne, in_regime"), "line 1 column 2: `opne` is not a finding"
    ),
    "a kind that is a finding": Wrong(
        added("g, secret, open"), "line 1 column 3: a kind is a new lower-case name"
    ),
    "a kind that is a wildcard": Wrong(
        added("g, secret, *"), "line 1 column 3: a kind is a new lower-case name"
    ),
    "a kind of kinds": Wrong(
        added("g, in_regime, lawful"), "line 1 column 2: `in_regime` is not a finding"
    ),
    "a kind line twice": Wrong(
        both(added("g, gov_department, lawful"), added("g, gov_department, lawful")),
        "line 2 column 2: the line stands twice",
    ),
    "a short kind line": Wrong(
        added("g, open"), "line 1 column 3: a `g` line has a finding and a kind"
    ),
    "a long kind line": Wrong(
        added("g, open, in_regime, x"), "line 1 column 4: a `g` line has a finding and a kind"
    ),
    "nothing at all": Wrong(lambda _text: "", ": no rule allows anything"),
    "comments only": Wrong(lambda _text: "# p, a\n\n", ": no rule allows anything"),
    "no rule that allows": Wrong(denying, ": no rule allows anything"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", RULES.values(), ids=list(RULES))
def test_a_rule_that_is_not_one_is_refused_at_load(
    wrong: Wrong, county: Register, tmp_path: Path
) -> None:
    """A Casbin would load every one of these, and some of them allow what the text forbids."""
    said = fault(county, tmp_path, {"hubei/policy.csv": wrong.edit})

    place = wrong.said if wrong.said.startswith(":") else f" {wrong.said}"
    assert said == f"hubei/policy.csv{place}"


def test_line_ends_of_another_system_are_refused(county: Register, tmp_path: Path) -> None:
    said = fault(county, tmp_path, {"hubei/policy.csv": lambda text: text.replace("\n", "\r\n")})

    assert said.startswith("hubei/policy.csv line ")


def test_the_changes_above_are_what_is_refused(county: Register, tmp_path: Path) -> None:
    """The pack loads when nothing, or something harmless, is changed."""
    same = mutated_bundle(county, tmp_path, {})
    harmless = mutated_bundle(
        county, tmp_path, {"hubei/policy.csv": both(added("# a comment"), added(""))}
    )

    assert same.revision == load_bundle("hubei", county).revision
    assert harmless.revision != same.revision
    [text] = harmless.texts
    assert any(rule.outcome is Outcome.ALLOW for rule in text.pack.rules)
    assert [rule.line - 2 for rule in text.pack.rules] == [r.line for r in same.texts[0].pack.rules]
