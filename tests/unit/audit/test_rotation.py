# SPDX-License-Identifier: Apache-2.0
"""A log gets another key in one commit that both keys sign: before it the old one, then the new."""

import errno
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pytest

from govshare_policy.audit import (
    AuditLog,
    Checkpoint,
    Damage,
    FilePin,
    LogDamageError,
    Rotation,
    TrustKey,
    TrustPolicy,
    encode_record,
    follow_rotation,
    format_trust,
    parse_record,
    read_records,
    rotate_key,
    verify_log,
)
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.segment import FrameReader, Kind
from govshare_policy.audit.start import create_ledger
from govshare_policy.crypto import Signer
from govshare_policy.errors import AuditError, ConfigError, SignatureError, VerificationError

ORIGIN = "audit.example/one"
SEGMENT = "seg/00000000000000000000.seg"
SINGLE_FILE = Path(__file__).parents[3] / "tools" / "verify_log.py"
Open = Callable[[Signer], AuditLog]


class Clock(Protocol):
    """What the fixture of the same name is."""

    at: datetime

    def __call__(self) -> datetime: ...
    def move(self, seconds: int) -> None: ...


@pytest.fixture
def log(create: Callable[[], AuditLog], tmp_path: Path) -> Path:
    """A closed log of two records."""
    with create() as writer:
        writer.append(encode_record({"n": 1}))
    return tmp_path / "log"


@pytest.fixture
def reopen(log: Path, clock: Clock) -> Open:
    def start(signer: Signer) -> AuditLog:
        return AuditLog.open(log, signer=signer, now=clock, preallocate=1024)

    return start


@pytest.fixture
def rotate(
    log: Path, signer: Signer, other_signer: Signer, clock: Clock
) -> Callable[..., Rotation]:
    def run(disk: Disk | None = None, pin: FilePin | None = None) -> Rotation:
        return rotate_key(
            log,
            signer=signer,
            successor=other_signer,
            at=clock(),
            pin=pin,
            preallocate=1024,
            disk=disk or Disk(),
        )

    return run


