# SPDX-License-Identifier: Apache-2.0
"""How the index of released values grows: ``bench.egress_index`` at several sizes.

Usage: ``python -m bench.released [--quick] [--json FILE]``.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.report import Report, Row, options

SIZES = (100_000, 1_000_000, 10_000_000)
QUICK = (30_000, 100_000, 300_000)
ROWS = 2_000


def main() -> None:
    """Measure every size in a process of its own, and write what they found."""
    parser = options(__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    chosen = parser.parse_args()
    report = Report(name="released")
    for values in QUICK if chosen.quick else SIZES:
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "found.json"
            command = [sys.executable, "-m", "bench.egress_index", "--values", str(values)]
            subprocess.run([*command, "--rows", str(ROWS), "--json", str(path)], check=True)
            rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
        report.rows += [Row(**row) for row in rows if row["axis"]]
    report.write(chosen.json)


if __name__ == "__main__":
    main()
