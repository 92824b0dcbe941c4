# SPDX-License-Identifier: Apache-2.0
"""What calls are decided on, and its replacement while the sidecar runs."""

import asyncio
import logging
from typing import Final

from govshare_policy.errors import FactError, PolicyError
from govshare_policy.facts import RegisterFacts
from govshare_policy.gate import Basis
from govshare_policy.identity import CertificateTrust
from govshare_policy.policy import load_bundle
from govshare_policy.register import load_register
from govshare_policy.usage import Usage
from govshare_sidecar.config import Config
from govshare_sidecar.metrics import Metrics

_log: Final = logging.getLogger(__name__)


def load_basis(config: Config, usage: Usage) -> Basis:
    """Load registers and texts, verified, as one value.

    Raises:
        FactError: If a register is wrong.
        PolicyError: If the profile is unknown or a pack is wrong.
    """
    register = load_register(config.data)
    return Basis(
        trust=CertificateTrust(register=register),
        facts=RegisterFacts(register=register, used=usage.of),
        bundle=load_bundle(config.profile, register, precedence=config.precedence),
    )


class CurrentBasis:
    """The basis in force. It is replaced whole, so no call sees half of a change."""

    def __init__(self, config: Config, usage: Usage, metrics: Metrics) -> None:
        self._config = config
        self._usage = usage
        self._metrics = metrics
        # Replaced by the event loop only.
        self._basis = load_basis(config, usage)
        self._reloading = asyncio.Lock()

    def __call__(self) -> Basis:
        """Return the basis in force."""
        return self._basis

    @property
    def revision(self) -> str:
        """The revision of the policy in force, as answers state it."""
        return f"sm3:{self._basis.bundle.revision.hex()}"

    async def reload(self) -> None:
        """Build a new basis aside and put it in force, or keep the old one and say why."""
        async with self._reloading:
            try:
                basis = await asyncio.to_thread(load_basis, self._config, self._usage)
            except (FactError, PolicyError) as error:
                self._metrics.reloaded(done=False)
                _log.error("reload refused, the policy in force stays: %s", error)
                return
            self._basis = basis
            self._metrics.reloaded(done=True)
            _log.info("reloaded, revision `%s` is in force", self.revision)
