# SPDX-License-Identifier: Apache-2.0
"""The segments of a log that are full, and what their ends say."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from govshare_policy.audit import Checkpoint
from govshare_policy.audit.layout import is_dropped, list_segments, segment_file
from govshare_policy.audit.manifest import Manifest, load_manifest
from govshare_policy.audit.recovery import read_seal
from govshare_policy.audit.segment import Kind, read_frame
from govshare_policy.errors import VerificationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A full segment that is there to be read; nothing of it is verified.

    Attributes:
        first: Number of its first record.
        root: Root over its records alone, as its seal says; 32 bytes.
        checkpoint: The last one in it.
        note: The bytes of that.
        until: When that was signed.
    """

    first: int
    root: bytes
    checkpoint: Checkpoint
    note: bytes
    until: datetime

    @property
    def file(self) -> str:
        """Its name under the directory of the log."""
        return segment_file(self.first)


def read_sealed(directory: Path, first: int, manifest: Manifest) -> Sealed:
    """Return what the end of the full segment of record *first* says.

    Raises:
        VerificationError: If the end is damaged.
        OSError: If it cannot be read.
    """
    seal = read_seal(directory, first, manifest)
    note = read_frame(directory / segment_file(first), seal.commit_offset, Kind.COMMIT).payload
    checkpoint = Checkpoint.from_note(note)
    return Sealed(
        first=first,
        root=seal.root,
        checkpoint=checkpoint,
        note=note,
        until=signed_at(checkpoint),
    )


def list_sealed(directory: Path) -> tuple[Sealed, ...]:
    """Return the full segments of the log that another follows and that were not dropped.

    Raises:
        VerificationError: If the log is damaged.
        OSError: If it cannot be read.
    """
    manifest = load_manifest(directory)
    full = list_segments(directory)[:-1]
    there = (first for first in full if not is_dropped(directory, first))
    return tuple(read_sealed(directory, first, manifest) for first in there)


def signed_at(checkpoint: Checkpoint) -> datetime:
    """Return when the log says that it signed *checkpoint*; no signature is verified.

    Raises:
        VerificationError: If it is not signed in the name of the log, or at no time that there is.
    """
    own = [line for line in checkpoint.signatures if line.name == checkpoint.origin]
    if not own:
        raise VerificationError("the checkpoint is not signed in the name of the log")
    try:
        return datetime.fromtimestamp(own[-1].stamped()[0], UTC)
    except (OverflowError, ValueError, OSError):
        raise VerificationError("the time of the signature is not in the calendar") from None
