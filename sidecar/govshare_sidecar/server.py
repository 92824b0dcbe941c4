# SPDX-License-Identifier: Apache-2.0
"""The process: everything is opened, wired, served, drained and closed here."""

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from govshare_policy.audit import SaltStore
from govshare_policy.audit.erasure import Erased, finish_erasures
from govshare_policy.egress.leafstore import RELEASES, LeafStore
from govshare_policy.errors import AuditError
from govshare_policy.gate import Gate
from govshare_policy.identity import legal_day
from govshare_policy.usage import Tally, Usage
from govshare_sidecar._settings import Address
from govshare_sidecar.basis import CurrentBasis
from govshare_sidecar.config import Config
from govshare_sidecar.desk import Desk
from govshare_sidecar.entrances import Counter, Entrances
from govshare_sidecar.heap import settle_heap
from govshare_sidecar.journal import open_log, used_on
from govshare_sidecar.metrics import Metrics
from govshare_sidecar.proofs import Proofs
from govshare_sidecar.shadow import Shadow
from govshare_sidecar.shown import Shown
from govshare_sidecar.signals import STOP, heard
from govshare_sidecar.tls_tables import TlsTables
from govshare_sidecar.tracing import Tracing, tracing_of
from govshare_sidecar.upstream import Upstream
from govshare_sidecar.watch import ended, watch, watched
from govshare_sidecar.witness.feeder import Feeder
from govshare_sidecar.witness.gauges import Gauges

_log: Final = logging.getLogger(__name__)


class Sidecar:
    """One running sidecar, between the opening of its log and the closing."""

    def __init__(  # noqa: PLR0913  all that :meth:`running` opened
        self,
        config: Config,
        *,
        gate: Gate,
        basis: CurrentBasis,
        metrics: Metrics,
        erase: Callable[[], tuple[Erased, ...]],
        feeder: Feeder | None,
        proofs: Proofs,
        tls: TlsTables,
        shadow: Shadow | None,
        tracing: Tracing,
    ) -> None:
        """Begin with no listener; enter :meth:`running` instead."""
        self._config = config
        self._shadow = shadow
        self._erase = erase
        self._erasing = asyncio.Lock()
        self._basis = basis
        self._metrics = metrics
        self._proofs = proofs
        self._tls = tls
        self._now = gate.now
        self._desk = Desk(
            gate,
            metrics,
            on_failure=self._say_not_serving,
            feeder=feeder,
            limits=config.limits,
            tracing=tracing,
            shadow=shadow,
            leaves=LeafStore(config.log.salts.with_name(RELEASES)),
        )
        self._entrances = Entrances(config)
        # Owned by the event loop.
        self._serving = True

    @classmethod
    @asynccontextmanager
    async def running(
        cls,
        config: Config,
        *,
        now: Callable[[], datetime],
        usage: Tally | None = None,
        beside: Sequence[Path] = (),
    ) -> AsyncIterator[Self]:
        """Answer calls inside the ``async with``, and drain on the way out.

        Draining means: say so, take nothing new, finish what is under way, close the log.

        Args:
            config: What to do.
            now: Tells the time, with a zone.
            usage: Counts for all workers of the deployment; none if this process is the only one.
            beside: The logs of the others, receipts out of which are handed out as well.

        Raises:
            ConfigError: If a setting, a key or an address cannot be used.
            FactError: If a register is wrong.
            PolicyError: If the profile is unknown, or its pack is wrong.
            AuditError: If the log cannot be opened or written.
        """
        metrics = Metrics()
        tls = TlsTables.open(config, metrics.registry, now=now)
        own = Usage()
        async with AsyncExitStack() as stack:
            subjects = config.subjects.open(stack)
            basis = CurrentBasis(config, usage or own, metrics, subjects)
            tracing = await stack.enter_async_context(tracing_of(config.tracing))
            upstream = None
            if config.http is not None:
                upstream = Upstream.open(config.http, now=now)
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
            if usage is None:
                # Now nobody else writes to the log, so no call of today can be missed.
                today = used_on(legal_day(now()), config.log.directory)
                await asyncio.to_thread(own.add, today)
            salts = stack.enter_context(SaltStore(config.log.salts))
            gate = Gate(
                basis=basis,
                log=log,
                salts=salts,
                now=now,
                usage=usage or own,
                subjects=subjects,
                opener=config.envelope.open(stack, origin=log.origin),
            )

            def erase() -> tuple[Erased, ...]:
                return finish_erasures(salts, log, config.log.directory, at=now())

            await asyncio.to_thread(erase)
            shadow = None
            if config.shadow is not None:
                trying = Shadow.beside(
                    config.shadow, gate.usage, subjects, registry=metrics.registry
                )
                shadow = await stack.enter_async_context(trying)
            sidecar = cls(
                config,
                gate=gate,
                basis=basis,
                metrics=metrics,
                erase=erase,
                feeder=feeder,
                tls=tls,
                proofs=Proofs(log, config.log.directory, beside=beside),
                shadow=shadow,
                tracing=tracing,
            )
            metrics.registry.register(
                Shown(
                    log=log,
                    directory=config.log.directory,
                    desk=sidecar._desk,
                    basis=basis,
                    authorities=tls.main.authorities,
                    now=now,
                    is_serving=lambda: sidecar.is_serving,
                )
            )
            await sidecar._listen(stack, upstream=upstream)
            tls.go_on()
            stack.push_async_callback(tls.stop)
            if feeder is not None:
                feeder.go_on(on_conflict=sidecar._desk.close, on_change=sidecar._say_serving)
            yield sidecar

    @property
    def addresses(self) -> Mapping[str, Address]:
        """Where the listeners stand, with the ports they were given."""
        return self._entrances.addresses

    @property
    def revision(self) -> str:
        """The revision of the policy in force, as answers state it."""
        return self._basis.revision

    @property
    def is_serving(self) -> bool:
        """Whether calls are answered: not once the log has failed, nor while draining."""
        return self._serving and self._desk.is_open

    async def reload(self) -> None:
        """Put texts, registers and files of TLS in force, or keep the old ones and say why.

        Erasures that were asked for while the log was in use are carried out as well.
        """
        await self._basis.reload()
        await self._tls.reload()
        self._entrances.reload()
        if self._shadow is not None:
            await self._shadow.reload()
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
        upstream: Upstream | None,
    ) -> None:
        """Open the entrances, and have *stack* drain them."""
        counter = Counter(
            desk=self._desk,
            authorities=self._tls.main.authorities,
            tls=self._tls,
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
        self._desk.drain()
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
    with heard(dict.fromkeys(STOP, told.set)):
        async with Sidecar.running(config, now=lambda: datetime.now(UTC)) as sidecar:
            await _serve(config, sidecar, told)
        _log.info("stopped")


async def _serve(config: Config, sidecar: Sidecar, told: asyncio.Event) -> None:
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = asyncio.create_task(sidecar.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    with heard({signal.SIGHUP: reload}):
        if config.watch_s is not None:
            watching = asyncio.create_task(watch(watched(config), config.watch_s, sidecar.reload))
            watching.add_done_callback(ended)
            reloads.add(watching)
        settle_heap()
        places = " ".join(f"{name}={address}" for name, address in sidecar.addresses.items())
        sys.stdout.write(f"ready {places}\n")
        sys.stdout.flush()
        await told.wait()
    for task in reloads:
        task.cancel()
    _log.info("draining")
