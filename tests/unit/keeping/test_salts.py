# SPDX-License-Identifier: Apache-2.0
"""The salts are kept like the log: whole, copied, and no more than the log says."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from govshare_policy.audit import AuditLog, SaltStore, encode_record, new_record_id
from govshare_policy.audit.erasure import Erasure, finish_erasures, want_erasure
from govshare_policy.crypto import Signer
from govshare_policy.errors import AuditError
from govshare_policy.keeping import copy_salts, inspect_salts, repeat_erasures

FIRST = datetime(2026, 1, 5, 4, tzinfo=UTC)
NOW = FIRST + timedelta(days=3)


class Desk:
    """A log of calls on two days, whose outcomes are committed to as well, and the salts."""

    def __init__(self, directory: Path, signer: Signer) -> None:
        self.log, self.store = directory / "log", directory / "salts.sqlite"
        self.signer = signer
        self.decisions: list[str] = []
        log = AuditLog.create(self.log, origin="a.example", signer=signer, now=lambda: NOW)
        with SaltStore(self.store) as salts, log:
            for hours in (0, 1, 30):
                ident = new_record_id(FIRST + timedelta(hours=hours))
                self.decisions.append(ident)
                committed = salts.commit(ident, {"operator": "li"})
                record = {"id": ident, "phase": "decision", "commitments": committed}
                log.append(encode_record(record))
                record = {"id": new_record_id(FIRST), "phase": "outcome", "decision": ident}
                response = salts.commit(ident, {"response": "0" * 64})
                log.append(encode_record({**record, "commitments": response}))

    def erase(self, *, records: tuple[str, ...] = (), days: tuple[date, ...] = ()) -> str:
        erasure = Erasure(records=records, days=days, reason="asked", actor="wang")
        with SaltStore(self.store) as salts:
            want_erasure(salts, self.log, erasure, at=NOW, log_size=1)
            with AuditLog.open(self.log, signer=self.signer, now=lambda: NOW) as log:
                (done,) = finish_erasures(salts, log, self.log, at=NOW)
        return done.record


@pytest.fixture
def desk(tmp_path: Path, signer: Signer) -> Desk:
    return Desk(tmp_path, signer)


def test_every_commitment_has_its_salt_or_the_record_of_its_erasure(desk: Desk) -> None:
    """Outcomes go with their decision."""
    desk.erase(records=(desk.decisions[0],))
    desk.erase(days=(date(2026, 1, 6),))
    with SaltStore(desk.store, read_only=True) as salts:
        report = inspect_salts(desk.log, salts)
    # Both erasures commit to who wanted them.
    assert (report.kept, report.erased, report.missing) == (2 + 2, 4, 0)
    assert report.unfinished == ()


def test_a_store_that_lost_a_day_is_found_out(desk: Desk, tmp_path: Path) -> None:
    """The records whose values nobody can prove any more are named."""
    with SaltStore(tmp_path / "other.sqlite") as other:
        other.commit(desk.decisions[2], {"operator": "li"})
        report = inspect_salts(desk.log, other)
    assert (report.kept, report.missing, report.first_missing) == (2, 4, (1, 2, 3, 4))


def test_a_copy_opens_every_commitment_and_replaces_the_last(desk: Desk, tmp_path: Path) -> None:
    """So that it does not keep what was erased since."""
    copy = tmp_path / "copy.sqlite"
    copy_salts(desk.store, copy)
    desk.erase(records=(desk.decisions[0],))
    copy_salts(desk.store, copy)

    with SaltStore(copy, read_only=True) as salts:
        assert inspect_salts(desk.log, salts).unfinished == ()
    assert copy.stat().st_mode & 0o077 == 0
    assert not list(tmp_path.glob("*.tmp"))


def test_what_an_old_copy_brings_back_is_erased_again(desk: Desk, tmp_path: Path) -> None:
    """The log says what was erased, and every other salt stays."""
    copy = tmp_path / "copy.sqlite"
    copy_salts(desk.store, copy)
    wanted = (
        desk.erase(records=(desk.decisions[0],)),
        desk.erase(days=(date(2026, 1, 6),)),
    )
    desk.store.write_bytes(copy.read_bytes())

    with SaltStore(desk.store) as salts:
        assert inspect_salts(desk.log, salts).unfinished == wanted
        assert repeat_erasures(desk.log, salts) == wanted
        report = inspect_salts(desk.log, salts)
        assert repeat_erasures(desk.log, salts) == ()
    assert (report.unfinished, report.erased) == ((), 4)
    assert salts_of_the_erasures(report.kept, report.missing)


def salts_of_the_erasures(kept: int, missing: int) -> bool:
    # The day on which the erasures were recorded had no seed yet when the copy was made.
    return (kept, missing) == (2, 2)


def test_only_a_salt_store_is_copied_and_only_over_a_copy(desk: Desk, tmp_path: Path) -> None:
    """Another file in the way stays."""
    other = tmp_path / "other"
    other.write_bytes(b"a letter")
    with pytest.raises(AuditError, match="cannot be used"):
        copy_salts(desk.store, other)
    assert other.read_bytes() == b"a letter"
    with pytest.raises(AuditError, match="cannot be used"):
        copy_salts(other, tmp_path / "new")
    assert not (tmp_path / "new").exists()
