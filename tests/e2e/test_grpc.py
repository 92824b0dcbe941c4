# SPDX-License-Identifier: Apache-2.0
"""``Enforcement.Check`` with real clients over mutual TLS."""

from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_status import rpc_status

from govshare_policy.audit import Receipt, verify_receipt
from govshare_sidecar._pb import enforcement_pb2
from tests.e2e.deployment import Deployment, Running

CALL: dict[str, Any] = {
    "id": "C1",
    "action": "read",
    "resource": "R08",
    "fields": ["id_no", "marital_status"],
    "purpose": "data_verification",
}


@pytest.fixture
def sidecar(rpc_sidecar: Running) -> Running:
    return rpc_sidecar


def request(**change: object) -> enforcement_pb2.CheckRequest:
    """Return the lawful call with *change*; a key that is ``None`` is left out."""
    call = {key: value for key, value in {**CALL, **change}.items() if value is not None}
    return ParseDict({"call": call}, enforcement_pb2.CheckRequest())


def test_an_allowed_call_is_answered_with_the_released_fields(sidecar: Running) -> None:
    answer = sidecar.check(request()).answer

    assert (answer.id, answer.effect, answer.outcome) == ("C1", "allow", "allow")
    assert list(answer.fields) == ["id_no", "marital_status"]
    assert answer.grant == "G01"
    assert answer.policy.profile == "hubei"
    assert "no_onward" in [duty.code for duty in answer.duties]


def test_the_receipt_verifies_offline(sidecar: Running) -> None:
    response = sidecar.check(request())
    receipt = Receipt.from_text(response.receipt.text)

    verify_receipt(receipt, sidecar.deployment.trust)
    assert receipt.index == response.receipt.log_index
    assert response.receipt.record_id in receipt.record.decode()


def test_a_denial_is_an_answer_and_not_an_error(sidecar: Running) -> None:
    response = sidecar.check(request(purpose="work_reference"))
    [recorded] = [
        record
        for record in sidecar.deployment.decisions()
        if record["id"] == response.receipt.record_id
    ]

    assert (response.answer.effect, response.answer.clauses[0]) == ("deny", "HU-a24-04")
    assert recorded["outcome"] == "deny"


def test_an_empty_purpose_is_answered_and_recorded(sidecar: Running) -> None:
    response = sidecar.check(request(purpose=""))

    assert response.answer.reasons[0].code == "purpose_missing"
    assert sidecar.deployment.decisions()[-1]["id"] == response.receipt.record_id


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        ({"system": "SYS-CAB-AID"}, "claim_differs"),
        ({"department": "D-CAB"}, "claim_differs"),
        ({"network": "intranet"}, "claim_differs"),
        ({"at": "2020-01-01T00:00:00+08:00"}, "clock_differs"),
    ],
)
def test_a_claim_that_the_certificate_the_clock_or_the_listener_denies_is_a_recorded_denial(
    sidecar: Running, claim: dict[str, str], code: str
) -> None:
    response = sidecar.check(request(**claim))

    assert response.answer.effect == "deny"
    assert response.answer.reasons[0].code == code
    assert sidecar.deployment.decisions()[-1]["id"] == response.receipt.record_id


def test_claims_that_are_true_do_no_harm(sidecar: Running) -> None:
    response = sidecar.check(request(department="D-HCB", system="SYS-HCB-PRH", network="extranet"))

    assert response.answer.effect == "allow"


def test_an_unregistered_certificate_is_a_recorded_denial(sidecar: Running) -> None:
    response = sidecar.check(request(), client="stranger")

    assert response.answer.reasons[0].code == "certificate_unregistered"


@pytest.mark.parametrize("client", [None, "foreign"])
def test_without_a_certificate_of_ours_there_is_no_connection(
    sidecar: Running, client: str | None
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        sidecar.check(request(), client=client)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("client", "code"),
    [("expired", "certificate_expired"), ("early", "certificate_not_yet_valid")],
)
def test_a_certificate_out_of_its_time_is_a_recorded_denial_or_no_connection(
    sidecar: Running, client: str, code: str
) -> None:
    """Grpcio offers no way to let it through to its sentence."""
    before = len(sidecar.deployment.decisions())
    if 'transport = "grpcio"' in sidecar.deployment.config.read_text():
        with pytest.raises(grpc.RpcError) as caught:
            sidecar.check(request(), client=client)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert len(sidecar.deployment.decisions()) == before
        return
    response = sidecar.check(request(), client=client)
    assert response.answer.effect == "deny"
    assert response.answer.reasons[0].code == code
    assert sidecar.deployment.decisions()[-1]["id"] == response.receipt.record_id


def unknown_field() -> enforcement_pb2.CheckRequest:
    data = request().call.SerializeToString() + b"\xfa\x3e\x01x"
    return enforcement_pb2.CheckRequest.FromString(b"\x0a" + bytes([len(data)]) + data)


