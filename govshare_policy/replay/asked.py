# SPDX-License-Identifier: Apache-2.0
"""From a decision record back to what was asked, by whom and on which facts.

A record leaves out every name that no register knows, and every person. Whatever stood there, the
decision saw only that it was unknown; so a name that nothing can know takes its place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from govshare_policy.call import Call, RecipientKind, call_from_document
from govshare_policy.envelope import open_recorded
from govshare_policy.errors import CallError, VerificationError
from govshare_policy.facts import ConsentState, Destination, GrantState, RegisterFacts
from govshare_policy.gate import Basis
from govshare_policy.identity import CertificateTrust, Evidence, Flaw, Identity, Trust
from govshare_policy.policy import Bundle
from govshare_policy.register import Grant

# No code of a register holds a space.
_UNKNOWN: Final = " unknown"
_SOMEBODY: Final = " somebody"
_SUBJECT: Final = "somebody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a record says was asked.

    Attributes:
        used: Calls that each grant had carried that day.
        spent: Grants for which the subject was one too many.
    """

    call: Call
    evidence: Evidence
    identity: Identity
    at: datetime
    used: Mapping[str, int]
    spent: frozenset[str]

    def basis(self, bundle: Bundle) -> Basis:
        """Return what to decide the call on again, under *bundle*.

        Whom a certificate belongs to is looked up again; evidence that proved nobody still proves
        nobody, for most of what was wrong with it cannot be seen again.
        """
        register = bundle.register
        trust: Trust = _Recorded(self.identity)
        if self.identity.spki is not None and self.identity.flaw is None:
            trust = CertificateTrust(register=register)
        facts = RegisterFacts(register=register, used=self._used, spent=self._spent)
        return Basis(trust=trust, facts=facts, bundle=bundle)

    def _used(self, grant: str, _day: date) -> int:
        return self.used.get(grant, 0)

    def _spent(self, grant: Grant, _day: date, _subject: str) -> bool:
        return grant.id in self.spent


@dataclass(frozen=True, slots=True)
class _Recorded:
    """Knows who called from the record."""

    identity: Identity

    def identify(self, call: Call, evidence: Evidence, *, at: datetime) -> Identity:  # noqa: ARG002
        """Return the recorded identity."""
        return self.identity


def read_asked(record: Mapping[str, Any], bundle: Bundle) -> Asked:
    """Return what the decision record *record* says was asked.

    Raises:
        VerificationError: If it is not what the gate writes.
    """
    try:
        return _asked(record, bundle)
    except (KeyError, TypeError, ValueError, AttributeError, CallError):
        raise VerificationError("the record is not what the gate writes") from None


def _asked(record: Mapping[str, Any], bundle: Bundle) -> Asked:
    facts, at = record["facts"], datetime.fromisoformat(record["t"])
    spki = bytes.fromhex(record["certificate"]) if "certificate" in record else None
    flaw = Flaw(facts["flaw"]) if facts["flaw"] else None
    nobody = "" if flaw is not None else _UNKNOWN
    identity = Identity(
        department=_text(record["department"]) or nobody,
        system=_text(record["system"]) or nobody,
        network=_text(record["network"]),
        spki=spki,
        assumed=facts["assumed"] is True,
        flaw=flaw,
    )
    _text(record["id"])
    return Asked(
        call=_call(record, identity, bundle),
        evidence=Evidence(
            spki=spki,
            not_before=at,
            not_after=at,
            network=identity.network,
            envelope=open_recorded(record) if "envelope" in record else None,
        ),
        identity=identity,
        at=at,
        used={_text(one["grant"]): int(one["calls"]) for one in facts["used"]},
        spent=frozenset(map(_text, facts.get("subjects_spent", ()))),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _call(record: Mapping[str, Any], identity: Identity, bundle: Bundle) -> Call:
    call, facts = record["call"], record["facts"]
    unknown = [f"{_UNKNOWN} {number}" for number in range(call["unknown_fields"])]
    states = [one["state"] for one in facts["grants"]]
    lost = facts["consent"] == ConsentState.UNKNOWN
    kept = ("id", "action", "purpose", "item", "channel", "derived", "commercial")
    document = {
        **{name: call[name] for name in kept},
        "resource": call["resource"] or _UNKNOWN,
        "fields": [*call["fields"], *unknown],
        "operator": _SOMEBODY if "operator" in dict(record["commitments"]) else "",
        "grant": _UNKNOWN if states == [GrantState.UNKNOWN] else call["grant"],
        "consent": _UNKNOWN if lost else call["consent"],
    }
    document |= _chain(call)
    if "subject" in dict(record["commitments"]):
        document["subject"] = _SUBJECT
    if "recipient" in call:
        document["recipient"] = _recipient(record, identity, bundle)
    return call_from_document(document, on_the_wire=True)


def _chain(call: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the parties; those that no register knows stand at the end of one list."""
    lists = {key: [*call[key]] for key in ("on_behalf_of", "forwarded_for") if key in call}
    for number in range(call.get("unknown_parties", 0)):
        lists[next(reversed(lists))].append(f"{_UNKNOWN} {number}")
    return lists


def _recipient(record: Mapping[str, Any], identity: Identity, bundle: Bundle) -> dict[str, str]:
    stated, facts = record["call"]["recipient"], record["facts"]
    kind = RecipientKind(stated["kind"])
    named = stated["id"] or _SOMEBODY
    consent = bundle.register.consents.get(record["call"]["consent"])
    if facts["destination"] == Destination.OWN:
        named = identity.department
    elif facts["consent"] == ConsentState.COVERING and kind is RecipientKind.PERSON and consent:
        # The person was one of those that the consent names, and any of them will do.
        named = next(iter(consent.recipients), named)
    return {"kind": kind, "id": named}
