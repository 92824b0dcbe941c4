# SPDX-License-Identifier: Apache-2.0
"""What of an HTTP message is looked at: its body, and everything else that can carry a value."""

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote

from multidict import CIMultiDictProxy

Part = tuple[bytes, str]

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
    body: bytes, headers: Iterable[tuple[str, str]], *, target: str = ""
) -> tuple[Part, ...]:
    """Return a message as parts to be scanned: the body if there is one, and the rest as lines.

    Args:
        body: As it would leave.
        headers: Those that would leave.
        target: Path and query of a request.
    """
    sent = list(headers)
    content_type = next((value for name, value in sent if name.lower() == "content-type"), "")
    lines = [*_target_lines(target)] if target else []
    lines += [f"{name}: {value}" for name, value in sent if name.lower() not in _PLAIN]
    head = "\n".join(lines).encode("utf-8", "surrogateescape")
    found: list[Part] = [(body, content_type)] if body else []
    return (*found, (head, _HEAD)) if head.strip() else tuple(found or [(b"", _HEAD)])


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
