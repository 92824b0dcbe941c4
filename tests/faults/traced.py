# SPDX-License-Identifier: Apache-2.0
"""Writers to be watched by strace, each in a process that is forked when it is asked for.

Usage: ``python -m tests.faults.traced KEY``. A line of JSON on standard input names the scenario,
the directory of the log, a pipe to wait at and a file for what is acknowledged; ``ready PID`` comes
out when the process waits at the pipe, ``ended STATUS`` (a wait status) when it is gone.
"""

import ctypes
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

from govshare_policy.audit import AuditLog, Receipt, encode_record
from govshare_policy.crypto import Signer, open_signer
from govshare_policy.errors import AuditError

ORIGIN = "audit.example/one"
START = datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC)
# Where a security module forbids to trace what is not one's child, this allows it.
PR_SET_PTRACER, ANYBODY = 0x59616D61, ctypes.c_ulong(-1)
REFUSED, ACKNOWLEDGED_TOO_MUCH = 0, 9


class Clock:
    """Goes on by a second whenever it is asked, so that every commit publishes a checkpoint."""

    def __init__(self) -> None:
        self._at = START

    def __call__(self) -> datetime:
        self._at += timedelta(seconds=1)
        return self._at


class Job:
    """One scenario on one log."""

    def __init__(self, signer: Signer, order: dict[str, str]) -> None:
        self._signer = signer
        self._scenario = order["scenario"]
        self._directory = Path(order["directory"])
        self._gate = Path(order["gate"])
        self._told = os.open(order["told"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def run(self) -> int:
        """Do what the scenario says; return the exit code."""
        if self._scenario in ("append", "rotate"):
            log = self._open()
            self._wait()
        else:
            self._wait()
            try:
                log = self._create() if self._scenario == "create" else self._open()
            except AuditError:
                return REFUSED
        return self._append(log)

    def _wait(self) -> None:
        """Wait until the tracer is there."""
        os.write(1, f"ready {os.getpid()}\n".encode())
        self._gate.read_bytes()

    def _create(self) -> AuditLog:
        return AuditLog.create(
            self._directory, origin=ORIGIN, signer=self._signer, now=Clock(), preallocate=512
        )

    def _open(self) -> AuditLog:
        return AuditLog.open(self._directory, signer=self._signer, now=Clock(), preallocate=512)

    def _append(self, log: AuditLog) -> int:
        refused = False
        for number in range(4):
            try:
                receipt = log.append(encode_record({"n": number, "text": "x" * 300}))
            except AuditError:
                refused = True
                continue
            self._tell(receipt)
            if refused:
                return ACKNOWLEDGED_TOO_MUCH
        log.close()
        return REFUSED

    def _tell(self, receipt: Receipt) -> None:
        text = receipt.to_text().encode()
        os.write(self._told, len(text).to_bytes(4) + text)


def end(work: Callable[[], int]) -> NoReturn:
    """Do *work* and exit with the code that it returns, without what belongs to the parent."""
    code = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANYBODY, 0, 0, 0)
        code = work()
    finally:
        os._exit(code)


def main() -> None:
    signer = open_signer(f"file:{sys.argv[1]}", b"correct horse")
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if not child:
            end(Job(signer, order).run)
        print("ended", os.waitpid(child, 0)[1], flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
