# SPDX-License-Identifier: Apache-2.0
"""``Release``: what a department answered, cut to what was allowed, once, and recorded."""

import json
import signal
import time

import grpc
import pytest

from govshare_policy.audit import Receipt, parse_record, verify_receipt
from govshare_sidecar._pb import enforcement_pb2 as pb
from tests.e2e.department import RECORD
from tests.e2e.deployment import Deployment, Running, await_
from tests.e2e.grpc_calls import batch, reason, release, stream
from tests.e2e.rpc_department import descriptors, make, marriage
from tests.e2e.test_grpc import request
from tests.e2e.test_lifecycle import fill_disk

BODY = json.dumps({"data": {"items": [RECORD, {"id_no": "ID2", "note": "n"}], "total": 2}}).encode()


def asked(record_id: str, **change: object) -> pb.ReleaseRequest:
    values = {"record_id": record_id, "body": BODY, "records": "data.items", **change}
    return pb.ReleaseRequest(**values)  # type: ignore[arg-type]


def allowed(running: Running) -> str:
    return running.check(request()).receipt.record_id


def refusal(running: Running, message: pb.ReleaseRequest, *, client: str = "SYS-HCB-PRH") -> str:
    with pytest.raises(grpc.RpcError) as caught:
        release(running, message, client=client)
    return reason(caught.value)


def test_only_the_released_fields_leave_and_their_leaving_is_recorded(sidecar: Running) -> None:
    record_id = allowed(sidecar)
    released = release(sidecar, asked(record_id))

    assert json.loads(released.body) == {
        "data": {"items": [{"id_no": "ID1", "marital_status": "已婚"}, {"id_no": "ID2"}]}
    }
    assert released.rows == 2
    receipt = Receipt.from_text(released.receipt.text)
    verify_receipt(receipt, sidecar.deployment.trust)
    record = parse_record(receipt.record)
    assert record["id"] == released.receipt.record_id
    assert (record["phase"], record["decision"]) == ("outcome", record_id)
    assert (record["status"], record["rows"]) == ("released", 2)
    assert record["bytes"] == len(released.body)


def test_numbers_keep_every_digit(sidecar: Running) -> None:
    body = b'{"id_no":1.10,"marital_status":12345678901234567890.50,"note":1}'
    released = release(sidecar, asked(allowed(sidecar), body=body, records=""))

    assert released.body == b'{"id_no":1.10,"marital_status":12345678901234567890.50}'


def test_nothing_is_released_twice(sidecar: Running) -> None:
    record_id = allowed(sidecar)
    release(sidecar, asked(record_id))

    assert refusal(sidecar, asked(record_id)) == "NO_RELEASE"
    outcomes = [one for one in sidecar.deployment.outcomes() if one["decision"] == record_id]
    assert len(outcomes) == 1


def test_another_certificate_gets_nothing_and_takes_nothing_away(sidecar: Running) -> None:
    record_id = allowed(sidecar)

    assert refusal(sidecar, asked(record_id), client="SYS-CAB-AID") == "NO_RELEASE"
    assert refusal(sidecar, asked(record_id), client="stranger") == "NO_RELEASE"
    assert release(sidecar, asked(record_id)).rows == 2


def test_a_denied_call_releases_nothing(sidecar: Running) -> None:
    denied = sidecar.check(request(purpose="work_reference")).receipt.record_id

    assert refusal(sidecar, asked(denied)) == "NO_RELEASE"
    assert refusal(sidecar, asked("no such record")) == "NO_RELEASE"


def test_calls_of_batches_and_streams_release_too(sidecar: Running) -> None:
    [one] = batch(sidecar, [request()])
    [two] = stream(sidecar, [pb.CheckStreamRequest(request=request())])

    for response in (one.response, two.result.response):
        assert release(sidecar, asked(response.receipt.record_id)).rows == 2


@pytest.mark.parametrize(
    "change",
    [
        {"body": b"not json"},
        {"body": b'{"data":{"items":{"id_no":1,"id_no":2}}}'},
        {"body": b""},
        {"records": "data.rows.0"},
        {"content_type": "text/html"},
    ],
    ids=["no json", "a key twice", "nothing", "no records there", "another type"],
)
def test_what_cannot_be_read_strictly_is_not_released_and_that_is_recorded(
    sidecar: Running, change: dict[str, object]
) -> None:
    counter = 'govshare_refused_total{cause="not_json",entrance="grpc_release"}'
    before, record_id = sidecar.metric(counter), allowed(sidecar)

    assert refusal(sidecar, asked(record_id, **change)) == "CALL_UNREADABLE"
    assert sidecar.metric(counter) == before + 1
    assert sidecar.deployment.outcomes()[-1]["decision"] == record_id
    assert sidecar.deployment.outcomes()[-1]["status"] == "upstream_unreadable"
    assert refusal(sidecar, asked(record_id)) == "NO_RELEASE", "an attempt is one too"


