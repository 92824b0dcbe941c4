# SPDX-License-Identifier: Apache-2.0
"""Between messages on the wire and our values; pure."""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from govshare_policy.audit import Receipt
from govshare_policy.call import MAX_CALL_BYTES, Call, call_from_document
from govshare_policy.decision import Decision
from govshare_policy.envelope import Presented
from govshare_policy.gate import Answer
from govshare_policy.legal import Duty
from govshare_sidecar._pb import answer_pb2, enforcement_pb2
from govshare_sidecar.refusal import Cause, RefusedError

MAX_ID_BYTES: Final = 256
MAX_BATCH_BYTES: Final = 1 << 20
_MOST_REMEMBERED_BYTES: Final = 4096
_NEVER_ALIKE: Final = ("subject", "at", "recipient")
_M = TypeVar("_M", bound=Message)


def parse_message(kind: type[_M], data: bytes) -> _M:
    """Return the message of *kind* that *data* spells.

    Raises:
        RefusedError: If it spells none, or one with a field that this server does not know.
    """
    message = _message(kind, data)
    _verify_known(message)
    return message


class Requests:
    """Parses requests; one that differs from an earlier one in id and operator alone, only once.

    Systems ask the same question thousands of times a day. Nothing is remembered that names a
    person: requests with a subject or a recipient are parsed each time. Owned by the event loop.
    """

    def __init__(self, *, most: int = 1024) -> None:
        self._most = most
        # By their messages without id and operator, the oldest first.
        self._calls: dict[bytes, Call] = {}

    def parse(self, data: bytes) -> tuple[Call, Presented | None]:
        """Return what :func:`parse_enveloped` returns of *data*.

        Raises:
            CallError: As there.
        """
        if len(data) > _MOST_REMEMBERED_BYTES:
            return parse_enveloped(data)
        request = _message(enforcement_pb2.CheckRequest, data)
        stated = request.call
        is_whole = request.HasField("call") and not request.HasField("envelope")
        if not is_whole or any(map(stated.HasField, _NEVER_ALIKE)):
            return parse_enveloped(data)
        name, operator = stated.id, stated.operator
        stated.ClearField("id")
        stated.ClearField("operator")
        # With all that it holds, fields that nobody knows as well.
        alike = request.SerializeToString(deterministic=True)
        call = self._calls.get(alike)
        if call is None:
            call, _ = parse_enveloped(alike)
            if len(self._calls) >= self._most:
                del self._calls[next(iter(self._calls))]
            self._calls[alike] = call
        return call.stated_by(operator, name=name), None


def parse_enveloped(data: bytes) -> tuple[Call, Presented | None]:
    """Return the call that a ``CheckRequest`` states, and its envelope if it has one.

    Raises:
        CallError: If *data* has more than 64 KiB, is no such message, or states no call of the
            interface's shape.
    """
    if len(data) > MAX_CALL_BYTES:
        raise RefusedError(Cause.TOO_LARGE)
    request = parse_message(enforcement_pb2.CheckRequest, data)
    if not request.HasField("call"):
        raise RefusedError(Cause.BAD_CALL, "the request holds no call")
    call = request.call
    _verify_known(call)
    if call.HasField("recipient"):
        _verify_known(call.recipient)
    document = _document(call)
    # A list has no presence in protobuf: left out, it is empty, and that is answered.
    document.setdefault("fields", [])
    presented = Presented(text=request.envelope) if request.HasField("envelope") else None
    return call_from_document(document, on_the_wire=True), presented


def parse_batch(data: bytes, *, most: int) -> Sequence[bytes]:
    """Return the requests of a ``CheckBatchRequest``, each to be parsed for itself.

    Raises:
        RefusedError: If *data* has more than 1 MiB, is no such message, or holds no request or
            more than *most*.
    """
    if len(data) > MAX_BATCH_BYTES:
        raise RefusedError(Cause.TOO_LARGE)
    requests = parse_message(enforcement_pb2.CheckBatchRequest, data).requests
    if not 0 < len(requests) <= most:
        raise RefusedError(Cause.BAD_CALL, f"a batch holds 1 to {most} requests")
    return [_spelled(request) for request in requests]


def parse_stream_request(data: bytes) -> tuple[str, bytes]:
    """Return the id of a ``CheckStreamRequest``, and its request, to be parsed for itself.

    Raises:
        RefusedError: If *data* has more than 64 KiB, is no such message, holds no request, or its
            id has more than 256 bytes.
    """
    if len(data) > MAX_CALL_BYTES:
        raise RefusedError(Cause.TOO_LARGE)
    message = parse_message(enforcement_pb2.CheckStreamRequest, data)
    if not message.HasField("request"):
        raise RefusedError(Cause.BAD_CALL, "the message holds no request")
    if len(message.id.encode()) > MAX_ID_BYTES:
        raise RefusedError(Cause.BAD_CALL, f"`id` is at most {MAX_ID_BYTES} bytes")
    return message.id, _spelled(message.request)


def answer_to_message(answer: Answer) -> answer_pb2.Answer:
    """Return *answer* as a message."""
    document: dict[str, Any] = answer.to_document()
    # The members are named alike; ParseDict finds that out anew for each, at eight times the cost.
    return answer_pb2.Answer(**document)


class AnswerMessages:
    """Answers as messages; what many have in common is put together once. Owned by the loop."""

    def __init__(self, *, most: int = 1024) -> None:
        self._most = most
        # By what cannot be another's while it is kept here: the decision itself.
        self._kept: dict[int, tuple[Decision, tuple[Duty, ...], answer_pb2.Answer]] = {}

    def fill(self, message: answer_pb2.Answer, answer: Answer) -> None:
        """Write *answer* into the empty *message*; one that is copied in costs twice as much."""
        found = self._kept.get(id(answer.decision))
        if found is None or found[0] is not answer.decision or found[1] is not answer.duties:
            found = (answer.decision, answer.duties, answer_to_message(answer))
            while len(self._kept) >= self._most:
                del self._kept[next(iter(self._kept))]
            self._kept[id(answer.decision)] = found
        # The profile and the precedence go with the revision, which the decision states.
        message.CopyFrom(found[2])
        message.id = answer.id


def fill_receipt(message: enforcement_pb2.Receipt, record_id: str, receipt: Receipt) -> None:
    """Write *receipt* of the record *record_id* into the empty *message*."""
    message.record_id = record_id
    message.log_index = receipt.index
    message.text = receipt.to_text()


def _message(kind: type[_M], data: bytes) -> _M:
    try:
        return kind.FromString(data)
    except DecodeError:
        name = kind.DESCRIPTOR.name
        raise RefusedError(Cause.BAD_CALL, f"the request is not a `{name}`") from None


def _document(message: Message) -> dict[str, object]:
    """Return what is set in *message*: texts, flags, lists of texts, and messages of these.

    The keys are the names in the schema, which are those of the JSON form too.
    """
    stated: dict[str, object] = {}
    for descriptor, value in message.ListFields():
        if isinstance(value, str | bool):
            stated[descriptor.name] = value
        elif isinstance(value, Message):
            stated[descriptor.name] = _document(value)
        else:
            stated[descriptor.name] = list(value)
    return stated


def _spelled(request: enforcement_pb2.CheckRequest) -> bytes:
    """Return *request* as a caller's own library spells it, unknown fields and all."""
    return request.SerializeToString(deterministic=True)


def _verify_known(message: Message) -> None:
    if len(UnknownFieldSet(message)):
        raise RefusedError(Cause.BAD_CALL, "the call holds a field that this server does not know")
