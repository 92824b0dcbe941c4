# SPDX-License-Identifier: Apache-2.0
"""Public keys: refused unless they are points of the curve."""

from dataclasses import dataclass
from typing import Final, Self

from govshare_policy.crypto._curve import parse_point
from govshare_policy.crypto._hash import sm3
from govshare_policy.crypto._pem import format_pem, parse_pem
from govshare_policy.errors import ConfigError

_LABEL: Final = "PUBLIC KEY"

# SEQUENCE { SEQUENCE { id-ecPublicKey, 1.2.156.10197.1.301 }, BIT STRING { point } } up to the
# point. The DER of an SM2 key has a fixed length, so that this prefix is the whole grammar.
_SPKI_PREFIX: Final = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """An SM2 public key.

    Attributes:
        point: ``04 || X || Y``, in range and on the curve; 65 bytes.

    Raises:
        ConfigError: If *point* is anything else.
    """

    point: bytes

    def __post_init__(self) -> None:
        parse_point(self.point)

    @classmethod
    def from_spki(cls, der: bytes) -> Self:
        """Return the key in a DER SubjectPublicKeyInfo.

        Raises:
            ConfigError: If *der* is not the DER of an uncompressed SM2 key under
                ``id-ecPublicKey``.
        """
        if not der.startswith(_SPKI_PREFIX):
            raise ConfigError("the public key is not an uncompressed SM2 key")
        return cls(point=der.removeprefix(_SPKI_PREFIX))

    @classmethod
    def from_pem(cls, text: bytes) -> Self:
        """Return the key in the one ``PUBLIC KEY`` block of *text*.

        Raises:
            ConfigError: If *text* is not one such block, or the key in it is refused.
        """
        label, contents = parse_pem(text)
        if label != _LABEL:
            raise ConfigError(f"the PEM block is not a `{_LABEL}`")
        return cls.from_spki(contents)

    def to_spki(self) -> bytes:
        """Return the DER SubjectPublicKeyInfo; 91 bytes."""
        return _SPKI_PREFIX + self.point

    def to_pem(self) -> bytes:
        """Return the key as one ``PUBLIC KEY`` block."""
        return format_pem(_LABEL, self.to_spki())

    @property
    def fingerprint(self) -> bytes:
        """The SM3 digest of the DER SubjectPublicKeyInfo; 32 bytes."""
        return sm3(self.to_spki())
