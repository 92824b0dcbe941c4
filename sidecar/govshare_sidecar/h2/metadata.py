# SPDX-License-Identifier: Apache-2.0
"""Header fields of HTTP/2, and what they say of a call of gRPC.

Source:
    gRPC over HTTP2, "Requests" and "Responses".
"""

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeAlias

from grpc import StatusCode

from govshare_sidecar.h2._nghttp2 import Outgoing, Pairs
from govshare_sidecar.h2.framing import WireError

Field: TypeAlias = tuple[bytes, bytes]
Metadatum: TypeAlias = tuple[str, str | bytes]
Metadata: TypeAlias = tuple[Metadatum, ...]

CONTENT_TYPE: Final = b"application/grpc"
DETAILS: Final = "grpc-status-details-bin"
_BINARY: Final = "-bin"
_ENCODINGS: Final = b"grpc-accept-encoding"
_TIMEOUT: Final = re.compile(rb"(\d{1,8})([HMSmun])")
_UNITS_S: Final = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_NAME: Final = re.compile(r"[0-9a-z_.-]+")
_TEXT: Final = re.compile(r"[ -~]*")
_TEXT_BYTES: Final = re.compile(rb"[ -~]*")
# Everything that a message of a status cannot hold as it is.
_ESCAPED: Final = re.compile(rb"[^ -$&-~]")
_HEAD: Final[tuple[Outgoing, ...]] = ((b":status", b"200"), (b"content-type", CONTENT_TYPE))

HEAD: Final = Pairs(_HEAD)
ENDED_WELL: Final = Pairs([(b"grpc-status", b"0")])


@dataclass(frozen=True, slots=True)
class Asked:
    """What the header fields of one call say.

    Attributes:
        path: ``/package.Service/Method``.
        metadata: Everything that is neither HTTP's nor the framework's own.
        timeout_s: Until when the caller waits; ``None`` for ever.
        encoding: How messages may be packed.
    """

    path: str
    metadata: Metadata
    timeout_s: float | None
    encoding: bytes


def parse_head(fields: Iterable[Field]) -> Asked:
    """Return what *fields* say; libnghttp2 has seen to it that they are a request.

    Raises:
        WireError: If they are not one of gRPC.
    """
    own: dict[bytes, bytes] = {}
    metadata: list[Metadatum] = []
    for name, value in fields:
        if name in _OWN or name[0] == ord(":"):
            own[name] = value
        elif not name.startswith(b"grpc-"):
            metadata.extend(_metadata(name, value))
    _verify_spoken(own)
    timeout = own.get(b"grpc-timeout")
    try:
        path = own[b":path"].decode("ascii")
    except UnicodeDecodeError:
        raise WireError(StatusCode.UNIMPLEMENTED, "there is no such method") from None
    return Asked(
        path,
        tuple(metadata),
        None if timeout is None else _seconds(timeout),
        own.get(b"grpc-encoding", b"identity"),
    )


_OWN: Final = frozenset(
    {b"content-type", b"te", b"grpc-timeout", b"grpc-encoding", b"content-length", b"host"}
)


def outgoing(metadata: Iterable[Metadatum]) -> list[Outgoing]:
    """Return *metadata* as it leaves.

    Raises:
        ValueError: If it cannot be said.
    """
    return [_said(key, value) for key, value in metadata]


def initial(metadata: Sequence[Outgoing]) -> Pairs:
    """Return the header fields before the first message."""
    return Pairs([*_HEAD, *metadata]) if metadata else HEAD


def trailing(code: StatusCode, message: str, metadata: Sequence[Outgoing]) -> Pairs:
    """Return the header fields behind the last message."""
    if code is StatusCode.OK and not message and not metadata:
        return ENDED_WELL
    return Pairs(_ending(code, message, metadata))


def only(
    code: StatusCode, message: str, metadata: Sequence[Outgoing], *, status: int = HTTPStatus.OK
) -> Pairs:
    """Return the header fields of an answer without a message.

    Args:
        code: How the call ends.
        message: Says why.
        metadata: Goes with it.
        status: Of HTTP.
    """
    ending = _ending(code, message, metadata)
    encodings = [(_ENCODINGS, b"identity")] if code is StatusCode.UNIMPLEMENTED else []
    return Pairs([(b":status", b"%d" % status), _HEAD[1], *encodings, *ending])


def _verify_spoken(own: dict[bytes, bytes]) -> None:
    """Return only if it is gRPC that is spoken.

    Raises:
        WireError: If not.
    """
    kind = own.get(b"content-type", b"")
    if not kind.startswith(CONTENT_TYPE) or kind[len(CONTENT_TYPE) :][:1] not in (b"", b"+", b";"):
        status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        message = "the content type is not that of gRPC"
        raise WireError(StatusCode.INTERNAL, message, status=status)
    if own[b":method"] != b"POST":
        status = HTTPStatus.METHOD_NOT_ALLOWED
        raise WireError(StatusCode.INTERNAL, "the method is not `POST`", status=status)
    if own.get(b"te") != b"trailers":
        status = HTTPStatus.BAD_REQUEST
        message = "`te: trailers` is missing, so a proxy on the way may not speak gRPC"
        raise WireError(StatusCode.INTERNAL, message, status=status)


def _seconds(timeout: bytes) -> float:
    found = _TIMEOUT.fullmatch(timeout)
    if found is None:
        raise WireError(StatusCode.INTERNAL, "`grpc-timeout` cannot be read")
    return int(found[1]) * _UNITS_S[found[2]]


def _metadata(name: bytes, value: bytes) -> list[Metadatum]:
    key = name.decode("ascii")
    if key.endswith(_BINARY):
        return [(key, _binary(each.strip(b" "))) for each in value.split(b",")]
    if _TEXT_BYTES.fullmatch(value) is None:
        raise WireError(StatusCode.INTERNAL, "a value of the metadata is not printable ASCII")
    return [(key, value.decode("ascii"))]


def _binary(value: bytes) -> bytes:
    try:
        return base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except binascii.Error:
        raise WireError(StatusCode.INTERNAL, "a value of the metadata is not base64") from None


def _ending(code: StatusCode, message: str, metadata: Sequence[Outgoing]) -> list[Outgoing]:
    ending = [(b"grpc-status", b"%d" % code.value[0])]
    if message:
        said = message.encode("utf-8", "replace")
        escaped = _ESCAPED.sub(lambda found: b"%%%02X" % found[0][0], said)
        ending.append((b"grpc-message", escaped))
    return [*ending, *metadata]


def _said(key: str, value: str | bytes) -> Outgoing:
    """Return one pair of metadata as it leaves."""
    if _NAME.fullmatch(key) is None or (key.startswith("grpc-") and key != DETAILS):
        raise ValueError("a key of the metadata is not one that may be sent")
    if key.endswith(_BINARY):
        data = value.encode() if isinstance(value, str) else value
        return key.encode("ascii"), base64.b64encode(data).rstrip(b"=")
    text = value.decode("ascii") if isinstance(value, bytes) else value
    if _TEXT.fullmatch(text) is None:
        raise ValueError("a value of the metadata is not printable ASCII")
    return key.encode("ascii"), text.encode("ascii")
