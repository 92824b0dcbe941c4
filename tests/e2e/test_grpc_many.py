# SPDX-License-Identifier: Apache-2.0
"""``CheckBatch`` and ``CheckStream``: many calls, each answered as ``Check`` would."""

import queue
import signal
import threading
from collections.abc import Iterator

import grpc
import pytest

from govshare_policy.audit import Receipt, verify_receipt
from govshare_sidecar._pb import enforcement_pb2 as pb
from tests.e2e.deployment import Deployment, Running, await_
from tests.e2e.grpc_calls import batch, reason, send, stream
from tests.e2e.test_grpc import request, unknown_field

BAD = request(action="write")


@pytest.fixture
def sidecar(rpc_sidecar: Running) -> Running:
    return rpc_sidecar


def streamed(*requests: pb.CheckRequest) -> list[pb.CheckStreamRequest]:
    return [
        pb.CheckStreamRequest(id=f"m{number}", request=one) for number, one in enumerate(requests)
    ]


def test_a_batch_is_answered_in_its_order_and_each_call_is_recorded(sidecar: Running) -> None:
    calls = [request(id=f"C{number}") for number in range(100)]
    results = batch(sidecar, calls)

    assert [result.response.answer.id for result in results] == [call.call.id for call in calls]
    recorded = {record["id"] for record in sidecar.deployment.decisions()}
    assert {result.response.receipt.record_id for result in results} <= recorded
    receipt = Receipt.from_text(results[50].response.receipt.text)
    verify_receipt(receipt, sidecar.deployment.trust)


def test_one_bad_call_of_a_batch_does_not_keep_the_others_from_their_answers(
    sidecar: Running,
) -> None:
    counter = 'govshare_refused_total{cause="bad_call",entrance="grpc_batch"}'
    before = sidecar.metric(counter)
    good, bad, unknown, denied = batch(
        sidecar, [request(), BAD, unknown_field(), request(purpose="work_reference")]
    )

    assert good.response.answer.effect == "allow"
    assert denied.response.answer.effect == "deny"
    assert bad.failure.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert bad.failure.reason == "CALL_UNREADABLE"
    assert bad.failure.message == "`action` is `read` or `onward`"
    assert bad.failure.message_zh.startswith("调用不符合接口规定")
    assert bad.failure.retry_after_s == 0
    assert "does not know" in unknown.failure.message
    assert sidecar.metric(counter) == before + 2


TOO_MANY = pb.CheckBatchRequest(requests=[request()] * 257).SerializeToString()
BATCHES = {
    "nothing": (b"", "a batch holds 1 to 256 requests"),
    "too many": (TOO_MANY, "a batch holds 1 to 256 requests"),
    "no message": (b"\xff", "the request is not a `CheckBatchRequest`"),
    "a field nobody knows": (b"\xfa\x3e\x01x", "a field that this server does not know"),
    "more than a megabyte": (b"\x0a" * ((1 << 20) + 1), "larger than this gateway takes"),
}


@pytest.mark.parametrize(("data", "sentence"), BATCHES.values(), ids=BATCHES)
def test_a_batch_that_is_none_is_refused_whole(
    sidecar: Running, data: bytes, sentence: str
) -> None:
    size = sidecar.metric("govshare_log_records")
    with pytest.raises(grpc.RpcError) as caught:
        send(sidecar, "Enforcement/CheckBatch", data)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert sentence in (caught.value.details() or "")
    assert sidecar.metric("govshare_log_records") == size


def test_a_stream_is_answered_in_its_order_under_the_callers_ids(sidecar: Running) -> None:
    calls = [request(id=f"C{number}") for number in range(300)]
    answers = list(stream(sidecar, streamed(*calls)))

    assert [answer.id for answer in answers] == [f"m{number}" for number in range(300)]
    assert [answer.result.response.answer.id for answer in answers] == [
        call.call.id for call in calls
    ]


