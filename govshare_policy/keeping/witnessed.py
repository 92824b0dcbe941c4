# SPDX-License-Identifier: Apache-2.0
"""What witnesses signed, kept with an archive that ends before it.

Witnesses sign the newest checkpoint, and an archive ends at the last full segment; a consistency
proof leads from the one to the other.
"""

from pathlib import Path

from govshare_policy.audit import Checkpoint, Continuation, LogTree, TrustPolicy
from govshare_policy.audit.cosign import read_cosigned
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.layout import WITNESS
from govshare_policy.errors import VerificationError
from govshare_policy.keeping.copying import make_directory, write_new
from govshare_policy.keeping.sealed import Sealed


def keep_witnessed(
    directory: Path, folder: Path, last: Sealed, trust: TrustPolicy, *, disk: Disk
) -> None:
    """Keep what witnesses signed of a later state of the log, and that it continues *last*.

    Args:
        directory: The log.
        folder: Where it is kept.
        last: The last segment that is archived.
        trust: Names the witnesses.
        disk: The system calls.

    Raises:
        VerificationError: If what a witness signed is not good.
        OSError: If the disk failed.
    """
    cosigned = read_cosigned(directory, trust)
    if cosigned:
        make_directory(folder / WITNESS, disk=disk)
    tree = LogTree(directory)
    for kept in cosigned:
        later = kept.checkpoint
        if later.size >= last.checkpoint.size:
            continuation = Continuation(
                old_size=last.checkpoint.size,
                proof=tree.prove_consistency(last.checkpoint.size, later.size),
                checkpoint=later.to_note(),
            )
            write_new(folder / kept.file, continuation.to_text().encode(), disk=disk)


def verify_kept(folder: Path, checkpoint: Checkpoint, trust: TrustPolicy) -> None:
    """Return only if as many witnesses as *trust* requires signed what continues *checkpoint*.

    Raises:
        VerificationError: If they did not, or a proof does not lead there.
        OSError: If a file cannot be read.
    """
    names: set[str] = set()
    for path in sorted((folder / WITNESS).glob("*")):
        later = Continuation.from_text(path.read_text(encoding="utf-8")).verify(checkpoint)
        trust.verify_checkpoint(later)
        names.update(witness.name for witness in trust.cosigners(later))
    if len(names) < trust.required:
        raise VerificationError(
            f"{len(names)} of the {trust.required} required witnesses have seen what is archived"
        )
