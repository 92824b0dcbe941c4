# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL server of one test run: on a socket of its own, and gone afterwards."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Final

import psycopg
import pytest

PINS: Final = Path(__file__).parents[1] / "govshare_policy" / "audit" / "pin.sql"
OWNER: Final = "owner"
ROLE: Final = "govshare_pin"
_START_S: Final = 60.0


class Database:
    """A cluster in a directory, started and stopped at will."""

    def __init__(self, directory: Path, account: str | None) -> None:
        self.directory = directory
        self._account = account
        self._server: subprocess.Popen[bytes] | None = None

    def uri(self, name: str, *, user: str = ROLE) -> str:
        """Return the name of the pin *name*."""
        return f"postgresql:///postgres?host={self.directory}&user={user}#{name}"

    def ask(self, query: str, *, user: str = OWNER) -> list[tuple[object, ...]]:
        """Return the rows of *query*."""
        with psycopg.connect(
            host=str(self.directory), user=user, dbname="postgres", connect_timeout=10
        ) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []

    def create(self) -> None:
        """Make the cluster, with the table of pins and the role of the sidecar in it."""
        command = [_program("initdb"), "-D", "data", "-A", "trust", "-U", OWNER, "--no-sync"]
        done = subprocess.run(
            [*command, "-E", "UTF8", "--locale=C"],
            cwd=self.directory,
            user=self._account,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        self.start()
        self.ask(PINS.read_text("utf-8"))
        self.ask(f"CREATE ROLE {ROLE} LOGIN")
        self.ask(f"GRANT USAGE ON SCHEMA govshare TO {ROLE}")
        self.ask(f"GRANT SELECT, INSERT, UPDATE ON govshare.pin TO {ROLE}")

    def start(self) -> None:
        """Start the server and wait until it answers."""
        log = (self.directory / "server.log").open("ab")
        with log:
            self._server = subprocess.Popen(
                [
                    _program("postgres"),
                    "-D",
                    "data",
                    "-k",
                    self.directory,
                    "-c",
                    "listen_addresses=",
                ],
                cwd=self.directory,
                user=self._account,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until = monotonic() + _START_S
        while True:
            try:
                self.ask("SELECT 1")
            except psycopg.OperationalError:
                said = (self.directory / "server.log").read_text("utf-8")
                assert self._server.poll() is None, said
                assert monotonic() < until, said
                sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Stop the server, which breaks every connection; a second time does nothing."""
        if self._server is None:
            return
        self.go_on()
        server, self._server = self._server, None
        server.send_signal(signal.SIGINT)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)
            server.wait(30)

    def freeze(self) -> None:
        """Have every process of the server stand still."""
        self._signal_all(signal.SIGSTOP)

    def go_on(self) -> None:
        """Have them go on."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._server is not None
        parent = self._server.pid
        # The postmaster first, so that it starts nobody meanwhile.
        os.kill(parent, number)
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii").split()
        for child in children:
            os.kill(int(child), number)


@contextmanager
def running_database() -> Iterator[Database]:
    """Return a database that answers; it is gone afterwards, whatever happened."""
    account = _account() if os.geteuid() == 0 else None
    with ExitStack() as stack:
        # Not below a directory of the test run: the server's account may not enter those.
        directory = Path(tempfile.mkdtemp(prefix="pins-"))
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        if account is not None:
            shutil.chown(directory, account)
        database = Database(directory, account)
        stack.callback(database.stop)
        database.create()
        yield database


def _program(name: str) -> str:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name)
    found = shutil.which(name, path=os.pathsep.join(map(str, folders[::-1]))) or shutil.which(name)
    if found is None:
        pytest.fail(f"these tests need PostgreSQL's `{name}`: apt-get install postgresql")
    return found


def _account() -> str:
    """Return an account that PostgreSQL runs under, because it refuses to run as root."""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
