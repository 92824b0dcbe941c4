# SPDX-License-Identifier: Apache-2.0
"""Real processes under strace, which makes one of their system calls fail or kills them at it."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from govshare_policy.audit import Receipt

ROOT = Path(__file__).parents[2]
# Every call that changes a file or a directory, or opens, locks or closes one.
CALLS = (
    "open,openat,creat,write,pwrite64,writev,pwritev,pwritev2,fdatasync,fsync,sync_file_range,"
    "ftruncate,truncate,fallocate,rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir,"
    "mkdir,mkdirat,close,flock"
)
FAULTS = ("error=EIO", "error=ENOSPC", "error=EINTR", "signal=KILL")
_CALL = re.compile(r"^(\d+) +([a-z0-9_]+)\(", re.ASCII)
_PATH = re.compile(r'["<](/[^">]*)[">]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """One fault at one call.

    Attributes:
        call: The system call.
        fault: What happens instead, in strace's words.
        nth: At which call of a thread, from 1.
        names: The files under the log that count, relative to it; its parent directory, which
            holds nothing else, always counts.
    """

    call: str
    fault: str
    nth: int
    names: tuple[str, ...]

    def options(self, directory: Path) -> list[str]:
        """Return the options of strace."""
        places = [directory.parent, *(directory / name for name in self.names)]
        paths = [word for place in places for word in ("-P", str(place))]
        return [*paths, "-e", f"inject={self.call}:{self.fault}:when={self.nth}"]


class Outcome:
    """What a watched writer did.

    Attributes:
        status: Its wait status.
        receipts: What it acknowledged.
        trace: What strace wrote.
    """

    def __init__(self, status: int, told: Path, trace: str) -> None:
        self.status, self.trace = status, trace
        self.receipts: list[Receipt] = []
        data = told.read_bytes() if told.exists() else b""
        while data:
            size = int.from_bytes(data[:4])
            self.receipts.append(Receipt.from_text(data[4 : 4 + size].decode()))
            data = data[4 + size :]

    def acknowledged_after(self) -> tuple[str, int]:
        """Return the call that failed, and how many records were acknowledged after it."""
        before, failed, after = self.trace.partition("(INJECTED)")
        call = before.rpartition("\n")[2] if failed else ""
        return call, len(re.findall(r"^\d+ +write\(\d+<[^>]*/told>", after, re.MULTILINE))

    @property
    def was_hit(self) -> bool:
        """Whether the fault came about."""
        return "(INJECTED)" in self.trace or "SIGKILL" in self.trace


class Watcher:
    """Runs writers one after the other, each under a strace of its own."""

    def __init__(self, directory: Path, key: Path) -> None:
        if shutil.which("strace") is None:
            raise AssertionError("strace is missing: install it (apt-get install strace)")
        directory.mkdir()
        self._directory = directory
        self._gate = directory / "gate"
        os.mkfifo(self._gate)
        self._errors = (directory / "stderr").open("wb")
        self._writer = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.traced", str(key)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pipe(self._writer.stdin).close()
        self._writer.wait(120)
        pipe(self._writer.stdout).close()
        self._errors.close()

    def watch(self, scenario: str, log: Path, injection: Injection | None = None) -> Outcome:
        """Run *scenario* on *log*; return what came of it."""
        told, trace = self._directory / "told", self._directory / "trace"
        told.unlink(missing_ok=True)
        order = {"scenario": scenario, "directory": str(log)}
        order |= {"gate": str(self._gate), "told": str(told)}
        pipe(self._writer.stdin).write(json.dumps(order) + "\n")
        pipe(self._writer.stdin).flush()
        child = self._hear("ready")
        command = ["strace", "-f", "-y", "-s", "0", "-o", str(trace), "-e", f"trace=?{_all()}"]
        command += ["-P", str(told), *injection.options(log)] if injection else []
        with subprocess.Popen([*command, "-p", child], stderr=subprocess.PIPE, text=True) as strace:
            self._await(strace, child)
            self._gate.write_bytes(b"")
            status = int(self._hear("ended"))
            strace.communicate(timeout=120)
        return Outcome(status, told, trace.read_text(errors="replace"))

    def _hear(self, word: str) -> str:
        """Return what the writer says after *word*, which comes next."""
        line = pipe(self._writer.stdout).readline()
        assert line.startswith(word), line
        return line.removeprefix(word).strip()

    def _await(self, strace: subprocess.Popen[str], child: str) -> None:
        """Return once *strace* watches *child*, or say why it does not."""
        said = pipe(strace.stderr).readline()
        if "attached" not in said:
            os.kill(int(child), 9)
            raise AssertionError(f"strace cannot watch a process here: {said.strip()}")


def pipe(stream: IO[str] | None) -> IO[str]:
    """Return a stream that was asked for."""
    assert stream is not None
    return stream


def _all() -> str:
    return CALLS.replace(",", ",?")


def injections(trace: str, log: Path) -> list[Injection]:
    """Return every fault at every call on the files of *log* that a run without faults made."""
    counts: dict[str, Counter[str]] = {}
    names = set()
    for line in trace.splitlines():
        paths = [Path(found) for found in _PATH.findall(line)]
        inside = [path for path in paths if path == log or log in path.parents]
        counted = inside or log.parent in paths
        match = _CALL.match(line)
        if counted and match:
            thread, call = match.groups()
            counts.setdefault(call, Counter())[thread] += 1
            names |= {str(path.relative_to(log)) for path in inside}
    return [
        Injection(call=call, fault=fault, nth=nth, names=tuple(sorted(names)))
        for call, threads in sorted(counts.items())
        for nth in range(1, max(threads.values()) + 1)
        for fault in FAULTS
    ]
