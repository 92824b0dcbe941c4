# SPDX-License-Identifier: Apache-2.0
"""A pin file that lost one of its two blocks: what a crash explains is said, the rest refused."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from govshare_policy.audit import AuditLog, FilePin, Mark, encode_record, read_records
from govshare_policy.audit.pin import OpenPin, Worn, load_worn
from govshare_policy.audit.pin_lag import Lag
from govshare_policy.audit.pin_open import join_pins
from govshare_policy.crypto import Signer
from govshare_policy.errors import VerificationError

BLOCK = 4096
MARK = Mark(origin="one", size=1, root=bytes(32))
Open = Callable[[OpenPin], AuditLog]


@pytest.fixture
def pin(tmp_path: Path) -> FilePin:
    return FilePin(path=tmp_path / "pin")


@pytest.fixture
def reopen(
    create: Callable[[], AuditLog], signer: Signer, clock: Callable[[], datetime], tmp_path: Path
) -> Open:
    """Open the log of one record in ``log``."""
    create().close()

    def start(pin: OpenPin) -> AuditLog:
        log = tmp_path / "log"
        return AuditLog.open(log, signer=signer, now=clock, pin=pin, preallocate=1024)

    return start


@pytest.fixture
def log(reopen: Open, pin: FilePin, tmp_path: Path) -> Path:
    """A log of four records, the last two of which are in the blocks of its pin."""
    with reopen(pin) as writer:
        for number in range(1, 4):
            writer.append(encode_record({"n": number}))
            shutil.copytree(tmp_path / "log", tmp_path / f"at-{number + 1}")
    assert [size(pin.path, block) for block in (0, 1)] == [3, 4]
    return tmp_path / "log"


def size(path: Path, block: int) -> int:
    """Return the size that a block of the file says."""
    return int(path.read_bytes()[block * BLOCK :].split(b"\n")[4])


def damage(path: Path, block: int, *, at: int = 40) -> None:
    """Turn one bit of a block."""
    data = bytearray(path.read_bytes())
    data[block * BLOCK + at] ^= 1
    path.write_bytes(data)


def recoveries(log: Path) -> list[dict[str, object]]:
    records = (json.loads(record) for _, record in read_records(log))
    return [record for record in records if record.get("phase") == "recovery"]


@pytest.mark.parametrize("at", [0, 17, 19, 40, 200, BLOCK - 1], ids=lambda at: f"byte {at}")
def test_a_newer_block_that_is_damaged_is_recorded_where_the_log_still_goes_on(
    log: Path, reopen: Open, pin: FilePin, at: int
) -> None:
    """The log holds the commit that the block was of; a crash in its writing looks the same."""
    damage(pin.path, 1, at=at)
    assert load_worn(pin) == (Worn(name="pin", mark=pin.load()),)  # type: ignore[arg-type]

    reopen(FilePin(path=pin.path)).close()

    [record] = recoveries(log)
    assert {key: record[key] for key in ("event", "pin", "size")} == {
        "event": "worn_pin",
        "pin": "pin",
        "size": 3,
    }
    assert size(pin.path, 0) == 5
    assert load_worn(pin) == ()
    reopen(FilePin(path=pin.path)).close()
    assert len(recoveries(log)) == 1


def test_a_log_that_may_lack_the_commit_of_the_damaged_block_is_refused(
    log: Path, reopen: Open, pin: FilePin, tmp_path: Path
) -> None:
    """Without the damage the pin refuses it; with it, the mark that is left would not."""
    damage(pin.path, 1)
    shutil.rmtree(log)
    shutil.copytree(tmp_path / "at-3", log)
    before = pin.path.read_bytes()

    with pytest.raises(VerificationError, match="its last commit may be missing") as caught:
        reopen(FilePin(path=pin.path))

    assert "the log ends at the mark that is left in it, size 3" in str(caught.value)
    assert pin.path.read_bytes() == before
    assert recoveries(log) == []


def test_an_older_block_that_is_damaged_cannot_be_told_from_a_newer_one(
    log: Path, reopen: Open, pin: FilePin
) -> None:
    """No crash damages either where the log ends; without the file, the log opens."""
    damage(pin.path, 0)
    with pytest.raises(VerificationError, match="then move the pin away"):
        reopen(FilePin(path=pin.path))
    pin.path.unlink()
    reopen(FilePin(path=pin.path)).close()
    assert recoveries(log) == []
    assert size(pin.path, 0) == 4


def test_a_first_block_alone_is_whole(pin: FilePin) -> None:
    """The other was never written; one that lies there in parts is not that."""
    assert load_worn(pin) == ()
    pin.advance(None, MARK)
    assert load_worn(pin) == ()
    damage(pin.path, 1)
    assert load_worn(pin) == (Worn(name="pin", mark=MARK),)


def test_a_block_that_was_written_and_is_gone_is_damaged(pin: FilePin) -> None:
    pin.advance(None, MARK)
    pin.advance(MARK, replace(MARK, size=2))
    pin.path.write_bytes(b"\n" * BLOCK + pin.path.read_bytes()[BLOCK:])
    assert load_worn(pin) == (Worn(name="pin", mark=replace(MARK, size=2)),)


def test_each_of_several_pins_tells_with_a_lag_or_without(
    log: Path, reopen: Open, pin: FilePin, tmp_path: Path
) -> None:
    """Only what has blocks can lose one."""
    shutil.copyfile(pin.path, tmp_path / "other")
    damage(tmp_path / "other", 1)
    pins = [FilePin(path=pin.path), FilePin(path=tmp_path / "other")]
    joined = join_pins(pins, lag=Lag(records=9, seconds=30))
    assert [worn.name for worn in load_worn(joined)] == ["other"]

    reopen(joined).close()
    joined.close()

    assert [record["pin"] for record in recoveries(log)] == ["other"]
    assert load_worn(joined) == ()
    assert load_worn(None) == ()