UNREADABLE = {
    "no call": (enforcement_pb2.CheckRequest(), "the request holds no call"),
    "no action": (request(action=None), "the call has no `action`"),
    "no resource": (request(resource=None), "the call has no `resource`"),
    "no purpose": (request(purpose=None), "the call has no `purpose`"),
    "another action": (request(action="write"), "`action` is `read` or `onward`"),
    "no instant": (request(at="yesterday"), "`at` is an instant"),
    "a field twice": (request(fields=["a", "a"]), "`fields` names a field twice"),
    "a text that is too long": (request(purpose="x" * 257), "`purpose` is at most 256"),
    "nobody to pass it on to": (request(action="onward"), "`recipient` is required"),
    "a key nobody knows": (unknown_field(), "a field that this server does not know"),
}


@pytest.mark.parametrize(("bad", "sentence"), UNREADABLE.values(), ids=UNREADABLE)
def test_an_unreadable_call_is_an_invalid_argument_with_rich_details(
    sidecar: Running, bad: enforcement_pb2.CheckRequest, sentence: str
) -> None:
    counter = 'govshare_refused_total{cause="bad_call",entrance="grpc_check"}'
    before, size = sidecar.metric(counter), sidecar.metric("govshare_log_records")
    with pytest.raises(grpc.RpcError) as caught:
        sidecar.check(bad)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert sentence in (caught.value.details() or "")
    status = rpc_status.from_call(caught.value)
    details = {detail.type_url.rpartition(".")[2]: detail for detail in status.details}
    info, local, field = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.LocalizedMessage(),
        error_details_pb2.BadRequest(),
    )
    assert details["ErrorInfo"].Unpack(info)
    assert details["LocalizedMessage"].Unpack(local)
    assert details["BadRequest"].Unpack(field)
    assert (info.reason, info.domain) == ("CALL_UNREADABLE", "govshare")
    assert local.locale == "zh-CN"
    assert local.message.startswith("调用不符合接口规定")
    assert sentence in field.field_violations[0].description
    assert sidecar.metric(counter) == before + 1
    assert sidecar.metric("govshare_log_records") == size


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x0a\xff\xff\xff\xff", grpc.StatusCode.INVALID_ARGUMENT),
        (b"\x0a\x03\x52\x01\xff", grpc.StatusCode.INVALID_ARGUMENT),
        (b"\x0a" + b"x" * 10_000_000, grpc.StatusCode.INVALID_ARGUMENT),
        (b"\x0a" + b"x" * 20_000_000, grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
    ids=["no protobuf", "no utf-8", "ten megabytes", "more than the transport takes"],
)
def test_bytes_that_are_no_message_are_refused_before_they_are_a_call(
    sidecar: Running, data: bytes, code: grpc.StatusCode
) -> None:
    size = sidecar.metric("govshare_log_records")
    with pytest.raises(grpc.RpcError) as caught:
        sidecar.send(data)

    assert caught.value.code() is code
    assert sidecar.metric("govshare_log_records") == size


def test_a_call_that_is_too_large_is_counted_and_told_in_one_sentence(sidecar: Running) -> None:
    counter = 'govshare_refused_total{cause="too_large",entrance="grpc_check"}'
    before = sidecar.metric(counter)
    with pytest.raises(grpc.RpcError) as caught:
        sidecar.send(b"\x0a" + b"x" * 10_000_000)

    assert caught.value.details() == "the body is larger than this gateway takes"
    assert sidecar.metric(counter) == before + 1


def test_the_health_service_says_serving(sidecar: Running) -> None:
    with sidecar.channel("SYS-HCB-PRH") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for service in ("", "govshare.v1.Enforcement"):
            asked = health_pb2.HealthCheckRequest(service=service)
            assert stub.Check(asked, timeout=60).status == health_pb2.HealthCheckResponse.SERVING


def test_reflection_shows_the_service_where_it_is_switched_on(sidecar: Running) -> None:
    with sidecar.channel("SYS-HCB-PRH") as channel:
        services = ProtoReflectionDescriptorDatabase(channel).get_services()

    assert "govshare.v1.Enforcement" in services
    assert "grpc.health.v1.Health" in services


def test_reflection_is_not_there_where_it_is_switched_off(deployment: Deployment) -> None:
    deployment.configure("reflection = true", "reflection = false")
    with deployment.start() as running, running.channel("SYS-HCB-PRH") as channel:
        with pytest.raises(grpc.RpcError) as caught:
            ProtoReflectionDescriptorDatabase(channel).get_services()
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_deadline_that_has_passed_ends_the_call(sidecar: Running) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        sidecar.send(request().SerializeToString(), timeout_s=0.0001)

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert sidecar.send(request().SerializeToString())


def test_the_answer_has_the_keys_of_the_answer_document(sidecar: Running) -> None:
    answer = sidecar.check(request(purpose="work_reference")).answer
    document = MessageToDict(answer, always_print_fields_with_no_presence=True)

    assert document.keys() == {
        "id", "effect", "outcome", "clauses", "reasons", "fields", "duties", "grant", "grants",
        "policy", "texts",
    }  # fmt: skip
    assert document["reasons"][0].keys() == {
        "code", "clause", "text", "text_zh", "remedy", "remedy_zh",
    }  # fmt: skip
