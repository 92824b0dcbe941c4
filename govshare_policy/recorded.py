# SPDX-License-Identifier: Apache-2.0
"""What the log keeps of a call: who asked for what, on which facts, and what was said.

docs/reference/records.md goes through every member. Whatever decides anything stands in the
record or under its policy revision, so that :mod:`govshare_policy.replay` can decide again.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from govshare_policy.answer import Answer, Outcome
from govshare_policy.audit import format_time
from govshare_policy.call import Call, RecipientKind
from govshare_policy.call_values import MAX_TEXT
from govshare_policy.decision import Decision
from govshare_policy.facts import Candidate, Facts
from govshare_policy.policy import Bundle
from govshare_policy.register import CatalogueEntry, Register


def personal_values(call: Call) -> dict[str, str]:
    """Return the values of *call* that name a person, by their names in the record."""
    named = {"operator": call.operator, "subject": call.subject}
    values = {name: value for name, value in named.items() if value}
    if call.recipient is not None and call.recipient.kind is RecipientKind.PERSON:
        values["recipient"] = call.recipient.id
    return values


def decision_record(
    call: Call,
    answer: Answer,
    facts: Facts | None,
    bundle: Bundle,
    *,
    committed: Mapping[str, str],
    recognised: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the decision record (docs/spec/audit-log.md), to be encoded.

    A name that no register knows stays out and is only said to be unknown; a person is named by
    a commitment alone. The open codes purpose, channel and item, and the call's own id, stand as
    they were sent: an auditor has to see what was claimed. *recognised* is what the onward guard
    saw, where it made the call.
    """
    decision, identity = answer.decision, answer.identity
    record: dict[str, Any] = {
        "v": 1,
        "phase": "decision",
        "id": answer.record_id,
        "t": format_time(answer.at),
        "call": _call(call, facts),
        "department": identity.department if facts and facts.department else "",
        "system": identity.system if facts and facts.system else "",
        "network": identity.network,
        "outcome": decision.outcome.value,
        "effect": decision.effect.value,
        "clauses": list(decision.clauses),
        "reasons": [reason.code for reason in decision.reasons],
        "fields": list(decision.fields),
        "duties": answer.duties_document(),
        "grant": decision.grant.id if decision.grant is not None else "",
        "grants": [grant.id for grant in decision.grants],
        "counted": [grant.id for grant in decision.spends],
        "policy": answer.policy_document(),
        "texts": _texts(decision),
        "facts": _facts(call, facts, decision, bundle.register) if facts is not None else {},
        "commitments": dict(committed),
    }
    if identity.spki is not None:
        record["certificate"] = identity.spki.hex()
    if identity.envelope is not None and facts is not None:
        record["envelope"] = identity.envelope.signed
    if recognised is not None:
        record["recognised"] = dict(recognised)
    return record


def outcome_record(
    answer: Answer,
    outcome: Outcome,
    *,
    record_id: str,
    at: datetime,
    committed: Mapping[str, str],
) -> dict[str, Any]:
    """Return the record of what became of the call that *answer* allowed, to be encoded."""
    record: dict[str, Any] = {
        "v": 1,
        "phase": "outcome",
        "id": record_id,
        "t": format_time(at),
        "decision": answer.record_id,
        "status": outcome.status,
        "rows": outcome.rows,
        "bytes": outcome.size_bytes,
        "commitments": dict(committed),
    }
    if outcome.root:
        record["release"] = _release(answer, outcome)
    return record


def _release(answer: Answer, outcome: Outcome) -> dict[str, Any]:
    """Return the receipt of a release, which has to be read without the record of the decision."""
    return {
        "root": outcome.root.hex(),
        "records": len(outcome.records) // len(outcome.root),
        "department": answer.identity.department,
        "system": answer.identity.system,
        "resource": answer.resource,
        "fields": list(answer.decision.fields),
        "purpose": answer.purpose,
        "grants": [grant.id for grant in answer.decision.grants],
        "duties": sorted({duty.code for duty in answer.duties}),
    }


