# SPDX-License-Identifier: Apache-2.0
"""Proofs for an auditor to keep or hand on: receipts, and that one checkpoint continues another."""

from pathlib import Path

from govshare_policy.audit import Checkpoint, Receipt, leaf_hash, verify_inclusion
from govshare_policy.audit.continuation import Continuation
from govshare_policy.audit.proof import prove_log_consistency, prove_log_receipt, read_commit
from govshare_policy.errors import VerificationError
from govshare_policy.inspection.reading import newest_commit, read_manifest


def find_checkpoint(directory: Path, size: int | None = None) -> Checkpoint:
    """Return the checkpoint of *size* that the log signed, or its last one; not verified.

    Raises:
        VerificationError: If there is none.
        OSError: If the log cannot be read.
    """
    read_manifest(directory)
    if size is None:
        return newest_commit(directory)
    if size < 1:
        raise VerificationError("no checkpoint is of less than one record")
    return read_commit(directory, size)


def make_receipt(directory: Path, number: int, *, size: int | None = None) -> Receipt:
    """Return a receipt for record *number* under the last checkpoint, or the one of *size*.

    It leads to the root of the note; who signed that is for its reader to verify.

    Raises:
        InclusionError: If the records and the note contradict each other.
        VerificationError: If there is no such record or checkpoint.
        OSError: If the log cannot be read.
    """
    checkpoint = find_checkpoint(directory, size)
    if not 0 <= number < checkpoint.size:
        raise VerificationError(
            f"record {number} is not among the {checkpoint.size} under the checkpoint"
        )
    receipt = prove_log_receipt(directory, number, checkpoint)
    verify_inclusion(
        leaf_hash(receipt.record),
        number,
        size=checkpoint.size,
        proof=receipt.proof,
        root=checkpoint.root,
    )
    return receipt


def prove_continuation(directory: Path, old: Checkpoint, new: Checkpoint) -> Continuation:
    """Return why the log went from *old* to *new*, proven by the records in *directory*.

    Raises:
        ConsistencyError: If it did not.
        VerificationError: If the checkpoints are of two logs, or the log is shorter than them.
        OSError: If the log cannot be read.
    """
    if not 0 < old.size <= new.size:
        raise VerificationError(f"a log of {new.size} records cannot continue one of {old.size}")
    proof = prove_log_consistency(directory, old.size, new.size)
    continuation = Continuation(old_size=old.size, proof=proof, checkpoint=new.to_note())
    continuation.verify(old)
    return continuation
