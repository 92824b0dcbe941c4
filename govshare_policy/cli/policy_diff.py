# SPDX-License-Identifier: Apache-2.0
"""``govshare policy diff``: where two texts differ, clause by clause."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from govshare_policy.catalogue import load_lint
from govshare_policy.cli import policy_sides as sides
from govshare_policy.cli.cases import county, load_calls
from govshare_policy.cli.output import Tick
from govshare_policy.cli.policy_run import Bench
from govshare_policy.cli.policy_sides import SILENT, Said
from govshare_policy.deadline import Clock, Share, load_clocks
from govshare_policy.policy import load_pack
from govshare_policy.policy.pack import Pack, Rule


class Section(StrEnum):
    """What two texts are held side by side in."""

    CALLS = "calls"
    SHARE = "share"
    SCOPE = "scope"
    DUTIES = "duties"
    PARTIES = "parties"
    RULES = "rules"
    DEADLINES = "deadlines"
    LINT = "lint"
    CLAUSES = "clauses"
    TOPICS = "topics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing of which two texts say different things."""

    section: Section
    subject: str
    a: Said
    b: Said

    def to_document(self) -> dict[str, object]:
        """Return it ready for JSON."""
        return {
            "section": self.section.value,
            "subject": self.subject,
            "a": self.a.to_document(),
            "b": self.b.to_document(),
        }


def differences(a: str, b: str, *, packs: Path, tick: Tick) -> tuple[Difference, ...]:
    """Return where the texts of the profiles *a* and *b* differ, section by section.

    Raises:
        PolicyError: If a profile is unknown or a file of its pack is wrong.
    """
    left, right = load_pack(a, packs=packs), load_pack(b, packs=packs)
    both = ((a, left), (b, right))
    lint = tuple(
        {rule.code: sides.of_lint_rule(rule) for rule in load_lint(name, packs=packs)[0].rules}
        for name, _ in both
    )
    clocks = tuple(load_clocks(name, packs=packs) for name, _ in both)
    return (
        *_calls(left, right, packs, tick),
        *_beside(Section.SHARE, sides.share_of(left), sides.share_of(right)),
        *_beside(Section.SCOPE, sides.scope_of(left), sides.scope_of(right), same=_both_bind),
        *_beside(Section.DUTIES, sides.duties_of(left), sides.duties_of(right)),
        *_beside(Section.PARTIES, sides.kinds_of(left), sides.kinds_of(right)),
        *_rules(left, right),
        *_deadlines(*clocks),
        *_beside(Section.LINT, *lint),
        *_clauses(left, right),
    )


def _says_the_same(a: Said, b: Said) -> bool:
    return a.en == b.en


def _both_bind(a: Said, b: Said) -> bool:
    return bool(a.clauses) and bool(b.clauses)


def _beside(
    section: Section,
    a: Mapping[str, Said],
    b: Mapping[str, Said],
    *,
    same: Callable[[Said, Said], bool] = _says_the_same,
) -> Iterator[Difference]:
    for subject in dict.fromkeys((*a, *b)):
        left, right = a.get(subject, SILENT), b.get(subject, SILENT)
        if not same(left, right):
            yield Difference(section=section, subject=subject, a=left, b=right)


def _calls(a: Pack, b: Pack, packs: Path, tick: Tick) -> Iterator[Difference]:
    """Yield the cases that the two texts answer differently, or release other fields of."""
    cases = load_calls(packs)
    with county() as place:
        bench = Bench(place, packs, (a.profile, b.profile))
        for number, case in enumerate(cases, 1):
            decided = bench.decisions(case)
            yield from _beside(
                Section.CALLS,
                {case.name: sides.of_decision(decided[a.profile])},
                {case.name: sides.of_decision(decided[b.profile])},
            )
            tick(number, len(cases))


def _rules(a: Pack, b: Pack) -> Iterator[Difference]:
    """Yield the rules that only one text has, and the columns of the others that differ.

    Rules are the same rule if their ids are, without the prefix of the text.
    """
    left, right = _by_id(a), _by_id(b)
    for ident in dict.fromkeys((*left, *right)):
        one, other = left.get(ident), right.get(ident)
        if one is None or other is None:
            pair = (sides.of_rule(one), sides.of_rule(other))
        else:
            columns = sides.columns_of(one), sides.columns_of(other)
            keys = sorted({*columns[0], *columns[1]})
            changed = [key for key in keys if columns[0].get(key) != columns[1].get(key)]
            if not changed:
                continue
            pair = (sides.of_rule(one, changed), sides.of_rule(other, changed))
        yield Difference(section=Section.RULES, subject=ident, a=pair[0], b=pair[1])


def _by_id(pack: Pack) -> dict[str, Rule]:
    prefix = f"{pack.prefix.lower()}-"
    return {rule.id.removeprefix(prefix): rule for rule in pack.rules}


def _deadlines(a: tuple[Clock, ...], b: tuple[Clock, ...]) -> Iterator[Difference]:
    """Yield the clocks that differ, those that differ alike for several share types as one."""
    together: dict[tuple[str, Said, Said], list[str]] = {}
    for found in _beside(Section.DEADLINES, sides.clocks_of(a), sides.clocks_of(b)):
        stage, _, share = found.subject.rpartition("/")
        together.setdefault((stage, found.a, found.b), []).append(share)
    for (stage, left, right), shares in together.items():
        suffix = "" if set(shares) == set(Share) else f" ({', '.join(shares)})"
        yield Difference(section=Section.DEADLINES, subject=stage + suffix, a=left, b=right)


def _clauses(a: Pack, b: Pack) -> Iterator[Difference]:
    """Yield clauses that differ where the texts are numbered alike, else topics only one has."""
    numbered = [sides.by_number(pack) for pack in (a, b)]
    fewer, more = sorted(numbered, key=len)
    alike = all(key in more and more[key].topic == one.topic for key, one in fewer.items())
    if alike:
        yield from _beside(
            Section.CLAUSES, *({k: sides.of_clause(c) for k, c in n.items()} for n in numbered)
        )
        return
    topics = [sides.topics_of(pack) for pack in (a, b)]
    yield from _beside(Section.TOPICS, *topics, same=_both_bind)
