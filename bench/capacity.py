# SPDX-License-Identifier: Apache-2.0
"""The tables of ``docs/reference/capacity.md``, worked out from what was measured.

The runner puts them between the marks of that document after a whole run. What is assumed and not
measured is named here and in the document.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bench.servers import OURS

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
# Of Estonia's X-Road: calls a day, and organisations. Others are scaled by organisation.
ESTONIA = (21_000_000, 1_083)
BUSY_HOUR = 0.1  # of a day's calls
BUSIEST = 0.2  # of all calls, at one department
HEADROOM = 0.5  # of what was measured is used
RECORDS = 2  # a call: what was decided, and what left
VALUES, DAYS = 7, 30  # values released a call, and how long they are remembered
COLUMNS = (
    "place",
    "calls a day",
    "busiest hour, calls/s",
    "processes, all",
    "processes, busiest department",
    "log, GB a day",
    "verify a day",
    "index, busiest department",
)
NEEDED = ("engines", "servers", "log_size", "released")


class Place(NamedTuple):
    """A place and how many organisations call there."""

    name: str
    organisations: int

    @property
    def calls(self) -> float:
        """Return the calls a day."""
        return ESTONIA[0] * self.organisations / ESTONIA[1]

    @property
    def busy(self) -> float:
        """Return the calls a second of the busiest hour."""
        return self.calls * BUSY_HOUR / 3600


PLACES = (
    Place("county, 40 systems", 40),
    Place("city, 400 systems", 400),
    Place("province, Estonia's 1,083 organisations", ESTONIA[1]),
    Place("ten times that", 10 * ESTONIA[1]),
)


class Measured(NamedTuple):
    """What the tables are worked out from."""

    decision_us: float
    checks: float
    record_bytes: float
    verified: float
    value_bytes: float


def last(rows: Sequence[Mapping[str, Any]], series: str, unit: str) -> tuple[float, float]:
    """Return where the last point of a series is, and its value.

    Raises:
        KeyError: If there is no such series.
    """
    points = [
        (one["at"], one["value"]) for one in rows if (one["series"], one["unit"]) == (series, unit)
    ]
    if not points:
        raise KeyError(series)
    return max(points)


def measured(results: Mapping[str, Mapping[str, Any]]) -> Measured:
    """Return the figures of the largest size of each."""
    rows = {name: results[name]["rows"] for name in NEEDED}
    records, verify_s = last(rows["log_size"], "verify every record", "s")
    values, megabytes = last(rows["released"], "memory of the index, every page touched", "MB")
    return Measured(
        decision_us=last(rows["engines"], "govshare, reasons and clauses", "us of a core")[1],
        checks=last(rows["servers"], OURS, "calls/s")[1],
        record_bytes=last(rows["log_size"], "stored bytes a record", "bytes")[1],
        verified=records / verify_s,
        value_bytes=megabytes * 1e6 / values,
    )


def processes(rate: float, figures: Measured) -> int:
    """Return how many sidecar processes carry *rate* calls a second."""
    return math.ceil(rate / (figures.checks * HEADROOM))


def tables(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the tables, as Markdown."""
    figures = measured(results)
    where, commit = results["servers"]["machine"], results["servers"]["commit"]
    here = f"{where['cpu']}, {where['processors']} cores, load {where['load']} at the end"
    lines = [
        f"Measured on {here}, commit {commit}.",
        "",
        "| measured, at the largest size | |",
        "|---|---|",
        f"| a decision with its facts | {figures.decision_us:,.0f} µs of a core |",
        f"| `Check` of one process, load generator beside it | {figures.checks:,.0f} a second |",
        f"| a record in the log | {figures.record_bytes:,.0f} bytes |",
        f"| records verified by one process | {figures.verified:,.0f} a second |",
        f"| a released value in the index | {figures.value_bytes:,.1f} bytes of memory |",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
    ]
    for place in PLACES:
        kept = place.calls * RECORDS
        values = place.calls * BUSIEST * VALUES * DAYS
        lines.append(
            f"| {place.name} | {place.calls / 1e6:,.2f} million | {place.busy:,.0f} "
            f"| {processes(place.busy, figures)} | {processes(place.busy * BUSIEST, figures)} "
            f"| {kept * figures.record_bytes / 1e9:,.1f} "
            f"| {kept / figures.verified / 60:,.1f} min "
            f"| {values / 1e6:,.0f} million values, {values * figures.value_bytes / 1e9:,.1f} GB |"
        )
    return "\n".join(lines)


def put_into(document: str, results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return *document* with the tables between its marks.

    Raises:
        ValueError: If it has no marks.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the document has no marks for what was measured")
    return f"{before}{BEGIN}\n{tables(results)}\n{END}{after}"
