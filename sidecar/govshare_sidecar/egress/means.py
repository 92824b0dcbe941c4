# SPDX-License-Identifier: Apache-2.0
"""What every door of the onward guard is given."""

from dataclasses import dataclass

from govshare_sidecar.desk import Desk
from govshare_sidecar.egress.clearance import Clearance
from govshare_sidecar.egress.inbound import Inbound
from govshare_sidecar.egress.outward import Outward
from govshare_sidecar.egress.settings import EgressConfig
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.metrics import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What every door is given.

    Attributes:
        desk: Answers calls.
        clearance: Says whether something may leave.
        inbound: Registers what comes in.
        outward: Carries what may leave.
        authorities: Whose certificates prove something.
    """

    config: EgressConfig
    desk: Desk
    clearance: Clearance
    inbound: Inbound
    outward: Outward
    authorities: ClientAuthorities
    metrics: Metrics
