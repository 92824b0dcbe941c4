# SPDX-License-Identifier: Apache-2.0
"""Connections to where things are sent: to providers, third parties, and our own API."""

import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from govshare_policy.errors import ConfigError
from govshare_sidecar.egress.settings import EgressConfig
from govshare_sidecar.upstream import Fault, UpstreamError


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """A whole answer from outside."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes = field(repr=False)


class Outward:
    """A pool of connections. It follows no redirect, keeps no cookie, uses no other proxy."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        config: EgressConfig,
        contexts: dict[str, ssl.SSLContext],
    ) -> None:
        self._session = session
        self._limit = config.max_response_bytes
        self._contexts = contexts

    @classmethod
    def open(cls, config: EgressConfig) -> Self:
        """Return a pool; nothing is asked yet.

        Raises:
            ConfigError: If authorities or a certificate cannot be loaded.
        """
        contexts = {host: _context(one.ca) for host, one in config.destinations.items()}
        for host, provider in config.providers.items():
            contexts[host] = _context(provider.ca)
            try:
                contexts[host].load_cert_chain(provider.certificate, provider.key)
            except OSError:  # ssl.SSLError is one
                raise ConfigError(
                    f"`{provider.certificate.name}` and its key cannot be loaded"
                ) from None
        if config.reverse is not None:
            contexts[""] = _context(config.reverse.upstream_ca)
        session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=config.upstream_timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        return cls(session, config, contexts)

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        host: str,
    ) -> Came:
        """Send a request and return the whole answer.

        Args:
            method: As the caller has it.
            url: Absolute, encoded.
            headers: Those to send on.
            body: What is sent on; empty for none.
            host: The destination whose settings of TLS count.

        Raises:
            UpstreamError: If there is no answer in time, it does not arrive whole, or is too large.
        """
        try:
            async with self._session.request(
                method,
                URL(url, encoded=True),
                headers=CIMultiDict(headers),
                data=body or None,
                allow_redirects=False,
                ssl=self._contexts.get(host, True),
            ) as response:
                return Came(
                    status=response.status,
                    headers=response.headers,
                    body=await self._read(response.content),
                )
        except TimeoutError:
            raise UpstreamError(Fault.TIMEOUT, "the other side did not answer in time") from None
        except (aiohttp.ClientPayloadError, aiohttp.ClientResponseError):
            raise UpstreamError(
                Fault.UNREADABLE, "the answer is broken HTTP, or was cut off"
            ) from None
        except (aiohttp.ClientError, OSError, ValueError):
            raise UpstreamError(Fault.UNREACHABLE, "the other side cannot be reached") from None

    async def close(self) -> None:
        """Let go of every connection."""
        await self._session.close()

    async def _read(self, content: aiohttp.StreamReader) -> bytes:
        body = bytearray()
        async for chunk in content.iter_any():
            body += chunk
            if len(body) > self._limit:
                raise UpstreamError(
                    Fault.TOO_LARGE, f"the answer is larger than {self._limit} bytes"
                )
        return bytes(body)


def _context(authorities: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authorities)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError("the authorities in `ca` cannot be loaded") from error
