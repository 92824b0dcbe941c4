# SPDX-License-Identifier: Apache-2.0
"""How a figure grows: the power of the axis that goes through the medians, in logarithms."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

FEWEST = 3


class Growth(NamedTuple):
    """``value ~ at ** power``; *fit* is R², 1 where the points lie on that line.

    A power of 0 is flat, 1 is in proportion. The fit of what is flat says nothing: there is no
    growth to explain.
    """

    series: str
    unit: str
    axis: str
    power: float
    fit: float
    points: int


def power_of(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the power and R² of *points*, all of them above zero, by least squares."""
    xs = [math.log(x) for x, _ in points]
    ys = [math.log(y) for _, y in points]
    mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
    across = sum((x - mx) * (y - my) for x, y in zip(xs, ys, strict=True))
    power = across / sum((x - mx) ** 2 for x in xs)
    whole = sum((y - my) ** 2 for y in ys)
    return power, power * across / whole if whole else 1.0


def growths(rows: Sequence[Mapping[str, Any]]) -> list[Growth]:
    """Return how each series of *rows* grows along its axis, if it has three points on one."""
    lines: dict[tuple[str, str, str], dict[float, float]] = defaultdict(dict)
    for row in rows:
        if row["axis"] and row["at"] > 0 and row["value"] > 0:
            lines[row["series"], row["unit"], row["axis"]][row["at"]] = row["value"]
    return [
        Growth(*line, *power_of(sorted(points.items())), len(points))
        for line, points in lines.items()
        if len(points) >= FEWEST
    ]
