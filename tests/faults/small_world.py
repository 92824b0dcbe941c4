# SPDX-License-Identifier: Apache-2.0
"""A writer on a file system without room for another file, or that must not be written to.

Usage: ``small_world.py DIRECTORY KEY files|read-only``, with a small file system of its own mounted
on the directory. Prints what happened, then takes the log up again.
"""

import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from govshare_policy.audit import AuditLog, load_trust, verify_log
from govshare_policy.crypto import open_signer
from govshare_policy.errors import AuditError

directory, key, lack = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
signer = open_signer(f"file:{key}", b"correct horse")
seconds = count()
trust = load_trust(Path(key).with_name("trust.toml"))


ATTEMPTS, REFUSALS = 200, 3


def now() -> datetime:
    # A new second for every commit, so that each publishes a checkpoint, which takes a file.
    return datetime(2026, 1, 5, tzinfo=UTC) + timedelta(seconds=next(seconds))


def remount(mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", str(directory)], check=True)


def fill() -> list[Path]:
    """Take every file that the file system still has."""
    made: list[Path] = []
    with suppress(OSError):
        for number in count():
            path = directory / f"ballast-{number}"
            path.touch()
            made.append(path)
    return made


log = AuditLog.create(
    directory / "log", origin="audit.example/one", signer=signer, now=now, preallocate=4096
)
good = log.append(b'{"before":1}').index
said: set[str] = set()
if lack == "files":
    ballast: set[Path] = set()
    refused = 0
    for _ in range(ATTEMPTS):
        # Again each time: a checkpoint that took the place of another meanwhile gave back a file.
        ballast.update(fill())
        try:
            good = log.append(b'{"meanwhile":1}').index
        except AuditError as error:
            said.add(str(error))
            refused += 1
        if refused == REFUSALS:
            break
    log.close()
    for path in ballast:
        path.unlink()
else:
    log.close()
    remount("ro")
    try:
        AuditLog.open(directory / "log", signer=signer, now=now)
    except AuditError as error:
        said.add(str(error))
    assert verify_log(directory / "log", trust).size == good + 1
    remount("rw")
print(sorted(said))  # noqa: T201
with AuditLog.open(directory / "log", signer=signer, now=now, preallocate=4096) as log:
    after = log.append(b'{"after":1}').index
verdict = verify_log(directory / "log", trust)
print(verdict.size == after + 1, after > good)  # noqa: T201
