# SPDX-License-Identifier: Apache-2.0
"""On the wire a call and an answer have the JSON form of the interface."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import given
from hypothesis import strategies as st

from govshare_policy import check
from govshare_policy.call import Call, call_from_document
from govshare_policy.errors import CallError
from govshare_sidecar._pb import answer_pb2, call_pb2, enforcement_pb2
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.wire import (
    MAX_BATCH_BYTES,
    Requests,
    answer_to_message,
    parse_batch,
    parse_enveloped,
    parse_stream_request,
)
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
    "on_behalf_of": ["D-HCB"],
    "forwarded_for": ["SYS-HCB-WEB", "D-HCB"],
    "subject": "3301",
}


def request(call: dict[str, Any]) -> bytes:
    return ParseDict({"call": call}, enforcement_pb2.CheckRequest()).SerializeToString()


def became_of(parse: Callable[[bytes], Any], data: bytes) -> object:
    try:
        return parse(data)
    except CallError as error:
        return type(error), str(error)


def parse_request(data: bytes) -> Call:
    """Return the call in *data*, which is the same however often it was asked before."""
    requests = Requests()
    once, again = became_of(requests.parse, data), became_of(requests.parse, data)
    assert once == again == became_of(parse_enveloped, data)
    call, presented = requests.parse(data)
    assert presented is None
    return call


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


ALIKE = {
    "id": "S10",
    "operator": "P1",
    "action": "read",
    "resource": "R08",
    "fields": ["id_no"],
    "purpose": "data_verification",
}


@pytest.mark.parametrize("key", ["id", "operator"])
def test_requests_that_differ_in_this_alone_keep_their_own(key: str) -> None:
    requests = Requests()

    for value in ("a", "", "b", "e\u0301", "a"):
        data = request({**ALIKE, key: value})
        assert requests.parse(data) == parse_enveloped(data)
    assert len(requests._calls) == 1
    with pytest.raises(CallError, match=f"`{key}` is at most 256 characters"):
        requests.parse(request({**ALIKE, key: "a" * 257}))


@pytest.mark.parametrize(
    "named", [{"subject": "3301"}, {"recipient": {"kind": "person", "id": "3301"}}]
)
def test_nobody_who_is_named_is_remembered(named: dict[str, Any]) -> None:
    requests = Requests()
    requests.parse(request({**ALIKE, "operator": "P1", **named}))
    requests.parse(request({**ALIKE, "operator": "P1"}))

    [(message, call)] = requests._calls.items()
    assert b"3301" not in message
    assert b"P1" not in message
    assert (call.id, call.operator) == ("", "")


def test_no_more_requests_are_remembered_than_agreed() -> None:
    requests = Requests(most=2)
    for item in "abcabc":
        data = request({**ALIKE, "item": item})
        assert requests.parse(data) == parse_enveloped(data)
    assert len(requests._calls) == 2


TEXTS = st.one_of(st.sampled_from(("", "R08", "e\u0301", "\x07")), st.text(max_size=3))
CALLS = st.fixed_dictionaries(
    {},
    optional={
        "id": TEXTS,
        "operator": TEXTS,
        "action": st.sampled_from(("read", "onward", "write")),
        "resource": TEXTS,
        "fields": st.lists(TEXTS, max_size=2),
        "purpose": TEXTS,
        "subject": TEXTS,
        "at": st.sampled_from(("2025-09-22T10:00:00+08:00", "soon")),
        "derived": st.booleans(),
        "recipient": st.fixed_dictionaries({"kind": st.sampled_from(("department", "king"))}),
        "forwarded_for": st.lists(TEXTS, max_size=2),
    },
)


@given(st.lists(CALLS, min_size=2, max_size=8), st.randoms(use_true_random=False))
def test_what_was_asked_before_changes_no_request(
    calls: list[dict[str, Any]], random: Random
) -> None:
    requests, asked = Requests(most=3), [*calls, *calls]
    random.shuffle(asked)
    for call in asked:
        data = request(call)
        assert became_of(requests.parse, data) == became_of(parse_enveloped, data)


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


UNKNOWN = b"\xfa\x3e\x01x"


def batch(*requests: bytes) -> bytes:
    parsed = [enforcement_pb2.CheckRequest.FromString(one) for one in requests]
    return enforcement_pb2.CheckBatchRequest(requests=parsed).SerializeToString()


def streamed(data: bytes, name: str = "n") -> bytes:
    one = enforcement_pb2.CheckRequest.FromString(data)
    return enforcement_pb2.CheckStreamRequest(id=name, request=one).SerializeToString()


def test_a_batch_and_a_stream_hold_the_requests_as_they_would_come_alone() -> None:
    """So that a caller can prove its request from its own spelling of it."""
    one = request(WHOLE)
    two = request({**WHOLE, "id": "S11"}) + UNKNOWN

    assert list(parse_batch(batch(one, two), most=2)) == [one, two]
    assert parse_stream_request(streamed(two)) == ("n", two)


@pytest.mark.parametrize("count", [0, 3])
def test_a_batch_holds_as_many_requests_as_it_may(count: int) -> None:
    with pytest.raises(CallError, match="a batch holds 1 to 2 requests"):
        parse_batch(batch(*[request(WHOLE)] * count), most=2)


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"\x00" * (MAX_BATCH_BYTES + 1), Cause.TOO_LARGE),
        (b"\xff", Cause.BAD_CALL),
        (batch(request(WHOLE)) + UNKNOWN, Cause.BAD_CALL),
    ],
)
def test_a_batch_that_is_none_is_refused(data: bytes, cause: Cause) -> None:
    with pytest.raises(RefusedError) as caught:
        parse_batch(data, most=2)
    assert caught.value.cause is cause


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"\x00" * (64 * 1024 + 1), Cause.TOO_LARGE),
        (b"\xff", Cause.BAD_CALL),
        (b"", Cause.BAD_CALL),
        (streamed(request(WHOLE)) + UNKNOWN, Cause.BAD_CALL),
        (streamed(request(WHOLE), "字" * 86), Cause.BAD_CALL),
    ],
)
def test_a_message_of_a_stream_that_is_none_is_refused(data: bytes, cause: Cause) -> None:
    with pytest.raises(RefusedError) as caught:
        parse_stream_request(data)
    assert caught.value.cause is cause
