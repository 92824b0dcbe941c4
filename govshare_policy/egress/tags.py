# SPDX-License-Identifier: Apache-2.0
"""Tags: what an index holds in the place of values.

A tag is the beginning of an HMAC-SM3, and tells nothing to whoever lacks the key. The quick hash
in front of it saves most of the tags; it is keyed but no pseudo-random function, so only 32 bits
of it reach a disk.

Source:
    RFC 2104, with SM3 (GB/T 32905-2016).
"""

from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from govshare_policy.crypto import Sm3, sm3_new
from govshare_policy.egress.hashing import SECRET_BYTES, Quick
from govshare_policy.egress.keys import DepartmentKey

TAG_BYTES: Final = 8
_BLOCK_BYTES: Final = 64
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mac:
    """HMAC-SM3 under one key, with both pads computed once.

    INVARIANT: nothing is ever appended to the two computations; they are copied.
    """

    inner: Sm3 = field(repr=False)
    outer: Sm3 = field(repr=False)

    @classmethod
    def of(cls, key: bytes) -> Self:
        """Return the code under *key* of at most 64 bytes."""
        padded = key.ljust(_BLOCK_BYTES, b"\0")
        inner, outer = sm3_new(), sm3_new()
        inner.update(padded.translate(_INNER))
        outer.update(padded.translate(_OUTER))
        return cls(inner=inner, outer=outer)

    def digest(self, *parts: bytes | memoryview) -> bytes:
        """Return the code over *parts*, one after the other; 32 bytes."""
        inner, outer = self.inner.copy(), self.outer.copy()
        for part in parts:
            inner.update(bytes(part))
        outer.update(inner.digest())
        return outer.digest()

    def finish(self, inner: Sm3) -> bytes:
        """Return the code over what was appended to *inner*, a copy of :attr:`inner`; 32 bytes."""
        outer = self.outer.copy()
        outer.update(inner.digest())
        return outer.digest()


class Tagger:
    """Makes tags and quick hashes of canonical values under a department's key."""

    def __init__(self, key: DepartmentKey) -> None:
        self._mac = Mac.of(key.derive("tag"))
        halves = (key.derive("quick"), key.derive("quick, continued"))
        self.hashes = Quick.of(b"".join(halves)[:SECRET_BYTES])

    def tags(self, values: list[str]) -> NDArray[np.uint64]:
        """Return the first 8 bytes of HMAC-SM3 over each of *values* in UTF-8."""
        inner_of, outer_of = self._mac.inner.copy, self._mac.outer.copy
        digests = bytearray()
        for value in values:
            inner, outer = inner_of(), outer_of()
            inner.update(value.encode("utf-8", "surrogatepass"))
            outer.update(inner.digest())
            digests += outer.digest()[:TAG_BYTES]
        return np.frombuffer(bytes(digests), dtype=">u8").astype(np.uint64)

    def quick(self, values: list[str]) -> NDArray[np.uint64]:
        """Return the keyed hash of each of *values*, for the prefilter only."""
        return self.hashes.strings(values)
