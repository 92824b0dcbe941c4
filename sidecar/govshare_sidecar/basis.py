# SPDX-License-Identifier: Apache-2.0
"""What calls are decided on, and its replacement while the sidecar runs."""

import asyncio
import logging
from typing import Final

from govshare_policy.crypto import load_public_key
from govshare_policy.errors import ConfigError, FactError, PolicyError, VerificationError
from govshare_policy.facts import RegisterFacts, unspent
from govshare_policy.gate import Basis
from govshare_policy.identity import CertificateTrust
from govshare_policy.policy import Bundle, load_bundle
from govshare_policy.register import Register, load_register
from govshare_policy.signed import load_signed_bundle
from govshare_policy.subjects import Subjects
from govshare_policy.usage import Tally
from govshare_sidecar.config import Config
from govshare_sidecar.metrics import Metrics
from govshare_sidecar.policy_settings import OpenPolicy, SignedPolicy

_log: Final = logging.getLogger(__name__)


def load_basis(
    config: Config,
    usage: Tally,
    subjects: Subjects | None = None,
    *,
    before: Register | None = None,
) -> Basis:
    """Load registers and texts, verified, as one value; calls are counted by what is given.

    What has not changed since *before* is not read again; the outcome is the same without it.

    Raises:
        FactError: If a register is wrong.
        PolicyError: If the profile is unknown or a pack is wrong.
        VerificationError: If a signed bundle is not what its key vouches for.
        ConfigError: If a signed bundle or its key cannot be read.
    """
    register, bundle = load_policy(config.policy, before=before)
    return Basis(
        trust=CertificateTrust(register=register),
        facts=RegisterFacts(
            register=register,
            used=usage.of,
            spent=unspent if subjects is None else subjects.is_spent,
        ),
        bundle=bundle,
    )


def load_policy(
    policy: OpenPolicy | SignedPolicy, *, before: Register | None = None
) -> tuple[Register, Bundle]:
    """Load the registers and the texts that *policy* names, verified.

    A signed bundle is verified and read whole, whatever was *before*.

    Raises:
        GovshareError: As :func:`load_basis`.
    """
    match policy:
        case OpenPolicy():
            register = load_register(policy.data, before=before)
            return register, load_bundle(policy.profile, register, precedence=policy.precedence)
        case SignedPolicy():
            public = load_public_key(policy.key)
            return load_signed_bundle(policy.bundle, public, not_before=policy.not_before)


class CurrentBasis:
    """The basis in force. It is replaced whole, so no call sees half of a change."""

    def __init__(
        self, config: Config, usage: Tally, metrics: Metrics, subjects: Subjects | None = None
    ) -> None:
        self._config = config
        self._subjects = subjects
        self._usage = usage
        self._metrics = metrics
        # Replaced by the event loop only.
        with metrics.loading():
            self._basis = load_basis(config, usage, subjects)
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
                with self._metrics.loading():
                    basis = await asyncio.to_thread(
                        load_basis,
                        self._config,
                        self._usage,
                        self._subjects,
                        before=self._basis.bundle.register,
                    )
            except (FactError, PolicyError, VerificationError, ConfigError) as error:
                self._metrics.reloaded(done=False)
                _log.error("reload refused, the policy in force stays: %s", error)
                return
            self._basis = basis
            self._metrics.reloaded(done=True)
            _log.info("reloaded, revision `%s` is in force", self.revision)
