# SPDX-License-Identifier: Apache-2.0
"""Records as OCSF 1.5.0 events; the mapping is that of docs/reference/audit-cli.md.

A decision is API Activity (6003) under the profile ``security_control``, what became of it
Datastore Activity (6005), a step Entity Management (3004), and what the log says of itself Event
Log Activity (1008). Anything else is a Base Event (0).
"""

from typing import Any, Final

from govshare_policy.inspection.subject import UNKNOWN, Subject

VERSION: Final = "1.5.0"
PRODUCT: Final = {"name": "govshare", "vendor_name": "govshare"}
_OTHER: Final = 99
_INFORMATIONAL, _LOW, _MEDIUM = 1, 2, 3
_SUCCESS, _FAILURE = 1, 2
_STATUS_NAMES: Final = {_SUCCESS: "Success", _FAILURE: "Failure"}
_LOG_ACTIVITIES: Final = {"genesis": 6, "torn_tail": 8}


def to_ocsf(subject: Subject) -> dict[str, Any]:
    """Return the event of one record, ready for JSON."""
    match subject.phase:
        case "decision":
            event = _decision(subject)
        case "outcome":
            event = _outcome(subject)
        case "workflow":
            event = _step(subject)
        case "key" | "recovery" | "admin":
            event = _of_log(subject)
        case _:
            event = _classified(0, 0, 0)
    return _metadata(subject, event)


def _metadata(subject: Subject, event: dict[str, Any]) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "version": VERSION,
        "product": PRODUCT,
        "uid": subject.ident,
        "log_name": subject.origin,
        "log_provider": "govshare",
        "sequence": subject.number,
    }
    if subject.word("t"):
        metadata["original_time"] = subject.word("t")
    correlation = subject.word("decision") or subject.word("id")
    if correlation:
        metadata["correlation_uid"] = correlation
    if "action_id" in event:
        metadata["profiles"] = ["security_control"]
    return {
        "severity_id": _INFORMATIONAL,
        **event,
        "time": subject.at_us // 1000,
        "metadata": metadata,
        "raw_data": subject.data.decode("utf-8", "replace"),
    }


def _decision(subject: Subject) -> dict[str, Any]:
    asked, allowed = subject.asked, subject.word("effect") == "allow"
    clause, profile = subject.first("clauses"), subject.word("policy.profile")
    reads = asked.action == "read"
    event = _classified(6, 6003, 2 if reads else _OTHER, name="" if reads else asked.action)
    event |= _status(succeeded=allowed, code=subject.word("outcome"))
    event |= _ends(subject) | {
        "severity_id": _INFORMATIONAL if allowed else _LOW,
        "status_detail": subject.first("reasons") or UNKNOWN,
        "action_id": 1 if allowed else 2,
        "disposition_id": 1 if allowed else 2,
        "api": {
            "operation": asked.action or UNKNOWN,
            "request": {"uid": subject.word("call.id") or subject.ident},
        },
        "resources": [{"uid": asked.resource or UNKNOWN, "type": "catalogue resource"}],
        "policy": {
            "uid": clause or UNKNOWN,
            "name": profile or UNKNOWN,
            "version": subject.word("policy.revision") or UNKNOWN,
            "is_applied": True,
        },
    }
    return event


def _outcome(subject: Subject) -> dict[str, Any]:
    status = subject.word("status")
    event = _classified(6, 6005, 1)
    event |= _status(succeeded=status == "released", code=status)
    event |= _ends(subject) | {
        "type_id": 2,
        "databucket": {
            "uid": subject.asked.resource or UNKNOWN,
            "type_id": _OTHER,
            "type": "catalogue resource",
        },
    }
    return event


def _step(subject: Subject) -> dict[str, Any]:
    outcome = subject.word("outcome")
    event = _classified(3, 3004, _OTHER, name=subject.word("step"))
    event |= _status(succeeded=outcome == "taken", code=outcome)
    event["entity"] = {
        "uid": subject.word("matter") or subject.asked.resource or UNKNOWN,
        "type": subject.word("kind") or UNKNOWN,
    }
    return event


def _of_log(subject: Subject) -> dict[str, Any]:
    named = subject.word("event")
    activity = _LOG_ACTIVITIES.get(named, _OTHER)
    event = _classified(1, 1008, activity, name=named if activity == _OTHER else "")
    return event | {
        "severity_id": _INFORMATIONAL if subject.phase == "key" else _MEDIUM,
        "log_name": subject.origin,
        "log_provider": "govshare",
        "log_type_id": 2,
    }


def _classified(category: int, kind: int, activity: int, *, name: str = "") -> dict[str, Any]:
    event: dict[str, Any] = {
        "category_uid": category,
        "class_uid": kind,
        "activity_id": activity,
        "type_uid": kind * 100 + activity,
    }
    if activity == _OTHER:
        event["activity_name"] = name or UNKNOWN
    return event


def _status(*, succeeded: bool, code: str) -> dict[str, Any]:
    status = _SUCCESS if succeeded else _FAILURE
    return {
        "status_id": status,
        "status": _STATUS_NAMES[status],
        "status_code": code or UNKNOWN,
    }


def _ends(subject: Subject) -> dict[str, Any]:
    asked = subject.asked
    actor = {"app_uid": asked.system or UNKNOWN}
    if asked.department:
        actor["app_name"] = asked.department
    endpoint = {"uid": asked.certificate or asked.system or UNKNOWN}
    if asked.system:
        endpoint["svc_name"] = asked.system
    if asked.network:
        endpoint["zone"] = asked.network
    return {"actor": actor, "src_endpoint": endpoint}