def test_a_body_that_is_too_large_takes_nothing_away(sidecar: Running) -> None:
    record_id = allowed(sidecar)

    assert refusal(sidecar, asked(record_id, body=b" " * ((8 << 20) + 1))) == "CALL_UNREADABLE"
    assert release(sidecar, asked(record_id)).rows == 2


def test_a_large_body_is_released_like_a_small_one(sidecar: Running) -> None:
    rows = [{"id_no": str(number), "note": "x" * 100} for number in range(4000)]
    body = json.dumps(rows).encode()
    released = release(sidecar, asked(allowed(sidecar), body=body, records=""))

    assert len(body) > 400_000
    assert json.loads(released.body) == [{"id_no": str(number)} for number in range(4000)]


def test_after_its_time_nothing_is_released(deployment: Deployment) -> None:
    deployment.configure("[metrics]", "[limits]\nrelease_s = 0.5\n[metrics]")
    with deployment.start() as running:
        record_id = allowed(running)
        time.sleep(0.6)
        assert refusal(running, asked(record_id)) == "NO_RELEASE"
    assert deployment.outcomes() == []


def test_a_revoked_certificate_or_another_policy_releases_nothing_any_more(
    deployment: Deployment,
) -> None:
    with deployment.start() as running:
        early, late = allowed(running), allowed(running)
        assert release(running, asked(early)).rows == 2
        deployment.register(revoked="SYS-CAB-AID")  # of somebody else: but nobody looks closer
        reloads = 'govshare_reloads_total{result="done"}'
        running.process.send_signal(signal.SIGHUP)
        await_(lambda: running.metric(reloads) == 1)
        assert refusal(running, asked(late)) == "NO_RELEASE"
        assert release(running, asked(allowed(running))).rows == 2


def test_a_release_that_cannot_be_recorded_does_not_happen(deployment: Deployment) -> None:
    with deployment.start() as running:
        record_id = allowed(running)
        fill_disk(running)
        assert refusal(running, asked(record_id)) == "AUDIT_UNAVAILABLE"
    assert deployment.outcomes() == []


FORMS = {
    "ndjson": ("application/x-ndjson", b'{"id_no":1.10,"x":"SECRET"}\n', b'{"id_no":1.10}\n', {}),
    "csv": ("text/csv", b"id_no,x\n1,SECRET\n", b"id_no\r\n1\r\n", {}),
    "xml": (
        "application/xml",
        b"<r><row><id_no>1</id_no><x>SECRET</x></row></r>",
        b'<?xml version="1.0" encoding="UTF-8"?>\n<r><row><id_no>1</id_no></row></r>',
        {"records": "r.row"},
    ),
    "protobuf": (
        "application/x-protobuf",
        marriage(),
        make("Marriage", id_no="ID1", marital_status=["已婚", "再婚"]).SerializeToString(),
        {"message": "county.v1.Marriage"},
    ),
}


def test_every_form_is_released_by_its_type(deployment: Deployment) -> None:
    (deployment.directory / "county.pb").write_bytes(descriptors().SerializeToString())
    deployment.configure("reflection = true", 'reflection = true\ndescriptor_set = "county.pb"')
    with deployment.start() as running:
        for kind, body, expected, more in FORMS.values():
            change = {"body": body, "records": "", "content_type": kind, **more}
            released = release(running, asked(allowed(running), **change))
            assert b"SECRET" in body
            assert (released.body, released.rows) == (expected, 1)
            assert released.content_type.split(";")[0] == kind
        wrong = {"body": marriage(), "records": "", "content_type": "application/x-protobuf"}
        for message in ("", "county.v1.Nothing"):
            change = {**wrong, "message": message}
            assert refusal(running, asked(allowed(running), **change)) == "CALL_UNREADABLE"
    assert [one["rows"] for one in deployment.outcomes()] == [1, 1, 1, 1, 0, 0]
    assert deployment.outcomes()[0]["release"]["records"] == 1
    deployment.verify()


def test_without_descriptors_no_protobuf_is_released(sidecar: Running) -> None:
    kind, body, _, more = FORMS["protobuf"]
    change = {"body": body, "records": "", "content_type": kind, **more}
    assert refusal(sidecar, asked(allowed(sidecar), **change)) == "CALL_UNREADABLE"
