# SPDX-License-Identifier: Apache-2.0
"""A log whose pin may be behind: what a store does to it, and what a restored copy meets."""

from collections.abc import Iterator
from pathlib import Path
from time import sleep

import pytest

from govshare_policy.audit import AuditLog, LogDamageError, Mark
from govshare_policy.audit.pin_lag import Lag, LaggedPin
from govshare_policy.audit.pin_open import join_pins, open_pin
from govshare_policy.errors import AuditError
from tests.database import Database, running_database
from tests.faults.support import ORIGIN, Laboratory
from tests.faults.test_pins import Shelf, wait_until

LAG = Lag(records=1000, seconds=1.0)
LONG = Lag(records=1000, seconds=120)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def create(lab: Laboratory, path: Path, shelf: Shelf, lag: Lag = LAG) -> tuple[AuditLog, LaggedPin]:
    pin = LaggedPin(shelf, lag)
    log = AuditLog.create(path, origin=ORIGIN, signer=lab.signer, now=lab.now, pin=pin)
    return log, pin


def reopen(lab: Laboratory, path: Path, pin: Shelf | LaggedPin) -> AuditLog:
    return AuditLog.open(path, signer=lab.signer, now=lab.now, pin=pin)


def size_of(mark: Mark | None) -> int:
    return 0 if mark is None else mark.size


def test_a_store_that_is_down_is_borne_for_a_while_and_then_stops_the_log(
    lab: Laboratory, tmp_path: Path, shelf: Shelf
) -> None:
    """T18: receipts go on within the lag, and no longer; nothing acknowledged is lost."""
    log, pin = create(lab, tmp_path / "log", shelf)
    shelf.mode = "down"
    receipt = log.append(b'{"n":1}')
    sleep(1.1 * LAG.seconds)
    for _ in range(2):
        with pytest.raises(AuditError, match="the log stopped: the pin"):
            log.append(b'{"n":2}')
    log.close()
    with pytest.raises(AuditError, match="the pin"):
        pin.close()
    shelf.mode = "well"
    with reopen(lab, tmp_path / "log", shelf) as again:
        assert again.size == 3
        assert size_of(shelf.mark) == 3
    lab.check(tmp_path / "log", [receipt])


def test_a_store_that_only_says_that_it_failed_is_read_and_the_log_goes_on(
    lab: Laboratory, tmp_path: Path, shelf: Shelf
) -> None:
    """T18: what it holds settles what it said; no mark is put twice, and none is lost."""
    # Ten times as many records as it may be behind by: one that was not settled would hold them.
    log, pin = create(lab, tmp_path / "log", shelf, Lag(records=3, seconds=60))
    shelf.mode = "stored, but says it failed"
    receipts = [log.append(b"{}") for _ in range(30)]
    log.close()
    pin.close()
    assert size_of(shelf.mark) == 1 + len(receipts)
    lab.check(tmp_path / "log", receipts)


def test_a_slow_store_holds_no_receipt_back(lab: Laboratory, tmp_path: Path, shelf: Shelf) -> None:
    """T18: and it has everything once the pin is closed."""
    log, pin = create(lab, tmp_path / "log", shelf, LONG)
    shelf.mode = "slow"
    receipts = [log.append(b"{}") for _ in range(20)]
    assert size_of(shelf.mark) == 1
    shelf.let.set()
    log.close()
    pin.close()
    assert size_of(shelf.mark) == 21
    lab.check(tmp_path / "log", receipts)


def test_a_store_that_forgets_is_found_out(lab: Laboratory, tmp_path: Path, shelf: Shelf) -> None:
    """T18: its mark is older than what it said it had stored."""
    log, pin = create(lab, tmp_path / "log", shelf, LONG)
    shelf.mode = "forgetful"
    log.append(b'{"n":1}')
    wait_until(lambda: pin._stored is not None and pin._stored.size == 2)
    log.append(b'{"n":2}')
    wait_until(lambda: pin._failure is not None)
    with pytest.raises(AuditError, match="moved by another writer"):
        log.append(b'{"n":3}')
    log.close()
    with pytest.raises(AuditError, match="moved by another writer"):
        pin.close()


