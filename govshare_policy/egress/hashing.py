# SPDX-License-Identifier: Apache-2.0
"""The keyed hash in front of the tags: of every window of a text, at the price of a few sums.

A string is a polynomial in a secret odd number, modulo 2**64, whose coefficients are keyed hashes
of its characters. The hash of a window is the difference of two sums over the text, so windows of
all lengths at all positions cost the same. It is no pseudo-random function: two strings can be
built that collide under every key. That makes a prefilter say yes once too often and no more,
since what it lets through is tagged; and only 32 mixed bits of a hash ever reach a disk.
"""

from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

HEAD: Final = 256
"""Characters of a string that are hashed; of a longer one the length counts besides."""

CHUNK: Final = 1 << 16
"""Characters hashed at once."""

SECRET_BYTES: Final = 48
_MIX: Final = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quick:
    """Hashes under one secret.

    Attributes:
        keys: Six words: base (odd), two for characters, one for lengths, two for the end.
        powers: Of the base, one for each position of a chunk.
        inverses: Of those.
    """

    keys: Words = field(repr=False)
    powers: Words = field(repr=False)
    inverses: Words = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> Self:
        """Return the hashes under *secret* of 48 bytes."""
        keys = np.frombuffer(secret, dtype="<u8").astype(np.uint64)
        keys |= np.array([1, 1, 0, 1, 1, 0], dtype=np.uint64)
        base = int(keys[0])
        return cls(keys=keys, powers=_powers(base), inverses=_powers(pow(base, -1, 1 << 64)))

    def sums(self, codes: NDArray[np.uint32]) -> Words:
        """Return the sums over *codes*, at most a chunk and 64: one more than there are."""
        word = (codes.astype(np.uint64) ^ self.keys[2]) * self.keys[1]
        word ^= word >> np.uint64(31)
        word *= np.uint64(_MIX[0])
        word ^= word >> np.uint64(29)
        word *= self.powers[: codes.size]
        sums = np.zeros(codes.size + 1, dtype=np.uint64)
        np.cumsum(word, out=sums[1:])
        return sums

    def windows(
        self, sums: Words, begin: NDArray[np.int64], size: NDArray[np.int64] | int
    ) -> Words:
        """Return the hashes of the windows of *size* characters that *begin* there."""
        word = (sums[begin + size] - sums[begin]) * self.inverses[begin]
        return self._end(word, size)

    def marked(self, sums: Words, begin: NDArray[np.int64], size: int, *, mark: str) -> Words:
        """Return the hashes of *mark*, a character, and a window after it."""
        lead = self.sums(np.array([ord(mark)], dtype=np.uint32))[1]
        word = (sums[begin + size] - sums[begin]) * self.inverses[begin]
        word *= self.keys[0]
        word += lead
        return self._end(word, size + 1)

    def strings(self, values: list[str]) -> Words:
        """Return the hash of each of *values*."""
        sizes = np.fromiter(map(len, values), dtype=np.int64, count=len(values))
        heads = np.minimum(sizes, HEAD)
        ends = np.cumsum(heads)
        out = [np.empty(0, dtype=np.uint64)]
        at = 0
        while at < len(values):
            before = int(ends[at - 1]) if at else 0
            stop = max(at + 1, int(np.searchsorted(ends, before + CHUNK, side="right")))
            chosen = values[at:stop]
            if (sizes[at:stop] > HEAD).any():
                chosen = [value[:HEAD] for value in chosen]
            text = "".join(chosen)
            codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
            sums = self.sums(codes)
            begin = ends[at:stop] - heads[at:stop] - before
            word = (sums[begin + heads[at:stop]] - sums[begin]) * self.inverses[begin]
            out.append(self._end(word, sizes[at:stop]))
            at = stop
        return np.concatenate(out)

    def _end(self, word: Words, size: NDArray[np.int64] | int) -> Words:
        """Return *word* and a length, mixed."""
        length = np.asarray(size, dtype=np.int64).astype(np.uint64)
        word = word ^ (length * self.keys[3])
        word ^= word >> np.uint64(32)
        word *= self.keys[4]
        word ^= (word >> np.uint64(29)) ^ self.keys[5]
        word *= np.uint64(_MIX[1])
        word ^= word >> np.uint64(32)
        return word


def _powers(base: int) -> Words:
    """Return the powers of *base* from 0, modulo 2**64, for a chunk and what is read beyond it."""
    powers = np.full(CHUNK + HEAD + 1, base, dtype=np.uint64)
    powers[0] = 1
    return np.multiply.accumulate(powers)
