# SPDX-License-Identifier: Apache-2.0
"""What a call is decided on, and the way of a call as far as it leaves no record."""

from dataclasses import dataclass, field
from datetime import datetime

from govshare_policy.answer import Answer
from govshare_policy.audit import new_record_id
from govshare_policy.call import Call
from govshare_policy.decision import Decision, decide, refuse
from govshare_policy.errors import (
    AuditError,
    CallError,
    FactError,
    GovshareError,
    IdentityError,
)
from govshare_policy.facts import Facts, FactSource
from govshare_policy.identity import Evidence, Identity, Trust
from govshare_policy.legal import Duty
from govshare_policy.obligations import oblige
from govshare_policy.policy import Bundle
from govshare_policy.settled import Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What one call is decided on. Replaced whole, so that no call sees half a change."""

    trust: Trust
    facts: FactSource
    bundle: Bundle
    memory: Memory = field(default_factory=Memory, compare=False, repr=False)


def check(call: Call, basis: Basis) -> Answer:
    """Answer *call* offline as of the instant it states, and record nothing.

    Raises:
        CallError: If the call states no instant.
    """
    if call.at is None:
        raise CallError("the call has no `at`")
    return answer_unrecorded(call, Evidence(network=call.network), basis, at=call.at)[0]


def answer_unrecorded(
    call: Call, evidence: Evidence, basis: Basis, *, at: datetime
) -> tuple[Answer, Facts | None]:
    """Decide *call* without recording anything: the offline check, and the gate's first half.

    Every error but a call's own is turned into a denial, which says whose fault it is.
    """
    bundle, facts = basis.bundle, None
    identity = Identity(network=evidence.network)
    duties: tuple[Duty, ...] = ()
    try:
        identity = basis.trust.identify(call, evidence, at=at)
        facts = basis.facts.gather(call, identity, at=at)
        decision = decide(call, facts, bundle)
        duties = oblige(decision, call, facts, bundle)
    except (CallError, AuditError):
        raise
    except GovshareError as error:
        decision = refuse(_fault(error), facts, bundle)
    return answer_of(
        call, identity, decision, duties, bundle, record_id=new_record_id(at), at=at
    ), facts


def answer_of(
    call: Call,
    identity: Identity,
    decision: Decision,
    duties: tuple[Duty, ...],
    bundle: Bundle,
    *,
    record_id: str,
    at: datetime,
) -> Answer:
    """Return *decision* as the answer to *call*, with no receipt yet."""
    return Answer(
        id=call.id or record_id,
        record_id=record_id,
        at=at,
        identity=identity,
        decision=decision,
        duties=duties,
        profile=bundle.profile,
        precedence=bundle.precedence.value,
        resource=call.resource,
        purpose=call.purpose,
    )


def _fault(error: GovshareError) -> str:
    """Return the code of the reason that says who has to act on *error*."""
    match error:
        case IdentityError():
            return "identity_unproven"
        case FactError():
            return "fact_error"
        case _:
            return "internal_error"