def test_a_stream_goes_on_behind_a_message_that_says_no_call(sidecar: Running) -> None:
    counter = 'govshare_refused_total{cause="bad_call",entrance="grpc_stream"}'
    before = sidecar.metric(counter)
    messages = [
        pb.CheckStreamRequest(id="empty"),
        pb.CheckStreamRequest(id="x" * 257, request=request()),
        pb.CheckStreamRequest(id="bad", request=BAD),
        pb.CheckStreamRequest(id="good", request=request()),
    ]
    empty, long, bad, good = stream(sidecar, messages)

    assert (empty.id, empty.result.failure.message) == ("", "the message holds no request")
    assert (long.id, long.result.failure.message) == ("", "`id` is at most 256 bytes")
    assert (bad.id, bad.result.failure.reason) == ("bad", "CALL_UNREADABLE")
    assert (good.id, good.result.response.answer.effect) == ("good", "allow")
    assert sidecar.metric(counter) == before + 3


def test_a_stream_answers_before_the_next_call_is_sent(sidecar: Running) -> None:
    to_send: queue.SimpleQueue[pb.CheckStreamRequest | None] = queue.SimpleQueue()
    answers = stream(sidecar, iter(to_send.get, None))
    for number in range(3):
        to_send.put(pb.CheckStreamRequest(id=str(number), request=request()))
        assert next(answers).id == str(number)
    to_send.put(None)

    assert list(answers) == []


def test_a_caller_that_reads_no_answers_is_not_read_from(sidecar: Running) -> None:
    """Only what fits into the window and the buffers of the connection is taken on."""
    size = sidecar.metric("govshare_log_records")
    sent = threading.Semaphore(0)

    def endless() -> Iterator[pb.CheckStreamRequest]:
        one = request(purpose="x" * 256)
        for number in range(20_000):
            sent.release()
            yield pb.CheckStreamRequest(id=str(number), request=one)

    answers = stream(sidecar, endless())
    next(answers)
    await_(lambda: _has_stopped(sidecar))
    taken = sidecar.metric("govshare_log_records") - size
    answers.close()  # type: ignore[attr-defined]  # it is a generator

    assert 0 < taken < 2_000
    assert sidecar.check(request()).answer.effect == "allow"


def _has_stopped(sidecar: Running) -> bool:
    before = sidecar.metric("govshare_log_records")
    threading.Event().wait(0.3)
    return sidecar.metric("govshare_log_records") == before


def test_a_drain_ends_an_open_stream_once_what_came_is_answered(rpc_deployment: Deployment) -> None:
    to_send: queue.SimpleQueue[pb.CheckStreamRequest | None] = queue.SimpleQueue()
    with rpc_deployment.start() as running:
        answers = stream(running, iter(to_send.get, None))
        to_send.put(pb.CheckStreamRequest(id="1", request=request()))
        assert next(answers).id == "1"
        running.process.send_signal(signal.SIGTERM)
        with pytest.raises(grpc.RpcError) as caught:
            next(answers)
        to_send.put(None)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "is being stopped" in (caught.value.details() or "")
        assert running.stop() == 0
    rpc_deployment.verify()


def test_a_certificate_has_a_share_of_the_streams(rpc_deployment: Deployment) -> None:
    rpc_deployment.configure("[metrics]", "[limits]\nstreams = 8\n[metrics]")
    ends: list[queue.SimpleQueue[None]] = [queue.SimpleQueue() for _ in range(3)]
    with rpc_deployment.start() as running:
        opened = []
        for end in ends[:2]:
            answers = stream(running, _one_and_wait(end))
            next(answers)
            opened.append(answers)
        with pytest.raises(grpc.RpcError) as caught:
            next(stream(running, _one_and_wait(ends[2])))
        other = list(stream(running, streamed(request()), client="SYS-CAB-AID"))
        for end in ends:
            end.put(None)
        for answers in opened:
            assert list(answers) == []

    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert reason(caught.value) == "BUSY"
    assert len(other) == 1


def _one_and_wait(end: "queue.SimpleQueue[None]") -> Iterator[pb.CheckStreamRequest]:
    yield pb.CheckStreamRequest(id="1", request=request())
    end.get()
