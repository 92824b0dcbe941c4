# SPDX-License-Identifier: Apache-2.0
"""What every benchmark writes for machines: ``--json FILE`` with its figures and where they are of.

One row is one median: of a *series* (what was measured), at a place on an *axis* (how many callers,
grants, records), in a *unit*. A row may name the series it stands *beside*; its ratio is its median
over that of the other at the same place in the same unit. Units that end in ``/s`` are better
larger, all others smaller.
"""

import argparse
import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One median.

    Attributes:
        n: How many single measurements it is the median, or the rate, of.
        beside: The series that *ratio* compares with; empty for none.
    """

    series: str
    unit: str
    value: float
    n: int
    axis: str = ""
    at: float = 0.0
    beside: str = ""
    ratio: float | None = None


def machine() -> dict[str, object]:
    """Return what the figures depend on."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return {
        "cpu": cpu,
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def commit() -> str:
    """Return the commit that is checked out, with ``+`` behind it if files differ from it."""
    head = ["git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    done = subprocess.run(head, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "none"


def with_ratios(rows: list[Row]) -> list[Row]:
    """Return *rows*, each that stands beside another with its ratio."""
    medians = {(row.series, row.axis, row.at, row.unit): row.value for row in rows}

    def ratio(row: Row) -> float | None:
        other = medians.get((row.beside, row.axis, row.at, row.unit))
        return row.value / other if row.beside and other else None

    return [replace(row, ratio=ratio(row)) for row in rows]


@dataclass(slots=True, kw_only=True)
class Report:
    """What one benchmark found.

    Attributes:
        n: How often each figure was taken.
        missing: Each peer that could not be measured, and why.
    """

    name: str
    n: int = 1
    rows: list[Row] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)

    def figures(
        self,
        series: str,
        *,
        callers: int,
        rate: float,
        median_ms: float,
        p99_ms: float,
        n: int,
        beside: str = "",
    ) -> None:
        """Add what a number of callers at once got."""
        for unit, value in (("calls/s", rate), ("ms", median_ms), ("ms p99", p99_ms)):
            self.rows.append(
                Row(
                    series=series, unit=unit, value=value, n=n, axis="callers", at=callers,
                    beside=beside,
                )
            )  # fmt: skip

    def document(self) -> dict[str, object]:
        """Return the report as JSON has it."""
        return {
            "name": self.name,
            "machine": machine(),
            "commit": commit(),
            "n": self.n,
            "rows": [asdict(row) for row in with_ratios(self.rows)],
            "missing": self.missing,
        }

    def write(self, path: Path | None) -> None:
        """Write the report to *path*, if there is one."""
        if path is not None:
            text = json.dumps(self.document(), ensure_ascii=False, indent=1)
            path.write_text(text + "\n", encoding="utf-8")


def options(description: str | None) -> argparse.ArgumentParser:
    """Return a parser that knows ``--json``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    return parser
