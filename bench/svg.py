# SPDX-License-Identifier: Apache-2.0
"""Line plots with two logarithmic axes, as SVG: no library, no script, readable as text."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 860, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 350, 40, 50
# Told apart without colour, too: each has a dash of its own (Okabe and Ito's colours).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555", "#000000")
DASHES = ("none", "7 3", "2 3", "8 3 2 3", "12 4", "4 4", "1 4", "10 2 2 2")
STYLE = (
    "<style>text{font:12px sans-serif;fill:#222}.m{text-anchor:middle}.e{text-anchor:end}"
    ".g{stroke:#ddd}.t{font-weight:bold;font-size:14px}</style>"
)
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A logarithmic axis of *length* pixels from *begin*, over whole decades."""

    low: int
    high: int
    begin: float
    length: float

    @classmethod
    def over(cls, values: Sequence[float], *, begin: float, length: float) -> "Scale":
        """Return the axis that has all *values*, which are above zero."""
        low = math.floor(math.log10(min(values)))
        high = max(math.ceil(math.log10(max(values))), low + 1)
        return cls(low=low, high=high, begin=begin, length=length)

    def at(self, value: float) -> float:
        """Return where *value* is."""
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.begin + share * self.length

    @property
    def decades(self) -> list[float]:
        """Return the powers of ten on the axis."""
        return [10.0**power for power in range(self.low, self.high + 1)]


def label(value: float) -> str:
    """Return a power of ten as people write it."""
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def _grid(across: Scale, up: Scale) -> list[str]:
    bottom, left = HEIGHT - BOTTOM, LEFT
    lines = []
    for value in across.decades:
        x = across.at(value)
        lines.append(f'<path class="g" d="M{x:.1f} {TOP}V{bottom}"/>')
        lines.append(f'<text x="{x:.1f}" y="{bottom + 18}" class="m">{label(value)}</text>')
    for value in up.decades:
        y = up.at(value)
        lines.append(f'<path class="g" d="M{left} {y:.1f}H{WIDTH - RIGHT}"/>')
        lines.append(f'<text x="{left - 8}" y="{y + 4:.1f}" class="e">{label(value)}</text>')
    return lines


def _line(name: str, points: Points, number: int, across: Scale, up: Scale) -> list[str]:
    colour, dash = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
    places = [f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in sorted(points)]
    y, begin = TOP + 10 + number * 20, WIDTH - RIGHT + 16
    style = f'stroke="{colour}" stroke-dasharray="{dash}"'
    dots = [place.split(",") for place in places]
    return [
        f'<polyline fill="none" stroke-width="2" {style} points="{" ".join(places)}"/>',
        *(f'<circle cx="{cx}" cy="{cy}" r="3" fill="{colour}"/>' for cx, cy in dots),
        f'<path stroke-width="2" {style} d="M{begin} {y}h24"/>',
        f'<text x="{begin + 30}" y="{y + 4}">{escape(name)}</text>',
    ]


def plot(title: str, lines: Mapping[str, Points], *, x: str, y: str) -> str:
    """Return *lines* as SVG; every number is above zero.

    Raises:
        ValueError: If there is nothing to draw.
    """
    every = [point for points in lines.values() for point in points]
    if not every:
        raise ValueError("a plot has at least one point")
    across = Scale.over([a for a, _ in every], begin=LEFT, length=WIDTH - LEFT - RIGHT)
    up = Scale.over([b for _, b in every], begin=HEIGHT - BOTTOM, length=TOP + BOTTOM - HEIGHT)
    middle = TOP + (HEIGHT - TOP - BOTTOM) / 2
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title>",
        STYLE,
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{LEFT}" y="22" class="t">{escape(title)}</text>',
        *_grid(across, up),
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" class="m">{escape(x)}</text>',
        f'<text transform="translate(16 {middle}) rotate(-90)" class="m">{escape(y)}</text>',
    ]
    for number, (name, points) in enumerate(lines.items()):
        drawn += _line(name, points, number, across, up)
    return "\n".join([*drawn, "</svg>"]) + "\n"
