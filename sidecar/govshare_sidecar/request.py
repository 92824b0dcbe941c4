# SPDX-License-Identifier: Apache-2.0
"""From an HTTP request to a call: everything that is checked before there is one."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import unquote, unquote_to_bytes, urlencode

from aiohttp import web
from multidict import CIMultiDictProxy

from govshare_policy.call import Call, call_from_document, parse_object
from govshare_policy.crypto import sm3
from govshare_policy.envelope import Presented, request_digest
from govshare_policy.errors import CallError
from govshare_policy.identity import Evidence
from govshare_sidecar.door import joined, read_body, verify_plain
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.routes import Route
from govshare_sidecar.targets import Target, match, one_subject

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
_JSON: Final = re.compile(r'application/json(\s*;\s*charset="?utf-8"?)?', re.IGNORECASE)
_NOT_JSON: Final = "this route answers for one subject: say `Content-Type: application/json`, once"
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
        call, route = self.call, self.target.route
        if route.subject and body and not _JSON.fullmatch(self.headers.get("Content-Type", "")):
            # As a form, or in another character set, the same bytes may name somebody else.
            raise RefusedError(Cause.SUBJECT, _NOT_JSON)
        if route.has_subject_in_body:
            call = replace(call, subject=_subject_in(body, route.subject))
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
    verify_plain(request, encodings=_PASSED)
    if request.method not in ("GET", "POST"):
        raise RefusedError(Cause.METHOD)
    if request.method == "GET" and request.body_exists:
        raise RefusedError(Cause.BAD_BODY)
    asked = read_head(request.method, request.raw_path, request.headers, routes)
    if request.method != "POST":
        return asked
    return asked.with_body(await read_body(request, max_bytes=max_bytes))


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
    hop = {name.strip() for name in joined(headers, "Connection", "").split(",")}
    kept = {
        name: headers[name]
        for name in _FORWARDED
        if len(headers.getall(name, ())) == 1 and name.lower() not in hop
    }
    return {**kept, "Accept-Encoding": "identity"}


def _subject_in(body: bytes, name: str) -> str:
    try:
        document = parse_object(body)
    except CallError:
        raise RefusedError(Cause.SUBJECT) from None
    # Many readers of JSON take any letter case for the same member, and the last of several.
    return one_subject(
        [
            value if key == name else None
            for key, value in document.items()
            if key.casefold() == name.casefold()
        ]
    )
