# SPDX-License-Identifier: Apache-2.0
"""The process: everything is opened, wired, served, drained and closed here."""

import asyncio
import logging
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Final, Self

from govshare_policy.audit import SaltStore
from govshare_policy.audit.erasure import Erased, finish_erasures
from govshare_policy.errors import AuditError
from govshare_policy.gate import Gate
from govshare_policy.identity import legal_day
from govshare_policy.usage import Usage
from govshare_sidecar._settings import Address
from govshare_sidecar.basis import CurrentBasis
from govshare_sidecar.config import Config
from govshare_sidecar.desk import Desk
from govshare_sidecar.entrances import Counter, Entrances
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.journal import open_log, used_on
from govshare_sidecar.listeners import tls_context
from govshare_sidecar.metrics import Metrics
from govshare_sidecar.proofs import Proofs
from govshare_sidecar.upstream import Upstream
from govshare_sidecar.witness.feeder import Feeder
from govshare_sidecar.witness.gauges import Gauges

_log: Final = logging.getLogger(__name__)


class Sidecar:
    """One running sidecar, between the opening of its log and the closing."""

    def __init__(
        self,
        config: Config,
        *,
        gate: Gate,
        basis: CurrentBasis,
        metrics: Metrics,
        erase: Callable[[], tuple[Erased, ...]],
        feeder: Feeder | None,
        proofs: Proofs,
    ) -> None:
        """Begin with no listener; enter :meth:`running` instead."""
        self._config = config
        self._erase = erase
        self._erasing = asyncio.Lock()
        self._basis = basis
        self._metrics = metrics
        self._proofs = proofs
        self._now = gate.now
        self._desk = Desk(
            gate,
            metrics,
            on_failure=self._say_not_serving,
            feeder=feeder,
            limits=config.limits,
        )
        self._entrances = Entrances(config)
        # Owned by the event loop.
        self._serving = True

    @classmethod
    @asynccontextmanager
    async def running(cls, config: Config, *, now: Callable[[], datetime]) -> AsyncIterator[Self]:
        """Answer calls inside the ``async with``, and drain on the way out.

        Draining means: say so, take nothing new, finish what is under way, close the log.

        Args:
            config: What to do.
            now: Tells the time, with a zone.

        Raises:
            ConfigError: If a setting, a key or an address cannot be used.
            FactError: If a register is wrong.
            PolicyError: If the profile is unknown, or its pack is wrong.
            AuditError: If the log cannot be opened or written.
        """
        authorities = ClientAuthorities.load(config.tls.client_ca)
        authorities.verify_in_force(now())
        tls = tls_context(config.tls)
        metrics = Metrics()
        usage = Usage()
        basis = CurrentBasis(config, usage, metrics)
        async with AsyncExitStack() as stack:
            upstream = None
            if config.http is not None:
                upstream = Upstream.open(config.http)
                stack.push_async_callback(upstream.close)
            # After all that can be wrong in a file, so that a wrong one leaves no trace in the log.
            held = ExitStack()
            opening = open_log(config.log, now=now)
            log = await asyncio.to_thread(held.enter_context, opening)
            stack.push_async_callback(asyncio.to_thread, held.close)
            feeder = None
            if config.log.witness is not None:
                gauges = Gauges(metrics.registry)
                directory = config.log.directory
                feeder = Feeder.open(config.log.witness, directory, log, gauges=gauges)
                stack.push_async_callback(feeder.stop)
                # Before the first record: a log that was set back is left as it is.
                await feeder.ask_all()
            # Now nobody else writes to the log, so no call of today can be missed.
            today = used_on(legal_day(now()), config.log.directory)
            await asyncio.to_thread(usage.add, today)
            salts = stack.enter_context(SaltStore(config.log.salts))
            gate = Gate(basis=basis, log=log, salts=salts, now=now, usage=usage)

            def erase() -> tuple[Erased, ...]:
                return finish_erasures(salts, log, config.log.directory, at=now())

            await asyncio.to_thread(erase)
            sidecar = cls(
                config,
                gate=gate,
                basis=basis,
                metrics=metrics,
                erase=erase,
                feeder=feeder,
                proofs=Proofs(log, config.log.directory),
            )
            metrics.watch(
                log_size=lambda: log.size,
                serving=lambda: sidecar.is_serving,
                in_flight=lambda: sidecar._desk.in_flight,
            )
            await sidecar._listen(stack, authorities=authorities, tls=tls, upstream=upstream)
            if feeder is not None:
                feeder.go_on(on_conflict=sidecar._desk.close, on_change=sidecar._say_serving)
            yield sidecar

    @property
    def addresses(self) -> Mapping[str, Address]:
        """Where the listeners stand, with the ports they were given."""
        return self._entrances.addresses

    @property
    def is_serving(self) -> bool:
        """Whether calls are answered: not once the log has failed, nor while draining."""
        return self._serving and self._desk.is_open

    async def reload(self) -> None:
        """Put the texts and registers on the disk in force, or keep the old ones and say why.

        Erasures that were asked for while the log was in use are carried out as well.
        """
        await self._basis.reload()
        try:
            async with self._erasing:
                erasures = await asyncio.to_thread(self._erase)
            for erased in erasures:
                _log.info("salts erased, as record `%s` says", erased.record)
        except AuditError as error:
            _log.error("an erasure is not finished: %s", error)

    async def _listen(
        self,
        stack: AsyncExitStack,
        *,
        authorities: ClientAuthorities,
        tls: ssl.SSLContext,
        upstream: Upstream | None,
    ) -> None:
        """Open the entrances, and have *stack* drain them."""
        counter = Counter(
            desk=self._desk,
            authorities=authorities,
            tls=tls,
            metrics=self._metrics,
            proofs=self._proofs,
            now=self._now,
        )
        await self._entrances.open(
            stack,
            counter,
            upstream=upstream,
            is_serving=lambda: self.is_serving,
            drain=self._drain,
        )

    async def _drain(self) -> None:
        self._serving = False
        await self._entrances.close()
        await self._desk.settle()

    def _say_not_serving(self) -> None:
        self._entrances.say(serving=False)

    def _say_serving(self, serving: bool) -> None:  # noqa: FBT001  the feeder calls it
        self._entrances.say(serving=serving)


async def serve_until_told(config: Config) -> None:
    """Serve until SIGTERM or SIGINT, then drain; SIGHUP reloads texts and registers.

    One line on standard output says when calls are answered, and where.

    Raises:
        GovshareError: As :meth:`Sidecar.running`.
    """
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    async with Sidecar.running(config, now=lambda: datetime.now(UTC)) as sidecar:
        reloads: set[asyncio.Task[None]] = set()

        def reload() -> None:
            task = asyncio.create_task(sidecar.reload())
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        loop.add_signal_handler(signal.SIGHUP, reload)
        places = " ".join(f"{name}={address}" for name, address in sidecar.addresses.items())
        sys.stdout.write(f"ready {places}\n")
        sys.stdout.flush()
        await told.wait()
        _log.info("draining")
    _log.info("stopped")
