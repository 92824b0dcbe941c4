# SPDX-License-Identifier: Apache-2.0
"""The recommended SM2 curve: its constants, and what a point on it is.

Source:
    GB/T 32918.5-2017; object id 1.2.156.10197.1.301.
"""

from typing import Final

from govshare_policy.errors import ConfigError

P: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A: Final = P - 3
B: Final = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
GX: Final = 0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7
GY: Final = 0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0

FIELD_BYTES: Final = 32
POINT_BYTES: Final = 1 + 2 * FIELD_BYTES

_UNCOMPRESSED: Final = 0x04

# INVARIANT: a private key is 1..N-2. With N-1 the factor 1/(1+d) does not exist, and OpenSSL
# looks for it for ever.
MAX_SECRET: Final = N - 2


def parse_point(point: bytes) -> tuple[int, int]:
    """Return the affine coordinates of an uncompressed point.

    Args:
        point: ``04 || X || Y``; 65 bytes.

    Raises:
        ConfigError: If *point* has another form, is out of range or is not on the curve. The
            point at infinity has no uncompressed form, so it is refused too.
    """
    if len(point) != POINT_BYTES or point[0] != _UNCOMPRESSED:
        raise ConfigError("an SM2 public key is 65 bytes, `04 || X || Y`")
    x = int.from_bytes(point[1 : 1 + FIELD_BYTES], "big")
    y = int.from_bytes(point[1 + FIELD_BYTES :], "big")
    if x >= P or y >= P:
        raise ConfigError("a coordinate of the SM2 public key is out of range")
    if (y * y - (x * x + A) * x - B) % P:
        raise ConfigError("the SM2 public key is not on the curve")
    return x, y


def format_point(x: int, y: int) -> bytes:
    """Return ``04 || X || Y``; 65 bytes."""
    return bytes((_UNCOMPRESSED,)) + x.to_bytes(FIELD_BYTES, "big") + y.to_bytes(FIELD_BYTES, "big")
