# SPDX-License-Identifier: Apache-2.0
"""The hash tree over the records: RFC 6962 shapes, with SM3.

What a writer has to remember of a tree is its :class:`Frontier`: the roots of the perfect
subtrees it consists of, one for each bit that is set in its size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from govshare_policy.audit.nodes import HASH_BYTES, leaf_hash, node_hash, parents
from govshare_policy.crypto import sm3
from govshare_policy.errors import ConsistencyError, InclusionError

__all__ = [
    "HASH_BYTES",
    "Frontier",
    "Growth",
    "Tree",
    "leaf_hash",
    "node_hash",
    "prove_consistency",
    "prove_inclusion",
    "root_hash",
    "verify_consistency",
    "verify_inclusion",
]


def _fold(nodes: Sequence[bytes]) -> bytes:
    if not nodes:
        return sm3(b"")
    root = nodes[-1]
    for node in reversed(nodes[:-1]):
        root = node_hash(node, root)
    return root


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """A tree, reduced to what is needed to append to it.

    Attributes:
        size: Number of leaves.
        nodes: Roots of its perfect subtrees, the largest first; 32 bytes each.
    """

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.nodes) != self.size.bit_count():
            raise ValueError("a frontier has one node for each bit set in its size")

    def root(self) -> bytes:
        """Return the root; 32 bytes. That of no leaves is ``SM3("")``."""
        return _fold(self.nodes)

    def extended(self, part: Self) -> "Frontier":
        """Return the tree with the leaves of *part* appended.

        The size must be a multiple of the largest perfect subtree of *part*.
        """
        tree = Tree(self)
        levels = [level for level in range(part.size.bit_length()) if part.size >> level & 1]
        for level, node in zip(reversed(levels), part.nodes, strict=True):
            tree.append(node, level=level)
        return tree.frontier()


class Tree:
    """A tree that is read back leaf by leaf, reduced to its frontier."""

    def __init__(self, start: Frontier | None = None) -> None:
        self.size = start.size if start else 0
        self._nodes = list(start.nodes) if start else []

    def append(self, root: bytes, *, level: int = 0) -> None:
        """Append a perfect subtree of ``2**level`` leaves; at level 0, one leaf hash.

        The size must be a multiple of ``2**level``.
        """
        width = self.size >> level
        if width << level != self.size:
            raise ValueError("a perfect subtree is appended at a multiple of its size")
        nodes = self._nodes
        while width & 1:
            root = node_hash(nodes.pop(), root)
            width >>= 1
        nodes.append(root)
        self.size += 1 << level

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Append *leaves* (leaf hashes, 32 bytes each), as many appends would."""
        nodes, row, width, rest = self._nodes, list(leaves), self.size, []
        while row:
            if width & 1:
                row.insert(0, nodes.pop())
            if len(row) & 1:
                rest.append(row.pop())
            row = parents(row)
            width >>= 1
        nodes.extend(reversed(rest))
        self.size += len(leaves)

    def root(self) -> bytes:
        """Return the root; 32 bytes."""
        return _fold(self._nodes)

    def frontier(self) -> Frontier:
        """Return the frontier, which later appends do not change."""
        return Frontier(size=self.size, nodes=tuple(self._nodes))


class Growth:
    """A tree after a batch of leaves was appended: its root, frontier and the leaves' proofs.

    Nothing is read back: the old frontier and the batch hold every node that a proof of the
    batch's leaves can name.
    """

    def __init__(self, old: Frontier, leaves: Sequence[bytes]) -> None:
        if not leaves:
            raise ValueError("a tree grows by at least one leaf")
        self.first = old.size
        self.size = old.size + len(leaves)
        # One row for each level: (index of its first node, nodes). The last node of a row may
        # stand for an imperfect subtree. A row starts at an even index: where the old tree ends
        # in a left child, that child is the frontier node of the level and goes first.
        self._rows: list[tuple[int, list[bytes]]] = []
        remembered = list(old.nodes)
        row, level = list(leaves), 0
        while True:
            start = old.size >> level
            if start & 1:
                row.insert(0, remembered.pop())
                start -= 1
            self._rows.append((start, row))
            if start == 0 and len(row) == 1:
                break
            row, level = [*parents(row), *row[len(row) & ~1 :]], level + 1
        self.root = row[0]

    def frontier(self) -> Frontier:
        """Return the frontier of the grown tree."""
        levels = reversed(range(len(self._rows)))
        nodes = (self.perfect(level) for level in levels if self.size >> level & 1)
        return Frontier(size=self.size, nodes=tuple(nodes))

    def perfect(self, level: int) -> bytes:
        """Return the root of the last perfect subtree of ``2**level`` leaves; 32 bytes."""
        start, row = self._rows[level]
        return row[(self.size >> level) - 1 - start]

    def proofs(self) -> list[tuple[bytes, ...]]:
        """Return the inclusion proof of every leaf of the batch, in order."""
        below: list[tuple[bytes, ...]] = [()]
        for (start, row), (start_above, _) in reversed(list(pairwise(self._rows))):
            paths = below
            below = []
            for place in range(len(row)):
                sibling = place ^ 1
                path = paths[((start + place) >> 1) - start_above]
                below.append((row[sibling], *path) if sibling < len(row) else path)
        return below[len(below) - (self.size - self.first) :]


