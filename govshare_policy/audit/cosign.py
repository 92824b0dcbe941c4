# SPDX-License-Identifier: Apache-2.0
"""What witnesses signed, as it is kept beside a log, and what follows from it.

``witness/`` under the log holds one note a witness: the newest checkpoint that it signed. Whoever
signed a size has seen that it continues every smaller one that it signed.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from govshare_policy.audit.checkpoint import MAX_NOTE_BYTES, Checkpoint
from govshare_policy.audit.damage import Damage, LogDamageError, Part, blame
from govshare_policy.audit.layout import WITNESS
from govshare_policy.audit.trust import TrustPolicy
from govshare_policy.errors import VerificationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigned:
    """A checkpoint that trusted witnesses signed.

    Attributes:
        file: Where it is kept, under the directory of the log.
        checkpoint: What they signed; the signatures were verified.
        witnesses: Their names, and when each signed; never empty.
    """

    file: str
    checkpoint: Checkpoint
    witnesses: Mapping[str, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """How far a log is vouched for by others than its own key.

    Attributes:
        size: The largest size that as many witnesses as are required have seen.
        names: The witnesses that have seen it.
        at: When the last of those required signed.
    """

    size: int
    names: tuple[str, ...]
    at: datetime


def witness_file(name: str) -> str:
    """Return where, under the directory of the log, the note of the witness *name* is kept."""
    kept = quote(name, safe="")
    return f"{WITNESS}/{'%2E' + kept[1:] if kept.startswith('.') else kept}"


def read_cosigned(directory: Path, trust: TrustPolicy) -> tuple[Cosigned, ...]:
    """Return the checkpoints beside the log in *directory* that witnesses of *trust* signed.

    Notes that no trusted witness signed count for nothing, whatever they say. Without witnesses in
    *trust*, nothing is read.

    Raises:
        LogDamageError: If a file is no note of this log, or a signature in it is forged.
        OSError: If one cannot be read.
    """
    if not trust.witnesses or not (directory / WITNESS).is_dir():
        return ()
    found = []
    for path in sorted((directory / WITNESS).iterdir()):
        # What a crash left of a note that was being replaced.
        if path.suffix == ".tmp":
            continue
        place = f"{WITNESS}/{path.name}"
        with blame(Damage.WITNESS, place):
            checkpoint = _read_note(path, trust)
            signed = trust.cosigners(checkpoint)
            if signed:
                trust.verify_checkpoint(checkpoint)
                names = {witness.name: at for witness, at in signed.items()}
                found.append(Cosigned(file=place, checkpoint=checkpoint, witnesses=names))
    return tuple(found)


def verify_witnessed(
    cosigned: Collection[Cosigned], trust: TrustPolicy, *, roots: Mapping[int, bytes], size: int
) -> Witnessed | None:
    """Return how far the witnesses of *trust* vouch for a log; none if it requires none.

    Args:
        cosigned: What :func:`read_cosigned` found.
        trust: Who is required.
        roots: Root of the log at the size of each of *cosigned*.
        size: Number of records of the log.

    Raises:
        LogDamageError: If the log is shorter than what a witness signed, or another there, or
            fewer witnesses than required signed any state of it.
    """
    seen: dict[str, tuple[int, datetime]] = {}
    for kept in cosigned:
        _verify_state(kept, roots=roots, size=size)
        for name, at in kept.witnesses.items():
            seen[name] = max(seen.get(name, (0, at)), (kept.checkpoint.size, at))
    if len(seen) < trust.required:
        what = f"{len(seen)} of the {trust.required} required witnesses signed a state of this log"
        raise LogDamageError(Damage.WITNESS, Part(file=WITNESS, offset=0, what=what))
    if not trust.required:
        return None
    enough = sorted(seen.values(), key=lambda seen: seen[0], reverse=True)[: trust.required]
    reached = enough[-1][0]
    return Witnessed(
        size=reached,
        names=tuple(sorted(name for name, (largest, _) in seen.items() if largest >= reached)),
        at=max(at for _, at in enough),
    )


def _read_note(path: Path, trust: TrustPolicy) -> Checkpoint:
    if not path.is_file():
        raise VerificationError("it is no file")
    with path.open("rb") as file:
        checkpoint = Checkpoint.from_note(file.read(MAX_NOTE_BYTES + 1))
    if checkpoint.origin != trust.origin:
        raise VerificationError("it is of another log")
    return checkpoint


def _verify_state(kept: Cosigned, *, roots: Mapping[int, bytes], size: int) -> None:
    signed = kept.checkpoint
    if signed.size > size:
        what = f"witnesses saw the log at size {signed.size} but it ends at size {size}"
        raise LogDamageError(Damage.SHORT, Part(file=kept.file, offset=0, what=what), size)
    if roots.get(signed.size) != signed.root:
        what = f"at size {signed.size} it is not the log that witnesses saw"
        raise LogDamageError(Damage.FORK, Part(file=kept.file, offset=0, what=what))
