# SPDX-License-Identifier: Apache-2.0
"""The forward proxy: what our own systems ask of providers, and what they send to anybody.

Requests come in absolute form (RFC 9112 §3.2.2), over mutual TLS. A request to a provider brings
data in; one to anybody else may take them out.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Final
from urllib.parse import urlsplit

from aiohttp import HttpVersion10, HttpVersion11, web

from govshare_policy.call import Recipient, RecipientKind
from govshare_policy.egress.allowed import TUNNEL
from govshare_policy.egress.obtained import scalars_of
from govshare_policy.identity import Evidence, Identity
from govshare_sidecar.door import certificate_of, read_body
from govshare_sidecar.egress.clearance import Leaving
from govshare_sidecar.egress.http_door import HttpDoor
from govshare_sidecar.egress.means import Means
from govshare_sidecar.egress.message_types import types_of
from govshare_sidecar.egress.outward import Came
from govshare_sidecar.egress.parts import Parts, end_to_end, parts_of, sent_values
from govshare_sidecar.egress.reading_settings import authority_of
from govshare_sidecar.egress.settings import (
    Destination,
    ForwardConfig,
    Kind,
    Provider,
)
from govshare_sidecar.egress.tunnel import tunnel
from govshare_sidecar.refusal import Cause, RefusedError

ENTRANCE: Final = "egress_forward"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PORTS: Final = {"http": 80, "https": 443}
# An answer that a provider packs could not be registered; parts and conditions neither.
_NOT_TO_PROVIDERS: Final = frozenset(
    {"accept-encoding", "range", "if-range", "if-none-match", "if-modified-since"}
)
_CONSENT: Final = "Govshare-Consent"


class Forward(HttpDoor):
    """Answers the requests of our own systems."""

    entrance = ENTRANCE

    def __init__(self, means: Means, own: ForwardConfig, *, lent: dict[str, Evidence]) -> None:
        """Begin; *lent* is what the certificates that providers are shown prove, by host."""
        super().__init__(means)
        self._own = own
        self._lent = lent

    def _evidence(self, request: web.BaseRequest) -> Evidence:
        shown = certificate_of(request)
        return self._at.authorities.evidence(shown, network=self._own.network)

    def _place(self, evidence: Evidence) -> AbstractContextManager[object]:
        return self._at.desk.place(evidence)

    async def _respond(
        self, request: web.BaseRequest, evidence: Evidence, language: str
    ) -> web.StreamResponse:
        if request.version not in (HttpVersion10, HttpVersion11):
            raise RefusedError(Cause.BAD_REQUEST)
        whose = self._at.clearance.identify(evidence)
        if request.method == "CONNECT":
            return await self._tunnel(request, evidence, whose, language)
        if request.method not in METHODS:
            raise RefusedError(Cause.METHOD)
        if "Upgrade" in request.headers:
            raise RefusedError(Cause.UPGRADE)
        host, target = _absolute(request.raw_path)
        body = await read_body(request, max_bytes=self._at.config.max_request_bytes)
        provider = self._at.config.providers.get(host)
        headers = end_to_end(request.headers)
        if provider is not None:
            self._verify_lent(provider, whose)
            headers = [item for item in headers if item[0].lower() not in _NOT_TO_PROVIDERS]
        types = types_of(self._at.config.messages, host, target)
        what = parts_of(body, headers, target=target, kind=types.request)
        leaving = Leaving(
            what=what,
            evidence=evidence,
            whose=whose,
            to=_to(provider) if provider else self._destination(host),
            door=ENTRANCE,
            language=language,
            asks=provider.department if provider else "",
            consent="" if provider else request.headers.get(_CONSENT, ""),
        )
        refusal = await self._at.clearance.refusal_of(leaving)
        if refusal is not None:
            return refusal
        came = await self._at.outward.ask(
            request.method, request.raw_path, headers=headers, body=body, host=host
        )
        if provider is not None:
            sent = sent_values(target, scalars_of(what.scanned[0][0] if body else b""))
            kept = await self._at.inbound.register(came, provider, sent=sent, kind=types.answer)
            self._at.clearance.counts["registered"] += kept
        return response_of(came)

    async def _tunnel(
        self, request: web.BaseRequest, evidence: Evidence, whose: Identity, language: str
    ) -> web.StreamResponse:
        try:
            host = authority_of(request.raw_path)
        except ValueError:
            raise RefusedError(Cause.BAD_TARGET) from None
        if host in self._at.config.providers:
            raise RefusedError(Cause.METHOD, "a provider is asked in absolute form, not by tunnel")
        to = self._destination(host)
        refusal = await self._at.clearance.refusal_of(
            Leaving(
                what=Parts(scanned=(), raw=(), unread=TUNNEL),
                evidence=evidence,
                whose=whose,
                to=to,
                door=ENTRANCE,
                language=language,
            )
        )
        if refusal is not None:
            refusal.force_close()
            return refusal
        return await tunnel(request, host, timeout_s=self._at.config.upstream_timeout_s)

    def _destination(self, host: str) -> Destination:
        """Return whom *host* belongs to; one that is not bound is a third party nobody knows."""
        unknown = Recipient(kind=RecipientKind.COMPANY)
        return self._at.config.destinations.get(
            host, Destination(host=host, kind=Kind.COMPANY, recipient=unknown)
        )

    def _verify_lent(self, provider: Provider, whose: Identity) -> None:
        """Return only if the certificate that *provider* is shown is of the same system.

        Raises:
            RefusedError: If one system would speak in the name of another.
        """
        shown = self._at.desk.identify(self._lent[provider.host])
        if shown.flaw is not None or shown.system != whose.system:
            raise RefusedError(
                Cause.STRANGER, "the provider would be shown a certificate of another system"
            )


def response_of(came: Came, *, without: Sequence[str] = ()) -> web.Response:
    """Return *came* as the response to the caller."""
    response = web.Response(status=came.status, body=came.body)
    response.headers.clear()
    for name, value in end_to_end(came.headers):
        if name.lower() not in without:
            response.headers.add(name, value)
    return response


def _to(provider: Provider) -> Destination:
    recipient = Recipient(kind=RecipientKind.DEPARTMENT, id=provider.department)
    return Destination(host=provider.host, kind=Kind.DEPARTMENT, recipient=recipient)


def _absolute(raw: str) -> tuple[str, str]:
    """Return host and port, and path and query, of a target in absolute form.

    Raises:
        RefusedError: If it is not in that form, or can be read in two ways.
    """
    try:
        parts = urlsplit(raw)
        scheme = parts.scheme.lower()
        if scheme not in _PORTS or "@" in parts.netloc or parts.fragment or "#" in raw:
            raise RefusedError(Cause.BAD_TARGET)
        host = authority_of(parts.netloc, default_port=_PORTS[scheme])
    except ValueError:
        raise RefusedError(Cause.BAD_TARGET) from None
    if not raw.isascii() or not raw.isprintable() or " " in raw or "\\" in raw:
        raise RefusedError(Cause.BAD_TARGET)
    return host, f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
