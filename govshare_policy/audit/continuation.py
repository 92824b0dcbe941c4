# SPDX-License-Identifier: Apache-2.0
"""A later checkpoint of a log, and the proof that it continues an earlier one.

The text is what C2SP's ``tlog-witness`` sends to ``add-checkpoint``: what a witness is asked to
sign, and what anybody keeps beside a receipt.
"""

import base64
import re
from dataclasses import dataclass
from typing import Final, Self

from govshare_policy.audit.checkpoint import Checkpoint, decode_base64
from govshare_policy.audit.merkle import HASH_BYTES, verify_consistency
from govshare_policy.errors import ConsistencyError, VerificationError

MAX_PROOF_NODES: Final = 63
_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """What a log has become since it had a certain size.

    Attributes:
        old_size: Number of records then; 0 if there is nothing to continue.
        proof: Consistency proof from then to *checkpoint*; at most 63 hashes of 32 bytes.
        checkpoint: Signed note.
    """

    old_size: int
    proof: tuple[bytes, ...]
    checkpoint: bytes

    def to_text(self) -> str:
        """Return the text to send or to keep.

        Raises:
            VerificationError: If the note is not UTF-8, which a note always is.
        """
        try:
            note = self.checkpoint.decode()
        except UnicodeDecodeError:
            raise VerificationError("the note is not utf-8") from None
        path = "".join(f"{base64.b64encode(node).decode()}\n" for node in self.proof)
        return f"old {self.old_size}\n{path}\n{note}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the continuation that *text* spells; nothing in it is verified.

        Raises:
            VerificationError: If *text* does not spell one.
        """
        head, blank, note = text.partition("\n\n")
        first, *proof = head.split("\n")
        match = _OLD.fullmatch(first)
        if not blank or match is None:
            raise VerificationError("the text does not begin with an old size")
        if len(proof) > MAX_PROOF_NODES:
            raise VerificationError("the proof is too long")
        nodes = tuple(decode_base64(line) for line in proof)
        if any(len(node) != HASH_BYTES for node in nodes):
            raise VerificationError("a hash in the proof does not have 32 bytes")
        try:
            return cls(old_size=int(match[1]), proof=nodes, checkpoint=note.encode())
        except UnicodeEncodeError:
            raise VerificationError("the note is not utf-8") from None

    def verify(self, old: Checkpoint) -> Checkpoint:
        """Return the later checkpoint, once it is proven to continue *old*. No signature counts.

        Raises:
            ConsistencyError: If it does not.
            VerificationError: If it is malformed, or of another log.
        """
        later = Checkpoint.from_note(self.checkpoint)
        if later.origin != old.origin:
            raise VerificationError("the checkpoint is of another log")
        if self.old_size != old.size:
            raise ConsistencyError(f"the proof does not begin at size {old.size}")
        verify_consistency(old.size, old.root, size=later.size, root=later.root, proof=self.proof)
        return later
