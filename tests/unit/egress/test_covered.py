# SPDX-License-Identifier: Apache-2.0
"""A line is read whole and in pieces, and looked into once."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from govshare_policy.egress.candidates import CELL, ROW, forms_of, inner, tabulate
from govshare_policy.egress.covered import covered
from govshare_policy.egress.values import fold

_LINES = st.lists(
    st.text(st.sampled_from("0123489-./, :年元万张三路xg()=，"), min_size=1, max_size=30).map(fold),
    min_size=1,
    max_size=4,
)


def _is_covered(text: str, cell: str, *, longest: int = 99, widest: int = 9) -> bool:
    table = tabulate(text)
    found = covered(table, list(range(len(table.cells))), longest=longest, widest=widest)
    return bool(found[table.cells.index(cell)])


@settings(max_examples=150, deadline=None)
@given(_LINES, st.data())
@example(["共1,234.50元 电话138-0013-8000"], None)
def test_what_stands_in_a_piece_that_is_skipped_is_found_in_its_line(
    lines: list[str], data: st.DataObject | None
) -> None:
    rows = []
    for line in lines:
        begin = data.draw(st.integers(0, len(line) - 1)) if data else 1
        end = data.draw(st.integers(begin + 1, len(line))) if data else len(line)
        rows.append(f"{line}{CELL}{line[begin:end]}")
    table = tabulate(ROW.join(rows))
    every = list(range(len(table.cells)))
    skipped = covered(table, every, longest=99, widest=9)

    kept = forms_of(table.cells)
    whole = {kept.whole[at] for at in every}
    apart = [at for at in every if not skipped[at] and table.cells[at]]
    values = whole | {value for value, _, _ in inner([table.cells[at] for at in apart])}
    chosen = [at for at in every if table.cells[at]]
    assert {value for value, _, _ in inner([table.cells[at] for at in chosen])} <= values


def test_a_piece_is_covered_only_by_the_first_cell_of_its_own_segment() -> None:
    line, piece = "住址=体育西路1号", "体育西路1号"

    assert _is_covered(f"{line}{CELL}{piece}", piece)
    assert not _is_covered(f"{line}{ROW}{piece}", piece)
    assert not _is_covered(f"甲{CELL}{line}{CELL}{piece}", piece)
    # It stands alone elsewhere, where nothing else is looked into for it.
    assert not _is_covered(f"{line}{CELL}{piece}{ROW}{piece}", piece)


def test_a_line_that_is_more_than_one_place_covers_nothing() -> None:
    line, piece = "住址=体育西路1号", "体育西路1号"
    text = f"{line}{CELL}{piece}"

    assert not _is_covered(text, piece, longest=len(line) - 1)
    assert not _is_covered(text, piece, widest=1)


def test_a_piece_that_may_be_part_of_a_longer_value_is_looked_into() -> None:
    assert not _is_covered(f"a,12.5万元{CELL}12.5", "12.5")
    assert not _is_covered(f"x440106号{CELL}440106号", "440106号")
