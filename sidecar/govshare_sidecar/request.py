# SPDX-License-Identifier: Apache-2.0
"""From an HTTP request to a call: everything that is checked before there is one."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import unquote, unquote_to_bytes, urlencode

from aiohttp import HttpVersion10, HttpVersion11, web
from multidict import CIMultiDictProxy

from govshare_policy.call import Call, call_from_document, parse_object
from govshare_policy.crypto import sm3
from govshare_policy.envelope import Presented, request_digest
from govshare_policy.errors import CallError
from govshare_policy.identity import Evidence
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.routes import Route, Target, match, one_subject

BODY_TIMEOUT_S: Final = 30.0
_STATED: Final[Mapping[str, str]] = {
    "Govshare-Purpose": "purpose",
    "Govshare-Item": "item",
    "Govshare-Grant": "grant",
    "Govshare-Operator": "operator",
    "Govshare-Consent": "consent",
}
_CHAINS: Final[Mapping[str, str]] = {
    "Govshare-On-Behalf-Of": "on_behalf_of",
    "Govshare-Forwarded-For": "forwarded_for",
}
ENVELOPE: Final = "Govshare-Envelope"
# What goes on to the department's API. Everything else stays here: credentials, cookies, what
# other proxies say about the caller, overrides of the method, ranges and conditions.
_FORWARDED: Final = (
    "Accept",
    "Accept-Language",
    "Content-Encoding",
    "Content-Type",
    "User-Agent",
    "X-Request-Id",
)
# A body goes on as it came; what the department's API cannot unpack, it refuses.
_PASSED: Final = ("identity", "gzip")
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_ESCAPES: Final = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request that says a call.

    Attributes:
        body: What a ``POST`` carries on to the department's API; ``None`` for a ``GET``.
        headers: Those that go on to it.
        raw_path: Path and query as the caller sent them.
        envelope: What it signed; empty if nothing.
    """

    call: Call
    target: Target
    method: str
    headers: Mapping[str, str]
    body: bytes | None = field(repr=False)
    raw_path: str = field(default="", repr=False)
    envelope: str = field(default="", repr=False)

    def with_body(self, body: bytes) -> "Asked":
        """Return the request with its whole body, which names the subject where the route says so.

        Raises:
            RefusedError: If it has to name exactly one, and does not.
        """
        call = self.call
        if self.target.route.has_subject_in_body:
            call = replace(call, subject=_subject_in(body, self.target.route.subject))
        return replace(self, call=call, body=body)

    def shown(self, evidence: Evidence) -> Evidence:
        """Return *evidence* with the envelope that came with the request."""
        if not self.envelope:
            return evidence
        request = request_digest(self.method, self.raw_path, self.body or b"")
        presented = Presented(text=self.envelope, request=request)
        return replace(evidence, envelope=presented)

    def values(self) -> dict[str, str]:
        """Return what the record commits to: what was asked, and whom it was about.

        ``request`` is SM3 of the request as the department's API gets it, but for the parameter
        that names the fields: method, path, query and body, each of the first three with a
        newline behind it. ``subject_1``, ``subject_2``, … are the values that the caller chose:
        the parameters of the path and then those of the query, in their order.
        """
        target = self.target
        head = f"{self.method}\n{target.path}\n{urlencode(target.query)}\n"
        parts = zip(target.route.segments, target.path[1:].split("/"), strict=True)
        chosen = [unquote(part) for literal, part in parts if not literal]
        chosen += [value for _, value in target.query]
        return {
            "request": sm3(head.encode() + (self.body or b"")).hex(),
            **{f"subject_{number}": value for number, value in enumerate(chosen, 1)},
        }


async def read_request(
    request: web.BaseRequest, routes: Sequence[Route], *, max_bytes: int
) -> Asked:
    """Return the call that *request* states, with its whole body read.

    Raises:
        RefusedError: If it states none: the method, the target, a header or the body is wrong.
        CallError: If what it states is not of the shape of a call.
    """
    _verify_plain(request)
    asked = read_head(request.method, request.raw_path, request.headers, routes)
    if request.method != "POST":
        return asked
    return asked.with_body(await _body(request, max_bytes))


