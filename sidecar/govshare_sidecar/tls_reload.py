# SPDX-License-Identifier: Apache-2.0
"""TLS whose files may change while it runs: read aside, verified, then put in force together."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self, TypeAlias

import grpc
from cryptography import x509

from govshare_policy.crypto import sm3
from govshare_policy.errors import AuditError, ConfigError
from govshare_sidecar._table import why
from govshare_sidecar.certificates import parse_certificates
from govshare_sidecar.evidence import Authorities, ClientAuthorities
from govshare_sidecar.seen_lists import SeenLists
from govshare_sidecar.tls_gauges import TlsGauges
from govshare_sidecar.tls_handed import LiveContext, RpcPair
from govshare_sidecar.tls_settings import TlsConfig
from govshare_sidecar.watch import ended

_log: Final = logging.getLogger(__name__)
Make: TypeAlias = Callable[[TlsConfig], ssl.SSLContext]
_Stamp: TypeAlias = tuple[tuple[int, int, int] | None, ...]
# A file of authorities, and the files of their lists.
_Source: TypeAlias = tuple[Path, tuple[Path, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """Everything out of one reading of the files."""

    authorities: Mapping[_Source, Authorities]
    contexts: Sequence[ssl.SSLContext]
    pairs: Sequence[grpc.ServerCertificateConfiguration]
    until: datetime


class LiveTls:
    """The files of one TLS table, and everything that was made from them; the event loop's."""

    def __init__(
        self,
        config: TlsConfig,
        *,
        make: Make,
        now: Callable[[], datetime],
        gauges: TlsGauges,
        seen: SeenLists,
    ) -> None:
        """Begin with nothing read; use :meth:`open` instead."""
        self.config = config
        self._make = make
        self._now = now
        self._gauges = gauges
        self._seen = seen
        self._stamp: _Stamp = ()
        self._contexts: list[tuple[LiveContext, Make]] = []
        # One a listener: several may let in clients of the same authorities.
        self._pairs: list[tuple[Path, RpcPair]] = []
        self._authorities: dict[_Source, ClientAuthorities] = {}
        # The table that names the files of a source.
        self._tables: dict[_Source, str] = {}
        self._reloading = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None

    @classmethod
    def open(
        cls,
        config: TlsConfig,
        *,
        make: Make,
        now: Callable[[], datetime],
        gauges: TlsGauges,
        seen: SeenLists,
    ) -> Self:
        """Return TLS with the files of *config* in force; *make* turns them into a context.

        Raises:
            ConfigError: If a file cannot be used, no authority is valid now, or a list is older
                than one that *seen* remembers.
            AuditError: If *seen* cannot tell.
        """
        live = cls(config, make=make, now=now, gauges=gauges, seen=seen)
        live.authorities.current.verify_in_force(now())
        live._contexts.append((LiveContext.of(make(config)), make))
        live._show(_leaf(config).not_valid_after_utc)
        live._stamp = live._stamps()
        return live

    @property
    def authorities(self) -> ClientAuthorities:
        """Whose certificates clients may present."""
        return self.authorities_of(self.config.client_ca, self.config.crl)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for whoever asks for the health: authorities whose clients are refused."""
        at = self._now()
        silent = [found for one in self._authorities.values() for found in one.current.silent(at)]
        return tuple(f"revocation list {state}: {name}" for name, state in dict.fromkeys(silent))

    def authorities_of(
        self, path: Path, crl: tuple[Path, ...] = (), *, table: str = ""
    ) -> ClientAuthorities:
        """Return the authorities in *path*, with the lists in *crl*, kept up as all others.

        The files are named by *table*, if not by the table that this is of.

        Raises:
            ConfigError: If a file cannot be used, or a list is older than one seen before.
            AuditError: If it cannot be told what was seen before.
        """
        if (path, crl) not in self._authorities:
            loaded = Authorities.load(path, crl)
            self._tables[path, crl] = table or self._gauges.table
            self._take({(path, crl): loaded})
            self._authorities[path, crl] = ClientAuthorities(loaded, now=self._now)
        return self._authorities[path, crl]

    def context(self, make: Make | None = None) -> ssl.SSLContext:
        """Return a context for a listener over HTTP, made by *make* if not as usual.

        Raises:
            ConfigError: If a file cannot be used.
        """
        if make is None:
            return self._contexts[0][0]
        live = LiveContext.of(make(self.config))
        self._contexts.append((live, make))
        return live

    def credentials(self, client_ca: Path | None = None) -> grpc.ServerCredentials:
        """Return the credentials of a gRPC listener, whose clients have to show a certificate.

        Args:
            client_ca: Whose, if not those of the table.

        Raises:
            ConfigError: If a file cannot be read.
        """
        path = client_ca or self.config.client_ca
        pair = RpcPair(_configuration(self.config, path))
        self._pairs.append((path, pair))
        return grpc.dynamic_ssl_server_credentials(
            pair.in_force,
            pair.fetch,  # type: ignore[arg-type]  # nothing new is `None`, which the stubs forget
            require_client_authentication=True,
        )

    def go_on(self) -> None:
        """Look at the files from time to time until :meth:`stop`."""
        self._watching = asyncio.create_task(self._watch())
        self._watching.add_done_callback(ended)

    async def stop(self) -> None:
        """Look at them no more."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def reload(self) -> None:
        """Put what the files hold in force, or keep what is and say why."""
        async with self._reloading:
            stamp = self._stamps()
            try:
                read = await asyncio.to_thread(self._read)
            except (ConfigError, AuditError) as error:
                self._gauges.reloaded(done=False)
                _log.error("reload of TLS refused, the files in force stay: %s", error)
            else:
                self._put(read)
                self._gauges.reloaded(done=True)
                _log.info("TLS reloaded, the certificate is valid until %s", f"{read.until:%F}")
            self._stamp = stamp

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self.config.watch_s)
            if await asyncio.to_thread(self._stamps) != self._stamp:
                await self.reload()
            self._gauges.silent(self.notes)

    def _read(self) -> _Read:
        """Read everything, and verify it against what is in force.

        Raises:
            ConfigError: If something cannot be used, is older, or changes while it is read.
            AuditError: If it cannot be remembered which lists were seen.
        """
        config, at = self.config, self._now()
        before = self._digest()
        leaf = _leaf(config)
        if not leaf.not_valid_before_utc <= at <= leaf.not_valid_after_utc:
            raise ConfigError("the certificate in `tls.certificate` is not valid now")
        authorities = {source: Authorities.load(*source) for source in tuple(self._authorities)}
        authorities[config.client_ca, config.crl].verify_in_force(at)
        for source, loaded in authorities.items():
            old = self._authorities[source].current.lists
            if old is not None and loaded.lists is not None:
                loaded.lists.verify_not_older(old)
        read = _Read(
            authorities=authorities,
            contexts=[make(config) for _, make in self._contexts],
            pairs=[_configuration(config, path) for path, _ in self._pairs],
            until=leaf.not_valid_after_utc,
        )
        if self._digest() != before:
            raise ConfigError("the files of TLS are being written")
        self._take(authorities)
        return read

    def _take(self, authorities: Mapping[_Source, Authorities]) -> None:
        """Have it remembered that the lists of *authorities* are in force, over restarts too."""
        for source, loaded in authorities.items():
            if loaded.lists is not None:
                self._seen.take(self._tables[source], loaded.lists)

    def _put(self, read: _Read) -> None:
        # INVARIANT: nothing is awaited here, so no connection or call sees half of a change.
        for source, authorities in read.authorities.items():
            self._authorities[source].replace(authorities)
        for (live, _), context in zip(self._contexts, read.contexts, strict=True):
            live.in_force = context
        for (_, pair), configuration in zip(self._pairs, read.pairs, strict=True):
            pair.in_force = configuration
        self._show(read.until)

    def _show(self, until: datetime) -> None:
        self._gauges.certificate(until)
        self._gauges.lists([one.current.lists for one in self._authorities.values()])
        self._gauges.silent(self.notes)

    def _files(self) -> list[Path]:
        sources = tuple(self._authorities)
        lists = [path for _, crl in sources for path in crl]
        named = {*(path for path, _ in (*self._pairs, *sources)), *lists}
        return [self.config.certificate, self.config.key, *sorted(named)]

    def _stamps(self) -> _Stamp:
        return tuple(map(_stamp, self._files()))

    def _digest(self) -> bytes:
        try:
            return sm3(b"".join(sm3(path.read_bytes()) for path in self._files()))
        except OSError as error:
            raise ConfigError(f"a file of TLS cannot be read: {why(error)}") from None


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _leaf(config: TlsConfig) -> x509.Certificate:
    try:
        data = config.certificate.read_bytes()
    except OSError as error:
        raise ConfigError(f"`tls.certificate` cannot be read: {why(error)}") from None
    return parse_certificates(data, name=config.certificate.name)[0]


def _configuration(config: TlsConfig, client_ca: Path) -> grpc.ServerCertificateConfiguration:
    try:
        pair = (config.key.read_bytes(), config.certificate.read_bytes())
        authorities = client_ca.read_bytes()
    except OSError as error:
        raise ConfigError("a file of the `[tls]` table cannot be read") from error
    return grpc.ssl_server_certificate_configuration([pair], root_certificates=authorities)
