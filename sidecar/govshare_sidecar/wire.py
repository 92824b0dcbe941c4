# SPDX-License-Identifier: Apache-2.0
"""Between messages on the wire and our values; pure."""

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from govshare_policy.audit import Receipt
from govshare_policy.call import MAX_CALL_BYTES, Call, call_from_document
from govshare_policy.gate import Answer
from govshare_sidecar._pb import answer_pb2, enforcement_pb2
from govshare_sidecar.refusal import Cause, RefusedError


def parse_request(data: bytes) -> Call:
    """Return the call that a ``CheckRequest`` states.

    Raises:
        CallError: If *data* has more than 64 KiB, is no such message, or states no call of the
            interface's shape.
    """
    if len(data) > MAX_CALL_BYTES:
        raise RefusedError(Cause.TOO_LARGE)
    try:
        request = enforcement_pb2.CheckRequest.FromString(data)
    except DecodeError:
        raise RefusedError(Cause.BAD_CALL, "the request is not a `CheckRequest`") from None
    if not request.HasField("call"):
        raise RefusedError(Cause.BAD_CALL, "the request holds no call")
    call = request.call
    parts: tuple[Message, ...] = (request, call)
    if call.HasField("recipient"):
        parts = (*parts, call.recipient)
    if any(len(UnknownFieldSet(part)) for part in parts):
        raise RefusedError(Cause.BAD_CALL, "the call holds a field that this server does not know")
    document: dict[str, object] = MessageToDict(call)
    # A list has no presence in protobuf: left out, it is empty, and that is answered.
    document.setdefault("fields", [])
    return call_from_document(document, on_the_wire=True)


def answer_to_message(answer: Answer) -> answer_pb2.Answer:
    """Return *answer* as a message."""
    return ParseDict(answer.to_document(), answer_pb2.Answer())


def receipt_to_message(record_id: str, receipt: Receipt) -> enforcement_pb2.Receipt:
    """Return *receipt* of the record *record_id* as a message."""
    return enforcement_pb2.Receipt(
        record_id=record_id, log_index=receipt.index, text=receipt.to_text()
    )
