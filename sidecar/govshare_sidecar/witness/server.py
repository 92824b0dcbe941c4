# SPDX-License-Identifier: Apache-2.0
"""A witness on a port: C2SP's ``add-checkpoint``, and the last checkpoint for whoever asks.

Plain HTTP: everything that is said is signed, and none of it is secret.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final

from aiohttp import web

from govshare_policy.audit import Continuation
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.witness import (
    MAX_REQUEST_BYTES,
    Refusal,
    Witness,
    WitnessRefusalError,
)
from govshare_policy.crypto import open_signer
from govshare_policy.errors import AuditError, VerificationError
from govshare_sidecar._settings import Address
from govshare_sidecar.listeners import HttpListener
from govshare_sidecar.logs import configure_logs
from govshare_sidecar.signals import STOP, heard
from govshare_sidecar.witness.settings import WitnessConfig, load_witness_config
from govshare_sidecar.witness.store import Store

ADD: Final = "/add-checkpoint"
LAST: Final = "/checkpoint/"
SIZE_TYPE: Final = "text/x.tlog.size"
BODY_TIMEOUT_S: Final = 10.0
_DISK: Final = Disk()
_log: Final = logging.getLogger(__name__)

STATUSES: Final[Mapping[Refusal, HTTPStatus]] = {
    Refusal.MALFORMED: HTTPStatus.BAD_REQUEST,
    Refusal.UNTRUSTED: HTTPStatus.FORBIDDEN,
    Refusal.UNKNOWN_LOG: HTTPStatus.NOT_FOUND,
    Refusal.STALE: HTTPStatus.CONFLICT,
    Refusal.CONFLICT: HTTPStatus.CONFLICT,
    Refusal.BAD_PROOF: HTTPStatus.UNPROCESSABLE_ENTITY,
}


class WitnessServer:
    """Answers one request at a time: what was signed last decides what is signed next."""

    def __init__(self, witness: Witness, store: Store, *, now: Callable[[], datetime]) -> None:
        self._witness = witness
        self._store = store
        self._now = now
        self._turn = asyncio.Lock()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; the body of an error is one sentence, or for 409 the size."""
        try:
            if request.path == ADD:
                if request.method != "POST":
                    return _say(HTTPStatus.METHOD_NOT_ALLOWED, "send a checkpoint with POST")
                return await self._add(await _body(request))
            if request.path.startswith(LAST) and request.method in ("GET", "HEAD"):
                return self._last(request.path.removeprefix(LAST))
        except web.HTTPException as refusal:
            return _say(HTTPStatus(refusal.status), refusal.reason)
        except AuditError as error:
            _log.critical("%s", error)
            return _say(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        return _say(HTTPStatus.NOT_FOUND, "nothing is here")

    async def _add(self, body: bytes) -> web.Response:
        try:
            async with self._turn:
                line = await asyncio.to_thread(self._cosign, body)
        except WitnessRefusalError as refusal:
            _log.info("not signed (%s): %s", refusal.kind, refusal)
            status = STATUSES[refusal.kind]
            if status is HTTPStatus.CONFLICT:
                headers = {"Content-Type": SIZE_TYPE}
                return web.Response(status=status, body=b"%d\n" % refusal.size, headers=headers)
            return _say(status, str(refusal))
        return web.Response(text=f"{line}\n")

    def _cosign(self, body: bytes) -> str:
        """Return the signature line for *body*, once it is on the disk that it was given."""
        try:
            request = Continuation.from_text(body.decode())
        except (UnicodeDecodeError, VerificationError):
            raise WitnessRefusalError(
                Refusal.MALFORMED, "the body is not an old size, a proof and a note"
            ) from None
        origin = request.checkpoint.split(b"\n", 1)[0].decode()
        cosigned = self._witness.cosign(request, self._store.last(origin), at=self._now())
        self._store.keep(cosigned)
        return cosigned.signatures[-1].to_line()

    def _last(self, digits: str) -> web.Response:
        kept = self._store.find(digits)
        if kept is None:
            return _say(HTTPStatus.NOT_FOUND, "nothing was signed of a log of this id")
        return web.Response(body=kept.to_note(), headers={"Content-Type": "text/plain"})


@asynccontextmanager
async def running(
    config: WitnessConfig, *, now: Callable[[], datetime], disk: Disk = _DISK
) -> AsyncIterator[Address]:
    """Witness inside the ``async with``; the value is where the witness listens.

    Args:
        config: What to do.
        now: Tells the time, with a zone.
        disk: The system calls.

    Raises:
        ConfigError: If the key or the address cannot be used.
        AuditError: If the state cannot be used.
    """
    signer = open_signer(config.key, config.passphrase)
    witness = Witness(name=config.name, signer=signer, logs=config.logs)
    store = Store.open(config.state, witness, disk=disk)
    try:
        server = web.Server(WitnessServer(witness, store, now=now).handle, access_log=None)
        listener = await HttpListener.start(server, config.listen, key="listen", tls=None)
        try:
            yield listener.address
        finally:
            await listener.stop()
    finally:
        store.close()


def run(path: Path) -> None:
    """Witness as the configuration file *path* says, until SIGTERM or SIGINT.

    Raises:
        ConfigError: If the file, a setting, a key or an address cannot be used.
        AuditError: If the state cannot be used.
    """
    config = load_witness_config(path)
    configure_logs()
    asyncio.run(_serve_until_told(config))


async def _serve_until_told(config: WitnessConfig) -> None:
    told = asyncio.Event()
    with heard(dict.fromkeys(STOP, told.set)):
        async with running(config, now=lambda: datetime.now(UTC)) as address:
            sys.stdout.write(f"ready witness={address}\n")
            sys.stdout.flush()
            await told.wait()
        _log.info("stopped")


async def _body(request: web.BaseRequest) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > MAX_REQUEST_BYTES:
                    raise web.HTTPRequestEntityTooLarge(
                        max_size=MAX_REQUEST_BYTES,
                        actual_size=len(body),
                        reason="the body is too large",
                    )
    except TimeoutError:
        raise web.HTTPRequestTimeout(reason="the body took too long") from None
    except (web.RequestPayloadError, ConnectionError):
        raise web.HTTPBadRequest(reason="the body broke off") from None
    return bytes(body)


def _say(status: HTTPStatus, sentence: str) -> web.Response:
    return web.Response(status=status, text=f"{sentence}\n")
