# SPDX-License-Identifier: Apache-2.0
"""Two futures under one key: consistency fails, and the evidence convinces whoever has the key."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from govshare_policy.audit import (
    AuditLog,
    Checkpoint,
    Conflict,
    LogTree,
    Receipt,
    TrustPolicy,
    encode_record,
    find_conflict,
    read_commit,
    verify_conflict,
)
from govshare_policy.audit.checkpoint import sign_checkpoint
from govshare_policy.crypto import Signer
from govshare_policy.errors import ConsistencyError, SignatureError, VerificationError

ORIGIN = "audit.example/one"


@pytest.fixture
def logs(
    create: Callable[[], AuditLog],
    tmp_path: Path,
    signer: Signer,
    clock: Callable[[], datetime],
) -> tuple[Path, Path]:
    """Two logs that are one up to size 3, and go on to 6 and to 9 under the true key."""
    with create() as writer:
        for number in range(1, 3):
            writer.append(encode_record({"n": number}))
    logs = (tmp_path / "log", tmp_path / "other")
    shutil.copytree(*logs)
    for log, last in zip(logs, (6, 9), strict=True):
        with AuditLog.open(log, signer=signer, now=clock, preallocate=1024) as writer:
            for number in range(3, last):
                writer.append(encode_record({"n": number, "log": last}))
    return logs


@pytest.mark.parametrize(("ours", "theirs"), [(4, 4), (6, 6), (6, 4), (4, 9), (5, 8), (6, 9)])
def test_a_fork_is_proven(
    logs: tuple[Path, Path], trust: TrustPolicy, ours: int, theirs: int
) -> None:
    """From any checkpoint of one and any of the other behind where they part."""
    one, other = read_commit(logs[0], ours), read_commit(logs[1], theirs)
    larger = logs[0] if ours > theirs else logs[1]
    conflict = find_conflict(one, other, tree=LogTree(larger))

    assert conflict is not None
    swapped = find_conflict(other, one, tree=LogTree(larger))
    assert swapped is not None
    assert {swapped.smaller, swapped.larger} == {conflict.smaller, conflict.larger}
    assert conflict.is_fork
    kept = Conflict.from_text(conflict.to_text())
    assert kept == conflict
    verify_conflict(kept, trust)


@pytest.mark.parametrize(("old", "new"), [(1, 9), (3, 9), (3, 3), (4, 8), (9, 9)])
def test_one_log_is_no_fork(logs: tuple[Path, Path], old: int, new: int) -> None:
    """Before they part, both are one; and each is one with itself."""
    _, other = logs
    one = read_commit(logs[0] if old <= 3 else other, old)

    assert find_conflict(one, read_commit(other, new), tree=LogTree(other)) is None


def test_equal_sizes_need_no_log(logs: tuple[Path, Path], trust: TrustPolicy) -> None:
    """Different sizes need that of the larger one, and no other."""
    one, same, longer = (
        read_commit(logs[0], 6),
        read_commit(logs[1], 6),
        read_commit(logs[1], 9),
    )
    conflict = find_conflict(one, same)
    assert conflict is not None
    verify_conflict(conflict, trust)
    with pytest.raises(VerificationError, match="of size 9, at hand"):
        find_conflict(one, longer)
    with pytest.raises(VerificationError, match="of size 6, at hand"):
        find_conflict(one, read_commit(logs[1], 5), tree=LogTree(logs[1]))
    with pytest.raises(VerificationError, match="two logs"):
        find_conflict(one, replace(longer, origin="two"))


def test_a_log_that_was_set_back_is_evidence_of_less(
    logs: tuple[Path, Path], trust: TrustPolicy
) -> None:
    """The larger checkpoint is what everybody has to explain."""
    short, long = (read_commit(logs[1], size).to_note() for size in (4, 9))
    conflict = Conflict(smaller=short, larger=long, root=None)

    assert not conflict.is_fork
    assert Conflict.from_text(conflict.to_text()) == conflict
    verify_conflict(conflict, trust)
    with pytest.raises(VerificationError, match="not the shorter one"):
        verify_conflict(replace(conflict, larger=short), trust)


def test_evidence_is_not_made_up(
    logs: tuple[Path, Path], trust: TrustPolicy, other_signer: Signer
) -> None:
    """It takes two signatures of the key and a proof under one of them."""
    one, other = read_commit(logs[0], 5), read_commit(logs[1], 8)
    conflict = find_conflict(one, other, tree=LogTree(logs[1]))
    assert conflict is not None
    forged = sign_checkpoint(replace(other, signatures=()), other_signer, name=ORIGIN, time=1)
    same = read_commit(logs[1], 5)
    for wrong, error in (
        (replace(conflict, larger=forged.to_note()), SignatureError),
        (replace(conflict, smaller=replace(one, root=bytes(32)).to_note()), SignatureError),
        (replace(conflict, root=bytes(32)), ConsistencyError),
        (replace(conflict, root=one.root), ConsistencyError),
        (replace(conflict, proof=()), ConsistencyError),
        (replace(conflict, smaller=same.to_note()), VerificationError),
        (replace(conflict, smaller=b"?"), VerificationError),
    ):
        with pytest.raises(error):
            verify_conflict(wrong, trust)
    with pytest.raises(VerificationError, match="states of one log"):
        verify_conflict(replace(conflict, smaller=same.to_note()), trust)


def test_a_receipt_is_evidence_enough(
    logs: tuple[Path, Path], trust: TrustPolicy, signer: Signer, clock: Callable[[], datetime]
) -> None:
    """Whoever kept one can show that the log was rewritten."""
    with AuditLog.open(logs[0], signer=signer, now=clock, preallocate=1024) as writer:
        receipt: Receipt = writer.append(encode_record({"n": "last"}))

    kept = Checkpoint.from_note(receipt.checkpoint)
    last = Checkpoint.from_note((logs[1] / "checkpoint").read_bytes())
    conflict = find_conflict(kept, last, tree=LogTree(logs[1]))

    assert conflict is not None
    verify_conflict(conflict, trust)


MALFORMED = {
    "another format": ("conflict/v1", "conflict/v2", "format"),
    "no root": ("root ", "roof ", "begin with a root"),
    "a root that is no base64": ("root ", "root ?", "base64"),
    "a short hash": ("root ", "root AAAA\n", "32 bytes"),
    "one note": ("\n\n—", "\n—", "format"),
    "half a surrogate pair": ("audit.example/one\n", "\ud800\n", "utf-8"),
}


@pytest.mark.parametrize(("old", "new", "says"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_evidence_is_refused(
    logs: tuple[Path, Path], old: str, new: str, says: str
) -> None:
    """Before anything in it is believed."""
    conflict = find_conflict(read_commit(logs[0], 6), read_commit(logs[1], 6))
    assert conflict is not None
    text = conflict.to_text()
    assert old in text

    with pytest.raises(VerificationError, match=says):
        Conflict.from_text(text.replace(old, new, 1))
    with pytest.raises(VerificationError, match="too many"):
        Conflict.from_text(text.replace("\n\n", "\n" + text.split("root ")[1][:45] * 64 + "\n", 1))
