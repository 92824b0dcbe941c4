# SPDX-License-Identifier: Apache-2.0
"""Small logs to spoil, and two verifiers that have to agree about them."""

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from govshare_policy.audit import LogDamageError, encode_record, load_trust, trust_text, verify_log
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.segment import FrameReader, Kind, encode_frame
from govshare_policy.audit.start import create_ledger
from govshare_policy.crypto import Signer, generate_key, open_signer
from tests.conformance.verdicts import load_single_file

ORIGIN = "audit.example/one"
SEGMENT = "seg/00000000000000000000.seg"
Frames = list[tuple[Kind, bytes]]
START = datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC)


class Report(NamedTuple):
    """What a verifier says about a log."""

    code: str
    file: str = ""
    offset: int = 0
    record: int | None = None


class Bench:
    """A place where logs are made, spoilt and judged."""

    def __init__(self, directory: Path, signer: Signer, second: ModuleType) -> None:
        self.directory = directory
        self.signer = signer
        self.trust_file = directory / "trust.toml"
        self.trust_file.write_text(trust_text(ORIGIN, signer.public))
        self._second = second

    def make(self, name: str, batches: Sequence[int], *, seconds: int = 1) -> Path:
        """Make a log of one record and then *batches*, one commit each, *seconds* apart."""
        path = self.directory / name
        ledger, lock = create_ledger(
            path,
            origin=ORIGIN,
            signer=self.signer,
            at=START,
            pin=None,
            preallocate=512,
            disk=Disk(),
        )
        for number, batch in enumerate(batches, 1):
            records = [encode_record({"batch": number, "n": n}) for n in range(batch)]
            ledger.commit(records, START + timedelta(seconds=seconds * number))
            ledger.rotate_if_full()
        ledger.publish()
        ledger.close()
        lock.release()
        return path

    def copy(self, log: Path, name: str) -> Path:
        """Copy a log, so that it can be spoilt."""
        path = self.directory / name
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(log, path)
        return path

    def take_apart(self, log: Path) -> Frames:
        """Return the frames of the first segment."""
        with (log / SEGMENT).open("rb") as file:
            return [(Kind(frame.kind), frame.payload) for frame in FrameReader(file)]

    def put_together(self, log: Path, frames: Frames) -> None:
        """Write the first segment anew, with the right crc for every frame."""
        data = b"".join(encode_frame(kind, payload) for kind, payload in frames)
        (log / SEGMENT).write_bytes(data + bytes(100))

    def offset(self, log: Path, number: int) -> int:
        """Return where frame *number* of the first segment starts."""
        return sum(len(payload) + 8 for _, payload in self.take_apart(log)[:number])

    def judge(self, log: Path) -> Report:
        """Return what both verifiers say, once they say the same."""
        try:
            verdict = verify_log(log, load_trust(self.trust_file))
            ours = Report("good", record=verdict.size)
        except LogDamageError as error:
            ours = Report(error.kind.value, error.part.file, error.part.offset, error.index)
        try:
            theirs = Report("good", record=self._second.verify(log, self.trust_file).size)
        except self._second.BadLogError as bad:
            theirs = Report(bad.code, bad.file, bad.offset, bad.index)
        assert ours == theirs
        return ours


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    directory = tmp_path_factory.mktemp("bench")
    generate_key(directory / "key.pem", b"correct horse")
    signer = open_signer(f"file:{directory / 'key.pem'}", b"correct horse")
    return Bench(directory, signer, load_single_file())


@pytest.fixture(scope="session")
def small(bench: Bench) -> Path:
    """Seven records in four commits; never changed.

    Its frames: 0 header, 1 genesis, 2 commit (1), 3 record, 4 commit (2), 5 6 7 records, 8 commit
    (5), 9 10 records, 11 commit (7).
    """
    return bench.make("small", [1, 3, 2])
