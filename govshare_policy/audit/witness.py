# SPDX-License-Identifier: Apache-2.0
"""A witness: signs a log's checkpoints, each only after it is proven to continue the last one.

What it knows of a log is the last checkpoint that it signed. This module decides; it neither
stores nor sends. Whoever uses it stores the cosigned checkpoint before giving the signature out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from govshare_policy.audit.checkpoint import (
    Checkpoint,
    NoteSignature,
    check_name,
    find_signature,
    sign_checkpoint,
    verify_signature,
)
from govshare_policy.audit.continuation import Continuation
from govshare_policy.audit.trust import TrustPolicy
from govshare_policy.crypto import PublicKey, Signer
from govshare_policy.errors import (
    ConsistencyError,
    SignatureError,
    VerificationError,
)

# What a witness is sent: 63 hashes and a note of 16 KiB, with room for the lines around them.
MAX_REQUEST_BYTES: Final = 20 * 1024


class Refusal(StrEnum):
    """Why a witness does not sign."""

    MALFORMED = "malformed"
    UNKNOWN_LOG = "unknown_log"
    UNTRUSTED = "untrusted"
    STALE = "stale"
    CONFLICT = "conflict"
    BAD_PROOF = "bad_proof"


class WitnessRefusalError(VerificationError):
    """A witness does not sign.

    Attributes:
        kind: Why.
        size: The size that it signed last; 0 if it signed nothing of the log.
    """

    def __init__(self, kind: Refusal, message: str, *, size: int = 0) -> None:
        super().__init__(message)
        self.kind = kind
        self.size = size


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Who signs, and whose checkpoints.

    Attributes:
        name: In its signature lines.
        signer: Holds its key, which is used for nothing else.
        logs: By origin, what is trusted of each log. Nothing else is signed.
    """

    name: str
    signer: Signer
    logs: Mapping[str, TrustPolicy]

    def __post_init__(self) -> None:
        check_name(self.name)
        if any(origin != trust.origin for origin, trust in self.logs.items()):
            raise ValueError("the policies of a witness stand under the origins of their logs")

    def cosign(
        self, request: Continuation, stored: Checkpoint | None, *, at: datetime
    ) -> Checkpoint:
        """Return the checkpoint of *request* with the signature of this witness as its last line.

        1. It is of a log that is known, and its key signed it.
        2. The caller starts from what was signed last; else it is told where to start.
        3. It continues that.

        Of the other signatures only those of the log's trusted keys are kept.

        Args:
            request: What the witness is asked to sign.
            stored: What it signed last of this log; none if nothing.
            at: Now; with a zone.

        Raises:
            WitnessRefusalError: If any of it is not so. Nothing was signed.
        """
        # 1.
        checkpoint = self._verify_signed(request)
        # 2. and 3.
        _verify_next(request, checkpoint, stored)
        kept = _trusted_lines(checkpoint, self.logs[checkpoint.origin])
        return sign_checkpoint(
            replace(checkpoint, signatures=kept),
            self.signer,
            name=self.name,
            time=int(at.timestamp()),
        )

    def verify_stored(self, stored: Checkpoint, origin: str) -> None:
        """Return only if *stored* is a checkpoint of the log *origin* that this witness signed.

        Raises:
            VerificationError: If it is not.
        """
        if stored.origin != origin:
            raise VerificationError("it is of another log")
        verify_cosigned(stored, self.name, self.signer.public)

    def _verify_signed(self, request: Continuation) -> Checkpoint:
        try:
            checkpoint = Checkpoint.from_note(request.checkpoint)
        except VerificationError as error:
            raise WitnessRefusalError(Refusal.MALFORMED, str(error)) from None
        trust = self.logs.get(checkpoint.origin)
        if trust is None:
            raise WitnessRefusalError(Refusal.UNKNOWN_LOG, "the log is not known to this witness")
        try:
            trust.verify_checkpoint(checkpoint)
        except SignatureError as error:
            raise WitnessRefusalError(Refusal.UNTRUSTED, str(error)) from None
        return checkpoint


def verify_cosigned(checkpoint: Checkpoint, name: str, public: PublicKey) -> datetime:
    """Return when the witness *name*, whose key is *public*, signed *checkpoint*.

    Raises:
        SignatureError: If it did not.
    """
    line = find_signature(checkpoint, name, public)
    if line is None:
        raise SignatureError(f"the witness `{name}` did not sign the checkpoint")
    return verify_signature(checkpoint, line, public)


def _verify_next(request: Continuation, checkpoint: Checkpoint, stored: Checkpoint | None) -> None:
    size = stored.size if stored else 0
    if not request.old_size <= checkpoint.size or checkpoint.size == 0:
        raise WitnessRefusalError(
            Refusal.MALFORMED, "a checkpoint has one record or more, and not fewer than before"
        )
    if request.old_size != size:
        raise WitnessRefusalError(
            Refusal.STALE, f"the last size that was signed is {size}", size=size
        )
    if stored is None:
        if request.proof:
            raise WitnessRefusalError(Refusal.BAD_PROOF, "there is nothing to prove from size 0")
        return
    if checkpoint.size == size and checkpoint.root != stored.root:
        raise WitnessRefusalError(
            Refusal.CONFLICT, f"another root was signed at size {size}", size=size
        )
    try:
        request.verify(stored)
    except ConsistencyError as error:
        raise WitnessRefusalError(Refusal.BAD_PROOF, str(error), size=size) from None


def _trusted_lines(checkpoint: Checkpoint, trust: TrustPolicy) -> tuple[NoteSignature, ...]:
    covering = (key for key in trust.keys if key.covers(checkpoint.size))
    lines = (find_signature(checkpoint, key.name, key.public) for key in covering)
    wanted = {line for line in lines if line is not None}
    return tuple(line for line in checkpoint.signatures if line in wanted)
