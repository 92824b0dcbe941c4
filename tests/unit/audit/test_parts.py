# SPDX-License-Identifier: Apache-2.0
"""The small parts: frames, headers, log.json, the ledger, and what only we can get wrong."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from govshare_policy.audit import encode_record, leaf_hash
from govshare_policy.audit.disk import Disk, describe
from govshare_policy.audit.ledger import Ledger
from govshare_policy.audit.manifest import Manifest, genesis_record, load_manifest
from govshare_policy.audit.segment import (
    FrameReader,
    Header,
    Kind,
    Seal,
    encode_frame,
    encode_frames,
    find_commit,
    first_nonzero,
    last_nonzero,
    read_frame,
)
from govshare_policy.crypto import Signer
from govshare_policy.errors import VerificationError

AT = datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC)
GENESIS = bytes(range(32))


def test_a_frame_has_the_bytes_of_the_specification() -> None:
    """The crc covers kind, length and payload; the one of zlib."""
    assert encode_frame(Kind.ENTRY, b"{}").hex() == "02000002" + "7a79f11d" + "7b7d"
    assert Header(first=65536, genesis=GENESIS).to_frame()[8:] == (
        b"govslog1" + b"\0\0\1\0\0\0\0\0" + GENESIS + bytes(8)
    )
    assert Seal(commit_offset=258, root=GENESIS).to_frame()[8:] == (
        b"govsseal" + b"\2\1\0\0\0\0\0\0" + GENESIS + bytes(8)
    )


@pytest.mark.parametrize(
    ("kind", "low", "high"), [(Kind.ENTRY, 2, 61440), (Kind.COMMIT, 1, 16384), (Kind.SEAL, 56, 56)]
)
def test_a_frame_has_the_length_of_its_kind(kind: Kind, low: int, high: int) -> None:
    """Writing another is our mistake, reading another is a fault."""
    for size in (low, high):
        frame = encode_frame(kind, b"x" * size)
        [found] = FrameReader(io.BytesIO(frame))
        assert (found.kind, found.end, found.payload) == (kind, len(frame), b"x" * size)
    for size in (low - 1, high + 1):
        with pytest.raises(ValueError, match="does not fit"):
            encode_frame(kind, b"x" * size)
        word = (int(kind) << 24 | size).to_bytes(4, "little")
        reader = FrameReader(io.BytesIO(word + bytes(4 + size)))
        assert list(reader) == []
        assert (reader.fault, reader.fault_kind) == (
            "these bytes are not the head of a frame",
            kind,
        )


@pytest.mark.parametrize("sizes", [(2,), (2, 61440, 3), (40_000,) * 8, (400,) * 900], ids=len)
def test_leaves_are_read_as_frames_are(sizes: tuple[int, ...]) -> None:
    """Wherever a block of the file ends, and up to the same frame."""
    records = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    entries = encode_frames(Kind.ENTRY, records)
    assert entries == b"".join(encode_frame(Kind.ENTRY, record) for record in records)
    for end in (
        b"",
        bytes(20),
        encode_frame(Kind.COMMIT, b"x"),
        b"\2\0\0",
        entries[: len(sizes) + 9],
    ):
        reader = FrameReader(io.BytesIO(entries + end))
        first = reader.read_leaves(1)
        rest = reader.read_leaves(len(sizes) * 2 - 1)
        assert (first + rest)[: len(sizes)] == [leaf_hash(record) for record in records]
        plain = FrameReader(io.BytesIO(entries + end))
        frames = list(plain)
        assert len(first + rest) == sum(frame.kind == Kind.ENTRY for frame in frames)
        list(reader)
        assert (reader.offset, reader.fault, reader.fault_kind) == (
            plain.offset,
            plain.fault,
            plain.fault_kind,
        )


def test_a_flipped_bit_ends_the_leaves_where_it_ends_the_frames() -> None:
    """In the head or in the payload; the fault is named by whoever asks for the next frame."""
    records = [b"%d" % number * 9 for number in range(10, 20)]
    entries = encode_frames(Kind.ENTRY, records)
    for place in range(len(entries)):
        data = bytearray(entries)
        data[place] ^= 1 << place % 8
        reader, plain = FrameReader(io.BytesIO(data)), FrameReader(io.BytesIO(data))
        leaves = reader.read_leaves(99)
        frames = [frame for frame in plain if frame.kind == Kind.ENTRY]
        assert leaves == [leaf_hash(frame.payload) for frame in frames]
        assert reader.next_frame() is None
        assert (reader.offset, reader.fault) == (plain.offset, plain.fault)
        assert len(leaves) == place // 26


def test_a_header_says_nothing_else() -> None:
    """Not even in the bytes that are kept for later."""
    good = Header(first=0, genesis=GENESIS).to_frame()[8:]
    assert Header.from_payload(good) == Header(first=0, genesis=GENESIS)
    for bad in (good[:-1], good + b"\0", b"x" + good[1:], good[:-1] + b"\1"):
        with pytest.raises(VerificationError):
            Header.from_payload(bad)
        with pytest.raises(VerificationError):
            Seal.from_payload(bad)


def test_a_commit_is_found_wherever_it_is() -> None:
    """Across the blocks in which a file is read, behind its own name in a record, or nowhere."""
    commit = encode_frame(Kind.COMMIT, b"one\n7\n")
    for before in (b"", b"one\n", b"x" * ((1 << 20) - 10), b"x" * ((3 << 20) + 5)):
        file = io.BytesIO(before + commit + b"one\n")
        found = find_commit(file, 0, origin="one")
        assert found is not None
        assert (found.offset, found.payload) == (len(before), b"one\n7\n")
        assert find_commit(file, len(before) + 1, origin="one") is None
        assert find_commit(file, 0, origin="two") is None


def test_zeros_are_told_from_the_rest() -> None:
    """In a file of several blocks."""
    file = io.BytesIO(bytes(3 << 20) + b"\1" + bytes(2 << 20))
    assert first_nonzero(file, 5) == last_nonzero(file, 5) == 3 << 20
    assert first_nonzero(file, (3 << 20) + 1) is None
    assert last_nonzero(file, (3 << 20) + 1) is None


def test_a_frame_is_read_at_its_place_only(tmp_path: Path) -> None:
    """Of its kind, and inside the file."""
    path = tmp_path / "file"
    path.write_bytes(b"xx" + encode_frame(Kind.ENTRY, b"{}"))
    assert read_frame(path, 2, Kind.ENTRY).payload == b"{}"
    for offset, kind in ((2, Kind.COMMIT), (0, Kind.ENTRY), (-5, Kind.ENTRY), (99, Kind.ENTRY)):
        with pytest.raises(VerificationError, match=f"no {kind.name.lower()} at byte {offset}"):
            read_frame(path, offset, kind)


MANIFEST = Manifest(origin="one", created="2026-01-05T01:02:03.000000Z", genesis=GENESIS)
LOG_JSON = MANIFEST.to_bytes()


def test_log_json_survives_the_round_trip(tmp_path: Path) -> None:
    """It is a canonical record and a newline."""
    (tmp_path / "log.json").write_bytes(LOG_JSON)
    assert load_manifest(tmp_path) == MANIFEST


OTHER_MANIFESTS = {
    "no newline": LOG_JSON[:-1],
    "two newlines": LOG_JSON + b"\n",
    "a space": LOG_JSON.replace(b":", b": ", 1),
    "a key more": LOG_JSON.replace(b'{"c', b'{"a":"","c'),
    "a key less": LOG_JSON.replace(b',"tree":"sm3"', b""),
    "a value that is no text": LOG_JSON.replace(b'"sm3"', b"3"),
    "another format": LOG_JSON.replace(b"log/v1", b"log/v2"),
    "another hash": LOG_JSON.replace(b"sm3", b"sha"),
    "an origin with a space": LOG_JSON.replace(b'"one"', b'"o ne"'),
    "a genesis of 31 bytes": LOG_JSON.replace(b"1e1f", b"1e"),
    "a genesis in capitals": LOG_JSON.replace(b"1e1f", b"1E1F"),
    "a genesis with spaces": LOG_JSON.replace(b"1e1f", b"1e 1f"),
    "a genesis that is no number": LOG_JSON.replace(b"1e1f", b"1e1x"),
    "too long": LOG_JSON.replace(b'"2026', b'"' + b"2" * 5000),
}


@pytest.mark.parametrize("data", OTHER_MANIFESTS.values(), ids=OTHER_MANIFESTS)
def test_every_other_log_json_is_refused(tmp_path: Path, data: bytes) -> None:
    """It has one spelling."""
    assert data != LOG_JSON
    (tmp_path / "log.json").write_bytes(data)
    with pytest.raises(VerificationError):
        load_manifest(tmp_path)


def test_a_genesis_record_agrees_with_log_json(signer: Signer) -> None:
    """In its hash, its name and its time."""
    record = genesis_record("one", signer.public, at=AT)
    manifest = Manifest(origin="one", created=MANIFEST.created, genesis=leaf_hash(record))
    manifest.verify_genesis(record)
    other = encode_record({"origin": "one", "t": MANIFEST.created})
    with pytest.raises(VerificationError, match="not the genesis"):
        manifest.verify_genesis(other)
    for origin, created in (("two", MANIFEST.created), ("one", "2026")):
        with pytest.raises(VerificationError, match="differ"):
            Manifest(origin=origin, created=created, genesis=leaf_hash(record)).verify_genesis(
                record
            )


def test_a_ledger_knows_its_own_mistakes(tmp_path: Path, signer: Signer) -> None:
    """No checkpoint before the first commit, no instant without a zone."""
    ledger = Ledger(tmp_path, MANIFEST, signer=signer, disk=Disk(), preallocate=0)
    with pytest.raises(ValueError, match="no checkpoint yet"):
        ledger.checkpoint  # noqa: B018 - the question is the test
    with pytest.raises(ValueError, match="time zone"):
        ledger.clock_record(AT.replace(tzinfo=None))
    ledger.close()


class ToldDisk(Disk):
    """Tells in which order things were done."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        self.told.append("write")
        return super().pwrite(fd, data, offset)

    def datasync(self, fd: int) -> None:
        self.told.append("sync")
        super().datasync(fd)

    def rename(self, old: Path, new: Path) -> None:
        self.told.append(f"rename to {new.name}")
        super().rename(old, new)

    def sync_dir(self, path: Path) -> None:
        self.told.append(f"sync {path.name}")
        super().sync_dir(path)


def test_a_file_is_replaced_in_an_order_that_survives_a_power_cut(tmp_path: Path) -> None:
    """The content is on the disk before the name, and the name before it is relied on."""
    (tmp_path / "dir").mkdir()
    path, disk = tmp_path / "dir" / "file", ToldDisk()
    for data in (b"old", b"new"):
        disk.replace(path, data)
        assert path.read_bytes() == data
    assert disk.told == 2 * ["write", "sync", "rename to file", "sync dir"]


def test_a_system_error_is_described_without_its_path() -> None:
    """The number is enough; some have none."""
    assert describe(OSError(28, "somewhere")) == "no space left on device"
    assert describe(OSError()) == "an unknown error"