def test_of_two_hosts_the_second_stops(lab: Laboratory, tmp_path: Path, shelf: Shelf) -> None:
    """T17 and T18: with a lag it is noticed a little later, and the pin stays the first one's."""
    path, copy = tmp_path / "log", tmp_path / "copy"
    log, pin = create(lab, path, shelf)
    log.close()
    pin.close()
    lab.copy(path, copy)
    here, there = (LaggedPin(shelf, Lag(records=9, seconds=120)) for _ in range(2))
    with reopen(lab, path, here) as first, reopen(lab, copy, there) as second:
        first.append(b'{"here":1}')
        wait_until(lambda: size_of(shelf.mark) == 2)
        second.append(b'{"there":1}')
        wait_until(lambda: there._failure is not None)
        with pytest.raises(AuditError, match="moved by another writer"):
            second.append(b'{"there":2}')
    here.close()
    with pytest.raises(AuditError, match="moved by another writer"):
        there.close()
    with pytest.raises(LogDamageError, match="is not the pinned one"):
        reopen(lab, copy, LaggedPin(shelf, LAG))
    lab.check(path, [])


def test_opening_refuses_as_a_strict_pin_does(
    lab: Laboratory, tmp_path: Path, shelf: Shelf
) -> None:
    """T5: a restored backup is shorter than what was pinned when the log was closed."""
    path = tmp_path / "log"
    log, pin = create(lab, path, shelf, LONG)
    log.close()
    lab.copy(path, tmp_path / "backup")
    with reopen(lab, path, pin) as again:
        again.append(b"{}")
    pin.close()
    with pytest.raises(LogDamageError, match="ends at size 1 but its pin is at 2"):
        reopen(lab, tmp_path / "backup", LaggedPin(shelf, LAG))
    shelf.mode = "unreadable"
    with pytest.raises(AuditError, match="the pin cannot be read"):
        reopen(lab, path, LaggedPin(shelf, LAG))


def test_a_crash_leaves_the_pin_behind_and_the_next_opening_moves_it_up(
    lab: Laboratory, tmp_path: Path, shelf: Shelf
) -> None:
    """What is on the disk and not pinned is no contradiction."""
    log, pin = create(lab, tmp_path / "log", shelf, LONG)
    shelf.mode = "down"
    receipt = log.append(b"{}")
    log.close()  # and the pin is never closed, as in a crash
    assert size_of(shelf.mark) == 1
    wait_until(lambda: shelf.moves >= 2)
    shelf.mode = "well"
    pin.close()
    reopen(lab, tmp_path / "log", shelf).close()
    assert size_of(shelf.mark) == 2
    lab.check(tmp_path / "log", [receipt])


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with running_database() as database:
        yield database


@pytest.mark.parametrize("lag", [None, LONG], ids=["strict", "lagged"])
def test_a_log_pinned_in_a_database_and_a_file(
    lab: Laboratory, tmp_path: Path, database: Database, lag: Lag | None
) -> None:
    """T18: it stops without its database if it is strict, bears it otherwise, and goes on."""
    name = "strict" if lag is None else "lagged"
    uris = [f"file:{tmp_path}/pin", database.uri(name)]
    path = tmp_path / "log"
    pin = join_pins([open_pin(uri) for uri in uris], lag=lag)
    log = AuditLog.create(path, origin=ORIGIN, signer=lab.signer, now=lab.now, pin=pin)
    receipts = [log.append(b'{"n":1}')]
    database.stop()
    if lag is None:
        with pytest.raises(AuditError, match=f"the log stopped: the pin `{name}` cannot be moved"):
            log.append(b'{"n":2}')
    else:
        receipts.append(log.append(b'{"n":2}'))
    database.start()
    log.close()
    pin.close()
    pin = join_pins([open_pin(uri) for uri in uris], lag=lag)
    with AuditLog.open(path, signer=lab.signer, now=lab.now, pin=pin) as again:
        receipts.append(again.append(b'{"n":3}'))
    pin.close()
    [(size,)] = database.ask(f"SELECT size FROM govshare.pin WHERE name = '{name}'")  # noqa: S608
    assert size == 4
    lab.check(path, receipts)
