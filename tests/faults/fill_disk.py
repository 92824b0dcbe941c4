# SPDX-License-Identifier: Apache-2.0
"""A writer whose disk fills up: every waiter fails, and after making room the log goes on.

Usage: ``fill_disk.py DIRECTORY KEY [LIMIT]``; with a limit in bytes, files cannot grow beyond it,
otherwise the directory is on a small file system.
"""

import resource
import signal
import sys
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

from govshare_policy.audit import AuditLog, Receipt, encode_record, load_trust, verify_log
from govshare_policy.crypto import open_signer
from govshare_policy.errors import AuditError

directory, key, limit = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
signer = open_signer(f"file:{key}", b"correct horse")


def now() -> datetime:
    return datetime.now(UTC)


def limit_files(size: int) -> None:
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
ballast = directory / "ballast"
ballast.write_bytes(bytes(65536))
log = AuditLog.create(
    directory / "log", origin="audit.example/one", signer=signer, now=now, preallocate=4096
)
limit_files(limit)
good: list[Receipt] = []
messages: set[str] = set()
while not messages:
    batch: list[Future[Receipt]] = [
        log.submit(encode_record({"n": n, "text": "x" * 500})) for n in range(40)
    ]
    for future in batch:
        try:
            good.append(future.result(30))
        except AuditError as error:
            messages.add(str(error))
try:
    log.append(b"{}")
except AuditError as error:
    messages.add(str(error))
log.close()
print(sorted(messages), log.failure is not None, len(good) > 0)  # noqa: T201

ballast.unlink()
limit_files(resource.RLIM_INFINITY)
with AuditLog.open(directory / "log", signer=signer, now=now, preallocate=4096) as log:
    after = log.append(b'{"after":"the disk was full"}')
verdict = verify_log(directory / "log", load_trust(Path(key).with_name("trust.toml")))
print(verdict.size == after.index + 1, verdict.size > len(good))  # noqa: T201
