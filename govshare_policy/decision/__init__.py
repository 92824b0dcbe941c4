# SPDX-License-Identifier: Apache-2.0
"""The decision: what the texts say of a call under the grants it may rest on."""

from govshare_policy.decision.decide import decide, refuse
from govshare_policy.decision.model import Decision, Ruling

__all__ = ["Decision", "Ruling", "decide", "refuse"]
