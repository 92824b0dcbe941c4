# SPDX-License-Identifier: Apache-2.0
"""How long a command takes that does little: the help, and one call of the sample county.

Usage: ``python -m bench.startup [--rounds 7] [--quick]``. Beside them, an interpreter that does
nothing. The processor time says more than the clock on a machine that others use too.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.audit_common import describe_machine
from bench.report import Report, Row, options
from tests.county import COUNTY, PLAIN

NOTHING = "an interpreter"


def measure(command: Sequence[str]) -> tuple[float, float]:
    """Return the seconds that *command* takes, and those of processor time."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    took, after = time.perf_counter() - began, os.times()
    user = after.children_user - before.children_user
    return took, user + after.children_system - before.children_system


def main() -> None:
    """Measure for some seconds."""
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="three rounds")
    chosen = parser.parse_args()
    chosen.rounds = 3 if chosen.quick else chosen.rounds
    describe_machine(f"median of {chosen.rounds}")
    report = Report(name="startup", n=chosen.rounds)
    govshare = str(Path(sys.executable).parent / "govshare")
    with TemporaryDirectory() as name:
        calls = Path(name) / "calls.jsonl"
        calls.write_text(json.dumps(dict(PLAIN)) + "\n", encoding="utf-8")
        of_county = ("--profile", "hubei", "--data", str(COUNTY), "--calls", str(calls))
        commands = {
            NOTHING: [sys.executable, "-c", "pass"],
            "govshare --help": [govshare, "--help"],
            "govshare check": [govshare, "check", *of_county],
        }
        for series, command in commands.items():
            measure(command)
            runs = [measure(command) for _ in range(chosen.rounds)]
            wall, used = (statistics.median(figures) for figures in zip(*runs, strict=True))
            print(f"{series:18}{wall:8.3f} s{used:8.3f} s of processor time")
            for unit, value in (("s", wall), ("s of processor", used)):
                report.rows.append(
                    Row(series=series, unit=unit, value=value, n=chosen.rounds,
                        beside="" if series == NOTHING else NOTHING)
                )  # fmt: skip
    report.write(chosen.json)


if __name__ == "__main__":
    main()
