# SPDX-License-Identifier: Apache-2.0
"""One answer that leaves as it comes: filtered record by record, and broken off if need be.

What has left cannot be taken back, so the end of such an answer counts: it is a clean one only if
all that the department's API said was read strictly and its outcome is on the disk.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from aiohttp import web

from govshare_policy.call import Call
from govshare_policy.crypto import Sm3, sm3_new
from govshare_policy.gate import Answer, Outcome
from govshare_policy.identity import Evidence
from govshare_sidecar.desk import Desk
from govshare_sidecar.release.answer import verify_announced
from govshare_sidecar.release.arriving import Part, filter_of
from govshare_sidecar.release.packed import Unpacker
from govshare_sidecar.release.released import BROKEN_OFF, CALLER_LEFT, RELEASED
from govshare_sidecar.routes import Route
from govshare_sidecar.upstream import Arriving, Fault, UpstreamError

# How often it is asked whether more may leave, while nothing comes or nobody reads.
TICK_S: Final = 1.0
# Above this, reading strictly takes long enough to keep other calls waiting.
_LARGE_BYTES: Final = 16 * 1024
_GZIP: Final = zlib.MAX_WBITS | 16
_T = TypeVar("_T")


class LeftError(Exception):
    """The caller has gone."""


@dataclass(kw_only=True)
class Relay:
    """One answer; owned by its task.

    Attributes:
        headers: What stands before the first record.
        most: Bytes of one record.
        has_begun: Whether anything has left.
        response: What the caller gets.
    """

    request: web.BaseRequest
    call: Call
    answer: Answer
    route: Route
    desk: Desk
    evidence: Callable[[], Evidence]
    headers: Mapping[str, str]
    most: int
    has_begun: bool = False
    _has_ended: bool = False
    _rows: int = 0
    _size_bytes: int = 0
    _records: bytearray = field(default_factory=bytearray)
    _left: Sm3 = field(default_factory=sm3_new)
    response: web.StreamResponse = field(default_factory=web.StreamResponse)
    _packer: Any = None

    async def run(self, arriving: Arriving) -> None:
        """Let out what may leave of *arriving*, up to but without its end.

        Raises:
            UpstreamError: If it cannot be read strictly. What had left stays counted.
            RefusedError: If the answer is no longer in force.
            AuditError: If no call is answered any more.
            LeftError: If the caller has gone.
        """
        verify_announced(self.route, arriving.content_type)
        unpacker = Unpacker(arriving.content_encoding)
        releasing = filter_of(self.route, self.answer.decision.fields, most=self.most)
        async for data in self._arriving(arriving):
            for plain in unpacker.parts(data):
                if len(plain) < _LARGE_BYTES:
                    part = releasing.part(plain)
                else:
                    part = await asyncio.to_thread(releasing.part, plain)
                await self._let_out(part)
        unpacker.verify_ended()
        await self._let_out(releasing.end())

    async def end(self) -> web.StreamResponse:
        """Say that this was all, once that is on the disk.

        Raises:
            AuditError: If it did not get there.
        """
        await self._begin()
        await self.conclude(RELEASED)
        try:
            if self._packer is not None:
                await self.response.write(self._packer.flush())
            await self.response.write_eof()
        except ConnectionError:
            pass  # it got all of the answer, or knows that it did not
        self._has_ended = True
        return self.response

    def break_off(self) -> None:
        """Unless the answer has ended, end the connection so that nobody thinks it had."""
        if self.has_begun and not self._has_ended and self.request.transport is not None:
            self.request.transport.abort()

    async def conclude(self, status: str) -> None:
        """Record what became of the answer, and what of it had left.

        Raises:
            AuditError: If it was not recorded.
        """
        outcome = Outcome(
            status=status,
            rows=self._rows,
            size_bytes=self._size_bytes,
            response=self._left.digest() if status == RELEASED or self._size_bytes else b"",
            records=bytes(self._records),
        )
        await self.desk.conclude(self.answer, outcome)

    def why(self, error: BaseException) -> str:
        """Return the status of an answer that *error* ended."""
        match error:
            case UpstreamError():
                return error.fault.value
            case LeftError():
                return CALLER_LEFT
            case TimeoutError() if not self.has_begun:
                return Fault.TIMEOUT.value
            case _:
                return BROKEN_OFF

    async def _arriving(self, arriving: Arriving) -> AsyncIterator[bytes]:
        while data := await self._watched(arriving.content.readany()):
            yield data

    async def _let_out(self, part: Part) -> None:
        self._verify_going_on()
        if not part.body:
            return
        await self._begin()
        # Counted before it is sent: it is not known of the last bytes whether they arrived.
        self._rows += part.rows
        self._size_bytes += len(part.body)
        self._records += part.records
        self._left.update(part.body)
        body = part.body
        if self._packer is not None:
            body = self._packer.compress(body) + self._packer.flush(zlib.Z_SYNC_FLUSH)
        await self._watched(self._sent(body))

    async def _begin(self) -> None:
        if self.has_begun:
            return
        self.has_begun = True
        self.response.headers.update(self.headers)
        if _takes_gzip(self.request):
            self._packer = zlib.compressobj(wbits=_GZIP)
            self.response.headers["Content-Encoding"] = "gzip"
        self.response.headers["Vary"] = "Accept-Encoding"
        self.response.enable_chunked_encoding()
        try:
            await self.response.prepare(self.request)
        except ConnectionError:
            raise LeftError from None

    async def _sent(self, body: bytes) -> None:
        try:
            await self.response.write(body)
        except ConnectionError:
            raise LeftError from None

    async def _watched(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Return what *work* does, and ask every now and then whether it still has to."""
        task = asyncio.create_task(work)
        try:
            while not task.done():
                await asyncio.wait((task,), timeout=TICK_S)
                if not task.done():
                    self._verify_going_on()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        return task.result()

    def _verify_going_on(self) -> None:
        transport = self.request.transport
        if transport is None or transport.is_closing():
            raise LeftError
        self.desk.verify_going_on(self.call, self.answer, self.evidence())


def _takes_gzip(request: web.BaseRequest) -> bool:
    said = ",".join(request.headers.getall("Accept-Encoding", ()))
    for part in said.lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() in ("gzip", "x-gzip"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
