# SPDX-License-Identifier: Apache-2.0
"""Messages in protobuf, read by the descriptors that the operator trusts.

A message is read in full or not at all. What the descriptors do not know, or what is there twice,
somebody else might read, so a message that spelt anew has other bytes counts as unread; and so does
one with a text that has controls in it, which is a message of another type in its place.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, EncodeError, Message

from govshare_sidecar.envoy.frames import MEDIA_TYPE, Frames
from govshare_sidecar.refusal import RefusedError

_MEDIA: Final = frozenset(
    (
        "application/x-protobuf",
        "application/protobuf",
        "application/vnd.google.protobuf",
        MEDIA_TYPE,
        f"{MEDIA_TYPE}+proto",
    )
)
# As JSON spells them: all but line ends and tabs.
_CONTROL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\(?:u00[01]|[bf])")
_MAX_FRAME: Final = 64 << 20


def is_protobuf(content_type: str) -> bool:
    """Tell whether *content_type* announces protobuf, bare or in the frames of gRPC."""
    return _media(content_type) in _MEDIA


def as_json(body: bytes, content_type: str, kind: Descriptor | None) -> bytes | None:
    """Return *body*, messages of *kind*, as one JSON document; ``None`` if it is not read in full.

    Args:
        body: One message, or those of gRPC in their frames, as *content_type* says.
        content_type: One of protobuf.
        kind: ``None`` if it is not known.
    """
    if kind is None:
        return None
    is_framed = _media(content_type).startswith(MEDIA_TYPE)
    try:
        messages = list(_framed(body)) if is_framed else [body]
        found = [_document(message, kind) for message in messages]
    except (DecodeError, EncodeError, RefusedError, TypeError, ValueError):
        # An `Any` of a type that the descriptors do not know is a type error.
        return None
    spelt = json.dumps(found if is_framed else found[0], ensure_ascii=False)
    return None if _CONTROL.search(spelt) else spelt.encode()


def _media(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _framed(body: bytes) -> Iterator[bytes]:
    frames = Frames.asked(_MAX_FRAME)
    yield from frames.feed(body)
    frames.verify_empty()


def _document(body: bytes, kind: Descriptor) -> object:
    message: Message = message_factory.GetMessageClass(kind).FromString(body)
    message.DiscardUnknownFields()
    # Fields and entries of maps may stand in any order; their bytes are the same.
    if sorted(message.SerializeToString()) != sorted(body):
        raise ValueError("the message says more than its type knows")
    return json_format.MessageToDict(message, preserving_proto_field_name=True)
