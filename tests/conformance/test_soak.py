# SPDX-License-Identifier: Apache-2.0
"""A few rounds of what `make soak` does for hours."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def soak(directory: Path, records: int) -> list[str]:
    command = [sys.executable, "-W", "error", "-m", "tests.soak", "--seed", "7"]
    done = subprocess.run(
        [*command, "--records", str(records), "--directory", str(directory)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_a_short_life_is_survived(tmp_path: Path) -> None:
    """T25: it prints its seed and its rounds, and goes on where it was stopped."""
    first = soak(tmp_path / "soak", 1_000)
    second = soak(tmp_path / "soak", 9_000)

    assert first[0] == "seed 7, to 1000 records"
    assert first[1].startswith("round 0: ")
    assert first[-1].endswith("nothing acknowledged was lost")
    rounds = [line for line in second if line.startswith("round ")]
    assert rounds
    assert not rounds[0].startswith("round 0:")
