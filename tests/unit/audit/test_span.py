# SPDX-License-Identifier: Apache-2.0
"""Verifying a range: what is read is verified whole, and bound to what the log has published."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from govshare_policy.audit import (
    Checkpoint,
    Damage,
    LogDamageError,
    TrustKey,
    TrustPolicy,
    encode_record,
    verify_range,
)
from govshare_policy.audit.checkpoint import sign_checkpoint
from govshare_policy.audit.cosign import witness_file
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.frame import Frame, encode_frame
from govshare_policy.audit.segment import SEGMENT_LEAVES, FrameReader, Kind, Seal, segment_name
from govshare_policy.audit.start import create_ledger
from govshare_policy.crypto import Signer

ORIGIN = "audit.example/one"
WITNESS = "witness.example"
START = datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC)
FULL = 3
SIZE = FULL * SEGMENT_LEAVES + 10


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Path:
    """Three full segments, of two commits each, and ten records in two commits."""
    path = tmp_path_factory.mktemp("span") / "log"
    ledger, lock = create_ledger(
        path, origin=ORIGIN, signer=signer, at=START, pin=None, preallocate=1 << 16, disk=Disk()
    )
    records = [encode_record({"n": number}) for number in range(SEGMENT_LEAVES)]
    for number in range(FULL):
        for share in (2, 1):
            at = START + timedelta(seconds=10 * number + 10 - share)
            ledger.commit(records[: -(-ledger.room // share)], at)
        ledger.rotate_if_full()
    for number in range(2):
        ledger.commit(records[:5], START + timedelta(seconds=100 + number))
        if number == 0:
            ledger.publish()
    ledger.publish()
    ledger.close()
    lock.release()
    return path


@pytest.fixture
def log(good: Path, tmp_path: Path) -> Path:
    """A log to spoil."""
    return Path(shutil.copytree(good, tmp_path / "log"))


def segment(log: Path, number: int) -> Path:
    return log / "seg" / segment_name(number * SEGMENT_LEAVES)


def spoil(path: Path, choose: Callable[[Frame], bool], change: Callable[[bytes], bytes]) -> None:
    """Change the first frame that is chosen, and make its crc right."""
    data = path.read_bytes()
    with path.open("rb") as file:
        frame = next(frame for frame in FrameReader(file) if choose(frame))
    new = encode_frame(Kind(frame.kind), change(frame.payload))
    path.write_bytes(data[: frame.offset] + new + data[frame.end :])


def entry_changes(payload: bytes) -> bytes:
    return payload[:-2] + bytes([payload[-2] ^ 1]) + payload[-1:]


def seal_changes(payload: bytes) -> bytes:
    return replace(Seal.from_payload(payload), root=bytes(32)).to_frame()[8:]


def is_entry(frame: Frame) -> bool:
    return frame.kind == Kind.ENTRY and b'"n"' in frame.payload


def is_seal(frame: Frame) -> bool:
    return frame.kind == Kind.SEAL


@pytest.mark.parametrize(
    ("first", "last", "verified", "checkpoints"),
    [
        (0, 0, (0, SEGMENT_LEAVES - 1), 3),
        (SEGMENT_LEAVES - 1, SEGMENT_LEAVES, (0, 2 * SEGMENT_LEAVES - 1), 5),
        (SEGMENT_LEAVES, SEGMENT_LEAVES, (SEGMENT_LEAVES, 2 * SEGMENT_LEAVES - 1), 2),
        (2 * SEGMENT_LEAVES - 1, SIZE - 1, (SEGMENT_LEAVES, SIZE - 1), 6),
        (SIZE - 1, SIZE - 1, (FULL * SEGMENT_LEAVES, SIZE - 1), 2),
        (0, SIZE - 1, (0, SIZE - 1), 9),
    ],
)
def test_a_range_is_verified_with_the_segments_it_lies_in(
    good: Path,
    trust: TrustPolicy,
    signer: Signer,
    first: int,
    last: int,
    verified: tuple[int, int],
    checkpoints: int,
) -> None:
    """The verdict says how far that reaches."""
    told: list[tuple[int, int]] = []
    verdict = verify_range(good, trust, first, last, progress=lambda *step: told.append(step))

    assert (verdict.origin, verdict.first, verdict.last) == (ORIGIN, first, last)
    assert (verdict.verified_first, verdict.verified_last) == verified
    assert verdict.checkpoints == checkpoints
    assert verdict.published.size == SIZE
    assert verdict.key_fingerprints == (signer.public.fingerprint,)
    assert verdict.warnings == ()
    assert verdict.first_time <= verdict.last_time
    read = range(verified[0] // SEGMENT_LEAVES, verified[1] // SEGMENT_LEAVES + 1)
    assert told[-1][1] == sum(segment(good, number).stat().st_size for number in read)


def test_a_change_inside_is_found_and_one_outside_is_not_looked_for(
    log: Path, trust: TrustPolicy
) -> None:
    """Records of other segments are not read."""
    spoil(segment(log, 1), is_entry, entry_changes)

    assert verify_range(log, trust, 0, 5).verified_last == SEGMENT_LEAVES - 1
    assert verify_range(log, trust, SIZE - 1, SIZE - 1).checkpoints == 2
    with pytest.raises(LogDamageError) as caught:
        verify_range(log, trust, 2 * SEGMENT_LEAVES - 1, 2 * SEGMENT_LEAVES)
    assert (caught.value.kind, caught.value.index) == (Damage.ROOT, SEGMENT_LEAVES)


@pytest.mark.parametrize(
    ("spoilt", "asked", "kind", "file"),
    [
        (0, 1, Damage.ROOT, 1),
        (1, 1, Damage.SEGMENT, 1),
        (2, 1, Damage.CHECKPOINT, None),
    ],
    ids=["before", "inside", "behind"],
)
def test_a_seal_that_lies_is_found(
    log: Path, trust: TrustPolicy, spoilt: int, asked: int, kind: Damage, file: int | None
) -> None:
    """The commits vouch for the seals before, the published checkpoint for those behind."""
    spoil(segment(log, spoilt), is_seal, seal_changes)
    first = asked * SEGMENT_LEAVES

    with pytest.raises(LogDamageError) as caught:
        verify_range(log, trust, first, first)
    place = "checkpoint" if file is None else f"seg/{segment(log, file).name}"
    assert (caught.value.kind, caught.value.part.file) == (kind, place)


def test_a_seal_that_is_gone_is_found(log: Path, trust: TrustPolicy) -> None:
    """Before the range and behind it."""
    for number, asked in ((0, 1), (2, 1)):
        path = segment(log, number)
        data = path.read_bytes()
        path.write_bytes(data[:-64])
        with pytest.raises(LogDamageError) as caught:
            verify_range(log, trust, asked * SEGMENT_LEAVES, asked * SEGMENT_LEAVES)
        assert (caught.value.kind, caught.value.part.file) == (Damage.SEGMENT, f"seg/{path.name}")
        path.write_bytes(data)


def test_records_that_are_not_there_are_said_to_be_missing(log: Path, trust: TrustPolicy) -> None:
    """Also in a log whose last segment holds nothing yet."""
    for last in (SIZE, SIZE + 5 * SEGMENT_LEAVES):
        with pytest.raises(LogDamageError, match=f"record {last} .* ends at size {SIZE}") as caught:
            verify_range(log, trust, SIZE - 2, last)
        assert (caught.value.kind, caught.value.index) == (Damage.SHORT, SIZE)
    with pytest.raises(LogDamageError, match=f"ends at size {SIZE}"):
        verify_range(log, trust, SIZE + 9 * SEGMENT_LEAVES, SIZE + 9 * SEGMENT_LEAVES)
    segment(log, FULL).write_bytes(segment(log, FULL).read_bytes()[:64])
    with pytest.raises(LogDamageError, match=f"ends at size {FULL * SEGMENT_LEAVES}"):
        verify_range(log, trust, SIZE - 1, SIZE - 1)


def test_the_published_checkpoint_is_bound_to_the_range(
    log: Path, trust: TrustPolicy, signer: Signer, other_signer: Signer
) -> None:
    """It may be older than the range or newer, but of this log, signed, and no longer than it."""
    with segment(log, 0).open("rb") as file:
        commits = [frame.payload for frame in FrameReader(file) if frame.kind == Kind.COMMIT]
    (log / "checkpoint").write_bytes(commits[1])
    old = Checkpoint.from_note(commits[1])
    assert verify_range(log, trust, SEGMENT_LEAVES, SEGMENT_LEAVES).published == old
    assert verify_range(log, trust, 0, 5).published == old

    def publish(checkpoint: Checkpoint, by: Signer = signer) -> None:
        body = replace(checkpoint, signatures=())
        signed = sign_checkpoint(body, by, name=ORIGIN, time=1767575000)
        (log / "checkpoint").write_bytes(signed.to_note())

    for forged, kind in (
        (replace(old, root=bytes(32)), Damage.CHECKPOINT),
        (replace(old, size=old.size + 1), Damage.CHECKPOINT),
        (replace(old, size=0), Damage.CHECKPOINT),
        (replace(old, size=SIZE + 1), Damage.SHORT),
    ):
        publish(forged)
        with pytest.raises(LogDamageError) as caught:
            verify_range(log, trust, SEGMENT_LEAVES, SEGMENT_LEAVES)
        assert caught.value.kind is kind
    publish(old, by=other_signer)
    with pytest.raises(LogDamageError, match="no trusted key signed"):
        verify_range(log, trust, SEGMENT_LEAVES, SEGMENT_LEAVES)
    publish(replace(Checkpoint.from_note(commits[2]), size=1))
    with pytest.raises(LogDamageError, match="no commit of this log"):
        verify_range(log, trust, 0, 5)
    (log / "checkpoint").write_bytes(commits[1].replace(b"\n32769\n", b"\n32770\n"))
    with pytest.raises(LogDamageError) as caught:
        verify_range(log, trust, 0, 5)
    assert caught.value.kind is Damage.CHECKPOINT


def test_witnesses_count_for_a_range_too(
    log: Path, trust: TrustPolicy, other_signer: Signer
) -> None:
    """As many as are required, of any state of this log."""
    key = TrustKey(name=WITNESS, public=other_signer.public)
    strict = replace(trust, witnesses=(key,), required=1)
    with pytest.raises(LogDamageError, match="0 of the 1 required"):
        verify_range(log, strict, 0, 5)

    with segment(log, 2).open("rb") as file:
        note = next(frame.payload for frame in FrameReader(file) if frame.kind == Kind.COMMIT)
    seen = sign_checkpoint(Checkpoint.from_note(note), other_signer, name=WITNESS, time=1767575000)
    path = log / witness_file(WITNESS)
    path.parent.mkdir()
    path.write_bytes(seen.to_note())
    verdict = verify_range(log, strict, 0, 5)
    assert verdict.witnessed is not None
    assert verdict.witnessed.size == seen.size
    assert len(verdict.warnings) == 1
    assert f"the last {SIZE - seen.size} records" in verdict.warnings[0]


def test_a_range_has_a_beginning_and_an_end(good: Path, trust: TrustPolicy) -> None:
    """Anything else is a mistake of the caller."""
    for first, last in ((-1, 5), (6, 5)):
        with pytest.raises(ValueError, match="a range of records"):
            verify_range(good, trust, first, last)
