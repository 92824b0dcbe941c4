# SPDX-License-Identifier: Apache-2.0
"""Records as CADF events (DMTF DSP0262 1.0.0); the mapping is that of docs/reference/audit-cli.md.

A decision is a control event, what became of it an activity.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from govshare_policy.inspection.subject import UNKNOWN, Subject

TYPE_URI: Final = "http://schemas.dmtf.org/cloud/audit/1.0/event"
REASONS: Final = "urn:govshare:reason"
CLAUSES: Final = "urn:govshare:clause"
STATUSES: Final = "urn:govshare:status"
RECORD: Final = "urn:govshare:record"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STEP: Final = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_SERVICE: Final = "service/security"
_LOG: Final = "data/file/log"
_OWN_ACTIONS: Final = {"genesis": "create", "torn_tail": "restore", "erasure": "delete"}


def to_cadf(subject: Subject) -> dict[str, Any]:
    """Return the event of one record, ready for JSON."""
    observer = {"typeURI": _SERVICE, "id": subject.origin, "name": "govshare"}
    event: dict[str, Any] = {
        "typeURI": TYPE_URI,
        "id": subject.ident,
        "eventType": "activity",
        "eventTime": (_EPOCH + timedelta(microseconds=subject.at_us)).isoformat(),
        "action": UNKNOWN,
        "outcome": UNKNOWN,
        "initiator": observer,
        "target": {"typeURI": _LOG, "id": subject.origin},
        "observer": observer,
        "attachments": [
            {
                "typeURI": RECORD,
                "contentType": "application/json",
                "name": "record",
                "content": {"index": subject.number, "record": subject.record},
            }
        ],
    }
    match subject.phase:
        case "decision":
            event |= _decision(subject)
        case "outcome":
            event |= _outcome(subject)
        case "workflow":
            event |= _step(subject)
        case "key" | "recovery" | "admin":
            named = subject.word("event")
            action = _OWN_ACTIONS.get(named, _below("update", named))
            event |= {"action": action, "outcome": "success"}
        case _:
            pass  # of another writer: nothing is known of it but that it is there
    return event


def _decision(subject: Subject) -> dict[str, Any]:
    effect = subject.word("effect")
    known = effect in ("allow", "deny")
    return {
        "eventType": "control",
        "action": effect if known else "evaluate",
        "outcome": "success" if known else UNKNOWN,
        "reason": {
            "reasonType": REASONS,
            "reasonCode": subject.first("reasons") or UNKNOWN,
            "policyType": CLAUSES,
            "policyId": subject.first("clauses") or UNKNOWN,
        },
        **_ends(subject),
    }


def _outcome(subject: Subject) -> dict[str, Any]:
    status = subject.word("status")
    return {
        # Data that were obtained and are passed on are sent; all others are read.
        "action": "send" if subject.asked.action == "onward" else "read",
        "outcome": "success" if status == "released" else "failure",
        "reason": {"reasonType": STATUSES, "reasonCode": status or UNKNOWN},
        **_ends(subject),
    }


def _step(subject: Subject) -> dict[str, Any]:
    outcome = {"taken": "success", "refused": "failure"}.get(subject.word("outcome"), UNKNOWN)
    return {
        "action": _below("update", subject.word("step")),
        "outcome": outcome,
        "initiator": _resource("service/bss", subject.asked.department),
        "target": _resource("data", subject.asked.resource),
    }


def _ends(subject: Subject) -> dict[str, Any]:
    asked = subject.asked
    initiator = _resource("service/bss", asked.system or asked.certificate)
    if asked.department:
        initiator["domain"] = asked.department
    return {"initiator": initiator, "target": _resource("data", asked.resource)}


def _resource(kind: str, ident: str) -> dict[str, Any]:
    # Nobody proven, or nothing that a register knows.
    return {"typeURI": kind, "id": ident} if ident else {"typeURI": UNKNOWN, "id": UNKNOWN}


def _below(action: str, name: str) -> str:
    """Return an action of the taxonomy, narrowed by *name* as far as that is a word."""
    return f"{action}/{name}" if _STEP.fullmatch(name) else action
