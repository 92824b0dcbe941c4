# SPDX-License-Identifier: Apache-2.0
"""Pieces of an HTML page. Everything that comes in as text goes out escaped."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final, NamedTuple, NewType

from govshare_policy.legal import Outcome
from govshare_policy.report.tally import Count
from govshare_policy.report.words import Words

Html = NewType("Html", str)

_HEIGHT: Final = 120
_COLUMN: Final = 12
_WIDEST_PX: Final = 84

KINDS: Final = {
    Outcome.ALLOW: "allow",
    Outcome.NEEDS_PLATFORM_AUTHORIZATION: "ask",
    Outcome.NEEDS_GRANT: "ask",
    Outcome.DENY_NEGOTIABLE: "ask",
    Outcome.DENY: "deny",
    Outcome.SUSPENDED: "other",
    Outcome.OUT_OF_SCOPE: "other",
}


class Part(NamedTuple):
    """A part of a bar: how much, and the class that colours it."""

    amount: int
    kind: str


class Column(NamedTuple):
    """One column of a chart over time, and what it says when pointed at."""

    label: str
    title: str
    parts: tuple[Part, ...]


def text(value: object) -> Html:
    """Return *value* as text of the page."""
    return Html(escape(str(value)))


def both(words: Words) -> Html:
    """Return *words* in both languages, of which the page shows one."""
    return Html(
        f'<span lang="zh">{escape(words.zh)}</span><span lang="en">{escape(words.en)}</span>'
    )


def joined(parts: Iterable[Html], by: str = "") -> Html:
    """Return *parts* one after another."""
    return Html(by.join(parts))


def element(name: str, inside: Html, *, kind: str = "") -> Html:
    """Return one element with a class."""
    attribute = f' class="{escape(kind)}"' if kind else ""
    return Html(f"<{name}{attribute}>{inside}</{name}>")


def ident(value: str) -> Html:
    """Return an id that stands behind the name of what it is of, and never breaks at its hyphen."""
    return element("small", text(value), kind="id")


def table(heads: Sequence[Html], rows: Iterable[Sequence[Html]], *, numbers_from: int) -> Html:
    """Return a table whose columns from *numbers_from* on hold numbers, or nothing for no rows."""
    head = joined(
        element("th", cell, kind="n" if number >= numbers_from else "")
        for number, cell in enumerate(heads)
    )
    body = joined(
        element(
            "tr",
            joined(
                element("td", cell, kind="n" if number >= numbers_from else "")
                for number, cell in enumerate(row)
            ),
        )
        for row in rows
    )
    if not body:
        return both(Words("本期没有", "none in this period"))
    inside = element("thead", element("tr", head)) + element("tbody", body)
    return element("div", element("table", Html(inside)), kind="wide")


def bar(parts: Sequence[Part], *, most: int) -> Html:
    """Return a horizontal bar; *most* is the amount that fills it."""
    shapes, left = [], 0.0
    for part in parts:
        width = 100 * part.amount / most if most else 0
        if width:
            shapes.append(
                f'<rect class="{part.kind}" x="{left:.2f}%" width="{width:.2f}%" height="10"/>'
            )
        left += width
    return Html(f'<svg class="bar" height="10" aria-hidden="true">{"".join(shapes)}</svg>')


def outcome_bar(count: Count, *, most: int) -> Html:
    """Return the outcomes of *count* as a bar."""
    return bar([Part(count.outcomes[outcome], KINDS[outcome]) for outcome in Outcome], most=most)


def columns(chart: Sequence[Column]) -> Html:
    """Return a chart of stacked columns, the first part at the bottom."""
    most = max((sum(part.amount for part in column.parts) for column in chart), default=0)
    if not most:
        return Html("")
    shapes: list[str] = []
    for number, column in enumerate(chart):
        shapes.append(f"<g><title>{escape(column.title)}</title>")
        bottom = float(_HEIGHT)
        for part in column.parts:
            height = _HEIGHT * part.amount / most
            bottom -= height
            if height:
                shapes.append(
                    f'<rect class="{part.kind}" x="{number * _COLUMN + 1}" y="{bottom:.2f}"'
                    f' width="{_COLUMN - 2}" height="{height:.2f}"/>'
                )
        shapes.append("</g>")
    width = len(chart) * _COLUMN
    first, last = escape(chart[0].label), escape(chart[-1].label)
    ends = f"<span>{first}</span>" + (f"<span>{last}</span>" if len(chart) > 1 else "")
    return Html(
        f'<figure style="max-width:{_WIDEST_PX * len(chart)}px"><svg class="days"'
        f' viewBox="0 0 {width} {_HEIGHT}" preserveAspectRatio="none" role="img">'
        f"{''.join(shapes)}</svg><figcaption>{ends}</figcaption></figure>"
    )
