# SPDX-License-Identifier: Apache-2.0
"""Executable rules for sharing government data (政务共享卫士).

Embed it in four lines::

    register = load_register(Path("data"))
    bundle = load_bundle("hubei", register)
    basis = Basis(trust=AssumedTrust(), facts=RegisterFacts(register=register), bundle=bundle)
    answer = check(parse_call(document), basis)

:class:`Gate` does the same behind a transport, and records every answer before giving it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
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

# Where each name lives. It is imported when it is first asked for: a program that only verifies a
# log does not wait for the rules engine.
_HOMES: Final = {
    "Answer": "gate",
    "AssumedTrust": "identity",
    "Basis": "gate",
    "Call": "call",
    "Evidence": "identity",
    "Gate": "gate",
    "GovshareError": "errors",
    "RegisterFacts": "facts",
    "check": "gate",
    "load_bundle": "policy",
    "load_register": "register",
    "parse_call": "call",
}


def __getattr__(name: str) -> object:
    """Import what :data:`__all__` names, the first time it is asked for."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
