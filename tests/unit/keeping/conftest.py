# SPDX-License-Identifier: Apache-2.0
"""A log of full segments, made once, and copies of it to keep, to drop from and to spoil."""

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from govshare_policy.audit import (
    AuditLog,
    LogDamageError,
    Receipt,
    TrustPolicy,
    encode_record,
    load_trust,
    trust_text,
    verify_log,
)
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.layout import segment_file
from govshare_policy.audit.segment import SEGMENT_LEAVES
from govshare_policy.audit.start import create_ledger
from govshare_policy.crypto import Signer, generate_key, open_signer
from govshare_policy.keeping import Plan, Term, archive_log, drop_segments, plan_drop
from tests.conformance.verdicts import load_single_file

ORIGIN = "audit.example/one"
START = datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
FULL = 3
SIZE = FULL * SEGMENT_LEAVES + 10
TERM = Term(clause="NR-a29-01", years=3)
LATE = datetime(2040, 1, 1, tzinfo=UTC)
SINGLE_FILE = load_single_file()


class Yard(NamedTuple):
    """A log with two archives of all its full segments."""

    directory: Path
    signer: Signer
    trust: TrustPolicy

    @property
    def log(self) -> Path:
        return self.directory / "log"

    @property
    def archives(self) -> list[Path]:
        return [self.directory / "a", self.directory / "b"]

    @property
    def trust_file(self) -> Path:
        return self.directory / "trust.toml"

    def append(self, record: bytes) -> Receipt:
        """Put a record into the log, as an operator's command does."""
        with AuditLog.open(self.log, signer=self.signer, now=lambda: NOW) as log:
            return log.append(record)


def copy_tree(source: Path, target: Path) -> Path:
    """Copy files by linking them: a test that changes one writes it anew."""
    return Path(shutil.copytree(source, target, copy_function=os.link))


def copy_yard(yard: Yard, directory: Path) -> Yard:
    """Copy a yard to a directory of its own."""
    copy = Yard(copy_tree(yard.directory, directory / "yard"), yard.signer, yard.trust)
    # The writer goes on in the last segment, which must not be that of the other tests.
    change(copy.log / segment_file(FULL * SEGMENT_LEAVES), bytes)
    return copy


def change(path: Path, edit: Callable[[bytes], bytes]) -> None:
    """Change a file, and not the one that it is a link to."""
    data = edit(path.read_bytes())
    path.unlink()
    path.write_bytes(data)


@pytest.fixture(scope="package")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    path = tmp_path_factory.mktemp("keeping-key") / "key.pem"
    generate_key(path, b"correct horse")
    return open_signer(f"file:{path}", b"correct horse")


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Yard:
    """Three full segments a day apart, of two commits each, ten records more, and two archives."""
    directory = tmp_path_factory.mktemp("keeping")
    ledger, lock = create_ledger(
        directory / "log",
        origin=ORIGIN,
        signer=signer,
        at=START,
        pin=None,
        preallocate=1 << 16,
        disk=Disk(),
    )
    records = [encode_record({"n": number}) for number in range(SEGMENT_LEAVES)]
    for day in range(FULL):
        for share in (2, 1):
            at = START + timedelta(days=day + 1, seconds=-share)
            ledger.commit(records[: -(-ledger.room // share)], at)
        ledger.rotate_if_full()
    ledger.commit(records[:10], START + timedelta(days=FULL + 1))
    ledger.publish()
    ledger.close()
    lock.release()
    (directory / "trust.toml").write_text(trust_text(ORIGIN, signer.public))
    trust = load_trust(directory / "trust.toml")
    archive_log(directory / "log", directory / "a", trust=trust, signer=signer, at=NOW)
    copy_tree(directory / "a", directory / "b")
    return Yard(directory, signer, trust)


@pytest.fixture
def yard(made: Yard, tmp_path: Path) -> Yard:
    """A log and its archives, to be changed."""
    return copy_yard(made, tmp_path)


def plan_of(yard: Yard, *, before: datetime = LATE, at: datetime = NOW, least: int = 1) -> Plan:
    return plan_drop(
        yard.log, yard.archives, trust=yard.trust, term=TERM, before=before, at=at, least=least
    )


def drop(yard: Yard, *, before: datetime = LATE) -> tuple[Receipt, ...]:
    return drop_segments(yard.log, plan_of(yard, before=before), yard.append, at=NOW)


@pytest.fixture(scope="package")
def gone(made: Yard, tmp_path_factory: pytest.TempPathFactory) -> Yard:
    """The log without its first two segments."""
    yard = copy_yard(made, tmp_path_factory.mktemp("gone"))
    drop(yard)
    return yard


@pytest.fixture
def dropped(gone: Yard, tmp_path: Path) -> Yard:
    """The same, to be changed."""
    return copy_yard(gone, tmp_path)


def judge(yard: Yard, *archives: Path) -> tuple[str, str, int | None]:
    """Return what both verifiers say, which has to be the same: code, file, index."""
    logs = [path / "log" for path in archives]
    try:
        verify_log(yard.log, yard.trust, archives=logs)
    except LogDamageError as error:
        first = (error.kind.value, error.part.file, error.index)
    else:
        first = ("good", "", None)
    try:
        SINGLE_FILE.verify(yard.log, yard.trust_file, archives=list(archives))
    except SINGLE_FILE.BadLogError as bad:
        second = (bad.code, bad.file, bad.index)
    else:
        second = ("good", "", None)
    assert second == first
    return first
