# SPDX-License-Identifier: Apache-2.0
"""The plots of the documents, drawn from the results."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.svg import plot


class Plot(NamedTuple):
    """What is drawn: rows of one result, in one unit along one axis."""

    file: str
    title: str
    result: str
    axis: str
    unit: str


PLOTS = (
    Plot("decision-by-rules.svg", "One decision, in process", "engines", "rules", "us of a core"),
    Plot("decision-by-grants.svg", "A full decision", "decision", "grants", "µs"),
    Plot("index-beside-pycasbin.svg", "The same lines of a scope", "decision", "lines", "µs"),
    Plot("registers-by-grants.svg", "Loading what decides", "growth", "grants", "s"),
    Plot("rate-by-callers.svg", "Checks over gRPC", "servers", "callers", "calls/s"),
    Plot("latency-by-callers.svg", "p99 of a check over gRPC", "servers", "callers", "ms p99"),
    Plot("records-by-callers.svg", "Signed durable records", "audit_append", "callers", "calls/s"),
    Plot("log-by-records.svg", "The log as it grows", "log_size", "records", "s"),
    Plot("index-by-values.svg", "The index of released values", "released", "values", "s"),
)
NAMES = {
    "rules": "rules or grants",
    "callers": "calls in flight",
    "us of a core": "µs of a core",
    "s": "seconds",
}


# What repeats another line, or is there for a ratio: a plot has styles for eight lines.
UNDRAWN = ("best ", ", no TLS")


def is_drawn(series: str) -> bool:
    """Tell whether *series* is a line of its own."""
    begin, end = UNDRAWN
    return not series.startswith(begin) and not series.endswith(end)


def lines_of(rows: Sequence[Mapping[str, Any]], one: Plot) -> dict[str, list[tuple[float, float]]]:
    """Return the lines of *one*, by series."""
    lines: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        asked = (row["axis"], row["unit"]) == (one.axis, one.unit) and row["value"] > 0
        if asked and is_drawn(row["series"]):
            lines[row["series"]].append((row["at"], row["value"]))
    return dict(lines)


def draw(results: Mapping[str, Mapping[str, Any]], directory: Path) -> list[str]:
    """Draw every plot that *results*, by name, have rows for; return the names of the files."""
    drawn = []
    for one in PLOTS:
        lines = lines_of(results[one.result]["rows"], one) if one.result in results else {}
        if not lines:
            continue
        x, y = NAMES.get(one.axis, one.axis), NAMES.get(one.unit, one.unit)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / one.file).write_text(plot(one.title, lines, x=x, y=y), encoding="utf-8")
        drawn.append(one.file)
    return drawn
