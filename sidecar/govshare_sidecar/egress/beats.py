# SPDX-License-Identifier: Apache-2.0
"""Heartbeats of the guard: made in time, kept until they have arrived, sent in their order."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final

import aiohttp

from govshare_policy.audit.disk import Disk, describe
from govshare_policy.crypto import Signer, open_signer
from govshare_policy.egress.heartbeat import Heartbeat, next_heartbeat, sign_heartbeat
from govshare_policy.egress.place import Place
from govshare_policy.errors import ConfigError, GovshareError
from govshare_sidecar.egress.settings import HeartbeatConfig

_LAST: Final = "heartbeat"
_UNSENT: Final = "heartbeats-unsent"
_OK: Final = range(200, 300)
_TIMEOUT_S: Final = 10.0
_HEADERS: Final = {"Content-Type": "text/plain; charset=us-ascii"}
_log: Final = logging.getLogger(__name__)


class Beats:
    """Sends heartbeats for as long as the guard is on."""

    def __init__(
        self,
        config: HeartbeatConfig,
        place: Place,
        counts: dict[str, int],
        *,
        now: Callable[[], datetime],
    ) -> None:
        """Open the key, and count on from where the last heartbeat stood.

        Raises:
            ConfigError: If the key or what was kept cannot be used.
            VerificationError: If the heartbeat before is of another guard.
        """
        self._config = config
        self._place = place
        self._counts = counts
        self._now = now
        self._signer: Signer = open_signer(config.key, config.passphrase)
        self._last = place.directory / _LAST
        self._unsent = place.directory / _UNSENT
        self._before = _read(self._last)
        if self._before:
            head = self._before.decode("ascii", "replace").partition("\n\n")[0]
            for name, count in Heartbeat.from_text(f"{head}\n").counts.items():
                counts[name] = counts.get(name, 0) + count
        self._task: asyncio.Task[None] | None = None

    def go_on(self) -> None:
        """Send the first heartbeat now, and one after the other from then on."""
        self._task = asyncio.create_task(self._beat())

    async def stop(self) -> None:
        """Send no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _beat(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self._make)
                await self._send()
            except (GovshareError, OSError) as error:
                _log.error("no heartbeat could be made: %s", error)
            await asyncio.sleep(self._config.every_s)

    def _make(self) -> None:
        """Keep the next heartbeat as the last one, and as one that has to be sent."""
        beat = next_heartbeat(
            self._before,
            guard=self._config.guard,
            at=self._now(),
            index=self._place.digest(),
            counts=self._counts,
        )
        signed = sign_heartbeat(beat, self._signer)
        self._unsent.mkdir(mode=0o700, exist_ok=True)
        # First where it is sent from: a number that was given is never given to another.
        Disk().replace(self._unsent / _name(beat.sequence), signed)
        Disk().replace(self._last, signed)
        self._before = signed

    async def _send(self) -> None:
        for path in sorted(self._unsent.glob("*.beat")):
            data = path.read_bytes()
            to = self._config.to
            try:
                if isinstance(to, Path):
                    await asyncio.to_thread(_put, to, path.name, data)
                else:
                    await self._post(to, data)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                _log.warning("a heartbeat did not arrive (%s)", type(error).__name__)
                return
            path.unlink()

    async def _post(self, url: str, data: bytes) -> None:
        context = await asyncio.to_thread(_context, self._config)
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(
                url, data=data, headers=_HEADERS, ssl=context, allow_redirects=False
            ) as response,
        ):
            if HTTPStatus(response.status) not in _OK:
                raise aiohttp.ClientError("the provider did not take it")


def _context(config: HeartbeatConfig) -> ssl.SSLContext:
    # Read every time: certificates are renewed while the guard is on.
    context = ssl.create_default_context(cafile=config.ca)
    if config.shown is not None:
        context.load_cert_chain(*config.shown)
    return context


def _put(directory: Path, name: str, data: bytes) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    Disk().replace(directory / name, data)


def _name(sequence: int) -> str:
    return f"{sequence:016}.beat"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ConfigError(f"cannot read `{path.name}`: {describe(error)}") from None
