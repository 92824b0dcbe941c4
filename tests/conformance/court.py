# SPDX-License-Identifier: Apache-2.0
"""Where three verifiers are heard about what an auditor may be given, and what is shown to them.

None of the three knows another. What only one of them would accept is a way to cheat somebody.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from govshare_policy.audit import Checkpoint, encode_record, leaf_hash, root_hash
from govshare_policy.audit.checkpoint import NoteSignature, sign_checkpoint
from govshare_policy.crypto import Signer
from tests.conformance.verdicts import (
    Evidence,
    judge_by_library,
    judge_by_script,
    judge_by_single_file,
)

ORIGIN = "audit.example/one"
TIME = int(datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC).timestamp())
RECORDS = [encode_record({"n": n, "reason": "用途不符"}) for n in range(13)]
LEAVES = [leaf_hash(record) for record in RECORDS]
OLD, NEW, INDEX = 6, 13, 5
Change = Callable[[bytes], bytes]


class Kit(NamedTuple):
    """Keys, and what was signed with them."""

    log: Signer
    other: Signer
    witness: Signer
    trust: str
    note: bytes
    older: bytes
    receipt: bytes
    continuation: bytes


class Court:
    """Hears the three verifiers."""

    def __init__(self, directory: Path, module: ModuleType) -> None:
        self.directory, self.module = directory, module
        self._numbers = count()

    def hear(self, evidence: Evidence) -> tuple[str, str, str]:
        """Return the verdicts of library, single file and script."""
        directory = self.directory / str(next(self._numbers))
        return (
            judge_by_library(evidence),
            judge_by_single_file(self.module, evidence),
            judge_by_script(directory, evidence),
        )

    def try_all(self, cases: list[Evidence]) -> list[str]:
        """Return the verdict on each, once all three agree."""
        with ThreadPoolExecutor(2) as pool:
            verdicts = list(pool.map(self.hear, cases))
        split = [
            (verdict, case)
            for verdict, case in zip(verdicts, cases, strict=True)
            if len(set(verdict)) > 1
        ]
        assert split == []
        return [verdict[0] for verdict in verdicts]


def checkpoint(size: int, *signers: Signer, name: str = ORIGIN) -> Checkpoint:
    """Return the checkpoint over the first *size* records."""
    made = Checkpoint(origin=ORIGIN, size=size, root=root_hash(LEAVES[:size]))
    for signer in signers:
        made = sign_checkpoint(made, signer, name=name, time=TIME)
    return made


def longest(size: int, signer: Signer) -> Checkpoint:
    """Return a checkpoint whose signature has the 72 bytes that the longest ones have.

    Behind those, ``openssl dgst`` does not look at what follows.
    """
    made = (checkpoint(size, signer) for _ in range(1000))
    return next(each for each in made if len(each.signatures[0].blob) == 8 + 72)


def line(kit: Kit, size: int = NEW) -> NoteSignature:
    return longest(size, kit.log).signatures[0]


def evidence(kit: Kit, kind: str, data: bytes | None = None, *, trust: str = "") -> Evidence:
    given: dict[str, bytes] = {
        "note": kit.note,
        "receipt": kit.receipt,
        "continuation": kit.continuation,
    }
    return Evidence(
        kind=kind,
        data=given[kind] if data is None else data,
        trust=trust or kit.trust,
        older=kit.older,
    )


def swap(old: bytes, new: bytes) -> Change:
    def changed(note: bytes) -> bytes:
        assert old in note
        return note.replace(old, new, 1)

    return changed
