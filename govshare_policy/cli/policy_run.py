# SPDX-License-Identifier: Apache-2.0
"""``govshare policy test``: the cases shipped with the packs, answered in the sample county."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from govshare_policy.catalogue import lint, load_catalogue, load_lint
from govshare_policy.cli.cases import (
    CallCase,
    County,
    county,
    load_calls,
    load_cases,
    load_common,
    load_expected,
)
from govshare_policy.cli.output import Tick
from govshare_policy.deadline import (
    Calendar,
    Event,
    Kind,
    Question,
    Share,
    Stage,
    due_stages,
    load_clocks,
)
from govshare_policy.decision import Decision
from govshare_policy.errors import PolicyError
from govshare_policy.facts import RegisterFacts
from govshare_policy.gate import Basis, check
from govshare_policy.identity import AssumedTrust
from govshare_policy.policy import load_bundle

_STAGE: Final = ("stage", "due", "status", "clauses", "actor", "recipient")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How one text answered one case.

    Attributes:
        case: Kind and name, as in ``calls:plain``.
    """

    profile: str
    case: str
    expected: Mapping[str, object]
    answered: Mapping[str, object]

    @property
    def passed(self) -> bool:
        """Whether the answer is the one the pack states."""
        return self.expected == self.answered

    def to_document(self) -> dict[str, object]:
        """Return what differs, ready for JSON."""
        return {
            "profile": self.profile,
            "case": self.case,
            "differs": {
                key: {"expected": self.expected.get(key), "answered": self.answered.get(key)}
                for key in dict.fromkeys((*self.expected, *self.answered))
                if self.expected.get(key) != self.answered.get(key)
            },
        }


class Bench:
    """Answers cases by several texts, each on its own, over one sample county."""

    def __init__(self, county: County, packs: Path, names: Sequence[str]) -> None:
        self._county = county
        plain = county.register()
        self._bundles = {name: load_bundle(name, plain, packs=packs) for name in names}

    def decisions(self, case: CallCase) -> dict[str, Decision]:
        """Return what each text decides of *case*, offline and unrecorded."""
        facts = RegisterFacts(register=self._county.register(case.change))
        trust = AssumedTrust()
        # Facts come from the changed county; the texts look at none, so they are read once.
        return {
            name: check(case.call, Basis(trust=trust, facts=facts, bundle=bundle)).decision
            for name, bundle in self._bundles.items()
        }


def run(packs: Path, names: Sequence[str], tick: Tick) -> tuple[Result, ...]:
    """Answer every case by every text of *names* and hold it against the pack.

    Raises:
        PolicyError: If a pack or a case does not load, or a pack has no answer for a case.
    """
    calls = load_calls(packs)
    expected = {name: load_expected(packs, name) for name in names}
    _check_complete(packs, names)
    results: list[Result] = []
    with county() as place:
        bench = Bench(place, packs, names)
        for number, case in enumerate(calls, 1):
            results += [
                Result(
                    profile=name,
                    case=f"calls:{case.name}",
                    expected=expected[name][case.name],
                    answered=_answered(decision),
                )
                for name, decision in bench.decisions(case).items()
            ]
            tick(number, len(calls))
        results += _linted(packs, names, place)
    return (*results, *(result for name in names for result in _due(packs, name)))


def _check_complete(packs: Path, names: Sequence[str]) -> None:
    for kind in ("calls", "catalogue"):
        asked = set(load_common(packs, kind))
        for name in names:
            if set(load_cases(packs, name, kind)) != asked:
                file = f"cases/{kind}.yaml"
                raise PolicyError(f"{name}/{file}: not the cases of common/{kind}.yaml")


def _answered(decision: Decision) -> dict[str, object]:
    return {
        "outcome": decision.outcome.value,
        "clauses": list(decision.clauses),
        "rules": [rule.id for rule in decision.rules],
        "fields": list(decision.fields),
    }


def _linted(packs: Path, names: Sequence[str], place: County) -> Iterator[Result]:
    """Yield what each text finds in each catalogue, beside what its cases say it finds."""
    texts = {name: load_lint(name, packs=packs)[0] for name in names}
    expected = {name: load_cases(packs, name, "catalogue") for name in names}
    for case, asked in load_common(packs, "catalogue").items():
        catalogue = load_catalogue(place.directory(asked.get("change")))
        looked_at = asked.get("resource", "")
        for name in names:
            found = [
                {
                    "resource": finding.resource,
                    "rule": finding.rule,
                    "severity": finding.severity.value,
                    "clause": finding.clauses[0],
                    "column": finding.column,
                }
                for finding in lint(catalogue, texts[name])
                if looked_at in ("*", finding.resource)
            ]
            wanted = [{"resource": "", **row} for row in expected[name][case]["findings"]]
            yield Result(
                profile=name,
                case=f"catalogue:{case}",
                expected={"findings": wanted},
                answered={"findings": found},
            )


def _due(packs: Path, profile: str) -> Iterator[Result]:
    """Yield how the clocks of *profile* answer their own cases, by the published calendar."""
    clocks = load_clocks(profile, packs=packs)
    for name, case in load_cases(packs, profile, "deadlines").items():
        asked = Question(
            kind=Kind(case["kind"]),
            share=Share(case["share"]),
            at={Event(key): day for key, day in case["at"].items()},
            year=case.get("year"),
            extension_days=case.get("extension", 0),
            as_of=case.get("as_of"),
        )
        stages = due_stages(asked, clocks=clocks, calendar=Calendar())
        wanted = {str(number): _stage(row) for number, row in enumerate(case["stages"], 1)}
        told = {str(number): _stage(_row(stage)) for number, stage in enumerate(stages, 1)}
        yield Result(profile=profile, case=f"deadlines:{name}", expected=wanted, answered=told)


def _row(stage: Stage) -> dict[str, Any]:
    return {key: getattr(stage, key) for key in _STAGE}


def _stage(row: Mapping[str, Any]) -> dict[str, object]:
    stage = {key: row.get(key) for key in _STAGE}
    due = stage["due"].isoformat() if stage["due"] else None
    return stage | {"due": due, "clauses": list(row["clauses"])}
