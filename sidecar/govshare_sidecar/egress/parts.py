# SPDX-License-Identifier: Apache-2.0
"""What of an HTTP message is looked at: its body, and everything else that can carry a value."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote

from google.protobuf.descriptor import Descriptor
from multidict import CIMultiDictProxy

from govshare_policy.egress.reading import Code
from govshare_sidecar.egress.messages import as_json, is_protobuf

Part = tuple[bytes, str]

_JSON: Final = "application/json"
_HEAD: Final = "text/plain; charset=utf-8"
_HOP: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# Their values are chosen by libraries, by the minute or by nobody.
_PLAIN: Final = frozenset({"accept", "accept-encoding", "accept-language", "cache-control", "date"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A message, in what is looked at.

    Attributes:
        scanned: What is looked at, each with its media type.
        raw: What it is as it leaves.
        unread: The form of what cannot be looked at; empty if all can be.
    """

    scanned: tuple[Part, ...] = field(repr=False)
    raw: tuple[bytes, ...] = field(repr=False)
    unread: str = ""


def end_to_end(headers: CIMultiDictProxy[str]) -> list[tuple[str, str]]:
    """Return the headers that are not of one connection alone."""
    named = {
        name.strip().lower()
        for value in headers.getall("Connection", ())
        for name in value.split(",")
    }
    return [
        (name, value)
        for name, value in headers.items()
        if name.lower() not in _HOP and name.lower() not in named and name[:1] != ":"
    ]


def parts_of(
    body: bytes,
    headers: Iterable[tuple[str, str]],
    *,
    target: str = "",
    kind: Descriptor | None = None,
) -> Parts:
    """Return a message as parts to be scanned: the body if there is one, and the rest as lines.

    Protobuf is looked at as JSON of the same; what is of no known type cannot be.

    Args:
        body: As it would leave.
        headers: Those that would leave.
        target: Path and query of a request.
        kind: What a body in protobuf is a message of; ``None`` if nobody knows.
    """
    sent = list(headers)
    content_type = next((value for name, value in sent if name.lower() == "content-type"), "")
    lines = [*_target_lines(target)] if target else []
    lines += [f"{name}: {value}" for name, value in sent if name.lower() not in _PLAIN]
    head = "\n".join(lines).encode("utf-8", "surrogateescape")
    rest: tuple[Part, ...] = ((head, _HEAD),) if head.strip() else ()
    raw = (*((body,) if body else ()), *(text for text, _ in rest))
    if not body:
        return Parts(scanned=rest or ((b"", _HEAD),), raw=raw)
    if not is_protobuf(content_type):
        return Parts(scanned=((body, content_type), *rest), raw=raw)
    spelt = as_json(body, content_type, kind)
    if spelt is None:
        return Parts(scanned=rest, raw=raw, unread=Code.UNKNOWN_FORM.value)
    return Parts(scanned=((spelt, _JSON), *rest), raw=raw)


def sent_values(target: str, scalars: Iterable[str]) -> frozenset[str]:
    """Return the values that a caller sent itself: in the path, in the query, in the body."""
    path, _, query = target.partition("?")
    chosen = {unquote(part) for part in path.split("/")}
    chosen |= {value for _, value in parse_qsl(query)}
    return frozenset(value for value in (*chosen, *scalars) if value)


def unwrapped(headers: Mapping[str, str]) -> bool:
    """Tell whether the body under *headers* is as it is, and not packed."""
    return headers.get("Content-Encoding", "identity").strip().lower() == "identity"


def _target_lines(target: str) -> list[str]:
    path, _, query = target.partition("?")
    lines = [unquote(part) for part in path.split("/") if part]
    lines += [f"{name}: {value}" for name, value in parse_qsl(query, keep_blank_values=True)]
    # As it stands too: an encoding of bytes that are not UTF-8 is the reader's business.
    return [*lines, target] if "%" in target else lines
