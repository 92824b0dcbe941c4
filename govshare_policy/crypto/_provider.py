# SPDX-License-Identifier: Apache-2.0
"""What a provider of SM2 does for the layer in front of it.

The front layer (:mod:`._front`) has checked encodings, ranges, points and ids before a provider
sees them, and is the same for all of them.
"""

from typing import Protocol

from govshare_policy.crypto._public import PublicKey
from govshare_policy.crypto._signature import Signature


class Verifier(Protocol):
    """Checks signatures. Holds no private key."""

    @property
    def name(self) -> str:
        """The name that :func:`~govshare_policy.crypto.provider_name` gives."""
        ...

    def verify(
        self, public: PublicKey, message: bytes, signature: Signature, *, signer_id: bytes
    ) -> None:
        """Return only if *public* made *signature* over *message*, as *signer_id*.

        Raises:
            SignatureError: If it did not, or this cannot be found out.
        """
        ...


class PrivateKey(Protocol):
    """A private key inside a provider. Never shows itself."""

    @property
    def public(self) -> PublicKey:
        """The key that checks its signatures."""
        ...

    def sign(self, message: bytes, *, signer_id: bytes) -> Signature:
        """Return a signature that nobody has checked yet.

        Raises:
            ConfigError: If the provider cannot sign.
        """
        ...


class SigningProvider(Verifier, Protocol):
    """A provider that also signs."""

    def load_key(self, secret: int) -> PrivateKey:
        """Return the key of *secret*, which is 1..n-2.

        Raises:
            ConfigError: If the provider cannot load it.
        """
        ...
