# SPDX-License-Identifier: Apache-2.0
"""The root over the records that left, under a key that can be erased with the call's salt."""

from dataclasses import dataclass, replace

from govshare_policy.egress.leafstore import LeafStore
from govshare_policy.egress.released import release_key, seal
from govshare_policy.errors import VerificationError
from govshare_policy.gate import Answer, Outcome, Salts


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealer:
    """Seals what was released; *leaves* keeps what one of several records is proved with."""

    salts: Salts
    leaves: LeafStore | None

    def sealed(self, answer: Answer, outcome: Outcome) -> Outcome:
        """Return *outcome* with the root over the records that left.

        Raises:
            AuditError: If there is no key for it, or the leaves cannot be kept.
        """
        try:
            key = release_key(self.salts, answer.record_id)
        except VerificationError:
            # Erased since the answer: then no record that left may be provable either.
            return outcome
        sealed = seal(key, outcome.records)
        if self.leaves is not None and sealed.records > 1:
            self.leaves.keep(answer.record_id, sealed.leaves)
        return replace(outcome, root=sealed.root)
