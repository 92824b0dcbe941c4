# SPDX-License-Identifier: Apache-2.0
"""Archives (归档): full segments of a log, copied elsewhere and verified there.

``log/`` in an archive is itself a log, which ends with a full segment: whatever verifies a log
verifies it. Beside it, each run of archiving leaves a directory named after the size it reached,
with the signed list of everything that is there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from govshare_policy.audit import (
    Checkpoint,
    Receipt,
    TrustPolicy,
    Verdict,
    encode_record,
    format_time,
    format_trust,
    new_record_id,
    verify_log,
)
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.layout import (
    CHECKPOINT,
    MANIFEST,
    PENDING,
    QUARANTINE,
    SEGMENTS,
    is_dropped,
    list_segments,
    segment_file,
    stub_file,
)
from govshare_policy.crypto import Signer, sm3
from govshare_policy.errors import CallError, VerificationError
from govshare_policy.keeping.copying import copy_file, digest_file, make_directory, write_new
from govshare_policy.keeping.listing import Listed, Listing, sign_listing, verify_listing
from govshare_policy.keeping.sealed import Sealed, list_sealed
from govshare_policy.keeping.witnessed import keep_witnessed, verify_kept

LOG: Final = "log"
LISTING: Final = "manifest"
TRUST: Final = "trust.toml"
RECEIPT: Final = "receipt"
_MAX_LISTING_BYTES: Final = 1 << 27
_DISK: Final = Disk()

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """An archive that was verified.

    Attributes:
        directory: Where it is.
        listing: The newest signed list.
        digest: SM3 of that list with its signature; 32 bytes.
        verdict: What the log in it is.
    """

    directory: Path
    listing: Listing
    digest: bytes
    verdict: Verdict

    @property
    def folder(self) -> Path:
        """Where the newest run left its list."""
        return folder_of(self.directory, self.listing.size)

    @property
    def is_recorded(self) -> bool:
        """Whether the log has a record of the newest run."""
        return (self.folder / RECEIPT).exists()


def folder_of(directory: Path, size: int) -> Path:
    """Return where the run of archiving that reached *size* leaves its list."""
    return directory / f"{size:020d}"


def archive_log(
    directory: Path,
    target: Path,
    *,
    trust: TrustPolicy,
    signer: Signer,
    at: datetime,
    progress: Progress | None = None,
    disk: Disk = _DISK,
) -> Archive:
    """Copy every full segment of the log to *target*, and verify what is there then.

    What *target* has is compared, never overwritten; a run that broke off is taken up.

    Args:
        directory: The log. It may be in use.
        target: The archive, on another disk; made if need be.
        trust: Of the log.
        signer: The key of the log.
        at: Now.
        progress: Told the bytes of the copy that were verified, and those there are.
        disk: The system calls.

    Raises:
        CallError: If no segment of the log is full yet.
        ConfigError: If *target* has another file where one belongs.
        VerificationError: If the copy does not verify, or too few witnesses have seen it.
        OSError: If a disk failed.
    """
    sealed = list_sealed(directory)
    if not sealed:
        raise CallError("no segment of the log is full yet, so there is nothing to archive")
    last = sealed[-1]
    target.mkdir(mode=0o750, parents=True, exist_ok=True)
    folder = folder_of(target, last.checkpoint.size)
    for path in (target / LOG, target / LOG / SEGMENTS, target / LOG / QUARANTINE, folder):
        make_directory(path, disk=disk)
    _refuse_longer(target, last)
    for source, copy in _pairs(directory, target / LOG, sealed):
        copy_file(source, copy, disk=disk)
    published = target / LOG / CHECKPOINT
    # The one file that moves on with each run; every run keeps its own beside its list.
    if not published.exists() or published.read_bytes() != last.note:
        disk.replace(published, last.note, beside=target / "checkpoint.tmp")
    if not (folder / LISTING).exists():
        write_new(folder / CHECKPOINT, last.note, disk=disk)
        write_new(folder / TRUST, format_trust(trust).encode(), disk=disk)
        keep_witnessed(directory, folder, last, trust, disk=disk)
        listing = Listing(
            origin=last.checkpoint.origin,
            at=format_time(at),
            log_size=Checkpoint.from_note((directory / CHECKPOINT).read_bytes()).size,
            size=last.checkpoint.size,
            root=last.checkpoint.root,
            files=tuple(_list_files(target, folder)),
        )
        disk.replace(folder / LISTING, sign_listing(listing, signer))
    return verify_archive(target, trust, progress=progress)


def verify_archive(
    directory: Path, trust: TrustPolicy, *, progress: Progress | None = None
) -> Archive:
    """Return what the archive in *directory* is, once every byte of it has been verified.

    1. The newest list is signed by the key of the log.
    2. Every file has the length and the digest that the list states.
    3. The log in the archive verifies, through its seals to the checkpoint that the list names.
    4. Where *trust* requires witnesses, enough of them signed what continues that checkpoint.

    Args:
        directory: The archive.
        trust: From outside the archive.
        progress: Told the bytes read so far, and those there are.

    Raises:
        VerificationError: At the first thing that is wrong.
        OSError: If something cannot be read.
    """
    # 1.
    folder = _newest(directory)
    with (folder / LISTING).open("rb") as file:
        data = file.read(_MAX_LISTING_BYTES)
    listing = verify_listing(data, trust)
    if folder != folder_of(directory, listing.size):
        raise VerificationError("the list of the archive is of another size")
    # 2.
    _verify_files(directory, listing, progress)
    # 3.
    checkpoint = Checkpoint.from_note((folder / CHECKPOINT).read_bytes())
    if (checkpoint.size, checkpoint.root) != (listing.size, listing.root):
        raise VerificationError("the checkpoint of the archive is not the one that is listed")
    alone = replace(trust, witnesses=(), required=0)
    verdict = verify_log(directory / LOG, alone, known=(checkpoint,))
    # 4.
    verify_kept(folder, checkpoint, trust)
    return Archive(directory=directory, listing=listing, digest=sm3(data), verdict=verdict)


def record_archive(
    archive: Archive, append: Callable[[bytes], Receipt], *, place: str, at: datetime
) -> Receipt:
    """Have the log say that *archive* was made and verified, once; the receipt stays with it.

    Args:
        archive: From :func:`archive_log`.
        append: Puts a record into the log.
        place: What the operator calls the place of the archive.
        at: Now.

    Raises:
        AuditError: If the record was not written.
        OSError: If the receipt was not.
    """
    path = archive.folder / RECEIPT
    if path.exists():
        return Receipt.from_text(path.read_text(encoding="utf-8"))
    record = {
        "v": 1,
        "id": new_record_id(at),
        "t": format_time(at),
        "phase": "admin",
        "event": "archived",
        "place": place,
        "size": archive.listing.size,
        "root": archive.listing.root.hex(),
        "manifest": archive.digest.hex(),
    }
    receipt = append(encode_record(record))
    _DISK.replace(path, receipt.to_text().encode())
    return receipt


def _refuse_longer(target: Path, last: Sealed) -> None:
    sizes = [int(path.name) for path in target.iterdir() if path.name.isdecimal()]
    if max(sizes, default=0) > last.checkpoint.size:
        raise VerificationError(
            "the archive reaches further than the log, which was set back: secure both"
        )


def _pairs(directory: Path, log: Path, sealed: tuple[Sealed, ...]) -> Iterator[tuple[Path, Path]]:
    """Yield what is to be copied, and where to."""
    yield directory / MANIFEST, log / MANIFEST
    for segment in sealed:
        yield directory / segment.file, log / segment.file
    for first in list_segments(directory)[:-1]:
        # Of a segment that was dropped before, this archive has at least what stands for it.
        if is_dropped(directory, first) and not (log / segment_file(first)).exists():
            yield directory / stub_file(first), log / stub_file(first)
    for path in sorted((directory / QUARANTINE).glob("*")):
        if path.suffix not in (PENDING, ".tmp"):
            yield path, log / QUARANTINE / path.name


def _list_files(target: Path, folder: Path) -> Iterator[Listed]:
    """Yield what is in the archive, but for what changes with the next run, sorted by path."""
    paths = (path for place in (target / LOG, folder) for path in place.rglob("*"))
    # What a run that broke off left behind is no part of it.
    whole = (path for path in paths if path.is_file() and path.suffix != ".tmp")
    names = {path.relative_to(target).as_posix() for path in whole}
    for name in sorted(names - {f"{LOG}/{CHECKPOINT}"}):
        yield digest_file(target / name, name)


def _newest(directory: Path) -> Path:
    folders = (path for path in directory.iterdir() if path.name.isdecimal())
    whole = [path for path in folders if (path / LISTING).exists()]
    if not whole:
        raise VerificationError("there is no finished archive here")
    return max(whole)


def _verify_files(directory: Path, listing: Listing, progress: Progress | None) -> None:
    done, total = 0, sum(file.size_bytes for file in listing.files)

    def tick(size_bytes: int) -> None:
        nonlocal done
        done += size_bytes
        if progress is not None:
            progress(done, total)

    for file in listing.files:
        try:
            found = digest_file(directory / file.path, file.path, tick=tick)
        except FileNotFoundError:
            raise VerificationError(f"`{file.path}` of the archive is missing") from None
        if found != file:
            raise VerificationError(f"`{file.path}` of the archive is not the file that was listed")
