# SPDX-License-Identifier: Apache-2.0
"""Archives: whole, signed, verifiable like any log, and never overwritten."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from govshare_policy.audit import Checkpoint, TrustKey, TrustPolicy, verify_log
from govshare_policy.audit.checkpoint import sign_checkpoint
from govshare_policy.audit.cosign import witness_file
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.segment import SEGMENT_LEAVES, segment_name
from govshare_policy.crypto import Signer, generate_key, open_signer
from govshare_policy.errors import CallError, ConfigError, SignatureError, VerificationError
from govshare_policy.keeping import (
    archive_log,
    drop_segments,
    plan_drop,
    record_archive,
    verify_archive,
)
from govshare_policy.keeping.archive import folder_of
from govshare_policy.keeping.listing import Listed, Listing, sign_listing, verify_listing
from tests.conformance.verdicts import load_single_file
from tests.unit.keeping.conftest import NOW, TERM, Yard

SIZE = 3 * SEGMENT_LEAVES
SINGLE_FILE = load_single_file()
WITNESS = "witness.example"


def archive_again(yard: Yard, target: Path) -> None:
    archive_log(yard.log, target, trust=yard.trust, signer=yard.signer, at=NOW)


def test_the_log_in_an_archive_is_a_log(made: Yard) -> None:
    """It ends with the last full segment; both verifiers say so, and neither finds a stray file."""
    log = made.archives[0] / "log"
    verdict, other = verify_log(log, made.trust), SINGLE_FILE.verify(log, made.trust_file)

    assert (verdict.size, verdict.segments, verdict.warnings) == (SIZE, 3, ())
    assert (other.size, other.root, other.warnings) == (SIZE, verdict.root, [])


def test_an_archive_states_every_file_and_digest(made: Yard) -> None:
    """And the checkpoint to which the segments lead."""
    archive = verify_archive(made.archives[0], made.trust)

    assert (archive.listing.size, archive.listing.log_size) == (SIZE, SIZE + 10)
    assert archive.listing.root == archive.verdict.root
    assert [file.path for file in archive.listing.files] == [
        f"{SIZE:020d}/checkpoint",
        f"{SIZE:020d}/trust.toml",
        "log/log.json",
        *(f"log/seg/{segment_name(number * SEGMENT_LEAVES)}" for number in range(3)),
    ]


def test_archiving_again_changes_nothing(yard: Yard) -> None:
    """What is there is compared."""
    before = {path: path.stat().st_ino for path in yard.archives[0].glob("log/seg/*")}
    listing = folder_of(yard.archives[0], SIZE) / "manifest"
    signed = listing.read_bytes()
    archive_again(yard, yard.archives[0])

    assert {path: path.stat().st_ino for path in yard.archives[0].glob("log/seg/*")} == before
    assert listing.read_bytes() == signed


def test_a_run_that_broke_off_is_taken_up(yard: Yard) -> None:
    """At every call to the disk; in the end the archive is the same."""
    calls = 0

    class Failing(Disk):
        def rename(self, old: Path, new: Path) -> None:
            nonlocal calls
            calls += 1
            if calls % 2:
                raise OSError(28, "full")
            super().rename(old, new)

    target = yard.directory / "c"
    for _ in range(20):
        try:
            archive_log(
                yard.log, target, trust=yard.trust, signer=yard.signer, at=NOW, disk=Failing()
            )
            break
        except OSError:
            continue
    found = verify_archive(target, yard.trust).listing
    assert found.files == verify_archive(yard.archives[0], yard.trust).listing.files


def test_nothing_is_overwritten(yard: Yard) -> None:
    """Another file in the place of a segment stays, and is said."""
    target = yard.directory / "c"
    (target / "log" / "seg").mkdir(parents=True)
    path = target / "log" / "seg" / segment_name(0)
    path.write_bytes(b"something else")
    with pytest.raises(ConfigError, match="is another file"):
        archive_again(yard, target)
    assert path.read_bytes() == b"something else"


def test_a_log_that_was_set_back_does_not_go_on_in_its_archive(yard: Yard) -> None:
    """The archive reaches further: somebody has to look."""
    shutil.copytree(folder_of(yard.archives[0], SIZE), folder_of(yard.archives[0], SIZE * 2))
    with pytest.raises(VerificationError, match="reaches further than the log"):
        archive_again(yard, yard.archives[0])


def test_a_log_without_a_full_segment_has_nothing_to_archive(yard: Yard) -> None:
    """The open segment is never copied."""
    for number in range(1, 4):
        (yard.log / "seg" / segment_name(number * SEGMENT_LEAVES)).unlink()
    with pytest.raises(CallError, match="no segment of the log is full yet"):
        archive_again(yard, yard.directory / "c")


@pytest.mark.parametrize(
    ("file", "match"),
    [
        (f"log/seg/{segment_name(SEGMENT_LEAVES)}", "is not the file that was listed"),
        ("log/log.json", "is not the file that was listed"),
        (f"{SIZE:020d}/trust.toml", "is not the file that was listed"),
        (f"{SIZE:020d}/checkpoint", "is not the file that was listed"),
        (f"{SIZE:020d}/manifest", "."),
    ],
)
def test_no_byte_of_an_archive_changes_unnoticed(yard: Yard, file: str, match: str) -> None:
    """The list covers every file, and the key of the log the list."""
    path = yard.archives[0] / file
    for place in (0, path.stat().st_size // 2, path.stat().st_size - 1):
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(VerificationError, match=match):
            verify_archive(yard.archives[0], yard.trust)
        path.write_bytes(data)


def test_a_file_that_is_missing_is_named(yard: Yard) -> None:
    """And so is an archive that was never finished."""
    (yard.archives[0] / "log" / "log.json").unlink()
    with pytest.raises(VerificationError, match=r"`log/log.json` of the archive is missing"):
        verify_archive(yard.archives[0], yard.trust)
    (folder_of(yard.archives[1], SIZE) / "manifest").unlink()
    with pytest.raises(VerificationError, match="no finished archive"):
        verify_archive(yard.archives[1], yard.trust)


def test_the_log_has_one_record_of_an_archive(yard: Yard) -> None:
    """Its receipt stays with the archive."""
    archive = verify_archive(yard.archives[0], yard.trust)
    assert not archive.is_recorded
    receipt = record_archive(archive, yard.append, place="second-disk", at=NOW)
    again = record_archive(archive, yard.append, place="second-disk", at=NOW)

    record = json.loads(receipt.record)
    assert (receipt, archive.is_recorded) == (again, True)
    assert (record["event"], record["place"], record["size"]) == ("archived", "second-disk", SIZE)
    assert record["manifest"] == archive.digest.hex()


def test_an_archive_made_after_a_drop_has_the_stubs(yard: Yard) -> None:
    """It verifies, says what it lacks, and does not count as a copy of that."""
    plan = plan_drop(
        yard.log, yard.archives, trust=yard.trust, term=TERM, before=NOW, at=NOW, least=2
    )
    drop_segments(yard.log, plan, yard.append, at=NOW)
    target = yard.directory / "c"
    archive_again(yard, target)
    archive_again(yard, yard.archives[0])

    assert verify_archive(target, yard.trust).verdict.unread == ((0, 2 * SEGMENT_LEAVES - 1),)
    assert verify_archive(yard.archives[0], yard.trust).verdict.unread == ()


def witnessed(yard: Yard, key: Path, *, size: int) -> tuple[TrustPolicy, Signer]:
    generate_key(key, b"correct horse")
    signer = open_signer(f"file:{key}", b"correct horse")
    note = Checkpoint.from_note((yard.log / "checkpoint").read_bytes())
    if size != note.size:
        note = Checkpoint.from_note((yard.archives[0] / "log" / "checkpoint").read_bytes())
    path = yard.log / witness_file(WITNESS)
    path.parent.mkdir()
    path.write_bytes(sign_checkpoint(note, signer, name=WITNESS, time=1_800_000_000).to_note())
    key_of = TrustKey(name=WITNESS, public=signer.public)
    return replace(yard.trust, witnesses=(key_of,), required=1), signer


def test_witnesses_vouch_for_an_archive_by_what_continues_it(yard: Yard, tmp_path: Path) -> None:
    """They signed the newest checkpoint; the proof leads from the archive to it."""
    trust, _ = witnessed(yard, tmp_path / "w.pem", size=SIZE + 10)
    target = yard.directory / "c"
    archive_log(yard.log, target, trust=trust, signer=yard.signer, at=NOW)

    verify_archive(target, trust)
    with pytest.raises(VerificationError, match="0 of the 1 required witnesses"):
        verify_archive(yard.archives[0], trust)


def test_a_list_is_signed_by_a_key_of_the_log_that_was_in_force(yard: Yard) -> None:
    """Not by one that ended before the size that the log had then."""
    data = (folder_of(yard.archives[0], SIZE) / "manifest").read_bytes()
    verify_listing(data, yard.trust)
    with pytest.raises(SignatureError):
        verify_listing(data.replace(b"log-size 196618", b"log-size 196619"), yard.trust)
    (key,) = yard.trust.keys
    for ended in (replace(key, to_size=SIZE), replace(key, revoked_after=SIZE + 9)):
        with pytest.raises(SignatureError, match="no trusted key of the log signed"):
            verify_listing(data, replace(yard.trust, keys=(ended,)))


def test_a_list_has_one_spelling(yard: Yard) -> None:
    """Whatever else the key may have signed is no list."""
    file = Listed(path="log/log.json", size_bytes=1, digest=bytes(32))
    listing = Listing(
        origin=yard.trust.origin,
        at="2026-01-05T01:02:03.000000Z",
        log_size=1,
        size=1,
        root=bytes(32),
        files=(file,),
    )
    assert verify_listing(sign_listing(listing, yard.signer), yard.trust) == listing
    for wrong in (
        replace(listing, files=(file, file)),
        replace(listing, at="yesterday"),
        replace(listing, origin="somebody/else"),
    ):
        with pytest.raises(VerificationError):
            verify_listing(sign_listing(wrong, yard.signer), yard.trust)
    for path in ("/etc/passwd", "log/../x", "a//b", "."):
        with pytest.raises(VerificationError, match="outside it"):
            replace(file, path=path)
    with pytest.raises(VerificationError, match="not utf-8"):
        verify_listing(b"\xff", yard.trust)
    with pytest.raises(VerificationError, match="not of format"):
        verify_listing(b"govshare-archive/v1\n\n", yard.trust)
