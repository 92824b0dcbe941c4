# SPDX-License-Identifier: Apache-2.0
"""Executable rules for sharing government data (政务共享卫士).

Embed it in four lines::

    register = load_register(Path("data"))
    bundle = load_bundle("hubei", register)
    basis = Basis(trust=AssumedTrust(), facts=RegisterFacts(register=register), bundle=bundle)
    answer = check(parse_call(document), basis)

:class:`Gate` does the same behind a transport, and records every answer before giving it.
"""

from govshare_policy.call import Call, parse_call
from govshare_policy.errors import GovshareError
from govshare_policy.facts import RegisterFacts
from govshare_policy.gate import Answer, Basis, Gate, check
from govshare_policy.identity import AssumedTrust, Evidence
from govshare_policy.policy import load_bundle
from govshare_policy.register import load_register

__all__ = [
    "Answer",
    "AssumedTrust",
    "Basis",
    "Call",
    "Evidence",
    "Gate",
    "GovshareError",
    "RegisterFacts",
    "check",
    "load_bundle",
    "load_register",
    "parse_call",
]
