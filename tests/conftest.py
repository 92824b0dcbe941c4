# SPDX-License-Identifier: Apache-2.0
"""What the tests run on: files in memory, modules compiled once, no authorities of the machine."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from govshare_policy.crypto import _pkcs8

MEMORY = Path("/dev/shm")  # noqa: S108  pytest makes a directory of this user's alone in it
ENOUGH_BYTES = 4 << 30


def has_room(directory: Path) -> bool:
    """Return whether the files of all tests fit into *directory*, and programs among them run."""
    if not os.access(directory, os.W_OK | os.X_OK):
        return False
    found = os.statvfs(directory)
    return not found.f_flag & os.ST_NOEXEC and found.f_bavail * found.f_frsize >= ENOUGH_BYTES


# The log syncs every commit. On a disk the tests would wait for that; what a sync is worth is shown
# by those that cut power, and they keep their own account of what reached the disk.
if has_room(MEMORY):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
# Hundreds of processes are started, none of which has to compile what another has compiled.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Reading a hundred certificates takes a process longer than all its registers do. No test trusts
# an authority that is not its own.
os.environ["SSL_CERT_FILE"] = os.devnull
# How long an example takes says what else the machine does. Tests of time say so themselves.
settings.register_profile(
    "any machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# What holds up who guesses a passphrase holds up whoever opens a key, a twelfth of a second each
# time. Keys of tests are made with the fewest rounds that are accepted.
AS_SHIPPED = _pkcs8.ITERATIONS
_pkcs8.ITERATIONS = _pkcs8.MIN_ITERATIONS  # type: ignore[misc]


@pytest.fixture
def keys_as_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have keys made as in service, all the same."""
    monkeypatch.setattr(_pkcs8, "ITERATIONS", AS_SHIPPED)
