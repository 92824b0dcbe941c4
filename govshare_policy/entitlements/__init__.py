# SPDX-License-Identifier: Apache-2.0
"""What a department may use now, and what is missing for the rest.

Nothing here knows any law: every line is what :func:`govshare_policy.gate.check` answered to a
call in the terms of the grant, so that it cannot differ from what a call would be answered.
"""

from govshare_policy.entitlements.ask import EXPIRING_DAYS, entitlements
from govshare_policy.entitlements.model import ANY, Entitlement, Scope, State
from govshare_policy.entitlements.revoked import load_revoked

__all__ = ["ANY", "EXPIRING_DAYS", "Entitlement", "Scope", "State", "entitlements", "load_revoked"]
