# SPDX-License-Identifier: Apache-2.0
"""The department's own API: asked after a call was allowed and recorded, and never before."""

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Final, Self

import aiohttp
from yarl import URL

from govshare_policy.errors import ConfigError, ObligationError, SignatureError
from govshare_policy.upstream import HEADER, Request
from govshare_sidecar.config import HttpConfig
from govshare_sidecar.upstream_identity import Voucher, client_context

_OK: Final = range(200, 300)


class Fault(StrEnum):
    """What was wrong with the department's API; also a label and a status in the records."""

    UNREACHABLE = "upstream_unreachable"
    TIMEOUT = "upstream_timeout"
    NO_SUCH_RECORD = "no_such_record"
    STATUS = "upstream_error"
    TOO_LARGE = "upstream_too_large"
    UNREADABLE = "upstream_unreadable"
    UNSIGNED = "upstream_unsigned"


_SENTENCES_ZH: Final[Mapping[Fault, str]] = {
    Fault.UNREACHABLE: "无法连接部门接口",
    Fault.TIMEOUT: "部门接口未在规定时间内应答",
    Fault.NO_SUCH_RECORD: "部门接口没有这条记录",
    Fault.STATUS: "部门接口未能成功应答",
    Fault.TOO_LARGE: "部门接口的应答超过本网关允许的大小",
    Fault.UNREADABLE: "部门接口的应答无法严格解析，未予放行",
    Fault.UNSIGNED: "本网关无法为发往部门接口的请求签名",
}


class UpstreamError(ObligationError):
    """We must act: the department's API gave nothing that may be released.

    Attributes:
        text_zh: What was wrong, in Chinese.
    """

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(message)
        self.fault = fault
        self.text_zh = _SENTENCES_ZH[fault]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer of the department's API."""

    content_type: str
    content_encoding: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arriving:
    """An answer of the department's API that has begun."""

    content_type: str
    content_encoding: str
    content: aiohttp.StreamReader = field(repr=False)


class Upstream:
    """A pool of connections to one API. It follows no redirect, keeps no cookie, uses no proxy."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        config: HttpConfig,
        *,
        tls: ssl.SSLContext,
        voucher: Voucher | None = None,
    ) -> None:
        self._session = session
        self._config = config
        self._voucher = voucher
        # Replaced by the event loop only; a connection keeps the one that it was opened with.
        self._tls = tls

    @classmethod
    def open(cls, config: HttpConfig, *, now: Callable[[], datetime]) -> Self:
        """Return a pool for the API that *config* names; nothing is asked yet.

        Raises:
            ConfigError: If the authorities of the API, or what it is shown, cannot be loaded.
        """
        tls = client_context(config.shown, config.upstream_ca, table="http")
        signature = config.shown.signature
        voucher = None if signature is None else Voucher.open(signature, now=now)
        session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent",),
        )
        return cls(session, config, tls=tls, voucher=voucher)

    def reload(self) -> None:
        """Show the certificate that the files hold now, on every connection from now on.

        Raises:
            ConfigError: If a file cannot be used; then what was shown is shown further on.
        """
        self._tls = client_context(self._config.shown, self._config.upstream_ca, table="http")

    async def ask(
        self, method: str, target: str, *, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        """Ask for *target* and return the whole answer.

        Args:
            method: ``GET`` or ``POST``.
            target: Path and query, encoded.
            headers: Those to send on; ``Govshare-Record`` is among them.
            body: What a ``POST`` carries.

        Raises:
            UpstreamError: If there is no answer in time, it did not arrive whole, its status is no
                success, or it is too large. None of its bytes may leave.
        """
        timeout = aiohttp.ClientTimeout(total=self._config.upstream_timeout_s)
        answering = self._answering(method, target, headers=headers, body=body, timeout=timeout)
        async with answering as arriving:
            return Reply(
                content_type=arriving.content_type,
                content_encoding=arriving.content_encoding,
                body=await self._read(arriving.content),
            )

    def stream(
        self, method: str, target: str, *, headers: Mapping[str, str], body: bytes | None
    ) -> AbstractAsyncContextManager[Arriving]:
        """Ask for *target*, and give its answer while it arrives; leaving ends it.

        The arguments are those of :meth:`ask`. What is raised by reading inside is raised as that
        does; an ``OSError`` of other origin must not get out.
        """
        most_s = self._config.upstream_timeout_s
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=most_s, sock_read=most_s)
        return self._answering(method, target, headers=headers, body=body, timeout=timeout)

    @asynccontextmanager
    async def _answering(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  the library's own
    ) -> AsyncIterator[Arriving]:
        signed = await self._signed(
            Request(method=method, target=target, body=body or b""), headers
        )
        try:
            async with self._session.request(
                method,
                URL(self._config.upstream + target, encoded=True),
                headers=signed,
                data=body,
                allow_redirects=False,
                timeout=timeout,
                ssl=self._tls,
            ) as response:
                _verify_success(response)
                yield Arriving(
                    content_type=_single(response, "Content-Type"),
                    content_encoding=_single(response, "Content-Encoding"),
                    content=response.content,
                )
        except TimeoutError:
            raise UpstreamError(
                Fault.TIMEOUT, "the department's API did not answer in time"
            ) from None
        except (aiohttp.ClientPayloadError, aiohttp.ClientResponseError):
            raise UpstreamError(
                Fault.UNREADABLE, "the department's answer is broken HTTP, or was cut off"
            ) from None
        except (aiohttp.ClientError, OSError):
            raise UpstreamError(
                Fault.UNREACHABLE, "the department's API cannot be reached"
            ) from None

    async def _signed(self, request: Request, headers: Mapping[str, str]) -> Mapping[str, str]:
        if self._voucher is None:
            return headers
        record = headers["Govshare-Record"]
        return {**headers, HEADER: await vouched(self._voucher, request, record)}

    async def close(self) -> None:
        """Let go of every connection."""
        await self._session.close()

    async def _read(self, content: aiohttp.StreamReader) -> bytes:
        body = bytearray()
        async for chunk in content.iter_any():
            body += chunk
            if len(body) > self._config.max_response_bytes:
                raise too_large(self._config.max_response_bytes)
        return bytes(body)


async def vouched(voucher: Voucher, request: Request, record: str) -> str:
    """Return the signature of *voucher* on *request*, which was allowed under *record*.

    Raises:
        UpstreamError: If it cannot be made. Nothing is asked then.
    """
    try:
        return await voucher.vouch(request, record)
    except (ConfigError, SignatureError):
        raise UpstreamError(
            Fault.UNSIGNED, "the request to the department's API cannot be signed"
        ) from None


def too_large(most: int) -> UpstreamError:
    """Return the error that an answer, or a record of one, has more than *most* bytes."""
    return UpstreamError(Fault.TOO_LARGE, f"the department's answer is larger than {most} bytes")


def _verify_success(response: aiohttp.ClientResponse) -> None:
    if response.status == HTTPStatus.NOT_FOUND:
        raise UpstreamError(Fault.NO_SUCH_RECORD, "there is no such record")
    # A part of a document was not asked for, and may read as another document.
    if response.status not in _OK or response.status == HTTPStatus.PARTIAL_CONTENT:
        raise UpstreamError(Fault.STATUS, "the department's API did not answer with success")


def _single(response: aiohttp.ClientResponse, name: str) -> str:
    # Of a header that stands twice, readers take different ones; joined, it is none of them.
    return ",".join(response.headers.getall(name, []))