def read_head(
    method: str, raw_path: str, headers: CIMultiDictProxy[str], routes: Sequence[Route]
) -> Asked:
    """Return the call that a request states whose body has not been read.

    Args:
        method: As it was sent.
        raw_path: Path and query, encoded as they were sent.
        headers: All of them; one that was sent twice stands there twice.
        routes: What is handed out.

    Raises:
        RefusedError: If it states none: the target or a header is wrong.
        CallError: If what it states is not of the shape of a call.
    """
    target = match(routes, method, raw_path)
    route = target.route
    document: dict[str, object] = {
        "action": "read",
        "resource": route.resource,
        "channel": route.channel,
        "fields": list(target.fields),
        "purpose": "",
    }
    call = call_from_document({**document, **stated(headers)}, on_the_wire=True)
    return Asked(
        call=replace(call, subject=target.subject),
        target=target,
        method=method,
        headers=_forwarded(headers),
        body=None,
        raw_path=raw_path,
        envelope=envelope_in(headers),
    )


def envelope_in(headers: CIMultiDictProxy[str]) -> str:
    """Return the envelope that *headers* hold, or nothing.

    Raises:
        RefusedError: If there are two, or it is empty.
    """
    if ENVELOPE not in headers:
        return ""
    text = read_stated(headers, ENVELOPE)
    if not text:
        raise RefusedError(Cause.BAD_HEADER)
    return text


def stated(headers: CIMultiDictProxy[str]) -> dict[str, object]:
    """Return what the ``Govshare`` headers say about a call, under the keys of a call.

    Raises:
        RefusedError: If one stands there twice, or is not percent-encoded UTF-8.
    """
    said: dict[str, object] = {}
    for name, key in _STATED.items():
        if name in headers:
            said[key] = read_stated(headers, name)
    for name, key in _CHAINS.items():
        if name in headers:
            said[key] = [party.strip() for party in read_stated(headers, name).split(",")]
    return said


def _verify_plain(request: web.BaseRequest) -> None:
    if request.version not in (HttpVersion10, HttpVersion11):
        raise RefusedError(Cause.BAD_REQUEST)
    if request.method not in ("GET", "POST"):
        raise RefusedError(Cause.METHOD)
    if "Upgrade" in request.headers:
        raise RefusedError(Cause.UPGRADE)
    if _joined(request.headers, "Content-Encoding", "identity") not in _PASSED:
        raise RefusedError(Cause.ENCODED)
    # What stands before an HTTP/1.0 server may never have heard of chunks.
    if request.version == HttpVersion10 and "Transfer-Encoding" in request.headers:
        raise RefusedError(Cause.BAD_REQUEST)
    # The parser also takes `gzip, chunked`, and hands on the packed bytes as if they were plain.
    if _joined(request.headers, "Transfer-Encoding", "chunked") != "chunked":
        raise RefusedError(Cause.ENCODED)
    if request.method == "GET" and request.body_exists:
        raise RefusedError(Cause.BAD_BODY)


def read_stated(headers: CIMultiDictProxy[str], name: str) -> str:
    """Return what the header *name* says, which is there.

    Raises:
        RefusedError: If it stands there twice, or is not percent-encoded UTF-8.
    """
    values = headers.getall(name)
    if len(values) != 1 or not _ESCAPES.fullmatch(values[0]):
        raise RefusedError(Cause.BAD_HEADER)
    try:
        # Bytes that are not UTF-8 arrive as surrogates, which do not encode.
        return unquote_to_bytes(values[0].encode("utf-8", "strict")).decode("utf-8", "strict")
    except UnicodeError:
        raise RefusedError(Cause.BAD_HEADER) from None


def _forwarded(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    """Return what goes on: allowed, there once, and not for this connection only."""
    hop = {name.strip() for name in _joined(headers, "Connection", "").split(",")}
    kept = {
        name: headers[name]
        for name in _FORWARDED
        if len(headers.getall(name, ())) == 1 and name.lower() not in hop
    }
    return {**kept, "Accept-Encoding": "identity"}


def _joined(headers: CIMultiDictProxy[str], name: str, usual: str) -> str:
    # Of a header that stands twice, readers take different ones.
    return ",".join(headers.getall(name, [usual])).strip().lower()


def _subject_in(body: bytes, name: str) -> str:
    try:
        document = parse_object(body)
    except CallError:
        raise RefusedError(Cause.SUBJECT) from None
    return one_subject([document[name]] if name in document else [])


async def _body(request: web.BaseRequest, max_bytes: int) -> bytes:
    if (request.content_length or 0) > max_bytes:
        raise RefusedError(Cause.TOO_LARGE)
    waits = request.headers.get("Expect", "").lower() == "100-continue"
    if waits and request.version == HttpVersion11:
        await request.writer.write(_CONTINUE)
        request.writer.output_size = 0  # the answer itself has not begun
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > max_bytes:
                    raise RefusedError(Cause.TOO_LARGE)
    except TimeoutError:
        raise RefusedError(Cause.SLOW) from None
    except (web.RequestPayloadError, ConnectionError):
        raise RefusedError(Cause.BAD_BODY) from None
    return bytes(body)