def root_hash(leaves: Sequence[bytes]) -> bytes:
    """Return the root over *leaves* (leaf hashes, 32 bytes each); 32 bytes."""
    return Growth(Frontier(), leaves).root if leaves else sm3(b"")


def prove_inclusion(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Return the proof that leaf hash *index* is under the root of *leaves*.

    Source:
        RFC 6962 §2.1.1.
    """
    if not 0 <= index < len(leaves):
        raise ValueError("the index is outside the tree")
    return Growth(Frontier(), leaves).proofs()[index]


def verify_inclusion(
    leaf: bytes, index: int, *, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Return only if *leaf* (a leaf hash) is number *index* of the *size* leaves under *root*.

    Raises:
        InclusionError: If it is not, or if the proof has any other length than the right one.

    Source:
        RFC 9162 §2.1.3.2.
    """
    if not 0 <= index < size:
        raise InclusionError(f"index {index} is outside a tree of {size} leaves")
    if any(len(node) != HASH_BYTES for node in (leaf, *proof, root)):
        raise InclusionError("a hash in the proof does not have 32 bytes")
    if len(proof) != _path_length(index, size):
        raise InclusionError(f"the proof has {len(proof)} hashes, which is not its length")
    if _climb(leaf, index, size=size, path=list(proof)) != root:
        raise InclusionError(f"record {index} is not under the root")


def prove_consistency(leaves: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """Return the proof that the first *old_size* of *leaves* are a prefix of the tree.

    Source:
        RFC 6962 §2.1.2.
    """
    if not 0 < old_size <= len(leaves):
        raise ValueError("the old size is outside the tree")
    proof: list[bytes] = []
    start, end, whole = 0, len(leaves), True
    # From the root downwards, so the nodes come in reverse order.
    while old_size != end:
        split = start + _split(end - start)
        if old_size <= split:
            proof.append(root_hash(leaves[split:end]))
            end = split
        else:
            proof.append(root_hash(leaves[start:split]))
            start, whole = split, False
    if not whole:
        proof.append(root_hash(leaves[start:end]))
    return tuple(reversed(proof))


def verify_consistency(
    old_size: int, old_root: bytes, *, size: int, root: bytes, proof: Sequence[bytes]
) -> None:
    """Return only if the tree *size*, *root* continues the tree *old_size*, *old_root*.

    Raises:
        ConsistencyError: If it does not.

    Source:
        RFC 9162 §2.1.4.2.
    """
    if not 0 < old_size <= size:
        raise ConsistencyError(f"a tree of {size} leaves cannot continue one of {old_size}")
    if any(len(node) != HASH_BYTES for node in (old_root, *proof, root)):
        raise ConsistencyError("a hash in the proof does not have 32 bytes")
    path = list(proof)
    old, new = _climb_both(old_root, old_size, size=size, path=path, is_old=True)
    if path:
        raise ConsistencyError("the proof is too long")
    if (old, new) != (old_root, root):
        raise ConsistencyError(f"the tree of {size} leaves does not continue the one of {old_size}")


def _split(size: int) -> int:
    """Return the largest power of two below *size*, where RFC 6962 splits a tree."""
    return 1 << ((size - 1).bit_length() - 1)


def _path_length(index: int, size: int) -> int:
    """Return how many hashes prove leaf *index* of *size*."""
    length = 0
    while size > 1:
        split = _split(size)
        index, size = (index, split) if index < split else (index - split, size - split)
        length += 1
    return length


def _climb(leaf: bytes, index: int, *, size: int, path: list[bytes]) -> bytes:
    """Return the root that *path*, used up from its end, gives to *leaf*."""
    if size == 1:
        return leaf
    sibling, split = path.pop(), _split(size)
    if index < split:
        return node_hash(_climb(leaf, index, size=split, path=path), sibling)
    return node_hash(sibling, _climb(leaf, index - split, size=size - split, path=path))


def _climb_both(
    old_root: bytes, old_size: int, *, size: int, path: list[bytes], is_old: bool
) -> tuple[bytes, bytes]:
    """Return the roots of a subtree then and now that *path*, used up from its end, gives.

    While *is_old*, the subtree then was the whole old tree, whose root the proof leaves out.
    """
    if old_size == size and is_old:
        return old_root, old_root
    if not path:
        raise ConsistencyError("the proof is too short")
    sibling = path.pop()
    if old_size == size:
        return sibling, sibling
    split = _split(size)
    if old_size <= split:
        old, new = _climb_both(old_root, old_size, size=split, path=path, is_old=is_old)
        return old, node_hash(new, sibling)
    old, new = _climb_both(old_root, old_size - split, size=size - split, path=path, is_old=False)
    return node_hash(sibling, old), node_hash(sibling, new)
