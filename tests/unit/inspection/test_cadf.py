# SPDX-License-Identifier: Apache-2.0
import json
import re
from collections.abc import Mapping
from typing import Any, Final

import pytest

from govshare_policy.audit import encode_record
from govshare_policy.inspection.cadf import to_cadf
from govshare_policy.inspection.choice import Choice
from govshare_policy.inspection.export import Form, export
from govshare_policy.inspection.subject import Subjects
from tests.unit.inspection.world import FOREIGN, ORIGIN, START, World, decision, outcome, step

CREATED: Final = "2025-06-01T00:00:00.000000Z"
REQUIRED: Final = {
    "typeURI": str,
    "id": str,
    "eventType": str,
    "eventTime": str,
    "action": str,
    "outcome": str,
    "initiator": dict,
    "target": dict,
    "observer": dict,
}
OPTIONAL: Final = {"reason": dict, "attachments": list}
EVENT_TYPES: Final = {"monitor", "activity", "control"}
OUTCOMES: Final = {"success", "failure", "pending", "unknown"}
ACTIONS: Final = {
    *("backup", "capture", "create", "configure", "read", "update", "delete", "monitor", "start"),
    *("stop", "deploy", "undeploy", "enable", "disable", "send", "receive", "authenticate"),
    *("revoke", "renew", "restore", "evaluate", "allow", "deny", "notify", "unknown"),
}
RESOURCES: Final = {"storage", "compute", "network", "service", "data", "unknown"}
REASON: Final = {"reasonType", "reasonCode", "policyType", "policyId"}
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d")
PATH: Final = re.compile(r"[a-z]+(/[a-z][a-z0-9_]*)*")


def verify(event: Mapping[str, Any]) -> None:
    """Hold *event* against the tables of the standard."""
    assert REQUIRED.keys() <= event.keys() <= REQUIRED.keys() | OPTIONAL.keys()
    for name, found in event.items():
        assert isinstance(found, (REQUIRED | OPTIONAL)[name])
    assert event["typeURI"] == "http://schemas.dmtf.org/cloud/audit/1.0/event"
    assert event["eventType"] in EVENT_TYPES
    assert event["outcome"] in OUTCOMES
    assert PATH.fullmatch(event["action"])
    assert event["action"].split("/")[0] in ACTIONS
    assert TIME.fullmatch(event["eventTime"])
    assert event["id"]
    for name in ("initiator", "target", "observer"):
        verify_resource(event[name])
    if event["eventType"] == "control":
        assert event["reason"]
    assert event.get("reason", {}).keys() <= REASON
    assert all(isinstance(word, str) and word for word in event.get("reason", {}).values())
    for attachment in event["attachments"]:
        assert {"typeURI", "content"} <= attachment.keys()


def verify_resource(found: Mapping[str, Any]) -> None:
    assert {"typeURI", "id"} <= found.keys() <= {"typeURI", "id", "name", "domain"}
    assert all(isinstance(word, str) and word for word in found.values())
    assert found["typeURI"].split("/")[0] in RESOURCES


def event_of(*records: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event of the last of *records*."""
    with Subjects(ORIGIN, CREATED) as subjects:
        last = [subjects.take(n, encode_record(record)) for n, record in enumerate(records)][-1]
        return to_cadf(last)


def test_every_event_of_a_log_of_everything_is_as_the_standard_asks(mixed: World) -> None:
    with Subjects(ORIGIN, CREATED) as subjects:
        events = [to_cadf(subjects.take(n, data)) for n, data in enumerate(mixed.records())]

    for event in events:
        verify(event)
    assert {event["eventType"] for event in events} == {"control", "activity"}


@pytest.mark.parametrize("data", FOREIGN)
def test_a_record_of_anybody_is_an_event_all_the_same(data: bytes) -> None:
    with Subjects(ORIGIN, CREATED) as subjects:
        verify(to_cadf(subjects.take(3, data)))


def test_a_decision_is_a_control_that_took_place() -> None:
    allowed = event_of(decision(START))
    refused = event_of(decision(START, effect="deny", reasons=["system_outside_grant"]))

    assert (allowed["eventType"], allowed["action"], allowed["outcome"]) == (
        "control",
        "allow",
        "success",
    )
    assert (refused["action"], refused["outcome"]) == ("deny", "success")
    assert refused["reason"] == {
        "reasonType": "urn:govshare:reason",
        "reasonCode": "system_outside_grant",
        "policyType": "urn:govshare:clause",
        "policyId": "HU-a24-02",
    }
    assert allowed["initiator"] == {"typeURI": "service/bss", "id": "SYS-A", "domain": "D-HCB"}
    assert (allowed["target"]["id"], allowed["observer"]["id"]) == ("R08", ORIGIN)
    assert allowed["eventTime"] == "2025-06-01T00:00:00+00:00"


def test_nobody_proven_is_unknown_and_not_left_out() -> None:
    event = event_of(
        decision(START, system="", department="", certificate="", call={"resource": ""})
    )

    verify(event)
    assert event["initiator"] == event["target"] == {"typeURI": "unknown", "id": "unknown"}


def test_an_outcome_is_an_activity_of_the_call_it_names() -> None:
    call = decision(START)
    released = event_of(call, outcome(START, call["id"]))
    failed = event_of(call, outcome(START, call["id"], "upstream_timeout"))

    verify(failed)
    assert (released["eventType"], released["action"], released["outcome"]) == (
        "activity",
        "read",
        "success",
    )
    assert (failed["outcome"], failed["reason"]["reasonCode"]) == ("failure", "upstream_timeout")
    assert (released["initiator"]["id"], released["target"]["id"]) == ("SYS-A", "R08")


def test_data_passed_on_are_sent() -> None:
    call = decision(START, call={"action": "onward"})

    assert event_of(call, outcome(START, call["id"]))["action"] == "send"


def test_a_step_narrows_the_action() -> None:
    event = event_of(step(START))

    assert (event["action"], event["outcome"], event["initiator"]["id"]) == (
        "update/approve",
        "success",
        "D-CAB",
    )
    hostile = event_of({**step(START), "step": "x y/../../z"})
    assert hostile["action"] == "update"


def test_the_log_itself_is_the_target_of_what_it_says_of_itself(mixed: World) -> None:
    event = json.loads(next(export(mixed.directory, Form.CADF, Choice())))

    assert (event["action"], event["target"]) == (
        "create",
        {"typeURI": "data/file/log", "id": ORIGIN},
    )


def test_an_event_without_an_instant_has_that_of_the_one_before() -> None:
    event = event_of(decision(START), {"phase": "wish"})

    assert event["eventTime"] == "2025-06-01T00:00:00+00:00"
    assert event["id"] == f"{ORIGIN}#1"


def test_the_record_is_attached_with_its_number() -> None:
    record = decision(START)
    [attached] = event_of({"v": 1}, record)["attachments"]

    assert attached["content"] == {"index": 1, "record": record}
