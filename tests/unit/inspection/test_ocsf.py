# SPDX-License-Identifier: Apache-2.0
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from govshare_policy.audit import encode_record
from govshare_policy.inspection.choice import Choice
from govshare_policy.inspection.export import Form, export
from govshare_policy.inspection.ocsf import VERSION, to_ocsf
from govshare_policy.inspection.subject import Subjects
from tests.unit.inspection.world import FOREIGN, ORIGIN, START, World, decision, outcome, step

TABLE: Final = json.loads(Path(__file__).with_name("ocsf_1_5_0.json").read_text("utf-8"))
NUMBERS: Final = {"integer_t", "long_t", "timestamp_t", "port_t"}
CREATED: Final = "2025-06-01T00:00:00.000000Z"
LOG_RECORDS: Final = (
    {"phase": "key", "event": "genesis", "t": CREATED},
    {"phase": "key", "event": "rotate", "t": CREATED},
    {"phase": "recovery", "event": "torn_tail", "t": CREATED},
    {"phase": "admin", "event": "clock_step", "t": CREATED},
)


def verify(event: Mapping[str, Any]) -> None:
    """Hold *event* against the table of the standard."""
    known = TABLE["classes"][str(event["class_uid"])]
    profiles = set(event["metadata"].get("profiles", ()))
    assert event["category_uid"] == known["category"]
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
    assert event["metadata"]["version"] == TABLE["version"] == VERSION
    verify_object(event, known, profiles)
    if event["activity_id"] == 99:
        assert event["activity_name"]


def verify_object(value: Mapping[str, Any], known: Mapping[str, Any], profiles: set[str]) -> None:
    rows = {
        name: row
        for name, row in known["attributes"].items()
        if row.get("profile") is None or row["profile"] in profiles
    }
    assert value.keys() <= rows.keys(), value.keys() - rows.keys()
    required = {name for name, row in rows.items() if row["requirement"] == "required"}
    assert required <= value.keys(), required - value.keys()
    if known["at_least_one"]:
        assert set(known["at_least_one"]) & value.keys()
    for name, found in value.items():
        verify_value(found, rows[name], profiles)


def verify_value(found: object, row: Mapping[str, Any], profiles: set[str]) -> None:
    if row.get("array"):
        assert isinstance(found, list)
        for one in found:
            verify_value(one, {**row, "array": False}, profiles)
        return
    if "enum" in row:
        assert found in row["enum"]
    if row["type"] in NUMBERS:
        assert type(found) is int
    elif row["type"] == "boolean_t":
        assert type(found) is bool
    elif row["type"] == "object_t":
        assert isinstance(found, dict)
        verify_object(found, TABLE["objects"][row["object"]], profiles)
    else:
        assert isinstance(found, str)
        assert found


def event_of(*records: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event of the last of *records*."""
    with Subjects(ORIGIN, CREATED) as subjects:
        last = [subjects.take(n, encode_record(record)) for n, record in enumerate(records)][-1]
        return to_ocsf(last)


def test_every_event_of_a_log_of_everything_is_as_the_standard_asks(mixed: World) -> None:
    """Every record of the log but those that are none."""
    with Subjects(ORIGIN, CREATED) as subjects:
        events = [to_ocsf(subjects.take(n, data)) for n, data in enumerate(mixed.records())]

    for event in events:
        verify(event)
    assert {event["class_uid"] for event in events} == {0, 1008, 3004, 6003, 6005}


@pytest.mark.parametrize("record", LOG_RECORDS, ids=lambda record: record["event"])
def test_what_the_log_says_of_itself_is_event_log_activity(record: dict[str, Any]) -> None:
    event = event_of(record)

    verify(event)
    assert (event["class_uid"], event["log_name"]) == (1008, ORIGIN)


@pytest.mark.parametrize("data", FOREIGN)
def test_a_record_of_anybody_is_an_event_all_the_same(data: bytes) -> None:
    with Subjects(ORIGIN, CREATED) as subjects:
        event = to_ocsf(subjects.take(3, data))

    verify(event)
    json.dumps(event, ensure_ascii=False).encode()


def test_a_decision_says_who_asked_for_what_under_which_provision() -> None:
    allowed = event_of(decision(START))
    refused = event_of(decision(START, effect="deny", outcome="needs_grant"))

    verify(allowed)
    verify(refused)
    assert (allowed["action_id"], allowed["disposition_id"], allowed["status_id"]) == (1, 1, 1)
    assert (refused["action_id"], refused["disposition_id"], refused["status_id"]) == (2, 2, 2)
    assert (refused["status_code"], refused["status_detail"]) == ("needs_grant", "within_grant")
    assert allowed["actor"] == {"app_uid": "SYS-A", "app_name": "D-HCB"}
    assert allowed["policy"]["uid"] == "HU-a24-02"
    assert allowed["resources"][0]["uid"] == "R08"
    assert allowed["time"] == 1748736000000
    assert (allowed["type_uid"], allowed["api"]["request"]["uid"]) == (600302, "c1")


def test_passing_data_on_is_not_called_reading() -> None:
    event = event_of(decision(START, call={"action": "onward"}))

    verify(event)
    assert (event["activity_id"], event["activity_name"]) == (99, "onward")


def test_an_outcome_is_that_of_the_call_it_names() -> None:
    call = decision(START)
    released = event_of(call, outcome(START, call["id"]))
    failed = event_of(call, outcome(START, call["id"], "upstream_timeout"))
    unknown = event_of(outcome(START, "nobody"))

    for event in (released, failed, unknown):
        verify(event)
    assert (released["status_id"], failed["status_id"]) == (1, 2)
    assert released["databucket"]["uid"] == "R08"
    assert released["actor"]["app_uid"] == "SYS-A"
    assert released["metadata"]["correlation_uid"] == call["id"]
    assert (unknown["actor"]["app_uid"], unknown["databucket"]["uid"]) == ("unknown", "unknown")


def test_a_step_is_about_its_matter() -> None:
    event = event_of(step(START))

    verify(event)
    assert (event["entity"], event["activity_name"]) == (
        {"uid": "A-1", "type": "application"},
        "approve",
    )


def test_the_record_itself_is_in_the_event() -> None:
    """Whatever the mapping leaves out is there, to the byte."""
    record = decision(START, department="民政局")

    assert event_of(record)["raw_data"].encode() == encode_record(record)


def test_exported_lines_are_the_events(long: World) -> None:
    lines = list(export(long.directory, Form.OCSF, Choice(after=65_530)))

    assert [json.loads(line)["metadata"]["sequence"] for line in lines] == list(
        range(65_531, 65_540)
    )
    for line in lines:
        verify(json.loads(line))
