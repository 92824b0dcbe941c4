# SPDX-License-Identifier: Apache-2.0
"""A writer to be killed: prints the number and text of every record that was acknowledged."""

import itertools
import os
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from govshare_policy.audit import AuditLog, encode_record
from govshare_policy.crypto import open_signer

directory, key = Path(sys.argv[1]), sys.argv[2]
log = AuditLog.open(
    directory,
    signer=open_signer(f"file:{key}", b"correct horse"),
    now=lambda: datetime.now(UTC),
    preallocate=4096,
)


def work(name: int) -> None:
    for number in itertools.count():
        receipt = log.append(encode_record({"by": name, "n": number, "pid": os.getpid()}))
        os.write(1, f"{receipt.index} {receipt.record.decode()}\n".encode())


for thread in [threading.Thread(target=work, args=(name,), daemon=True) for name in range(8)]:
    thread.start()
threading.Event().wait()
