# SPDX-License-Identifier: Apache-2.0
"""A pin in a row of PostgreSQL. The one module that knows psycopg; the table is in pin.sql."""

import ipaddress
import math
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, LiteralString, Self, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from govshare_policy.audit.pin import Mark
from govshare_policy.errors import AuditError, ConfigError, VerificationError

SCHEME: Final = "postgresql:"
_T = TypeVar("_T")
_PATHS: Final = frozenset({"passfile", "sslrootcert", "sslcert", "sslkey", "sslcrl"})
_KEYS: Final = _PATHS | {"host", "port", "user", "dbname", "sslmode", "channel_binding"}
_NAME_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-/")
_MAX_NAME: Final = 64
_MIN_CONNECT_S: Final = 2  # libpq waits no less

_SELECT: Final = "SELECT origin, size, root, time FROM govshare.pin WHERE name = %(name)s"
_INSERT: Final = (
    "INSERT INTO govshare.pin (name, origin, size, root, time)"
    " VALUES (%(name)s, %(origin)s, %(size)s, %(root)s, %(time)s) ON CONFLICT (name) DO NOTHING"
)
_UPDATE: Final = (
    "UPDATE govshare.pin SET size = %(size)s, root = %(root)s, time = %(time)s"
    " WHERE name = %(name)s AND origin = %(origin)s AND size = %(old_size)s"
    " AND root = %(old_root)s AND time IS NOT DISTINCT FROM %(old_time)s::bigint"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlUri:
    """Which row of which database.

    Attributes:
        parameters: Of the connection; no password among them.
        name: Of the row: 1 to 64 lower-case letters, digits and ``._-/``.
    """

    parameters: Mapping[str, str]
    name: str

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Return what *uri* (``postgresql://user@host/database?sslmode=verify-full#NAME``) names.

        Raises:
            ConfigError: If it is anything else, holds a password, or goes to another host without
                verifying it. The message does not repeat it.
        """
        connection, _, name = uri.partition("#")
        try:
            given = conninfo_to_dict(connection)
        except psycopg.ProgrammingError:
            given = {}
        parameters = {key: str(value) for key, value in given.items() if value is not None}
        if not parameters.get("host") or not 1 <= len(name) <= _MAX_NAME:
            raise ConfigError("a pin in PostgreSQL is named `postgresql://HOST/DATABASE#NAME`")
        if not _NAME_CHARACTERS.issuperset(name):
            raise ConfigError("the name of a pin is lower-case letters, digits and `._-/`")
        if "password" in parameters:
            raise ConfigError("a password does not stand in the name of a pin; use `passfile`")
        if parameters.keys() - _KEYS:
            raise ConfigError(f"of a pin's connection may be set: {', '.join(sorted(_KEYS))}")
        if any(not parameters[key].startswith("/") for key in _PATHS & parameters.keys()):
            raise ConfigError("the files of a pin's connection are named by absolute paths")
        away = not all(map(_is_here, parameters["host"].split(",")))
        if away and parameters.get("sslmode") != "verify-full":
            raise ConfigError("a pin on another host needs `sslmode=verify-full`")
        return cls(parameters=parameters, name=name)


class PostgresqlPin:
    """A mark in a row, moved by one UPDATE that compares the old mark. For one thread at a time.

    The connection is kept. If the server has dropped it meanwhile, one more is opened, and what is
    in doubt is read; that is not a second try of a move that failed.
    """

    def __init__(self, uri: PostgresqlUri, *, timeout_s: float) -> None:
        """Begin without a connection."""
        self._uri = uri
        self._timeout_s = timeout_s
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._overdue = False

    @property
    def name(self) -> str:
        """The name of the row."""
        return self._uri.name

    def load(self) -> Mark | None:
        """Return the mark in the row, or none if there is no row.

        Raises:
            AuditError: If the database does not answer in time, or not as it should.
        """
        with self._telling("read"):
            return self._on_link(lambda _: self._read())

    def advance(self, old: Mark | None, new: Mark) -> None:
        """Put *new* in the place of *old*, in one transaction that is on the disk on return.

        Raises:
            AuditError: If something else is there, or the database does not say that it is done.
        """
        if old is not None:
            old.verify_next(new, name=self.name)
        with self._telling("moved"):
            done = self._on_link(
                # On a second link the first may have done its work and not come to say so.
                lambda again: self._swap(old, new) or (again and self._read() == new)
            )
        if not done:
            raise AuditError(f"the pin `{self.name}` was moved by another writer")

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with suppress(psycopg.Error):
                connection.close()

    def _read(self) -> Mark | None:
        row = self._execute(_SELECT, {"name": self.name}).fetchone()
        if row is None:
            return None
        origin, size, root, time = row
        try:
            return Mark(origin=origin, size=size, root=bytes(root), time=time)
        except ValueError:
            raise VerificationError(f"the pin `{self.name}` holds no mark") from None

    def _swap(self, old: Mark | None, new: Mark) -> bool:
        """Tell whether *new* has been put in the place of *old*."""
        values = {
            "name": self.name,
            "origin": new.origin,
            "size": new.size,
            "root": new.root,
            "time": new.time,
        }
        if old is None:
            return self._execute(_INSERT, values).rowcount == 1
        values |= {"old_size": old.size, "old_root": old.root, "old_time": old.time}
        return self._execute(_UPDATE, values).rowcount == 1

    def _on_link(self, ask: Callable[[bool], _T]) -> _T:
        """Return what *ask* returns; if the kept connection proves dead, on a new one.

        *ask* is told whether it is asked again.
        """
        kept = self._connection
        try:
            return ask(False)  # noqa: FBT003  the one argument
        except psycopg.OperationalError:
            if kept is None or not kept.broken or self._overdue:
                raise
        self.close()
        return ask(True)  # noqa: FBT003  the one argument

    def _execute(
        self, query: LiteralString, values: Mapping[str, object]
    ) -> psycopg.Cursor[tuple[Any, ...]]:
        if self._connection is None:
            self._connection = self._connect()
        with self._limited(self._connection):
            return self._connection.execute(query, values)

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        limit_ms = math.ceil(self._timeout_s * 1000)
        link = make_conninfo(
            **self._uri.parameters,
            connect_timeout=max(_MIN_CONNECT_S, math.ceil(self._timeout_s)),
            tcp_user_timeout=limit_ms,
            # A standby could hold an older mark.
            target_session_attrs="read-write",
            # The server gives up before we do, and says so.
            options=f"-c synchronous_commit=on -c statement_timeout={max(1, limit_ms // 2)}",
            application_name="govshare",
        )
        return psycopg.connect(link, autocommit=True)

    @contextmanager
    def _limited(self, connection: psycopg.Connection[tuple[Any, ...]]) -> Iterator[None]:
        """Cut the connection off if the server says nothing for too long, not even that."""
        self._overdue = False

        def cut_off() -> None:
            self._overdue = True
            with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as link:
                link.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(self._timeout_s, cut_off)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    @contextmanager
    def _telling(self, done: str) -> Iterator[None]:
        """Say that the pin cannot be *done*, without what the driver says of hosts and users."""
        try:
            yield
        except psycopg.Error as error:
            self.close()
            code = f" (code {error.sqlstate})" if error.sqlstate else ""
            raise AuditError(f"the pin `{self.name}` cannot be {done}{code}") from None


def _is_here(host: str) -> bool:
    """Tell whether *host* is a socket's directory or loopback."""
    try:
        return host.startswith("/") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
