# SPDX-License-Identifier: Apache-2.0
"""Pieces of many cells at once against a pattern for each."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from govshare_policy.egress.candidates import inner
from govshare_policy.egress.pieces import CUTS, LONG_NUMBER, pieces
from govshare_policy.egress.shapes import GAP
from govshare_policy.egress.values import fold

_PART = re.compile(f"[^{re.escape(''.join(CUTS))}]+")
_WORD = re.compile(r"[a-z0-9][a-z0-9_.@%+\-]{3,}[a-z0-9]")
_CELLS = st.lists(
    st.text(st.sampled_from("ab019._@-% ,:()张\t"), max_size=16).map(fold), min_size=1, max_size=4
)


def by_patterns(text: str) -> set[tuple[int, int]]:
    """Return where pieces of one cell stand in it, but for the whole."""
    found = set()
    for match in _PART.finditer(text):
        part = match.group().strip()
        begin = match.start() + len(match.group()) - len(match.group().lstrip())
        found |= {(begin, begin + len(part))} if len(part) > 1 else set()
    for match in _WORD.finditer(text):
        if not (match.group().isdecimal() and len(match.group()) in LONG_NUMBER):
            found.add(match.span())
    return found - {(0, len(text))}


@settings(max_examples=300, deadline=None)
@given(_CELLS)
@example(["", " ab, cd ", "__ab01__"])
def test_pieces_are_what_the_patterns_find_in_each_cell(cells: list[str]) -> None:
    begins, ends, _ = (array.tolist() for array in pieces(GAP.join([*cells, ""])))
    expected, at = [], 0
    for cell in cells:
        expected += [(at + begin, at + end) for begin, end in by_patterns(cell)]
        at += len(cell) + 1

    assert sorted(zip(begins, ends, strict=True)) == sorted(expected)


@pytest.mark.parametrize(
    "text",
    ["36032119360107513332", "登记于36032119360107513332，在", "11 360321193601075133 32"],
    ids=["alone", "in words", "in groups"],
)
def test_an_identity_number_is_found_among_the_digits_around_it(text: str) -> None:
    assert "360321193601075133" in {value for value, _, _ in inner([text])}
