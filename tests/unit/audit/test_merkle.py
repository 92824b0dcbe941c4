# SPDX-License-Identifier: Apache-2.0
"""The tree against its definition in RFC 6962."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.audit import (
    leaf_hash,
    prove_consistency,
    prove_inclusion,
    root_hash,
    verify_consistency,
    verify_inclusion,
)
from govshare_policy.audit.merkle import Frontier, Growth, Tree
from govshare_policy.audit.nodes import leaf_hashes, parents
from govshare_policy.crypto import sm3
from govshare_policy.errors import ConsistencyError, InclusionError

LEAVES = st.lists(st.binary(max_size=2).map(leaf_hash), min_size=1, max_size=40)


def split(size: int) -> int:
    k = 1
    while k * 2 < size:
        k *= 2
    return k


def definition(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962 §2.1, read aloud."""
    if not leaves:
        return sm3(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return sm3(b"\x01" + definition(leaves[:k]) + definition(leaves[k:]))


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 6962 §2.1.1, read aloud."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), definition(leaves[k:])]
    return [*path(m - k, leaves[k:]), definition(leaves[:k])]


def subproof(m: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    """RFC 6962 §2.1.2, read aloud."""
    if m == len(leaves):
        return [] if whole else [definition(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole=whole), definition(leaves[k:])]
    return [*subproof(m - k, leaves[k:], whole=False), definition(leaves[:k])]


def flip_one_bit(data: st.DataObject, text: bytes) -> bytes:
    bit = data.draw(st.integers(0, len(text) * 8 - 1))
    changed = bytearray(text)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def chunks(text: bytes) -> list[bytes]:
    return [text[i : i + 32] for i in range(0, len(text), 32)]


def test_hashes_are_prefixed() -> None:
    """A leaf cannot be passed off as a node."""
    assert leaf_hash(b"x") == sm3(b"\x00x")
    assert root_hash([b"l" * 32, b"r" * 32]) == sm3(b"\x01" + b"l" * 32 + b"r" * 32)
    assert root_hash([]) == Frontier().root() == sm3(b"")


@settings(max_examples=80)
@given(leaves=LEAVES, data=st.data())
def test_a_tree_grows_as_the_definition_says(leaves: list[bytes], data: st.DataObject) -> None:
    """However a tree was cut into batches, roots, proofs and frontier are the same."""
    cut = data.draw(st.integers(0, len(leaves) - 1))
    old = Growth(Frontier(), leaves[:cut]).frontier() if cut else Frontier()

    growth = Growth(old, leaves[cut:])

    assert growth.root == growth.frontier().root() == definition(leaves)
    assert growth.frontier() == Growth(Frontier(), leaves).frontier()
    wanted = [tuple(path(m, leaves)) for m in range(cut, len(leaves))]
    assert growth.proofs() == wanted


@settings(max_examples=40)
@given(leaves=LEAVES)
def test_a_tree_read_back_leaf_by_leaf_is_the_same(leaves: list[bytes]) -> None:
    """Appending one by one, or a tree of a multiple of 64 and the rest, changes nothing."""
    tree, part = Tree(), Tree()
    for leaf in leaves:
        tree.append(leaf)
        part.append(leaf)
    before = [bytes([n]) * 32 for n in range(64)]
    joined = Growth(Frontier(), before).frontier().extended(part.frontier())

    assert (tree.root(), tree.frontier()) == (
        definition(leaves),
        Growth(Frontier(), leaves).frontier(),
    )
    assert joined.root() == definition([*before, *leaves])


@settings(max_examples=60)
@given(leaves=LEAVES, data=st.data())
def test_one_flipped_bit_is_always_caught(leaves: list[bytes], data: st.DataObject) -> None:
    """A proof of inclusion verifies as built and in no other form."""
    index = data.draw(st.integers(0, len(leaves) - 1))
    root, proof = root_hash(leaves), prove_inclusion(leaves, index)
    assert list(proof) == path(index, leaves)
    verify_inclusion(leaves[index], index, size=len(leaves), proof=proof, root=root)

    forged = flip_one_bit(data, b"".join((leaves[index], *proof, root)))
    leaf, *nodes, top = chunks(forged)
    with pytest.raises(InclusionError):
        verify_inclusion(leaf, index, size=len(leaves), proof=nodes, root=top)


@settings(max_examples=60)
@given(leaves=LEAVES, data=st.data())
def test_consistency_holds_as_built_only(leaves: list[bytes], data: st.DataObject) -> None:
    """A proof of consistency verifies as built and in no other form."""
    old = data.draw(st.integers(1, len(leaves)))
    proof = prove_consistency(leaves, old)
    old_root, root = root_hash(leaves[:old]), root_hash(leaves)
    assert list(proof) == subproof(old, leaves, whole=True)
    verify_consistency(old, old_root, size=len(leaves), root=root, proof=proof)

    forged = flip_one_bit(data, b"".join((old_root, *proof, root)))
    first, *nodes, top = chunks(forged)
    with pytest.raises(ConsistencyError):
        verify_consistency(old, first, size=len(leaves), root=top, proof=nodes)


SEVEN = [leaf_hash(bytes([n])) for n in range(7)]
ROOT = root_hash(SEVEN)
PROOF = prove_inclusion(SEVEN, 2)

NO_INCLUSION: dict[str, tuple[int, int, tuple[bytes, ...], str]] = {
    "an index outside": (7, 7, PROOF, "outside"),
    "a negative index": (-1, 7, PROOF, "outside"),
    "an empty tree": (0, 0, (), "outside"),
    "a proof too short": (2, 7, PROOF[:-1], "which is not its length"),
    "a proof too long": (2, 7, (*PROOF, bytes(32)), "which is not its length"),
    "a hash of 31 bytes": (2, 7, (PROOF[0][:31], *PROOF[1:]), "32 bytes"),
    "a hash of 33 bytes": (2, 7, (PROOF[0] + b"x", *PROOF[1:]), "32 bytes"),
    "another index": (3, 7, PROOF, "not under the root"),
    "another size": (2, 4, PROOF, "which is not its length"),
}


@pytest.mark.parametrize(
    ("index", "size", "proof", "says"), NO_INCLUSION.values(), ids=NO_INCLUSION
)
def test_a_wrong_inclusion_is_refused(
    index: int, size: int, proof: tuple[bytes, ...], says: str
) -> None:
    """Every part of the claim counts."""
    with pytest.raises(InclusionError, match=says):
        verify_inclusion(SEVEN[2], index, size=size, proof=proof, root=ROOT)


OLD = root_hash(SEVEN[:3])
CONSISTENT = prove_consistency(SEVEN, 3)

NO_CONSISTENCY: dict[str, tuple[int, bytes, int, tuple[bytes, ...], str]] = {
    "an old size of zero": (0, OLD, 7, CONSISTENT, "cannot continue"),
    "a new size below the old": (3, OLD, 2, CONSISTENT, "cannot continue"),
    "a proof too short": (3, OLD, 7, CONSISTENT[1:], "too short|does not continue"),
    "no proof": (3, OLD, 7, (), "too short"),
    "a proof too long": (3, OLD, 7, (bytes(32), *CONSISTENT), "too long"),
    "a hash of 31 bytes": (3, OLD, 7, (CONSISTENT[0][:31], *CONSISTENT[1:]), "32 bytes"),
    "another old root": (3, ROOT, 7, CONSISTENT, "does not continue"),
    "another old size": (4, OLD, 7, CONSISTENT, "too long|does not continue"),
    "equal sizes, a proof": (7, ROOT, 7, CONSISTENT, "too long"),
    "equal sizes, two roots": (7, OLD, 7, (), "does not continue"),
}


@pytest.mark.parametrize(
    ("old_size", "old_root", "size", "proof", "says"), NO_CONSISTENCY.values(), ids=NO_CONSISTENCY
)
def test_a_wrong_consistency_is_refused(
    old_size: int, old_root: bytes, size: int, proof: tuple[bytes, ...], says: str
) -> None:
    """Every part of the claim counts."""
    with pytest.raises(ConsistencyError, match=says):
        verify_consistency(old_size, old_root, size=size, root=ROOT, proof=proof)


def test_our_own_mistakes_are_value_errors() -> None:
    """What only we can get wrong is not a verdict."""
    with pytest.raises(ValueError, match="outside"):
        prove_inclusion(SEVEN, 7)
    with pytest.raises(ValueError, match="outside"):
        prove_consistency(SEVEN, 0)
    with pytest.raises(ValueError, match="at least one"):
        Growth(Frontier(), [])
    with pytest.raises(ValueError, match="one node"):
        Frontier(size=2, nodes=())
    tree = Tree(Frontier(size=1, nodes=(bytes(32),)))
    with pytest.raises(ValueError, match="multiple"):
        tree.append(bytes(32), level=1)


@given(first=LEAVES, more=st.lists(LEAVES, max_size=4))
def test_many_leaves_at_once_are_the_same_tree(first: list[bytes], more: list[list[bytes]]) -> None:
    """Whatever the pieces in which they come, also empty ones."""
    tree, slow = Tree(), Tree()
    whole: list[bytes] = []
    for leaves in ([], first, *more, []):
        tree.extend(leaves)
        whole += leaves
        for leaf in leaves:
            slow.append(leaf)
        assert tree.frontier() == slow.frontier()
        assert tree.root() == definition(whole)


@given(records=st.lists(st.binary(max_size=80), max_size=9))
def test_hashes_in_a_loop_are_the_hashes(records: list[bytes]) -> None:
    """Of leaves and of nodes; a node that is alone has no parent."""
    leaves = leaf_hashes(records)
    assert leaves == [sm3(b"\x00" + record) for record in records]
    pairs = zip(leaves[::2], leaves[1::2], strict=False)
    assert parents(leaves) == [sm3(b"\x01" + left + right) for left, right in pairs]
