# SPDX-License-Identifier: Apache-2.0
"""SM3, from the fastest implementation of this host that gives the standard's answer.

Source:
    GB/T 32905-2016.
"""

import hashlib
from collections.abc import Callable
from typing import Final, Protocol, Self

from govshare_policy.crypto._pyca import PycaSm3
from govshare_policy.errors import ConfigError

# GB/T 32905-2016 §A.1: the digest of "abc".
_KNOWN_DIGEST: Final = bytes.fromhex(
    "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
)


class Sm3(Protocol):
    """An SM3 computation in progress."""

    def update(self, data: bytes, /) -> None:
        """Append *data*."""
        ...

    def digest(self) -> bytes:
        """Return the digest of what was appended so far; 32 bytes."""
        ...

    def copy(self) -> Self:
        """Return an independent computation in the same state."""
        ...


def from_hashlib() -> Sm3:
    """Return a computation by the OpenSSL that Python is linked to.

    Raises:
        ConfigError: If that OpenSSL has no SM3.
    """
    try:
        return hashlib.new("sm3")
    except ValueError:
        raise ConfigError("the OpenSSL of this Python has no SM3") from None


def choose_sm3(*sources: Callable[[], Sm3]) -> Sm3:
    """Return an empty computation of the first source that gives the standard's answer.

    Raises:
        ConfigError: If none does; says why for each.
    """
    refusals = []
    for source in sources:
        try:
            empty = source()
        except ConfigError as error:
            refusals.append(str(error))
            continue
        trial = empty.copy()
        trial.update(b"abc")
        if trial.digest() == _KNOWN_DIGEST:
            return empty
        refusals.append(f"`{source.__name__}` computes SM3 wrongly")
    raise ConfigError("there is no SM3 on this host: " + "; ".join(refusals))


_BLOCK_BYTES: Final = 64
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))

# Copying a prepared object skips the look-up by name, which costs more than a short hash.
# INVARIANT: nothing is ever appended to it.
_EMPTY: Final = choose_sm3(from_hashlib, PycaSm3)


def sm3(data: bytes) -> bytes:
    """Return the SM3 digest of *data*; 32 bytes."""
    computation = _EMPTY.copy()
    computation.update(data)
    return computation.digest()


def sm3_new() -> Sm3:
    """Return an SM3 computation over nothing yet."""
    return _EMPTY.copy()


def hmac_sm3(key: bytes, data: bytes) -> bytes:
    """Return HMAC-SM3 of *data* under *key*; 32 bytes.

    Two hashes: a call takes many of them, and the libraries' set-up of each costs twice as much.

    Source:
        RFC 2104, with SM3 (64-byte blocks) as the hash.
    """
    if len(key) > _BLOCK_BYTES:
        key = sm3(key)
    key = key.ljust(_BLOCK_BYTES, b"\0")
    return sm3(key.translate(_OUTER) + sm3(key.translate(_INNER) + data))
