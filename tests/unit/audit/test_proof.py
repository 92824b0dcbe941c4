# SPDX-License-Identifier: Apache-2.0
"""Proofs are read from the segments that they are about, and are those of the whole tree."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.audit import (
    Checkpoint,
    LogDamageError,
    LogTree,
    TrustPolicy,
    leaf_hash,
    prove_consistency,
    prove_inclusion,
    prove_log_consistency,
    prove_log_inclusion,
    prove_log_receipt,
    read_commit,
    root_hash,
    verify_consistency,
    verify_inclusion,
    verify_receipt,
)
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.ledger import Ledger
from govshare_policy.audit.start import create_ledger
from govshare_policy.crypto import Signer
from govshare_policy.errors import VerificationError

ORIGIN = "audit.example/one"
SEGMENT = 65_536
AT = datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC)
SIZES = (1, 2, 300, 1024, SEGMENT, SEGMENT + 1, SEGMENT + 700, 2 * SEGMENT, 2 * SEGMENT + 5)


@pytest.fixture(scope="module")
def written(
    tmp_path_factory: pytest.TempPathFactory, signer: Signer
) -> Iterator[tuple[Path, Ledger, list[bytes]]]:
    """A log of three segments with commits at the sizes above, and the hashes of its leaves."""
    path = tmp_path_factory.mktemp("proof") / "log"
    ledger, lock = create_ledger(
        path, origin=ORIGIN, signer=signer, at=AT, pin=None, preallocate=1024, disk=Disk()
    )
    for old, size in pairwise(SIZES):
        records = [b'{"n":%d}' % number for number in range(old, size)]
        ledger.commit(records, AT)
        ledger.rotate_if_full()
    ledger.publish()
    genesis = prove_log_receipt(path, 0, ledger.checkpoint).record
    leaves = [leaf_hash(genesis), *(leaf_hash(b'{"n":%d}' % n) for n in range(1, SIZES[-1]))]
    yield path, ledger, leaves
    ledger.close()
    lock.release()


@pytest.mark.parametrize("size", SIZES)
def test_a_root_is_that_of_all_records_before(
    written: tuple[Path, Ledger, list[bytes]], size: int
) -> None:
    """Whether it ends in a sealed segment, at a seal or in the last segment."""
    path, _, leaves = written

    assert LogTree(path).root(size) == root_hash(leaves[:size])
    assert read_commit(path, size).root == root_hash(leaves[:size])


@pytest.mark.parametrize("size", [300, SEGMENT, SEGMENT + 700, SIZES[-1]])
def test_proofs_are_those_of_the_whole_tree(
    written: tuple[Path, Ledger, list[bytes]], size: int
) -> None:
    """Between any two checkpoints, and of records at the edges of segments."""
    path, _, leaves = written
    tree, cut = LogTree(path), leaves[:size]
    for old in (size for size in SIZES if size <= len(cut)):
        assert tree.prove_consistency(old, size) == prove_consistency(cut, old)
    for index in {0, 1, size // 2, min(SEGMENT, size) - 1, min(SEGMENT, size - 1), size - 1}:
        assert tree.prove_inclusion(index, size) == prove_inclusion(cut, index)


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_any_two_sizes_are_proven(
    written: tuple[Path, Ledger, list[bytes]], data: st.DataObject
) -> None:
    """A tree that has answered before answers as well as a fresh one."""
    path, _, leaves = written
    tree = LogTree(path)
    for _ in range(4):
        size = data.draw(st.integers(1, len(leaves)))
        old = data.draw(st.integers(1, size))
        index = data.draw(st.integers(0, size - 1))
        root = root_hash(leaves[:size])
        proof = tree.prove_consistency(old, size)
        verify_consistency(old, root_hash(leaves[:old]), size=size, root=root, proof=proof)
        path_up = tree.prove_inclusion(index, size)
        verify_inclusion(leaves[index], index, size=size, proof=path_up, root=root)


def test_a_receipt_can_be_made_again(
    written: tuple[Path, Ledger, list[bytes]], trust: TrustPolicy
) -> None:
    """Of any record, under any checkpoint behind it."""
    path, ledger, _ = written
    for checkpoint in (ledger.checkpoint, read_commit(path, SEGMENT + 1)):
        for index in (0, 1, SEGMENT - 1, SEGMENT):
            verify_receipt(prove_log_receipt(path, index, checkpoint), trust)


def test_only_the_segments_that_a_proof_is_about_are_read(
    written: tuple[Path, Ledger, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the others, the seals; and what was read is not read again."""
    path, ledger, _ = written
    hashed = 0

    def count(record: bytes) -> bytes:
        nonlocal hashed
        hashed += 1
        return leaf_hash(record)

    monkeypatch.setattr("govshare_policy.audit.proof.leaf_hash", count)
    tree, size = LogTree(path), ledger.checkpoint.size
    tree.prove_consistency(2 * SEGMENT + 1, size)
    assert hashed == 5
    tree.prove_consistency(2 * SEGMENT, size)
    assert hashed == 5
    tree.prove_inclusion(SEGMENT + 3, size)
    assert hashed == 5 + SEGMENT
    tree.prove_inclusion(SEGMENT + 4, size)
    assert hashed == 5 + SEGMENT
    tree.prove_inclusion(0, size)
    assert hashed == 5 + 2 * SEGMENT
    assert len(tree._leaves) == 2


