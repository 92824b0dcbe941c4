# SPDX-License-Identifier: Apache-2.0
"""Approve an application in a process that is killed at a point: ``break_off DIR KEY POINT``."""

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from govshare_policy.audit import AuditLog
from govshare_policy.crypto import open_signer
from govshare_policy.workflow import Store, recovery
from tests.unit.workflow.town import SUN, Town


def die(*_arguments: object, **_more: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


directory, key, point = sys.argv[1:]
match point:
    case "before the intent":
        Store.intend = die  # type: ignore[method-assign]
    case "before the record":
        AuditLog.append = die  # type: ignore[method-assign]
    case "before the store":
        Store.apply = die  # type: ignore[method-assign]
    case "before the rows":
        recovery.publish = die  # type: ignore[attr-defined]
    case "before it is said that the rows are there":
        Store.mark_published = die  # type: ignore[method-assign]
    case _:
        sys.exit(2)
signer = open_signer(f"file:{key}", b"correct horse")
town = Town(Path(directory), signer, "henan-fengqiu", keep=True)
town.take("APP-2025-0001", "approve", SUN)
