# SPDX-License-Identifier: Apache-2.0
"""Which provider signs and which verifies on this host: decided once, by known answers."""

import logging
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from govshare_policy.crypto._front import CheckedSigner, verify_with
from govshare_policy.crypto._gmssl import open_gmssl
from govshare_policy.crypto._known import (
    KNOWN_ID,
    KNOWN_MESSAGE,
    KNOWN_PUBLIC,
    KNOWN_SECRET,
    KNOWN_SIGNATURE,
)
from govshare_policy.crypto._libcrypto import open_libcrypto
from govshare_policy.crypto._points import open_points
from govshare_policy.crypto._provider import SigningProvider, Verifier
from govshare_policy.crypto._pure import open_pure
from govshare_policy.errors import ConfigError, SignatureError

_log: Final = logging.getLogger(__name__)
_P = TypeVar("_P", bound=Verifier)


def probe_verifier(verifier: Verifier) -> None:
    """Return only if *verifier* accepts the standard's signature and refuses it elsewhere.

    Raises:
        ConfigError: If it does not.
    """
    try:
        verify_with(verifier, KNOWN_PUBLIC, KNOWN_MESSAGE, KNOWN_SIGNATURE, signer_id=KNOWN_ID)
    except SignatureError:
        raise ConfigError("it refuses the standard's own signature") from None
    try:
        verify_with(
            verifier, KNOWN_PUBLIC, KNOWN_MESSAGE + b".", KNOWN_SIGNATURE, signer_id=KNOWN_ID
        )
    except SignatureError:
        return
    raise ConfigError("it accepts a signature over another message")


def probe_signer(provider: SigningProvider) -> None:
    """Return only if *provider* verifies and signs with the standard's key.

    Raises:
        ConfigError: If it does not.
    """
    probe_verifier(provider)
    key = provider.load_key(KNOWN_SECRET)
    if key.public != KNOWN_PUBLIC:
        raise ConfigError("it derives another public key than the standard")
    CheckedSigner(key=key, verifier=provider).sign(KNOWN_MESSAGE, signer_id=KNOWN_ID)


def choose(openers: Sequence[Callable[[], _P]], *, probe: Callable[[_P], None]) -> _P | None:
    """Return the first provider that opens and passes *probe*, or None.

    Only known answers decide; a signature that a chosen provider refuses is never shown to the
    next one.
    """
    for opener in openers:
        try:
            provider = opener()
            probe(provider)
        except ConfigError as error:
            _log.info("`%s` is passed over: %s", opener.__name__, error)
        else:
            return provider
    return None


# gmssl is no verifier of choice: it is many times slower than the pure one.
_VERIFIERS: Final[Sequence[Callable[[], Verifier]]] = (open_points, open_libcrypto, open_pure)
_SIGNERS: Final[Sequence[Callable[[], SigningProvider]]] = (open_libcrypto, open_gmssl)
_VERIFIER: Final = choose(_VERIFIERS, probe=probe_verifier)
_SIGNER: Final = choose(_SIGNERS, probe=probe_signer)


def required(provider: _P | None, *, what: str) -> _P:
    """Return *provider*, which is needed now to do *what*.

    Raises:
        ConfigError: If there is none.
    """
    if provider is None:
        raise ConfigError(
            f"nothing on this host can {what} with SM2: install OpenSSL 3 with SM2 enabled, or the "
            "`gmssl` extra"
        )
    return provider


def chosen_verifier() -> Verifier:
    """Return the provider that verifies on this host."""
    return required(_VERIFIER, what="verify")


def chosen_signer() -> SigningProvider:
    """Return the provider that signs on this host."""
    return required(_SIGNER, what="sign")


def provider_name() -> str:
    """Return ``libcrypto``, ``gmssl`` or ``pure``: who holds the private keys on this host.

    Where it is ``pure``, nothing can sign and signatures are still verified. Where it is
    ``gmssl``, signatures are made by it and verified by ``pure``.
    """
    return (_SIGNER or chosen_verifier()).name
