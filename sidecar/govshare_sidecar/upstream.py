# SPDX-License-Identifier: Apache-2.0
"""The department's own API: asked after a call was allowed and recorded, and never before."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Final, Self

import aiohttp
from yarl import URL

from govshare_policy.errors import ConfigError, ObligationError
from govshare_sidecar.config import HttpConfig

_OK: Final = range(200, 300)


class Fault(StrEnum):
    """What was wrong with the department's API; also a label and a status in the records."""

    UNREACHABLE = "upstream_unreachable"
    TIMEOUT = "upstream_timeout"
    NO_SUCH_RECORD = "no_such_record"
    STATUS = "upstream_error"
    TOO_LARGE = "upstream_too_large"
    UNREADABLE = "upstream_unreadable"


_SENTENCES_ZH: Final[Mapping[Fault, str]] = {
    Fault.UNREACHABLE: "无法连接部门接口",
    Fault.TIMEOUT: "部门接口未在规定时间内应答",
    Fault.NO_SUCH_RECORD: "部门接口没有这条记录",
    Fault.STATUS: "部门接口未能成功应答",
    Fault.TOO_LARGE: "部门接口的应答超过本网关允许的大小",
    Fault.UNREADABLE: "部门接口的应答无法严格解析，未予放行",
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


class Upstream:
    """A pool of connections to one API. It follows no redirect, keeps no cookie, uses no proxy."""

    def __init__(self, session: aiohttp.ClientSession, config: HttpConfig) -> None:
        self._session = session
        self._base = config.upstream
        self._limit = config.max_response_bytes

    @classmethod
    def open(cls, config: HttpConfig) -> Self:
        """Return a pool for the API that *config* names; nothing is asked yet.

        Raises:
            ConfigError: If the authorities of the API cannot be loaded.
        """
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=_context(config.upstream_ca)),
            timeout=aiohttp.ClientTimeout(total=config.upstream_timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent",),
        )
        return cls(session, config)

    async def ask(
        self, method: str, target: str, *, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        """Ask for *target* and return the whole answer.

        Args:
            method: ``GET`` or ``POST``.
            target: Path and query, encoded.
            headers: Those to send on.
            body: What a ``POST`` carries.

        Raises:
            UpstreamError: If there is no answer in time, it did not arrive whole, its status is no
                success, or it is too large. None of its bytes may leave.
        """
        try:
            async with self._session.request(
                method,
                URL(self._base + target, encoded=True),
                headers=headers,
                data=body,
                allow_redirects=False,
            ) as response:
                if response.status == HTTPStatus.NOT_FOUND:
                    raise UpstreamError(Fault.NO_SUCH_RECORD, "there is no such record")
                # A part of a document was not asked for, and may read as another document.
                if response.status not in _OK or response.status == HTTPStatus.PARTIAL_CONTENT:
                    raise UpstreamError(
                        Fault.STATUS, "the department's API did not answer with success"
                    )
                return Reply(
                    content_type=_single(response, "Content-Type"),
                    content_encoding=_single(response, "Content-Encoding"),
                    body=await self._read(response.content),
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

    async def close(self) -> None:
        """Let go of every connection."""
        await self._session.close()

    async def _read(self, content: aiohttp.StreamReader) -> bytes:
        body = bytearray()
        async for chunk in content.iter_any():
            body += chunk
            if len(body) > self._limit:
                raise UpstreamError(
                    Fault.TOO_LARGE, f"the department's answer is larger than {self._limit} bytes"
                )
        return bytes(body)


def _single(response: aiohttp.ClientResponse, name: str) -> str:
    # Of a header that stands twice, readers take different ones; joined, it is none of them.
    return ",".join(response.headers.getall(name, []))


def _context(authorities: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authorities)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError("the authorities in `http.upstream_ca` cannot be loaded") from error