def test_a_tree_follows_a_log_that_grows(signer: Signer, tmp_path: Path) -> None:
    """A size that the log does not have yet is refused, and proven once it has it."""
    ledger, lock = create_ledger(
        tmp_path / "log",
        origin=ORIGIN,
        signer=signer,
        at=AT,
        pin=None,
        preallocate=1024,
        disk=Disk(),
    )
    tree = LogTree(tmp_path / "log")
    for count in (1, 7, 500):
        old = ledger.checkpoint
        with pytest.raises(LogDamageError, match="the log ends here") as caught:
            tree.root(old.size + count)
        assert caught.value.index == old.size
        ledger.commit([b"{}"] * count, AT)
        new = ledger.checkpoint
        proof = tree.prove_consistency(old.size, new.size)
        verify_consistency(old.size, old.root, size=new.size, root=new.root, proof=proof)
    ledger.close()
    lock.release()


def test_what_is_outside_the_tree_is_not_proven(
    written: tuple[Path, Ledger, list[bytes]],
) -> None:
    """Our own mistakes are not the log's."""
    path, _, _ = written
    for index, size in ((3, 3), (-1, 3), (0, 0)):
        with pytest.raises(ValueError, match="outside the tree"):
            prove_log_inclusion(path, index, size)
    for old, size in ((0, 3), (4, 3)):
        with pytest.raises(ValueError, match="outside the tree"):
            prove_log_consistency(path, old, size)
    with pytest.raises(LogDamageError, match="missing"):
        prove_log_inclusion(path, 0, 9 * SEGMENT + 1)
    with pytest.raises(VerificationError, match="no commit at size 3"):
        read_commit(path, 3)
    with pytest.raises(VerificationError, match="no commit at size 131078"):
        read_commit(path, 2 * SEGMENT + 6)


def test_a_damaged_record_gets_no_receipt(signer: Signer, tmp_path: Path) -> None:
    """The log is repaired from a copy, and then it gets one."""
    path = tmp_path / "log"
    ledger, lock = create_ledger(
        path, origin=ORIGIN, signer=signer, at=AT, pin=None, preallocate=1024, disk=Disk()
    )
    ledger.commit([b'{"n":%d}' % number for number in range(6)], AT)
    ledger.close()
    lock.release()
    good, checkpoint = LogTree(path).prove_inclusion(3, 7), ledger.checkpoint
    file = path / "seg/00000000000000000000.seg"
    data = file.read_bytes()
    file.write_bytes(data.replace(b'{"n":3}', b'{"n":9}'))

    with pytest.raises(LogDamageError):
        prove_log_receipt(path, 3, Checkpoint.from_note(checkpoint.to_note()))
    file.write_bytes(data)
    assert prove_log_inclusion(path, 3, 7) == good
