# SPDX-License-Identifier: Apache-2.0
"""The beginnings of a value, by which a scan finds where in running text it might stand.

Text without delimiters does not say where a name or an address begins or ends. The prefilter of
the index therefore also holds the beginnings of every kept value that is not plain ASCII, and a
scan tries longer windows only where a beginning is known.
"""

from typing import Final

MARK: Final = "\x02"
"""Stands before a beginning, so that a beginning is never taken for a whole value."""

LEVELS: Final = (3, 8, 16)
"""How many characters of a value are known as its beginning; a shorter value is its own."""


def starts_of(canonical: str) -> tuple[str, ...]:
    """Return what the prefilter holds besides *canonical* itself; at most three strings.

    Values that begin with ASCII for longer than a beginning have none: they are found by their
    shape, as a token, or as a cell.
    """
    if canonical[: LEVELS[-1]].isascii() or len(canonical) < 2:  # noqa: PLR2004 - one starts nothing
        return ()
    first, *longer = LEVELS
    deeper = (MARK + canonical[:level] for level in longer if len(canonical) > level)
    return (MARK + canonical[:first], *deeper)
