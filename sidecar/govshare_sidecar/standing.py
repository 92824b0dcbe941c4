# SPDX-License-Identifier: Apache-2.0
"""Who calls now, and whether what a caller was told still stands."""

from dataclasses import dataclass, replace

from govshare_policy.call import Action, Call
from govshare_policy.gate import Answer, Gate
from govshare_policy.identity import Evidence, Identity
from govshare_sidecar.clock import Clock
from govshare_sidecar.refusal import Cause, RefusedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Reads the registers and the policy in force, and the clock, each time that it is asked."""

    gate: Gate
    clock: Clock

    def verify(self, call: Call, answer: Answer, evidence: Evidence) -> None:
        """Return only if *answer* was given to this caller by the policy that is still in force.

        Raises:
            RefusedError: If the policy or the registers have changed since, or *evidence* no
                longer proves who calls.
            AuditError: If the clock that says so is wrong.
        """
        self.clock.verify()
        basis = self.gate.basis()
        # The claimed time was held against the clock when the call was answered.
        timeless = replace(call, at=None)
        # So was its envelope opened, which is good for one call; whose it is, is asked again.
        shown = opened(evidence, answer)
        identity = basis.trust.identify(timeless, shown, at=self.gate.now())
        if identity != answer.identity or basis.bundle.revision != answer.decision.revision:
            raise RefusedError(Cause.NO_RELEASE)

    def identify(self, evidence: Evidence) -> Identity:
        """Return whom *evidence* proves now, whatever is asked; with a flaw, nobody."""
        nothing = Call(id="", action=Action.READ, resource="", fields=(), purpose="")
        return self.gate.basis().trust.identify(nothing, evidence, at=self.gate.now())


def opened(evidence: Evidence, answer: Answer) -> Evidence:
    """Return *evidence* with the envelope as it was opened when the call was answered."""
    return replace(evidence, envelope=answer.identity.envelope)