def test_a_rotated_log_verifies_from_end_to_end(
    log: Path,
    trust: TrustPolicy,
    rotate: Callable[[], Rotation],
    reopen: Open,
    other_signer: Signer,
    tmp_path: Path,
) -> None:
    """Under the policy that follows from the log, by the library and by the single file."""
    rotation = rotate()
    with reopen(other_signer) as writer:
        writer.append(encode_record({"n": 2}))
    followed = follow_rotation(trust, rotation, log)

    assert rotation.size == 3
    assert [(key.from_size, key.to_size) for key in followed.keys] == [(3, None), (0, 3)]
    verdict = verify_log(log, followed)
    assert (verdict.size, len(verdict.key_fingerprints)) == (4, 2)
    path = tmp_path / "trust.toml"
    path.write_text(format_trust(followed))
    done = subprocess.run(
        [sys.executable, "-I", str(SINGLE_FILE), str(log), "--trust", str(path)],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    for key, index in ((signer_of(trust), 3), (TrustKey(name=ORIGIN, public=rotation.new), 0)):
        with pytest.raises(LogDamageError, match="no trusted key signed") as caught:
            verify_log(log, TrustPolicy(origin=ORIGIN, keys=(key,)))
        assert (caught.value.kind, caught.value.index) == (Damage.SIGNATURE, index)


def signer_of(trust: TrustPolicy) -> TrustKey:
    [key] = trust.keys
    return key


def test_the_record_names_both_keys_and_the_size(
    log: Path, rotate: Callable[[], Rotation], signer: Signer, other_signer: Signer
) -> None:
    """It is the last one under the checkpoint that both signed."""
    rotation = rotate()
    *_, (index, data) = read_records(log)
    record = parse_record(data)

    assert (index + 1, record["from_size"]) == (rotation.size, rotation.size)
    assert (record["phase"], record["event"], record["origin"]) == ("key", "rotate", ORIGIN)
    for name, key in (("old", signer), ("new", other_signer)):
        assert record[name]["spki"] == key.public.to_spki().hex()
        assert record[name]["sm3"] == key.public.fingerprint.hex()
    note = Checkpoint.from_note((log / "checkpoint").read_bytes())
    assert [line.name for line in note.signatures] == [ORIGIN, ORIGIN]


def test_the_replaced_key_opens_nothing_any_more(
    rotate: Callable[[], Rotation],
    reopen: Open,
    signer: Signer,
    other_signer: Signer,
) -> None:
    """Neither right after nor later; a key that was never in force neither."""
    with pytest.raises(LogDamageError, match="not signed with the key at hand"):
        reopen(other_signer)
    rotate()
    with pytest.raises(LogDamageError, match="the key at hand was replaced") as caught:
        reopen(signer)
    assert caught.value.kind is Damage.SIGNATURE
    with reopen(other_signer) as writer:
        writer.append(encode_record({"n": 2}))
    with pytest.raises(LogDamageError, match="not signed with the key at hand"):
        reopen(signer)


class Dies(Exception):  # noqa: N818 - a crash is no error of ours
    """The process ends here."""


class Mortal(Disk):
    """Ends the process before its n-th change of the disk; counts them otherwise."""

    def __init__(self, last: int = -1, end: Exception | None = None) -> None:
        self.last = last
        self.count = 0
        self.end = end or Dies()

    def _live(self) -> None:
        if self.count == self.last:
            raise self.end
        self.count += 1

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        self._live()
        return super().pwrite(fd, data, offset)

    def datasync(self, fd: int) -> None:
        self._live()
        super().datasync(fd)

    def rename(self, old: Path, new: Path) -> None:
        self._live()
        super().rename(old, new)


def test_a_crash_leaves_exactly_one_key_in_force_and_the_rotation_can_be_run_again(
    log: Path,
    rotate: Callable[..., Rotation],
    reopen: Open,
    signer: Signer,
    other_signer: Signer,
    trust: TrustPolicy,
    tmp_path: Path,
) -> None:
    """Whichever call the process did not survive."""
    shutil.copytree(log, tmp_path / "before")
    counter = Mortal()
    rotate(disk=counter)
    in_force = []
    for last in range(counter.count):
        shutil.rmtree(log)
        shutil.copytree(tmp_path / "before", log)
        with pytest.raises(Dies):
            rotate(disk=Mortal(last))
        in_force.append([opens(reopen, key) for key in (signer, other_signer)])

        rotation = rotate()

        verdict = verify_log(log, follow_rotation(trust, rotation, log))
        assert (verdict.size, opens(reopen, signer)) == (rotation.size, False)

    assert in_force[0] == [True, False]
    assert in_force[-1] == [False, True]
    assert all(sum(pair) == 1 for pair in in_force)


def opens(reopen: Open, signer: Signer) -> bool:
    try:
        reopen(signer).close()
    except LogDamageError as error:
        return error.kind is not Damage.SIGNATURE
    return True


def test_a_torn_rotation_is_put_aside_and_the_old_key_goes_on(
    log: Path, rotate: Callable[[], Rotation], reopen: Open, signer: Signer
) -> None:
    """Half a commit is a tail like any other."""
    before = (log / "checkpoint").read_bytes()
    rotate()
    with (log / SEGMENT).open("r+b") as file:
        *_, last = (frame for frame in FrameReader(file) if frame.kind == Kind.COMMIT)
        file.truncate(last.end - 1)
    (log / "checkpoint").write_bytes(before)

    reopen(signer).close()

    assert any(path.suffix == ".tail" for path in (log / "quarantine").iterdir())


def test_a_rotation_that_was_done_is_found_later(
    log: Path,
    rotate: Callable[[], Rotation],
    reopen: Open,
    signer: Signer,
    other_signer: Signer,
    third_signer: Signer,
    clock: Clock,
) -> None:
    """With the very same two keys; with others it is refused."""
    first = rotate()
    with reopen(other_signer) as writer:
        writer.append(encode_record({"event": "rotate", "phase": "data"}))
    size = Checkpoint.from_note((log / "checkpoint").read_bytes()).size

    assert rotate() == first
    with pytest.raises(ConfigError, match="was a key of this log before"):
        rotate_key(log, signer=third_signer, successor=other_signer, at=clock())
    with pytest.raises(LogDamageError, match="not signed with the key at hand"):
        rotate_key(log, signer=signer, successor=third_signer, at=clock())
    assert Checkpoint.from_note((log / "checkpoint").read_bytes()).size == size


def test_a_log_is_rotated_twice(
    log: Path,
    rotate: Callable[[], Rotation],
    other_signer: Signer,
    third_signer: Signer,
    trust: TrustPolicy,
    clock: Clock,
) -> None:
    """Each policy follows from the one before."""
    first = follow_rotation(trust, rotate(), log)
    second = rotate_key(log, signer=other_signer, successor=third_signer, at=clock())
    followed = follow_rotation(first, second, log)

    assert [(key.from_size, key.to_size) for key in followed.keys] == [(4, None), (3, 4), (0, 3)]
    assert verify_log(log, followed).size == 4


def test_a_segment_may_end_with_the_rotation(
    signer: Signer, other_signer: Signer, trust: TrustPolicy, clock: Clock, tmp_path: Path
) -> None:
    """The key in force is then read from the segment before the last."""
    path = tmp_path / "full"
    ledger, lock = create_ledger(
        path, origin=ORIGIN, signer=signer, at=clock(), pin=None, preallocate=1024, disk=Disk()
    )
    ledger.commit([b"{}"] * 65_534, clock())
    ledger.publish()
    ledger.close()
    lock.release()

    rotation = rotate_key(path, signer=signer, successor=other_signer, at=clock())

    assert rotation.size == 65_536
    assert opens(lambda key: AuditLog.open(path, signer=key, now=clock), other_signer)
    assert not opens(lambda key: AuditLog.open(path, signer=key, now=clock), signer)
    assert verify_log(path, follow_rotation(trust, rotation, path)).size == 65_536


def test_a_clock_that_went_back_is_recorded_before_the_rotation(
    log: Path, rotate: Callable[[], Rotation], trust: TrustPolicy, clock: Clock
) -> None:
    """The two keys sign one record more, and no earlier time."""
    clock.move(-60)
    rotation = rotate()

    records = [parse_record(data) for _, data in read_records(log)]
    assert [record.get("event") for record in records[-2:]] == ["clock_step", "rotate"]
    assert records[-1]["from_size"] == rotation.size == 4
    verify_log(log, follow_rotation(trust, rotation, log))


def test_a_pin_is_kept_and_a_backup_is_not_rotated(
    log: Path, rotate: Callable[..., Rotation], tmp_path: Path
) -> None:
    """A new key would make the lost records look as if they had never been."""
    pin = FilePin(path=tmp_path / "pin")
    shutil.copytree(log, tmp_path / "backup")
    rotation = rotate(pin=pin)
    mark = pin.load()
    assert mark is not None
    assert mark.size == rotation.size
    shutil.rmtree(log)
    shutil.copytree(tmp_path / "backup", log)

    with pytest.raises(LogDamageError, match="its pin is at 3: record 2 is lost"):
        rotate(pin=pin)


def test_a_log_in_use_is_not_rotated(
    rotate: Callable[[], Rotation], reopen: Open, signer: Signer
) -> None:
    """Its writer would go on with the old key."""
    with reopen(signer), pytest.raises(AuditError, match="open in another process"):
        rotate()


def test_a_disk_that_fails_is_named_and_the_log_let_go(
    log: Path, rotate: Callable[..., Rotation], tmp_path: Path
) -> None:
    """Whenever it fails; what happened is found out by running it again."""
    shutil.copytree(log, tmp_path / "before")
    counter = Mortal()
    rotate(disk=counter)
    for last in range(counter.count):
        shutil.rmtree(log)
        shutil.copytree(tmp_path / "before", log)
        full = Mortal(last, OSError(errno.ENOSPC, "No space left on device"))
        with pytest.raises(AuditError, match="no space left on device"):
            rotate(disk=full)

        assert rotate().size == 3


def test_one_key_does_not_follow_itself(log: Path, signer: Signer, clock: Clock) -> None:
    """That would be a rotation in name only."""
    with pytest.raises(ConfigError, match="generate another"):
        rotate_key(log, signer=signer, successor=signer, at=clock())


def test_a_policy_follows_only_what_both_keys_signed(
    log: Path,
    rotate: Callable[[], Rotation],
    trust: TrustPolicy,
    third_signer: Signer,
) -> None:
    """And only from the key that it names as in use."""
    rotation = rotate()
    for old in (replace(signer_of(trust), to_size=2), replace(signer_of(trust), revoked_after=2)):
        with pytest.raises(ConfigError, match="as the one in use"):
            follow_rotation(replace(trust, keys=(old,)), rotation, log)
    with pytest.raises(SignatureError):
        follow_rotation(trust, replace(rotation, new=third_signer.public), log)
    with pytest.raises(SignatureError):
        follow_rotation(trust, replace(rotation, size=2), log)
    with pytest.raises(VerificationError, match="no commit at size 4"):
        follow_rotation(trust, replace(rotation, size=4), log)
    followed = follow_rotation(trust, rotation, log)
    with pytest.raises(ConfigError, match="as the one in use"):
        follow_rotation(followed, rotation, log)


def test_a_key_takes_over_only_once(
    log: Path,
    rotate: Callable[[], Rotation],
    signer: Signer,
    other_signer: Signer,
    third_signer: Signer,
    clock: Clock,
) -> None:
    """No trust file could describe it: a key is trusted for one range of sizes."""
    rotate()
    rotate_key(log, signer=other_signer, successor=third_signer, at=clock())
    before = (log / SEGMENT).read_bytes()

    for used in (signer, other_signer):
        with pytest.raises(ConfigError, match="was a key of this log before"):
            rotate_key(log, signer=third_signer, successor=used, at=clock())
    assert (log / SEGMENT).read_bytes() == before


def test_nothing_is_written_unless_the_trust_file_can_follow(
    log: Path, trust: TrustPolicy, signer: Signer, other_signer: Signer, clock: Clock
) -> None:
    """Whatever keeps the next policy from being one, and even if the clock went back."""
    clock.move(-60)
    key, witness = signer_of(trust), TrustKey(name="eye", public=other_signer.public)
    before = (log / SEGMENT).read_bytes()
    for wrong, says in (
        (replace(trust, keys=(replace(key, to_size=2),)), "as the one in use"),
        (replace(trust, keys=(replace(key, from_size=9),)), "not a range"),
        (replace(trust, witnesses=(witness,), required=1), "a key of its own"),
        (TrustPolicy(origin="b", keys=(TrustKey(name="b", public=key.public),)), "another log"),
    ):
        with pytest.raises(ConfigError, match=says):
            rotate_key(log, signer=signer, successor=other_signer, at=clock(), trust=wrong)
    assert (log / SEGMENT).read_bytes() == before
    rotation = rotate_key(log, signer=signer, successor=other_signer, at=clock(), trust=trust)
    assert rotation.size == 4
    verify_log(log, follow_rotation(trust, rotation, log))
