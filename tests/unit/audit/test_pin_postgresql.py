# SPDX-License-Identifier: Apache-2.0
"""A pin in a row of a real PostgreSQL: compared, kept, and never moved back by its own role."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import psycopg
import pytest

from govshare_policy.audit import Mark
from govshare_policy.audit.pin_postgresql import PostgresqlPin, PostgresqlUri
from govshare_policy.errors import AuditError, ConfigError
from tests.database import ROLE, Database, running_database

MARK = Mark(origin="one", size=3, root=bytes(range(32)), time=1_767_600_000)
NEXT = replace(MARK, size=4, root=bytes(32))
LAST = replace(NEXT, size=5)
DROP_CONNECTIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'govshare_pin'"
)


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with running_database() as database:
        yield database


@pytest.fixture
def name() -> str:
    return f"test/{uuid4()}"


def open_row(database: Database, name: str, timeout_s: float = 60.0) -> PostgresqlPin:
    return PostgresqlPin(PostgresqlUri.parse(database.uri(name)), timeout_s=timeout_s)


@pytest.fixture
def pin(database: Database, name: str) -> Iterator[PostgresqlPin]:
    pin = open_row(database, name)
    yield pin
    pin.close()


@pytest.mark.parametrize("first", [MARK, replace(MARK, time=None)])
def test_a_row_remembers(pin: PostgresqlPin, database: Database, first: Mark) -> None:
    """Nothing at first, then what it was told last, also through another connection."""
    assert pin.load() is None
    pin.advance(None, first)
    pin.advance(first, MARK)
    pin.advance(MARK, NEXT)
    other = open_row(database, pin.name)
    assert other.load() == NEXT
    other.close()
    other.close()


def test_a_row_compares_before_it_swaps(pin: PostgresqlPin) -> None:
    """A writer that lost its place does not move the pin."""
    pin.advance(None, NEXT)
    wrong = [
        MARK,
        replace(NEXT, root=MARK.root),
        replace(NEXT, time=1),
        replace(NEXT, time=None),
        None,
    ]
    for old in wrong:
        with pytest.raises(AuditError, match="moved by another writer"):
            pin.advance(old, LAST)
    with pytest.raises(AuditError, match="moved by another writer"):
        pin.advance(replace(NEXT, origin="two"), replace(LAST, origin="two"))
    with pytest.raises(AuditError, match="never goes back"):
        pin.advance(NEXT, MARK)
    assert pin.load() == NEXT


def test_of_two_writers_one_wins(pin: PostgresqlPin, database: Database) -> None:
    """Whatever the order in which they come."""
    pin.advance(None, MARK)
    pins = [open_row(database, pin.name) for _ in range(4)]
    won: list[int] = []

    def race(number: int) -> None:
        try:
            pins[number].advance(MARK, replace(NEXT, root=bytes([number]) * 32))
        except AuditError:
            return
        won.append(number)

    threads = [threading.Thread(target=race, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for one in pins:
        one.close()
    assert len(won) == 1
    assert pin.load() == replace(NEXT, root=bytes(won) * 32)


BACKWARDS = {
    "shorter": "UPDATE govshare.pin SET size = 3 WHERE name = '{}'",
    "another root": "UPDATE govshare.pin SET root = sha256('x') WHERE name = '{}'",
    "another log": "UPDATE govshare.pin SET origin = 'two', size = 9 WHERE name = '{}'",
    "another row": "UPDATE govshare.pin SET name = 'x' WHERE name = '{}'",
    "no row": "DELETE FROM govshare.pin WHERE name = '{}'",
    "no rows": "TRUNCATE govshare.pin",
    "no trigger": "ALTER TABLE govshare.pin DISABLE TRIGGER ALL",
}


@pytest.mark.parametrize("query", BACKWARDS.values(), ids=BACKWARDS)
def test_the_role_of_the_sidecar_cannot_set_its_pin_back(
    pin: PostgresqlPin, database: Database, query: str
) -> None:
    """Whoever has the sidecar's host has this role and no more."""
    pin.advance(None, NEXT)
    with pytest.raises((psycopg.errors.RaiseException, psycopg.errors.InsufficientPrivilege)):
        database.ask(query.format(pin.name), user=ROLE)
    assert pin.load() == NEXT


def test_a_connection_that_was_dropped_while_idle_is_replaced(
    pin: PostgresqlPin, database: Database
) -> None:
    """A server that restarted is not a server that is down."""
    pin.advance(None, MARK)
    database.ask(DROP_CONNECTIONS)
    pin.advance(MARK, NEXT)
    database.stop()
    database.start()
    assert pin.load() == NEXT


def test_a_move_that_was_stored_before_the_connection_broke_is_not_a_conflict(
    pin: PostgresqlPin, database: Database
) -> None:
    """The answer was lost and not the mark: reading it decides."""
    pin.advance(None, MARK)
    other = open_row(database, pin.name)
    other.advance(MARK, NEXT)
    other.close()
    with pytest.raises(AuditError, match="moved by another writer"):
        pin.advance(MARK, NEXT)
    database.ask(DROP_CONNECTIONS)
    pin.advance(MARK, NEXT)
    assert pin.load() == NEXT


