# SPDX-License-Identifier: Apache-2.0
"""What a grant would do: asked of the same rules that will decide the calls under it.

The procedures therefore never promise what a call is then refused, and the packs stay the one
place that says who may grant what and what needs no grant at all.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from itertools import product
from typing import Final

from govshare_policy.call import Action, Call
from govshare_policy.decision import Decision, decide
from govshare_policy.facts import RegisterFacts
from govshare_policy.identity import SHANGHAI, AssumedTrust, Evidence
from govshare_policy.legal import Effect, Outcome
from govshare_policy.policy import Bundle
from govshare_policy.register import Agreement, Grant, Register
from govshare_policy.register.model import Period
from govshare_policy.workflow.answer import Refusal
from govshare_policy.workflow.sentences import refusal

# Who may have granted, in the order in which it is tried; also the routes of an application.
GRANTORS: Final = ("provider", "platform_operator", "negotiated_agreement")
# Those that may be applied to apart, where two texts want a grant of each.
APART: Final = GRANTORS[:2]
_NEGOTIATED: Final = "negotiated_agreement"
_NETWORKS: Final = ("extranet", "intranet")
_PROBE: Final = "the-grant-applied-for"
_WANTING: Final = (Outcome.NEEDS_GRANT, Outcome.NEEDS_PLATFORM_AUTHORIZATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a department asks to be granted, or is.

    Attributes:
        systems: Empty where the application names none.
    """

    department: str
    resource: str
    fields: tuple[str, ...]
    purposes: tuple[str, ...]
    channels: tuple[str, ...]
    systems: tuple[str, ...]
    period: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Which way an application has to go.

    Attributes:
        grantor: Who has to grant: ``provider``, ``platform_operator`` or, by agreement of both
            sides, ``negotiated_agreement``.
        profiles: The texts that want this application; others would let the calls pass without,
            or want one to another grantor.
    """

    grantor: str
    profiles: frozenset[str]


def route_of(request: Request, bundle: Bundle, *, day: date, grantor: str = "") -> Route | Refusal:
    """Return which way *request* has to go, or why it has to go none or there is none.

    Args:
        request: What is asked for.
        bundle: The texts and the register.
        day: The day from which it would hold.
        grantor: Who is asked to grant, one of ``APART``; empty leaves it to the texts.
    """
    without = _worst(request, bundle, day, granted_by=None)
    if without.effect is Effect.ALLOW:
        return refusal("no_application_needed", without.clauses)
    attempts = {name: _worst(request, bundle, day, granted_by=name) for name in GRANTORS}
    for name, decision in attempts.items():
        if decision.effect is Effect.ALLOW and grantor in ("", name):
            return Route(grantor=name, profiles=_refusing(without))
    if all(attempts[name].outcome in _WANTING for name in GRANTORS):
        # A text that this grantor can satisfy is applied under by itself (docs/adr/0009).
        willing = _refusing(without) - _refusing(attempts[grantor]) if grantor else frozenset()
        if willing:
            return Route(grantor=grantor, profiles=willing)
        clauses = [clause for name in APART for clause in attempts[name].clauses]
        return refusal("grantors_differ", clauses)
    return _because(attempts[grantor or GRANTORS[0]])


def fault_of(
    request: Request,
    bundle: Bundle,
    *,
    day: date,
    granted_by: str,
    profiles: Collection[str],
) -> Refusal | None:
    """Return why calls under *request*, once granted, would be refused; none if they would not.

    That a text other than *profiles* wants a grant of its own is no fault of this one.
    """
    decision = _worst(request, bundle, day, granted_by=granted_by)
    faults = (
        ruling
        for ruling in decision.rulings
        if ruling.outcome is not Outcome.ALLOW
        and (ruling.profile in profiles or ruling.outcome not in _WANTING)
    )
    return _because(decision) if any(faults) else None


def served_by(request: Request, bundle: Bundle, *, day: date, granted_by: str) -> frozenset[str]:
    """Return the texts that a grant of *request* satisfies; the others want one of their own."""
    decision = _worst(request, bundle, day, granted_by=granted_by)
    return frozenset(ruling.profile for ruling in decision.rulings) - _refusing(decision)


def _refusing(decision: Decision) -> frozenset[str]:
    """Return the texts by which *decision* is not to allow."""
    rulings = decision.rulings
    return frozenset(one.profile for one in rulings if one.outcome is not Outcome.ALLOW)


def _because(decision: Decision) -> Refusal:
    said = refusal("cannot_be_granted", decision.clauses, why="")
    reason = decision.reasons[0]
    return replace(
        said,
        text=said.text.replace("–", reason.text.rstrip(".")),
        text_zh=said.text_zh.replace("–", reason.text_zh.rstrip("。")),
    )


def _worst(request: Request, bundle: Bundle, day: date, *, granted_by: str | None) -> Decision:
    """Return the most restrictive answer to the calls that *request* is about.

    A call is one system, one purpose, one channel; the network that suits it best is taken.
    """
    grant = _grant(request, granted_by) if granted_by is not None else None
    # Grants that are there already say nothing about what is asked for now.
    register = replace(bundle.register, grants={}, grants_of={})
    if grant is not None:
        register = _with(grant, register)
    own = [s.id for s in register.systems.values() if s.department == request.department]
    systems = request.systems or tuple(own[:1]) or ("",)
    at = datetime.combine(day, time(12), SHANGHAI)
    answers = []
    for system, purpose, channel in product(systems, request.purposes, request.channels):
        call = Call(
            id="probe",
            action=Action.READ,
            department=request.department,
            system=system,
            resource=request.resource,
            fields=request.fields,
            purpose=purpose,
            channel=channel,
            grant=grant.id if grant is not None else "",
        )
        answers.append(
            min(
                (
                    _decide(replace(call, network=network), register, bundle, at=at)
                    for network in _NETWORKS
                ),
                key=lambda decision: decision.outcome.restriction,
            )
        )
    return max(answers, key=lambda decision: decision.outcome.restriction)


def _decide(call: Call, register: Register, bundle: Bundle, *, at: datetime) -> Decision:
    identity = AssumedTrust().identify(call, Evidence(network=call.network), at=at)
    facts = RegisterFacts(register=register).gather(call, identity, at=at)
    return decide(call, facts, bundle)


def _grant(request: Request, granted_by: str) -> Grant:
    return Grant(
        id=_PROBE,
        resource=request.resource,
        department=request.department,
        systems=request.systems,
        purposes=request.purposes,
        fields=request.fields,
        channels=request.channels,
        period=request.period,
        granted_by=granted_by,
        daily_quota=None,
        spki=None,
    )


def _with(grant: Grant, register: Register) -> Register:
    """Return *register* with *grant*, and with the agreement that a negotiated one comes with."""
    agreements = register.agreements
    if agreements is not None and grant.granted_by == _NEGOTIATED:
        agreement = Agreement(
            id=_PROBE,
            kind="negotiated",
            resource=grant.resource,
            provider=register.resources[grant.resource].provider,
            department=grant.department,
            channel="",
            network="",
            period=grant.period,
        )
        agreements = (*agreements, agreement)
    return replace(register, grants={_PROBE: grant}, agreements=agreements)
