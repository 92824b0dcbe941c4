# SPDX-License-Identifier: Apache-2.0
"""One seed a day gives every record of the day a salt, and any single salt can be forgotten.

A salt is a leaf of a tree whose root is the seed: from a node to its child leads one SM3, and
nobody gets from a child to its parent or sideways to another child. To forget one leaf, every
node on the way to it is replaced by the children that lead elsewhere. All other salts stay as
they were, and what is left says nothing about the one that is gone.

Source:
    Goldreich, Goldwasser and Micali, How to construct random functions, J. ACM 33 (1986); the
    step is the key derivation function of GB/T 32918.4-2016 §5.4.3 with one byte as its counter.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final

from govshare_policy.crypto import sm3, sm3_new
from govshare_policy.errors import VerificationError
from govshare_policy.identity import legal_day

NODE_BYTES: Final = 32
LEVELS: Final = 16
DIGITS: Final = "0123456789abcdef"
_DIGIT: Final = tuple(bytes([code]) for code in range(128))
ROOT: Final = ""
# INVARIANT: nothing is appended to it; every hash starts from a copy.
_NOTHING: Final = sm3_new()
_REMEMBERED_LEVELS: Final = 3
_REMEMBERED_SALTS: Final = 1024
_UUID7: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """The whole tree of one day, and the nodes in it from which salts were reached.

    Attributes:
        day: The legal day.
        state: Of the file in which the seed was read.
        node: The seed; 32 bytes.
        below: Nodes three levels down, by their places; at most 4,096.
        reached: Salts that were asked for last, by their paths. A call that releases data asks
            for its salt three times.
        earlier: Those asked for before these; at most 1,024 in each.
    """

    day: str
    state: bytes
    node: bytes = field(repr=False)
    below: dict[str, bytes] = field(default_factory=dict, repr=False)
    reached: dict[str, bytes] = field(default_factory=dict, repr=False)
    earlier: dict[str, bytes] = field(default_factory=dict, repr=False)

    def salt(self, path: str) -> bytes:
        """Return the salt at *path*; 32 bytes."""
        salt = self.reached.get(path) or self.earlier.get(path)
        if salt is not None:
            return salt
        place = path[:_REMEMBERED_LEVELS]
        node = self.below.get(place)
        if node is None:
            node = self.below[place] = walk(self.node, place)
        if len(self.reached) >= _REMEMBERED_SALTS:
            # All at once: forgetting the oldest of a dictionary means looking for it each time.
            self.earlier.clear()
            self.earlier.update(self.reached)
            self.reached.clear()
        salt = self.reached[path] = walk(node, path[_REMEMBERED_LEVELS:])
        return salt


def day_of(record_id: str) -> date:
    """Return the legal day in which *record_id*, a UUIDv7, was made.

    Raises:
        VerificationError: If it is no UUIDv7, so that no salt belongs to it.
    """
    if _UUID7.fullmatch(record_id) is None:
        raise VerificationError("the id of the record is not a UUIDv7")
    millis = int(record_id[:8] + record_id[9:13], 16)
    try:
        return _day_of_hour(millis // 3_600_000)
    except (OverflowError, ValueError):
        raise VerificationError("the id of the record is of no year that there is") from None


@lru_cache(maxsize=64)
def _day_of_hour(hour: int) -> date:
    """Return the legal day of an hour since 1970; no day begins within one."""
    return legal_day(datetime.fromtimestamp(hour * 3600, UTC))


def path_of(record_id: str) -> str:
    """Return the way from the seed to the salt of *record_id*: 16 hexadecimal digits."""
    return sm3(record_id.encode()).hex()[:LEVELS]


def walk(node: bytes, way: str) -> bytes:
    """Return the node that *way* leads to from *node*; 32 bytes.

    What is hashed is always a secret of 32 bytes and one digit: one block, of one length, so that
    no hash is the beginning of another.
    """
    copy = _NOTHING.copy
    for digit in way.encode():
        state = copy()
        state.update(node + _DIGIT[digit])
        node = state.digest()
    return node


def puncture(node: bytes, *, prefix: str, path: str) -> Mapping[str, bytes]:
    """Return the nodes that lead from *node* to every salt but the one at *path*.

    Args:
        node: What is kept at *prefix*; 32 bytes.
        prefix: A beginning of *path*.
        path: The salt to forget; 16 digits.

    Returns:
        15 nodes of 32 bytes for each level below *prefix*, by their places.
    """
    kept: dict[str, bytes] = {}
    for depth in range(len(prefix), LEVELS):
        here = path[:depth]
        kept |= {here + digit: walk(node, digit) for digit in DIGITS if digit != path[depth]}
        node = walk(node, path[depth])
    return kept
