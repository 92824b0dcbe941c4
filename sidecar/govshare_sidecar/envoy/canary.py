# SPDX-License-Identifier: Apache-2.0
"""The self-test: an Envoy has to show that it filters and fails closed, or it gets no answers.

The sidecar asks the listener of the Envoy as a client would. Behind it, the route of the canary
leads to :func:`origin`, which hands out a document with a field that must not come back. Some
configurations of Envoy pass over what a processor says and hand the document on as it is
(docs/adr/0013-envoy.md); nothing on the processor's side of the wire shows that.
"""

import asyncio
import hmac
import json
import logging
import secrets
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from enum import StrEnum
from http import HTTPStatus
from typing import Final, Self

import aiohttp
from aiohttp import web

from govshare_policy.crypto import hmac_sm3
from govshare_policy.errors import ConfigError, ObligationError
from govshare_sidecar.envoy.settings import Filter, ProxyConfig
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.routes import Route

PATH: Final = "/.well-known/govshare/canary"
TOKEN: Final = "Govshare-Canary"  # noqa: S105  the name of a header
_KEPT: Final = "kept"
_REMOVED: Final = "removed"
_NONCE_BYTES: Final = 16
LASTS_S: Final = 60.0
_AGAIN_S: Final = 20.0
_SOON_S: Final = 0.25
_LATEST_S: Final = 8.0
_PATIENCE_S: Final = 5.0
MAX_BYTES: Final = 4096
# What the canary would be as a call; there never is one.
ROUTE: Final = Route.parse(
    method="GET",
    path=PATH,
    resource="canary",
    channel="api",
    fields=(_KEPT,),
    fields_parameter="",
    parameters=("nonce",),
    records="",
)
_log: Final = logging.getLogger(__name__)


class Trial(StrEnum):
    """What the sidecar does when a canary comes by."""

    FILTER = "filter"
    DENY = "deny"
    FAIL = "fail"


class CanaryError(ObligationError):
    """The operator must act: an Envoy did not do what the sidecar told it."""


class Tokens:
    """Makes and reads the header that says a request is a canary of this sidecar.

    Every process with the same secret reads them, so that it does not matter which one of several
    the Envoy asks.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def make(self, trial: Trial) -> tuple[str, str]:
        """Return a new nonce, and the header that goes with it."""
        nonce = secrets.token_hex(_NONCE_BYTES)
        return nonce, f"{trial.value}.{nonce}.{self._seal(trial.value, nonce)}"

    def read(self, header: str) -> tuple[Trial, str] | None:
        """Return trial and nonce of *header*; nothing if it was not made here."""
        trial, _, rest = header.partition(".")
        nonce, _, seal = rest.partition(".")
        if not hmac.compare_digest(seal.encode(), self._seal(trial, nonce).encode()):
            return None
        return Trial(trial), nonce

    def _seal(self, trial: str, nonce: str) -> str:
        return hmac_sm3(self._secret, f"canary {trial} {nonce}".encode()).hex()


def origin() -> web.Server:
    """Return the upstream of the canary: a document of one field to keep and one to remove."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        nonce = request.query.get("nonce", "")
        return web.json_response({_KEPT: nonce, _REMOVED: nonce})

    return web.Server(handle, access_log=None)


