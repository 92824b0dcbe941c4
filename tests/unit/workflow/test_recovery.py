# SPDX-License-Identifier: Apache-2.0
import errno
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from govshare_policy import load_register
from govshare_policy.audit import AuditLog
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.layout import segment_file
from govshare_policy.crypto import Signer
from govshare_policy.errors import AuditError, ConfigError, ConsistencyError, FactError
from govshare_policy.legal import Outcome
from govshare_policy.workflow import Store, applications
from govshare_policy.workflow.change import Change
from govshare_policy.workflow.recovery import recover
from tests.county import ROOT
from tests.unit.workflow.town import ORIGIN, SUN, Town

Make = Callable[..., Town]


class BrokenDisk(Disk):
    """Writes until it is broken."""

    broken = False

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        if self.broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().pwrite(fd, data, offset)


PRAGMAS = ("journal_mode", "synchronous", "foreign_keys")
FULL = 2
# Where the process is killed, and whether the step was taken.
POINTS = {
    "before the intent": False,
    "before the record": False,
    "before the store": True,
    "before the rows": True,
    "before it is said that the rows are there": True,
}


@pytest.mark.parametrize(("point", "taken"), POINTS.items(), ids=POINTS)
def test_a_step_that_broke_off_is_neither_lost_nor_taken_twice(
    town: Make, key: Path, point: str, *, taken: bool
) -> None:
    """Whatever the kill leaves behind, the log decides, and store and rows follow it."""
    here = town("henan-fengqiu")
    matter = here.run([])
    program = [sys.executable, "-m", "tests.unit.workflow.break_off"]
    command = [*program, str(here.directory), str(key), point]
    killed = subprocess.run(command, cwd=ROOT, timeout=300, check=False)
    with here.office():
        pass

    assert killed.returncode == -signal.SIGKILL
    approvals = [r for r in here.records() if r["step"] == "approve"]
    assert len(approvals) == taken
    steps = [step.step for step in here.matter(matter).steps]
    assert steps == ["apply", "approve"][: 1 + taken]
    assert (f"G-{matter}" in load_register(here.data).grants) is taken
    again = here.take(matter, "approve", SUN)
    assert (again.refusal is not None) is taken
    assert here.outcome() is Outcome.ALLOW


def test_a_step_that_was_taken_is_known_by_the_id_of_its_record(town: Make) -> None:
    here = town("henan-fengqiu")
    matter = here.run([("approve", SUN)])

    steps = here.matter(matter).steps
    assert [step.id for step in steps] == [record["id"] for record in here.records()]


def test_a_log_from_an_older_copy_is_found_out(town: Make) -> None:
    here = town("henan-fengqiu")
    matter = here.run([])
    shutil.copytree(here.log, here.directory / "copy")
    here.take(matter, "approve", SUN)
    shutil.rmtree(here.log)
    shutil.move(here.directory / "copy", here.log)

    with pytest.raises(ConsistencyError, match="restore the log"):
        here.take(matter, "supply", SUN)


def test_a_store_from_an_older_copy_is_found_out(town: Make) -> None:
    here = town("henan-fengqiu")
    matter = here.run([])
    store, copy = here.directory / "store.sqlite", here.directory / "copy.sqlite"
    shutil.copyfile(store, copy)
    here.take(matter, "approve", SUN)
    shutil.move(copy, store)

    with pytest.raises(ConsistencyError, match="restore the store"):
        here.take(matter, "supply", SUN)


def test_a_log_that_stopped_takes_no_step_and_decides_nothing(town: Make) -> None:
    here = town("henan-fengqiu")
    matter = here.run([])
    with here.office() as office:
        office.log.close()
        found = office.store.matter(matter)
        with pytest.raises(AuditError):
            applications.decide(office, found, "approve", SUN, here.moment())
        assert len(office.store.intents()) == 1

    assert here.take(matter, "approve", SUN).refusal is None
    assert [r["step"] for r in here.records()] == ["apply", "approve"]


def test_a_data_directory_that_does_not_load_stops_the_step_before_the_record(town: Make) -> None:
    here = town("henan-fengqiu")
    matter = here.run([])
    with here.office() as office:
        path = here.data / "grants.tsv"
        path.write_text(path.read_text(encoding="utf-8") + "G99\tbroken\n", encoding="utf-8")
        found = office.store.matter(matter)
        with pytest.raises(FactError, match=r"grants\.tsv"):
            applications.decide(office, found, "approve", SUN, here.moment())

    assert [r["step"] for r in here.records()] == ["apply"]


def test_two_offices_are_never_open_at_once(town: Make) -> None:
    here = town("henan-fengqiu")
    other = Town(here.directory, here.signer, here.profile, keep=True)
    with here.office(), pytest.raises(AuditError, match="process"):
        other.apply()


def test_a_store_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    Store(path, profile="hubei", origin="x").close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()

    with pytest.raises(ConfigError, match="version 99"):
        Store(path, profile="hubei", origin="x")


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"not a database, not at all" * 100)

    with pytest.raises(AuditError, match="store cannot be used"):
        Store(path, profile="hubei", origin="x")


def test_a_log_that_cannot_be_read_decides_nothing(town: Make, tmp_path: Path) -> None:
    here = town("henan-fengqiu")
    here.run([])
    (tmp_path / "gone" / segment_file(0)).mkdir(parents=True)  # no file, so it does not open
    with here.office() as office:
        office.store.remember(0)
        with pytest.raises(AuditError, match="cannot be read"):
            recover(office.store, office.log, log_directory=tmp_path / "gone", data=here.data)


def test_a_log_that_failed_is_not_asked(town: Make, signer: Signer) -> None:
    """What it kept of its last write shows only when it is opened again."""
    here = town("henan-fengqiu")
    here.run([])
    disk = BrokenDisk()
    now = here.moment().at
    with AuditLog.open(here.log, signer=signer, now=lambda: now, disk=disk) as log:
        disk.broken = True
        with pytest.raises(AuditError):
            log.append(b"{}")
        store = Store(here.directory / "store.sqlite", profile="henan-fengqiu", origin=ORIGIN)
        with store, pytest.raises(AuditError, match="the log stopped"):
            recover(store, log, log_directory=here.log, data=here.data)


def test_a_change_is_made_whole_or_not_at_all(town: Make) -> None:
    here = town("henan-fengqiu")
    matter = here.run([])
    before = here.matter(matter)
    change = Change(
        step_id=before.steps[0].id,
        subject=matter,
        step="approve",
        at=here.at,
        body="D-NRB",
        person="",
        role=SUN.role,
        detail={},
        states={matter: {"henan-fengqiu": "approved"}},
    )
    with here.office() as office, pytest.raises(AuditError, match="IntegrityError"):
        office.store.apply(change, record=9, log_size=9)

    assert here.matter(matter) == before


def test_a_store_syncs_every_transaction(tmp_path: Path) -> None:
    with Store(tmp_path / "store.sqlite", profile="hubei", origin="x") as store:
        settings = [store._db.execute(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS]

    assert settings == ["wal", FULL, 1]
