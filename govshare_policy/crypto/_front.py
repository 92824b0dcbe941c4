# SPDX-License-Identifier: Apache-2.0
"""The layer in front of every provider: what passes here is the same for all of them."""

from dataclasses import dataclass, field
from typing import Final, Protocol

from govshare_policy.crypto._provider import PrivateKey, SigningProvider, Verifier
from govshare_policy.crypto._public import PublicKey
from govshare_policy.crypto._signature import format_signature, parse_signature
from govshare_policy.errors import ConfigError, SignatureError

# The id's length in bits is a 16-bit number, and OpenSSL refuses the last length that fits.
MAX_ID_BYTES: Final = 8190


class Signer(Protocol):
    """Signs. The only holder of a private key; a hardware module implements the same two."""

    @property
    def public(self) -> PublicKey:
        """The key that checks its signatures."""
        ...

    def sign(self, message: bytes, *, signer_id: bytes) -> bytes:
        """Return a signature over *message* in DER, already checked; 8 to 72 bytes.

        Args:
            message: What is signed; any length.
            signer_id: 1 to 8190 bytes, which the verifier must be given too.

        Raises:
            ConfigError: If the key, the id or the provider cannot be used.
        """
        ...


def verify_with(
    verifier: Verifier,
    public: PublicKey,
    message: bytes,
    signature: bytes,
    *,
    signer_id: bytes,
) -> None:
    """Return only if *public* made *signature* over *message*, as *signer_id*.

    1. Refuse an id that is empty or too long: implementations do not agree on either.
    2. Refuse a signature that is not DER of two numbers in range.
    3. Refuse what the verifier refuses. No other verifier is asked.

    The key was refused when it was made, if it is not a point of the curve.

    Raises:
        SignatureError: If it did not. The message must not be trusted.
    """
    # 1.
    if not 1 <= len(signer_id) <= MAX_ID_BYTES:
        raise SignatureError(f"a signer id is 1 to {MAX_ID_BYTES} bytes")
    # 2.
    numbers = parse_signature(signature)
    # 3.
    verifier.verify(public, message, numbers, signer_id=signer_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedSigner:
    """Signs with a provider's key, and gives out no signature that does not verify.

    A fault during signing can give the private key away; the check keeps such a signature in.
    """

    key: PrivateKey = field(repr=False)
    verifier: Verifier = field(repr=False)

    @property
    def public(self) -> PublicKey:
        """The key that checks its signatures."""
        return self.key.public

    def sign(self, message: bytes, *, signer_id: bytes) -> bytes:
        """Return a signature over *message*; see :class:`Signer`."""
        if not 1 <= len(signer_id) <= MAX_ID_BYTES:
            raise ConfigError(f"a signer id is 1 to {MAX_ID_BYTES} bytes")
        try:
            signature = format_signature(self.key.sign(message, signer_id=signer_id))
            verify_with(self.verifier, self.public, message, signature, signer_id=signer_id)
        except SignatureError:
            raise ConfigError("the crypto library made a signature that does not verify") from None
        return signature


def load_signer(
    provider: SigningProvider, verifier: Verifier, *, secret: int, point: bytes | None
) -> CheckedSigner:
    """Return a signer for *secret*, checked by *verifier*.

    Args:
        provider: Holds the key from here on.
        verifier: Checks every signature.
        secret: 1..n-2.
        point: The public key that was stored beside the secret, if any.

    Raises:
        ConfigError: If *point* is not the public half of *secret*.
    """
    key = provider.load_key(secret)
    if point is not None and key.public.point != point:
        raise ConfigError("the public key stored with the private key is not its own")
    return CheckedSigner(key=key, verifier=verifier)