def test_a_database_that_is_down_says_so_and_not_where(
    pin: PostgresqlPin, database: Database
) -> None:
    pin.advance(None, MARK)
    database.stop()
    try:
        with pytest.raises(AuditError) as moved:
            pin.advance(MARK, NEXT)
        with pytest.raises(AuditError) as read:
            pin.load()
    finally:
        database.start()
    assert str(moved.value) == f"the pin `{pin.name}` cannot be moved"
    assert str(read.value) == f"the pin `{pin.name}` cannot be read"
    pin.advance(MARK, NEXT)


def test_a_locked_row_is_not_waited_for_for_ever(database: Database, name: str) -> None:
    """The server itself gives up, and says with which code."""
    pin = open_row(database, name, timeout_s=2.0)
    pin.advance(None, MARK)
    with psycopg.connect(host=str(database.directory), user="owner", dbname="postgres") as other:
        other.execute("LOCK TABLE govshare.pin")
        with pytest.raises(AuditError, match=r"cannot be moved \(code 57014\)"):
            pin.advance(MARK, NEXT)
    assert pin.load() == MARK
    pin.close()


def test_a_server_that_stands_still_is_cut_off(database: Database, name: str) -> None:
    """One that neither answers nor gives up, with the connection open."""
    pin = open_row(database, name)
    pin.advance(None, MARK)
    pin._timeout_s = 0.5  # from here on: the connection stands, however busy the machine was
    database.freeze()
    try:
        began = time.monotonic()
        with pytest.raises(AuditError, match="cannot be moved"):
            pin.advance(MARK, NEXT)
        assert time.monotonic() - began > 0.4
    finally:
        database.go_on()
    assert pin.load() in (MARK, NEXT)
    pin.close()


def test_without_its_table_or_its_rights_a_pin_is_not_empty(database: Database, name: str) -> None:
    """It raises; nothing passes for nothing remembered."""
    database.ask("REVOKE SELECT ON govshare.pin FROM govshare_pin")
    pin = open_row(database, name)
    try:
        with pytest.raises(AuditError, match=r"cannot be read \(code 42501\)"):
            pin.load()
    finally:
        database.ask("GRANT SELECT ON govshare.pin TO govshare_pin")
        pin.close()


def test_a_row_that_is_no_mark_is_refused(pin: PostgresqlPin, database: Database) -> None:
    database.ask(f"INSERT INTO govshare.pin VALUES ('{pin.name}', 'o ne', 1, sha256('x'), 1)")  # noqa: S608
    with pytest.raises(AuditError, match="a name is 1 to 255"):
        pin.load()


def test_what_is_committed_is_on_the_disk_of_the_server(
    pin: PostgresqlPin, database: Database
) -> None:
    """Also where the server's own setting would not have it so."""
    database.ask(f"ALTER ROLE {ROLE} SET synchronous_commit = off")
    try:
        assert pin._execute("SHOW synchronous_commit", {}).fetchone() == ("on",)
    finally:
        database.ask(f"ALTER ROLE {ROLE} RESET synchronous_commit")


REFUSED = {
    "postgresql:": "is named",
    "postgresql://db#": "is named",
    "postgresql:///pins#one": "is named",
    "postgresql://localhost/pins": "is named",
    f"postgresql://localhost/pins#{'a' * 65}": "is named",
    "postgresql://localhost/pins?x=%zz#one": "is named",
    "postgresql://localhost/pins#One": "lower-case",
    "postgresql://localhost/pins#o'ne": "lower-case",
    "postgresql://me:secret@localhost/pins#one": "use `passfile`",
    "postgresql://localhost/pins?password=secret#one": "use `passfile`",
    "postgresql://localhost/pins?options=-csynchronous_commit%3Doff#one": "may be set",
    "postgresql://localhost/pins?hostaddr=192.0.2.1#one": "may be set",
    "postgresql://localhost/pins?service=other#one": "may be set",
    "postgresql://localhost/pins?passfile=pgpass#one": "absolute paths",
    "postgresql://db.example/pins#one": "verify-full",
    "postgresql://db.example/pins?sslmode=require#one": "verify-full",
    "postgresql://localhost,db.example/pins#one": "verify-full",
    "postgresql://192.0.2.1/pins#one": "verify-full",
}


@pytest.mark.parametrize(("uri", "says"), REFUSED.items(), ids=list(REFUSED))
def test_a_name_that_is_not_safe_is_refused(uri: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        PostgresqlUri.parse(uri)
    assert "secret" not in str(caught.value)


TAKEN = [
    "postgresql:///pins?host=/run/postgresql#one",
    "postgresql://me@127.0.0.1:5433/pins#one",
    "postgresql://[::1]/pins#one",
    "postgresql://me@db.example/pins?sslmode=verify-full&sslrootcert=/etc/ca.pem#county-1",
]


@pytest.mark.parametrize("uri", TAKEN)
def test_a_name_says_where_and_which(uri: str) -> None:
    named = PostgresqlUri.parse(uri)
    assert named.name == uri.rpartition("#")[2]
    assert named.parameters["dbname"] == "pins"
