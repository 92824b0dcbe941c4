# SPDX-License-Identifier: Apache-2.0
"""On the wire a call and an answer have the JSON form of the interface."""

from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict

from govshare_policy import check
from govshare_policy.call import call_from_document
from govshare_policy.errors import CallError
from govshare_sidecar._pb import answer_pb2, call_pb2, enforcement_pb2
from govshare_sidecar.wire import answer_to_message, parse_request
from tests.county import PLAIN, basis_over, county_register

WHOLE: dict[str, Any] = {
    "id": "S10",
    "at": "2025-09-22T10:00:00+08:00",
    "action": "onward",
    "department": "D-HCB",
    "system": "SYS-HCB-WEB",
    "operator": "P1",
    "item": "I1",
    "resource": "R08",
    "fields": ["id_no", "marital_status"],
    "purpose": "data_verification",
    "channel": "api",
    "network": "extranet",
    "grant": "G01",
    "recipient": {"kind": "department", "id": "D-TRA"},
    "derived": True,
    "commercial": True,
    "consent": "CON-03",
}


def request(call: dict[str, Any]) -> bytes:
    return ParseDict({"call": call}, enforcement_pb2.CheckRequest()).SerializeToString()


def test_every_key_of_the_call_document_is_a_field_and_there_are_no_others() -> None:
    assert {field.json_name for field in call_pb2.Call.DESCRIPTOR.fields} == set(WHOLE)


def test_a_whole_call_arrives_as_it_was_stated() -> None:
    assert parse_request(request(WHOLE)) == call_from_document(WHOLE, on_the_wire=True)


@pytest.mark.parametrize("left_out", sorted(set(WHOLE) - {"action", "resource", "recipient"}))
def test_a_key_that_is_left_out_is_left_out_on_arrival(left_out: str) -> None:
    call = {key: value for key, value in WHOLE.items() if key != left_out}
    document = {"fields": [], **call}

    assert parse_request(request(call)) == call_from_document(document, on_the_wire=True)


def test_an_empty_text_is_not_one_that_is_left_out() -> None:
    read = {"action": "read", "resource": "R08", "fields": ["id_no"]}

    assert parse_request(request({**read, "purpose": ""})).purpose == ""
    with pytest.raises(CallError, match="no `purpose`"):
        parse_request(request(read))


@pytest.mark.parametrize("place", ["request", "call", "recipient"])
def test_a_field_that_nobody_knows_is_refused_wherever_it_stands(place: str) -> None:
    unknown = b"\xfa\x3e\x01x"
    message = enforcement_pb2.CheckRequest.FromString(request(WHOLE))
    part = {"request": message, "call": message.call, "recipient": message.call.recipient}[place]
    part.MergeFromString(unknown)

    with pytest.raises(CallError, match="a field that this server does not know"):
        parse_request(message.SerializeToString())


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05", b"\x0a\x03\x52\x01\xff", b"{}"])
def test_bytes_that_are_no_message_are_refused(data: bytes) -> None:
    with pytest.raises(CallError, match="is not a `CheckRequest`"):
        parse_request(data)


@pytest.mark.parametrize("purpose", ["data_verification", "work_reference"])
def test_an_answer_and_its_message_say_the_same(tmp_path: Path, purpose: str) -> None:
    basis = basis_over(county_register(tmp_path), "hubei")
    answer = check(call_from_document({**PLAIN, "purpose": purpose}), basis)
    message = answer_to_message(answer)

    shown = MessageToDict(message, always_print_fields_with_no_presence=True)
    assert shown == answer.to_document()
    assert ParseDict(shown, answer_pb2.Answer()) == message
