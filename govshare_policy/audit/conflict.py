# SPDX-License-Identifier: Apache-2.0
"""Evidence that the key of a log signed two things that cannot both be true, to hand to others.

Two checkpoints of different sizes contradict each other only together with the tree of the
larger: the root that this tree has at the smaller size, and a consistency proof from that root to
the larger checkpoint. Both are signed with it, so that nobody can make the evidence up.
"""

import base64
from dataclasses import dataclass
from typing import Final, Self

from govshare_policy.audit.checkpoint import Checkpoint, decode_base64
from govshare_policy.audit.continuation import MAX_PROOF_NODES
from govshare_policy.audit.merkle import HASH_BYTES, verify_consistency
from govshare_policy.audit.proof import LogTree
from govshare_policy.audit.trust import TrustPolicy
from govshare_policy.errors import VerificationError

FORMAT: Final = "govshare-conflict/v1"
_ROOT: Final = "root "
_NONE: Final[tuple[bytes, ...]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Two checkpoints of one log that contradict each other.

    Attributes:
        smaller: Signed note of the smaller size.
        larger: Signed note of the larger size, or of the same.
        root: What the tree of *larger* has as its root at the size of *smaller*, 32 bytes: the
            log was forked. None if the tree is not at hand: the log ends at *smaller* although
            *larger* was signed, so it was set back.
        proof: Consistency proof from *root* to *larger*; at most 63 hashes of 32 bytes.
    """

    smaller: bytes
    larger: bytes
    root: bytes | None
    proof: tuple[bytes, ...] = ()

    @property
    def is_fork(self) -> bool:
        """Whether the two exclude each other for good, whatever log is at hand."""
        return self.root is not None

    def to_text(self) -> str:
        """Return the text to keep and to hand on."""
        nodes = [self.root, *self.proof] if self.root is not None else []
        lines = [base64.b64encode(node).decode() for node in nodes]
        head = "".join(f"{line}\n" for line in lines)
        prefix = _ROOT if lines else ""
        return f"{FORMAT}\n{prefix}{head}\n{self.smaller.decode()}\n{self.larger.decode()}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the evidence that *text* spells; nothing in it is verified.

        Raises:
            VerificationError: If *text* does not spell one.
        """
        parts = text.split("\n\n")
        first, *lines = parts[0].split("\n")
        if len(parts) != 5 or first != FORMAT:  # noqa: PLR2004 - the head, and two notes of two
            raise VerificationError(f"the text is not evidence of format `{FORMAT}`")
        if lines and not lines[0].startswith(_ROOT):
            raise VerificationError("the evidence does not begin with a root")
        nodes = [decode_base64(line.removeprefix(_ROOT)) for line in lines]
        if len(nodes) > MAX_PROOF_NODES + 1 or any(len(node) != HASH_BYTES for node in nodes):
            raise VerificationError("a hash of the evidence does not have 32 bytes, or is too many")
        try:
            smaller = f"{parts[1]}\n\n{parts[2]}\n".encode()
            larger = f"{parts[3]}\n\n{parts[4]}".encode()
        except UnicodeEncodeError:
            raise VerificationError("the evidence is not utf-8") from None
        root = nodes[0] if nodes else None
        return cls(smaller=smaller, larger=larger, root=root, proof=tuple(nodes[1:]))


def verify_conflict(conflict: Conflict, trust: TrustPolicy) -> None:
    """Return only if trusted keys signed both checkpoints, and they contradict each other.

    Of a log that was set back, the larger checkpoint is all the proof there is: that the log at
    hand lacks it, the log has to show.

    Raises:
        SignatureError: If a checkpoint is not signed by a trusted key.
        VerificationError: If they do not contradict each other.
    """
    smaller = Checkpoint.from_note(conflict.smaller)
    larger = Checkpoint.from_note(conflict.larger)
    trust.verify_checkpoint(smaller)
    trust.verify_checkpoint(larger)
    if conflict.root is None:
        if smaller.size >= larger.size:
            raise VerificationError("the log was not set back: it is not the shorter one")
        return
    verify_consistency(
        smaller.size, conflict.root, size=larger.size, root=larger.root, proof=conflict.proof
    )
    if conflict.root == smaller.root:
        raise VerificationError("the two checkpoints are states of one log")


def find_conflict(
    one: Checkpoint, other: Checkpoint, *, tree: LogTree | None = None
) -> Conflict | None:
    """Return the evidence that two checkpoints are of a forked log, or none if they are of one.

    No signature is verified: see :func:`verify_conflict`.

    Args:
        one: A checkpoint, such as that of a receipt.
        other: Another, such as the last one of a log.
        tree: The log of the larger one; none will do if both have one size.

    Raises:
        VerificationError: If they are of two logs, or *tree* is needed and not at hand.
        LogDamageError: If *tree* cannot be read.
        OSError: As before.
    """
    smaller, larger = sorted((one, other), key=lambda checkpoint: checkpoint.size)
    if smaller.origin != larger.origin:
        raise VerificationError("the two checkpoints are of two logs")
    root, proof = larger.root, _NONE
    if smaller.size < larger.size:
        if tree is None or tree.root(larger.size) != larger.root:
            raise VerificationError(
                f"checkpoints of two sizes are compared with the log of the larger one, of size "
                f"{larger.size}, at hand"
            )
        root, proof = tree.root(smaller.size), tree.prove_consistency(smaller.size, larger.size)
    if root == smaller.root:
        return None
    return Conflict(smaller=smaller.to_note(), larger=larger.to_note(), root=root, proof=proof)
