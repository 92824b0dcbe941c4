# SPDX-License-Identifier: Apache-2.0
"""From what was recognised to the onward calls that the gate answers, and to what is recorded.

The detector says what a document holds; whether it may be passed on, the law of the profile says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from govshare_policy.call import Action, Call, Recipient
from govshare_policy.call_values import ALL_FIELDS, MAX_FIELDS
from govshare_policy.egress.verdict import Evidence, Outcome, Verdict

MAX_RECORDED: Final = 16
"""Releases that one record spells out; the rest are counted."""

MAX_NAMES: Final = 64
"""Field names of one release that a record or an answer spells out."""

_SEVERITY: Final = (Outcome.PASS, Outcome.RECORD, Outcome.ALERT, Outcome.DENY)


def strictest(verdicts: Iterable[Verdict]) -> Verdict:
    """Return what is said of a document of which each part was looked at by itself.

    Raises:
        ValueError: If there is no part.
    """
    parts = list(verdicts)
    if not parts:
        raise ValueError("a document has at least one part")
    worst = max(parts, key=lambda verdict: _SEVERITY.index(verdict.outcome))
    evidence: dict[tuple[str, str], Evidence] = {}
    for part in parts:
        for one in part.evidence:
            key = (one.receipt, one.resource)
            evidence[key] = _joined(evidence[key], one) if key in evidence else one
    return replace(
        worst,
        causes=tuple(dict.fromkeys(cause for part in parts for cause in part.causes)),
        evidence=tuple(evidence[key] for key in sorted(evidence)),
        releases=max(len(evidence), *(part.releases for part in parts)),
        rows=sum(part.rows for part in parts),
        segments=sum(part.segments for part in parts),
        layers=tuple(dict.fromkeys(layer for part in parts for layer in part.layers)),
    )


def without_own(verdict: Verdict, provider: str) -> Verdict:
    """Return *verdict* for a question to *provider*: what it released itself is no news to it."""
    others = tuple(one for one in verdict.evidence if one.provider != provider)
    unspelt = verdict.releases - len(verdict.evidence)
    if verdict.code or not verdict.evidence or others == verdict.evidence:
        return verdict
    if not others and not unspelt:
        return replace(verdict, outcome=Outcome.PASS, causes=(), evidence=(), releases=0, rows=0)
    return replace(verdict, evidence=others, releases=len(others) + unspelt)


def calls_of(
    verdict: Verdict, recipient: Recipient, *, consent: str = ""
) -> tuple[tuple[Call, tuple[Evidence, ...]], ...]:
    """Return the onward calls that passing the document on would be, each with its evidence.

    There is one for each resource that was recognised. Where no release can be named, because the
    document cannot be read or the release has lapsed meanwhile, there is one call without a
    resource, which every text refuses.
    """
    grouped: dict[str, list[Evidence]] = {}
    for one in verdict.evidence:
        grouped.setdefault(one.resource, []).append(one)
    if not grouped:
        grouped[""] = []
    return tuple(
        (_call(resource, group, recipient, consent), tuple(group))
        for resource, group in sorted(grouped.items())
    )


def recognised_of(
    verdict: Verdict, evidence: Iterable[Evidence], *, door: str, acted: Outcome
) -> dict[str, Any]:
    """Return what a record keeps of *verdict*: receipt ids, field names and counts; never a value.

    Args:
        verdict: On the document as a whole.
        evidence: What of it the recorded call is about.
        door: Where the document was met.
        acted: What the guard does with the document if the call is refused.
    """
    named = list(evidence)
    return {
        "door": door,
        "acted": acted.value,
        "causes": [cause.value for cause in verdict.causes],
        "code": verdict.code,
        "records": verdict.rows,
        "releases": verdict.releases,
        "evidence": [dict(evidence_of(one)) for one in named[:MAX_RECORDED]],
    }


def evidence_of(one: Evidence) -> Mapping[str, Any]:
    """Return what is shown of one release, in records and answers alike."""
    return {
        "receipt": one.receipt,
        "grant": one.grant,
        "resource": one.resource,
        "provider": one.provider,
        "fields": list(one.fields[:MAX_NAMES]),
        "certain": one.certain,
        "likely": one.likely,
    }


def _call(resource: str, group: list[Evidence], recipient: Recipient, consent: str) -> Call:
    fields = tuple(sorted({name for one in group for name in one.fields}))
    grants = {one.grant for one in group}
    return Call(
        id="",
        action=Action.ONWARD,
        resource=resource,
        # More than a call can name, or none that is known: whatever may be had at all.
        fields=fields if 0 < len(fields) <= MAX_FIELDS else ALL_FIELDS,
        purpose="",
        grant=grants.pop() if len(grants) == 1 else "",
        consent=consent,
        recipient=recipient,
    )


def _joined(one: Evidence, other: Evidence) -> Evidence:
    return replace(
        one,
        fields=tuple(sorted({*one.fields, *other.fields})),
        certain=max(one.certain, other.certain),
        likely=max(one.likely, other.likely),
    )
