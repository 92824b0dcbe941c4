# SPDX-License-Identifier: Apache-2.0
"""Real processes: killed in the middle of writing, or out of space."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from govshare_policy.audit import read_records, trust_text, verify_log
from govshare_policy.audit.disk import Disk
from tests.faults.support import ORIGIN, Laboratory

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
# So much is acknowledged before a writer is killed, in the middle of the next.
LINES = 30


def test_a_killed_writer_loses_nothing_that_it_acknowledged(
    lab: Laboratory, tmp_path: Path
) -> None:
    """Killed three times in the middle of writing, one log goes on."""
    path = tmp_path / "log"
    lab.create(path, Disk()).close()
    seen: dict[int, str] = {}
    for _ in range(3):
        command = [sys.executable, str(HERE / "kill_me.py"), str(path), str(lab.key)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(LINES)]
            process.send_signal(signal.SIGKILL)
            lines += process.stdout.readlines()
        for line in lines[:-1]:
            index, _, record = line.decode().partition(" ")
            seen[int(index)] = record.rstrip("\n")
    lab.check(path, [])
    kept = dict(read_records(path))

    assert len(seen) >= 3 * (LINES - 1)
    assert all(kept[index].decode() == record for index, record in seen.items())
    assert verify_log(path, lab.trust).size == len(kept)


def small_file_system(directory: Path, command: list[str]) -> list[str]:
    """Return *command* to run with a file system of 512 KiB on *directory*."""
    mount = 'mount -t tmpfs -o size=512k tmpfs "$1" && shift && exec "$@"'
    return ["unshare", "-rm", "sh", "-c", mount, "sh", str(directory), *command]


@pytest.mark.parametrize("kind", ["file system", "file size"])
def test_a_full_disk_refuses_and_then_goes_on(lab: Laboratory, tmp_path: Path, kind: str) -> None:
    """Every waiter fails with the reason; with room again, the same log continues."""
    (lab.key.with_name("trust.toml")).write_text(trust_text(ORIGIN, lab.signer.public))
    limit, says = "200000", "file too large"
    command = [sys.executable, str(HERE / "fill_disk.py"), str(tmp_path), str(lab.key)]
    mounted = small_file_system(tmp_path, ["true"])
    # Where mounting is not permitted, both cases limit the size of files instead.
    if kind == "file system" and not subprocess.run(mounted, check=False).returncode:
        limit, says = "0", "no space left on device"
        command = small_file_system(tmp_path, command)
    done = subprocess.run(
        [*command, limit], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )

    assert done.stderr == ""
    expected = f"['the log stopped, the disk failed: {says}'] True True\nTrue True\n"
    assert done.stdout == expected


@pytest.mark.parametrize(
    ("lack", "says"),
    [("files", "no space left on device"), ("read-only", "read-only file system")],
)
def test_a_file_system_without_files_or_read_only_refuses_and_then_goes_on(
    lab: Laboratory, tmp_path: Path, lack: str, says: str
) -> None:
    """T13: no inode is left, or nothing may be written; a log that is not written to verifies."""
    (lab.key.with_name("trust.toml")).write_text(trust_text(ORIGIN, lab.signer.public))
    command = [sys.executable, str(HERE / "small_world.py"), str(tmp_path), str(lab.key), lack]
    mount = 'mount -t tmpfs -o size=4m,nr_inodes=40 tmpfs "$1" && shift && exec "$@"'
    inside = ["unshare", "-rm", "sh", "-c", mount, "sh", str(tmp_path)]
    if subprocess.run([*inside, "true"], check=False, capture_output=True).returncode:
        # Where mounting is not permitted, strace says what such a file system would say.
        error = {"files": "openat:error=ENOSPC", "read-only": "openat:error=EROFS"}[lack]
        assert refused_by_strace(lab, tmp_path, error, says)
        return
    done = subprocess.run(
        [*inside, *command], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )

    assert done.stderr == ""
    said, after = done.stdout.splitlines()
    assert says in said
    assert after == "True True"


def refused_by_strace(lab: Laboratory, directory: Path, error: str, says: str) -> bool:
    """Return whether a log that cannot open a file for its checkpoint refuses, and then goes on."""
    path = directory / "log"
    lab.create(path, Disk()).close()
    command = [sys.executable, str(HERE / "kill_me.py"), str(path), str(lab.key)]
    inject = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", str(path / "checkpoint.tmp")]
    done = subprocess.run(
        [*inject, "-e", f"inject={error}", *command],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    lab.check(path, [])
    return says in done.stderr
