# SPDX-License-Identifier: Apache-2.0
"""Heartbeats of the guard: made in time, of what all workers of the deployment have counted.

Every worker adds what it counts; one of them makes the heartbeats and sends them.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from govshare_policy.audit.disk import Disk, describe
from govshare_policy.crypto import Signer, open_signer
from govshare_policy.egress.heartbeat import Heartbeat, next_heartbeat, sign_heartbeat
from govshare_policy.egress.place import Place
from govshare_policy.errors import ConfigError, GovshareError
from govshare_sidecar.egress.sending import Sending
from govshare_sidecar.egress.settings import HeartbeatConfig
from govshare_sidecar.egress.tally import Tally

_LAST: Final = "heartbeat"
_COUNTS: Final = "heartbeat-counts.sqlite"
_log: Final = logging.getLogger(__name__)


class Beats:
    """Counts, and makes heartbeats if that is for this process, for as long as the guard is on."""

    def __init__(
        self,
        config: HeartbeatConfig,
        place: Place,
        counts: Mapping[str, int],
        *,
        registry: CollectorRegistry,
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
        self._last = place.directory / _LAST
        self._before = _read(self._last)
        self._tally = Tally(place.directory / _COUNTS, least=_counts_in(self._before))
        # Owned by whichever thread counts: the loop runs one at a time.
        self._told: dict[str, int] = {}
        self._signer: Signer | None = None
        if config.speaks:
            self._signer = open_signer(config.key, config.passphrase)
            self._sending = Sending(config, place.directory, registry=registry)
        self._task: asyncio.Task[None] | None = None

    def go_on(self) -> None:
        """Send the first heartbeat now, and one after the other from then on."""
        self._task = asyncio.create_task(self._beat())

    async def stop(self) -> None:
        """Send no more; what was counted since is kept for the next one."""
        if self._task is None:
            return
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        try:
            await asyncio.to_thread(self._count)
        except GovshareError as error:
            _log.error("what was counted since the last heartbeat is lost: %s", error)

    async def _beat(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self._count)
                if self._signer is not None:
                    await asyncio.to_thread(self._make, self._signer)
                    await self._sending.send()
            except (GovshareError, OSError) as error:
                _log.error("no heartbeat could be made: %s", error)
            await asyncio.sleep(self._config.every_s)

    def _count(self) -> None:
        """Add what was counted here since the last time."""
        now = dict(self._counts)
        self._tally.add({name: count - self._told.get(name, 0) for name, count in now.items()})
        self._told = now

    def _make(self, signer: Signer) -> None:
        """Keep the next heartbeat as the last one, and as one that has to be sent."""
        beat = next_heartbeat(
            self._before,
            guard=self._config.guard,
            at=self._now(),
            index=self._place.digest(),
            counts=self._tally.total(),
        )
        signed = sign_heartbeat(beat, signer)
        # First where it is sent from: a number that was given is never given to another.
        self._sending.keep(beat.sequence, signed)
        Disk().replace(self._last, signed)
        self._before = signed


def _counts_in(signed: bytes) -> Mapping[str, int]:
    if not signed:
        return {}
    head = signed.decode("ascii", "replace").partition("\n\n")[0]
    return Heartbeat.from_text(f"{head}\n").counts


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ConfigError(f"cannot read `{path.name}`: {describe(error)}") from None