def _call(call: Call, facts: Facts | None) -> dict[str, Any]:
    entry = facts.entry if facts else None
    listed = set(entry.items) if entry else set()
    asked = ["*"] if call.asks_for_all else [name for name in call.fields if name in listed]
    named = facts.candidates[0].grant if facts and call.grant else None
    stated: dict[str, Any] = {
        "id": call.id,
        "action": call.action.value,
        "resource": entry.id if entry else "",
        "fields": asked,
        "unknown_fields": 0 if call.asks_for_all else len(call.fields) - len(asked),
        "purpose": call.purpose,
        "channel": call.channel,
        "item": call.item,
        "grant": named.id if named else "",
        "consent": facts.consent.id if facts and facts.consent else "",
        "derived": call.derived,
        "commercial": call.commercial,
    }
    if call.recipient is not None:
        kind = call.recipient.kind
        known = facts.recipient if facts and kind is not RecipientKind.PERSON else ""
        stated["recipient"] = {"kind": kind.value, "id": known}
    return {**stated, **_chain(call, facts)}


def _chain(call: Call, facts: Facts | None) -> dict[str, Any]:
    """Return the parties that the call names, as far as a register knows them."""
    lists = {"on_behalf_of": call.on_behalf_of, "forwarded_for": call.forwarded_for}
    known = facts.parties if facts is not None else frozenset()
    stated: dict[str, Any] = {
        key: [name for name in names if name in known] for key, names in lists.items() if names
    }
    kept = sum(len(names) for names in stated.values())
    unknown = sum(len(names) for names in lists.values()) - kept
    return {**stated, "unknown_parties": unknown} if stated else {}


def _texts(decision: Decision) -> list[dict[str, Any]]:
    return [
        {
            "profile": ruling.profile,
            "outcome": ruling.outcome.value,
            "clauses": list(ruling.clauses),
            "grant": ruling.grant.id if ruling.grant else "",
            "findings": [f"{column}={found}" for column, found in ruling.findings.items()],
        }
        for ruling in decision.rulings
    ]


def _facts(call: Call, facts: Facts, decision: Decision, register: Register) -> dict[str, Any]:
    """Return what was true of the call, in ids of the registers that the revision covers."""
    identity, day = facts.identity, facts.day
    suspended = register.suspensions.get(identity.department, ())
    approved = register.approvals if facts.offline_approved else ()
    spent = [one.grant.id for one in facts.candidates if one.grant and one.subjects_spent]
    return {
        "day": day.isoformat(),
        "flaw": identity.flaw.value if identity.flaw is not None else "",
        "assumed": identity.assumed,
        "system_department": facts.system.department if facts.system else "",
        "operator_of": sorted(facts.operator_of),
        "entry": _entry(facts.entry) if facts.entry else {},
        "grants": [
            _grant(one)
            for one in facts.candidates
            if one.grant is None or one.grant in decision.grants
        ],
        "grants_tried": len(facts.candidates),
        "used": [
            {"grant": one.grant.id, "calls": one.used_today}
            for one in facts.candidates
            if one.grant is not None and one.used_today
        ],
        "consent": facts.consent_state.value,
        "suspensions": [row.id for row in suspended if row.covers(call.resource, day)],
        "approvals": [
            row.id
            for row in approved
            if (row.resource, row.department) == (call.resource, identity.department)
            and row.period.covers(day)
        ],
        "destination": facts.destination.value,
        **({"subjects_spent": spent} if spent else {}),
    }


def _entry(entry: CatalogueEntry) -> dict[str, Any]:
    return {
        "provider": entry.provider,
        # A register may say more here than a record can hold.
        "source": entry.more.get("source", "")[:MAX_TEXT],
        "upstream": entry.more.get("upstream", ""),
        "share_type": entry.share_type,
        "classification": entry.classification,
        "secret": entry.is_secret,
    }


def _grant(candidate: Candidate) -> dict[str, Any]:
    """Return what a grant was that the decision looked at, or why there was none."""
    grant, agreement = candidate.grant, candidate.agreement
    return {
        "id": grant.id if grant else "",
        "state": candidate.state.value,
        "granted_by": grant.granted_by if grant else "",
        "valid_from": grant.period.valid_from.isoformat() if grant else "",
        "valid_to": grant.period.valid_to.isoformat() if grant else "",
        "agreement": agreement.id if agreement else "",
        "agreed": candidate.agreed,
    }
