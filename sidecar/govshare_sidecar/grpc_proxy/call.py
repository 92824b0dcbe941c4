# SPDX-License-Identifier: Apache-2.0
"""From an RPC to a call: everything that is checked before there is one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import quote

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, EncodeError, Message
from multidict import CIMultiDict, CIMultiDictProxy

from govshare_policy.call import Call, call_from_document
from govshare_policy.crypto import sm3
from govshare_policy.envelope import Presented, request_digest
from govshare_policy.gate import Answer
from govshare_policy.identity import Evidence
from govshare_sidecar.grpc_proxy.settings import RpcRoute
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.request import envelope_in, read_stated, stated
from govshare_sidecar.targets import one_subject

FIELDS: Final = "govshare-fields"
_NOT_SUBJECTS: Final = (FieldDescriptor.CPPTYPE_BOOL, FieldDescriptor.CPPTYPE_ENUM)
Metadata = tuple[tuple[str, str | bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message of a caller, read and spelled anew."""

    data: bytes
    subjects: tuple[str, ...]
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRpc:
    """One RPC that says a call.

    Attributes:
        metadata: What goes on to the department's API, of what the caller sent.
        envelope: What the caller signed; empty if nothing.
    """

    call: Call
    route: RpcRoute
    metadata: Metadata
    envelope: str = field(default="", repr=False)

    def about(self, sent: Sent) -> "AskedRpc":
        """Return the RPC with the subject that its one message names, if the route asks so."""
        return replace(self, call=replace(self.call, subject=sent.subject))

    def shown(self, evidence: Evidence, *, message: bytes) -> Evidence:
        """Return *evidence* with the envelope; *message* is empty where several come."""
        if not self.envelope:
            return evidence
        request = request_digest("POST", self.route.path, message)
        return replace(evidence, envelope=Presented(text=self.envelope, request=request))

    def onward(self, answer: Answer) -> Metadata:
        """Return what the department's API is sent: what goes on, and what *answer* adds."""
        fields = ",".join(quote(name, safe="") for name in answer.decision.fields)
        return (*self.metadata, ("govshare-record", answer.record_id), (FIELDS, fields))


def read_rpc(
    route: RpcRoute, metadata: Iterable[tuple[str, str | bytes]], *, onward: frozenset[str]
) -> AskedRpc:
    """Return the call that an RPC of *route* states.

    Args:
        route: What was called.
        metadata: All of it; a key that was sent twice stands there twice.
        onward: Keys that go on to the department's API.

    Raises:
        RefusedError: If a key of ours stands there twice, or does not say text.
        CallError: If what it states is not of the shape of a call.
    """
    pairs = tuple(metadata)
    texts = CIMultiDict((key, value) for key, value in pairs if isinstance(value, str))
    headers = CIMultiDictProxy(texts)
    fields = read_stated(headers, FIELDS).split(",") if FIELDS in headers else list(route.fields)
    document: dict[str, object] = {
        "action": "read",
        "resource": route.resource,
        "channel": route.channel,
        "fields": fields,
        "purpose": "",
        **stated(headers),
    }
    return AskedRpc(
        call=call_from_document(document, on_the_wire=True),
        route=route,
        metadata=tuple((key, value) for key, value in pairs if key in onward),
        envelope=envelope_in(headers),
    )


def read_sent(route: RpcRoute, data: bytes, *, max_bytes: int) -> Sent:
    """Return the message *data* of a caller, as the department's API is to get it.

    Raises:
        RefusedError: If it is too large, is no message of the method, or holds something that the
            descriptors do not know, which might change what the API does.
    """
    if len(data) > max_bytes:
        raise RefusedError(Cause.TOO_LARGE)
    try:
        kind = message_factory.GetMessageClass(route.method.input_type)
        message: Message = kind.FromString(data)
        size = message.ByteSize()
        message.DiscardUnknownFields()
        if message.ByteSize() != size:
            raise RefusedError(
                Cause.BAD_CALL, "the message holds a field that this gateway does not know"
            )
        return Sent(
            data=message.SerializeToString(deterministic=True),
            subjects=_subjects(message),
            subject=one_subject([getattr(message, route.subject)]) if route.subject else "",
        )
    except (DecodeError, EncodeError):
        raise RefusedError(
            Cause.BAD_CALL, f"the message is no whole `{route.method.input_type.full_name}`"
        ) from None


def committed(route: RpcRoute, sent: Sent | None) -> Mapping[str, str]:
    """Return what the record commits to: what was asked, and whom it was about.

    ``request`` is SM3 of the path, a newline, and the message as the department's API gets it;
    where messages come in a stream, of path and newline alone. ``subject_1``, ``subject_2``, …
    are the texts and numbers that stand in the message itself, in the order of its fields.
    """
    data = b"" if sent is None else sent.data
    return {
        "request": sm3(route.path.encode() + b"\n" + data).hex(),
        **{
            f"subject_{number}": value
            for number, value in enumerate(() if sent is None else sent.subjects, 1)
        },
    }


def _subjects(message: Any) -> tuple[str, ...]:  # noqa: ANN401  generated classes
    return tuple(
        str(value)
        for field, value in message.ListFields()
        if isinstance(value, str | int | float) and field.cpp_type not in _NOT_SUBJECTS
    )
