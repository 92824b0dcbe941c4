# SPDX-License-Identifier: Apache-2.0
"""The release of exactly the granted fields out of a protobuf message.

The message is read by the descriptors that the operator trusts, and a new one is built from the
path to the records and the released fields. What the descriptors do not know is never carried
over, neither beside the released fields nor inside them.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, EncodeError, Message

from govshare_policy.crypto import sm3
from govshare_sidecar.release.released import Released
from govshare_sidecar.upstream import Fault, UpstreamError

_MESSAGE: Final = FieldDescriptor.TYPE_MESSAGE


def release_message(
    body: bytes, fields: Collection[str], *, kind: Descriptor, records: Sequence[str] = ()
) -> Released:
    """Return *body* with nothing in it but *fields* of the records that stand at *records*.

    Args:
        body: One message, without the frame that gRPC puts before it.
        fields: By their names in the descriptors; one that the records do not have is passed over.
        kind: What *body* is a message of.
        records: Names that ``verify_place`` let through; empty where *body* is the record.

    Raises:
        UpstreamError: If *body* is no such message. Nothing of it may leave.
    """
    try:
        whole: Message = message_factory.GetMessageClass(kind).FromString(body)
        built, rows = _built(whole, frozenset(fields), records)
        built.DiscardUnknownFields()
        data = built.SerializeToString(deterministic=True)
    except (DecodeError, EncodeError):
        raise UpstreamError(
            Fault.UNREADABLE, f"the department's answer is no whole `{kind.full_name}`"
        ) from None
    return Released(body=data, rows=rows, digest=sm3(data))


def _built(old: Any, wanted: frozenset[str], records: Sequence[str]) -> tuple[Message, int]:  # noqa: ANN401  generated classes
    new = type(old)()
    if not records:
        _copy(old, new, wanted)
        return new, 1
    name, *further = records
    if old.DESCRIPTOR.fields_by_name[name].is_repeated:
        for record in getattr(old, name):
            _copy(record, getattr(new, name).add(), wanted)
        return new, len(getattr(old, name))
    if not old.HasField(name):
        return new, 0
    inner, rows = _built(getattr(old, name), wanted, further)
    getattr(new, name).CopyFrom(inner)
    return new, rows


def _copy(old: Any, new: Any, wanted: frozenset[str]) -> None:  # noqa: ANN401  generated classes
    for field, value in old.ListFields():
        if field.is_extension or field.name not in wanted:
            continue
        if field.is_repeated:
            getattr(new, field.name).MergeFrom(value)
        elif field.type in (_MESSAGE, FieldDescriptor.TYPE_GROUP):
            getattr(new, field.name).CopyFrom(value)
        else:
            setattr(new, field.name, value)
