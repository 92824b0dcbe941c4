# SPDX-License-Identifier: Apache-2.0
"""The methods of our gRPC services, for clients that have a channel."""

from collections.abc import Iterable, Iterator

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from govshare_sidecar._pb import audit_pb2, enforcement_pb2
from tests.e2e.callers import Callers

SYSTEM = "SYS-HCB-PRH"
TIMEOUT_S = 60.0


def batch(
    callers: Callers, requests: Iterable[enforcement_pb2.CheckRequest], *, client: str = SYSTEM
) -> list[enforcement_pb2.CheckResult]:
    """Send one ``CheckBatch``."""
    message = enforcement_pb2.CheckBatchRequest(requests=list(requests))
    data = send(callers, "Enforcement/CheckBatch", message.SerializeToString(), client=client)
    return list(enforcement_pb2.CheckBatchResponse.FromString(data).results)


def stream(
    callers: Callers,
    messages: Iterable[enforcement_pb2.CheckStreamRequest],
    *,
    client: str = SYSTEM,
) -> Iterator[enforcement_pb2.CheckStreamResponse]:
    """Open one ``CheckStream`` and yield its answers."""
    with callers.channel(client) as channel:
        method: grpc.StreamStreamMultiCallable[
            enforcement_pb2.CheckStreamRequest, enforcement_pb2.CheckStreamResponse
        ]
        method = channel.stream_stream(
            "/govshare.v1.Enforcement/CheckStream",
            request_serializer=enforcement_pb2.CheckStreamRequest.SerializeToString,
            response_deserializer=enforcement_pb2.CheckStreamResponse.FromString,
        )
        yield from method(iter(messages), timeout=TIMEOUT_S)


def release(
    callers: Callers, message: enforcement_pb2.ReleaseRequest, *, client: str = SYSTEM
) -> enforcement_pb2.ReleaseResponse:
    """Send one ``Release``."""
    data = send(callers, "Enforcement/Release", message.SerializeToString(), client=client)
    return enforcement_pb2.ReleaseResponse.FromString(data)


def checkpoint(callers: Callers) -> audit_pb2.GetCheckpointResponse:
    """Ask for the newest checkpoint."""
    data = send(callers, "Audit/GetCheckpoint", b"")
    return audit_pb2.GetCheckpointResponse.FromString(data)


def receipt(
    callers: Callers, kept: enforcement_pb2.Receipt, *, client: str = SYSTEM
) -> enforcement_pb2.Receipt:
    """Ask for the receipt that *kept* names."""
    message = audit_pb2.GetReceiptRequest(log_index=kept.log_index, record_id=kept.record_id)
    data = send(callers, "Audit/GetReceipt", message.SerializeToString(), client=client)
    return audit_pb2.GetReceiptResponse.FromString(data).receipt


def consistency(callers: Callers, old_size: int) -> audit_pb2.GetConsistencyResponse:
    """Ask for the proof that the log continues itself at *old_size*."""
    message = audit_pb2.GetConsistencyRequest(old_size=old_size)
    data = send(callers, "Audit/GetConsistency", message.SerializeToString())
    return audit_pb2.GetConsistencyResponse.FromString(data)


def send(callers: Callers, method: str, data: bytes, *, client: str = SYSTEM) -> bytes:
    """Send *data* to *method* as they are, and return what comes back."""
    with callers.channel(client) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes]
        call = channel.unary_unary(f"/govshare.v1.{method}")
        return call(data, timeout=TIMEOUT_S)


def reason(error: grpc.RpcError) -> str:
    """Return the reason in the rich details of *error*."""
    status = rpc_status.from_call(error)
    info = error_details_pb2.ErrorInfo()
    [packed] = [detail for detail in status.details if detail.Is(info.DESCRIPTOR)]
    assert packed.Unpack(info)
    return str(info.reason)


def retry_after_s(error: grpc.RpcError) -> int:
    """Return after how many seconds the rich details of *error* ask to come again; 0 if not."""
    delay = error_details_pb2.RetryInfo()
    for detail in rpc_status.from_call(error).details:
        if detail.Is(delay.DESCRIPTOR):
            assert detail.Unpack(delay)
    return int(delay.retry_delay.seconds)