class Proofs:
    """Which Envoys have shown lately that they filter and fail closed. Owned by the event loop."""

    def __init__(
        self, proxies: Sequence[ProxyConfig], clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._proxies = tuple(proxies)
        self._clock_s = clock_s
        self._until: dict[str, float] = {}

    def verify_known(self, spki: bytes) -> None:
        """Return only if some Envoy with the key *spki* may ask at all.

        Raises:
            RefusedError: If none may.
        """
        if all(proxy.spki != spki for proxy in self._proxies):
            raise RefusedError(Cause.STRANGER)

    def verify(self, spki: bytes, asking: Filter) -> None:
        """Return only if every listener of the Envoy with the key *spki* has shown it lately.

        Raises:
            RefusedError: If one has not, or none is known.
        """
        now = self._clock_s()
        of_it = [p for p in self._proxies if p.spki == spki and p.filter is asking]
        if not of_it or any(self._until.get(proxy.url, 0.0) <= now for proxy in of_it):
            raise RefusedError(Cause.UNPROVEN)

    def proven(self, proxy: ProxyConfig) -> None:
        """Remember that *proxy* has shown it now."""
        if proxy.url not in self._until:
            _log.info("`%s` filters and fails closed; it gets answers", proxy.name)
        self._until[proxy.url] = self._clock_s() + LASTS_S

    def failed(self, proxy: ProxyConfig, error: CanaryError) -> None:
        """Forget at once what *proxy* had shown, because of *error*."""
        if self._until.pop(proxy.url, None) is not None:
            _log.critical("%s; it gets no answers", error)


class Prober:
    """Puts every Envoy to the test, again and again."""

    def __init__(
        self, proxies: Sequence[ProxyConfig], tokens: Tokens, proofs: Proofs, stack: AsyncExitStack
    ) -> None:
        self._proxies = tuple(proxies)
        self._tokens = tokens
        self._proofs = proofs
        self._stack = stack
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        self._said: dict[str, str] = {}

    @classmethod
    async def open(cls, proxies: Sequence[ProxyConfig], tokens: Tokens, proofs: Proofs) -> Self:
        """Return a prober; nobody is asked yet.

        Raises:
            ConfigError: If the authorities of a listener cannot be loaded.
        """
        async with AsyncExitStack() as stack:
            prober = cls(proxies, tokens, proofs, stack)
            for proxy in proxies:
                session = aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(ssl=_context(proxy), force_close=True),
                    timeout=aiohttp.ClientTimeout(total=_PATIENCE_S),
                    cookie_jar=aiohttp.DummyCookieJar(),
                )
                prober._sessions[proxy.url] = await stack.enter_async_context(session)
            prober._stack = stack.pop_all()
            return prober

    def go_on(self) -> None:
        """Put the Envoys to the test until :meth:`stop`."""
        for proxy in self._proxies:
            task = asyncio.create_task(self._watch(proxy))
            self._stack.push_async_callback(_ended, task)

    async def stop(self) -> None:
        """Ask nobody any more."""
        await self._stack.aclose()

    async def try_out(self, proxy: ProxyConfig) -> None:
        """Return only if *proxy* does what the sidecar tells it, and stops where that fails.

        Raises:
            CanaryError: If it does not, or does not answer.
        """
        if proxy.filter is Filter.EXT_PROC:
            await self._filters(proxy)
        else:
            await self._denies(proxy)
        await self._fails_closed(proxy)

    async def _watch(self, proxy: ProxyConfig) -> None:
        pause_s = _SOON_S
        while True:
            try:
                await self.try_out(proxy)
            except CanaryError as error:
                self._proofs.failed(proxy, error)
                self._say(proxy, str(error))
                pause_s = min(2 * pause_s, _LATEST_S)
                await asyncio.sleep(pause_s)
            else:
                pause_s = _SOON_S
                self._said.pop(proxy.url, None)
                self._proofs.proven(proxy)
                await asyncio.sleep(_AGAIN_S)

    def _say(self, proxy: ProxyConfig, sentence: str) -> None:
        if self._said.get(proxy.url) != sentence:
            self._said[proxy.url] = sentence
            _log.error("%s; until it passes, it gets no answers", sentence)

    async def _filters(self, proxy: ProxyConfig) -> None:
        nonce, status, key, body = await self._ask(proxy, Trial.FILTER)
        if status != HTTPStatus.OK:
            raise CanaryError(f"`{proxy.name}` answers the self-test with status {status}")
        if _document(body) != {_KEPT: nonce}:
            raise CanaryError(f"`{proxy.name}` lets data through that the sidecar took out")
        _verify_key(proxy, key)

    async def _denies(self, proxy: ProxyConfig) -> None:
        nonce, status, key, body = await self._ask(proxy, Trial.DENY)
        if status < HTTPStatus.BAD_REQUEST or nonce.encode() in body:
            raise CanaryError(f"`{proxy.name}` lets a request through that the sidecar denied")
        if status != HTTPStatus.FORBIDDEN:
            raise CanaryError(f"`{proxy.name}` answers the self-test with status {status}")
        _verify_key(proxy, key)

    async def _fails_closed(self, proxy: ProxyConfig) -> None:
        nonce, status, _, body = await self._ask(proxy, Trial.FAIL)
        if status < HTTPStatus.BAD_REQUEST or nonce.encode() in body:
            raise CanaryError(f"`{proxy.name}` lets a request through when the sidecar fails")

    async def _ask(self, proxy: ProxyConfig, trial: Trial) -> tuple[str, int, str, bytes]:
        """Return the nonce, and status, key and body of what came back."""
        nonce, token = self._tokens.make(trial)
        url = f"{proxy.url}{PATH}?nonce={nonce}"
        try:
            async with self._sessions[proxy.url].get(
                url, headers={TOKEN: token}, allow_redirects=False
            ) as response:
                body = b""
                async for chunk in response.content.iter_chunked(MAX_BYTES):
                    body += chunk
                    if len(body) > MAX_BYTES:
                        break
                return nonce, response.status, response.headers.get(TOKEN, ""), body
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise CanaryError(f"`{proxy.name}` does not answer the self-test") from None


def _verify_key(proxy: ProxyConfig, key: str) -> None:
    if key != proxy.spki.hex():
        raise CanaryError(f"`{proxy.name}` shows the sidecar another certificate than that")


def _document(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _context(proxy: ProxyConfig) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=proxy.ca)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"the `ca` of `{proxy.name}` cannot be loaded") from error


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
