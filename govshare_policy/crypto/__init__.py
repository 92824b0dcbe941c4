# SPDX-License-Identifier: Apache-2.0
"""National cryptography: SM3 digests, SM2 signatures, and the keys for them.

A signature is bound to a signer id, which is always passed: implementations do not agree on a
default. Everything is checked here, in front of whichever library does the arithmetic, so that
no library's leniency can become ours.
"""

from typing import Final

from govshare_policy.crypto._choice import chosen_verifier, provider_name
from govshare_policy.crypto._front import CheckedSigner, Signer, verify_with
from govshare_policy.crypto._hash import Sm3, hmac_sm3, sm3, sm3_new
from govshare_policy.crypto._keyfile import generate_key, load_public_key, open_signer
from govshare_policy.crypto._public import PublicKey

__all__ = [
    "DEFAULT_ID",
    "PublicKey",
    "Signer",
    "Sm3",
    "generate_key",
    "hmac_sm3",
    "load_public_key",
    "open_signer",
    "provider_name",
    "sign_checked",
    "sm3",
    "sm3_new",
    "verify",
]

# The signer id of GB/T 32918's examples, which most products use. Never applied unasked.
DEFAULT_ID: Final = b"1234567812345678"


def sign_checked(signer: Signer, message: bytes, *, signer_id: bytes) -> bytes:
    """Return a signature of *signer* over *message* that was verified, once; 8 to 72 bytes.

    The signers of this package verify their own. Any other is not believed.

    Args:
        signer: Holds the key.
        message: What is signed; any length.
        signer_id: 1 to 8190 bytes, which the verifier must be given too.

    Raises:
        SignatureError: If the signature does not verify.
        ConfigError: If the key, the id or the provider cannot be used.
    """
    signature = signer.sign(message, signer_id=signer_id)
    if not isinstance(signer, CheckedSigner):
        verify(signer.public, message, signature, signer_id=signer_id)
    return signature


def verify(public: PublicKey, message: bytes, signature: bytes, *, signer_id: bytes) -> None:
    """Return only if *public* made *signature* over *message*, as *signer_id*.

    Args:
        public: The key that should have signed.
        message: What was signed; any length.
        signature: DER of the two numbers; 8 to 72 bytes.
        signer_id: What the signer signed as; 1 to 8190 bytes.

    Raises:
        SignatureError: If it did not. The message must not be trusted.
        ConfigError: If nothing on this host can verify.

    Source:
        GB/T 32918.2-2016 §7.
    """
    verify_with(chosen_verifier(), public, message, signature, signer_id=signer_id)
