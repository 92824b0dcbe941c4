# SPDX-License-Identifier: Apache-2.0
"""Receipts: the proof, for whoever made a call, that its record is in the log."""

import base64
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Self

from govshare_policy.audit.checkpoint import Checkpoint, decode_base64
from govshare_policy.audit.continuation import Continuation
from govshare_policy.audit.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from govshare_policy.audit.trust import TrustPolicy
from govshare_policy.errors import SignatureError, VerificationError

FORMAT: Final = "govshare-receipt/v1"
MAX_PROOF_NODES: Final = 63
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One record, and why it is in the log.

    Attributes:
        index: Its number, from 0.
        record: Its bytes, the leaf input.
        proof: Inclusion proof under *checkpoint*; at most 63 hashes of 32 bytes.
        checkpoint: Signed note.
    """

    index: int
    record: bytes
    proof: tuple[bytes, ...]
    checkpoint: bytes

    def to_text(self) -> str:
        """Return the receipt as a text to keep.

        Raises:
            VerificationError: If the record is not one line of UTF-8, which canonical ones are.
        """
        try:
            record = self.record.decode()
            note = self.checkpoint.decode()
        except UnicodeDecodeError:
            raise VerificationError("the receipt is not utf-8") from None
        if "\n" in record:
            raise VerificationError("the record of the receipt has more than one line")
        path = "".join(f"{base64.b64encode(node).decode()}\n" for node in self.proof)
        return f"{FORMAT}\nrecord {record}\nindex {self.index}\n{path}\n{note}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the receipt that *text* spells; nothing in it is verified.

        Raises:
            VerificationError: If *text* is not a receipt.
        """
        head, blank, note = text.partition("\n\n")
        lines = head.split("\n")
        if not blank or len(lines) < 3 or lines[0] != FORMAT:  # noqa: PLR2004 - the fixed lines
            raise VerificationError(f"the text is not a receipt of format `{FORMAT}`")
        record, index, proof = lines[1], lines[2].removeprefix("index "), lines[3:]
        if not record.startswith("record ") or lines[2] == index or not _INDEX.fullmatch(index):
            raise VerificationError("the receipt has no record and index")
        if len(proof) > MAX_PROOF_NODES:
            raise VerificationError("the proof of the receipt is too long")
        nodes = tuple(decode_base64(line) for line in proof)
        if any(len(node) != HASH_BYTES for node in nodes):
            raise VerificationError("a hash in the receipt does not have 32 bytes")
        try:
            return cls(
                index=int(index),
                record=record.removeprefix("record ").encode(),
                proof=nodes,
                checkpoint=note.encode(),
            )
        except UnicodeEncodeError:
            raise VerificationError("the receipt is not utf-8") from None


def verify_receipt(
    receipt: Receipt, trust: TrustPolicy, *, later: Collection[Continuation] = ()
) -> None:
    """Return only if the log that *trust* names holds the record of *receipt* at its index.

    Where *trust* requires witnesses, the checkpoint of the receipt is seldom signed by any: it is
    as old as the record. Later checkpoints count as well, if they are proven to continue it.

    Args:
        receipt: What was kept.
        trust: From outside the log.
        later: Checkpoints that witnesses signed, and the proofs from that of the receipt to each.

    Raises:
        SignatureError: If no trusted key signed a checkpoint, or too few witnesses did.
        InclusionError: If the record is not in the tree of that checkpoint.
        ConsistencyError: If a later checkpoint does not continue it.
        VerificationError: If a checkpoint is malformed or of another log.
    """
    checkpoint = Checkpoint.from_note(receipt.checkpoint)
    trust.verify_checkpoint(checkpoint)
    verify_inclusion(
        leaf_hash(receipt.record),
        receipt.index,
        size=checkpoint.size,
        proof=receipt.proof,
        root=checkpoint.root,
    )
    names = {witness.name for witness in trust.cosigners(checkpoint)}
    for continuation in later:
        reached = continuation.verify(checkpoint)
        trust.verify_checkpoint(reached)
        names.update(witness.name for witness in trust.cosigners(reached))
    if len(names) < trust.required:
        raise SignatureError(
            f"{len(names)} of the {trust.required} required witnesses signed a checkpoint over the "
            "record; fetch a later one with its consistency proof"
        )
