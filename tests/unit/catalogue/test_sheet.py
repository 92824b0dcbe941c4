# SPDX-License-Identifier: Apache-2.0
"""The cells of a sheet: as openpyxl reads them, and quicker."""

import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont

from govshare_policy.catalogue.sheet import Formats, SheetReader
from govshare_policy.catalogue.table import open_table

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
FORMATS = Formats(
    strings=["一", " 二 "],
    dates=frozenset((1, 2)),
    durations=frozenset((2,)),
    epoch=datetime(1899, 12, 30),  # noqa: DTZ001  the epoch of a workbook has no zone
)
CELLS = st.one_of(
    st.none(),
    st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Cn", "Co")), max_size=12),
    st.integers(-(10**9), 10**9),
    st.floats(-1e9, 1e9),
    st.dates(date(1901, 1, 1), date(2100, 1, 1)),
)


def rows_of(xml: str) -> list[tuple[int, tuple[str, ...]]]:
    """Return what a reader makes of *xml*, with kinds beside what is no text."""
    reader = SheetReader(FORMATS, lambda value, kind, _row, _column: f"{kind}:{value}")
    return list(reader.rows(io.BytesIO(xml.encode())))


def sheet(rows: str) -> str:
    return f"<worksheet xmlns='{MAIN}'><sheetData>{rows}</sheetData></worksheet>"


def by_openpyxl(path: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the rows as openpyxl has them, in the words of the table."""
    for number, row in enumerate(
        load_workbook(io.BytesIO(path.read_bytes()), read_only=True).worksheets[0].values, 1
    ):
        cells = [_said(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield number, tuple(cells)


def _said(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip().replace("\r\n", "\n")


@given(rows=st.lists(st.lists(CELLS, max_size=5), max_size=6))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_sheet_is_read_as_openpyxl_reads_it(
    rows: Sequence[list[Any]], tmp_path: Path
) -> None:
    """Texts, numbers and dates, with rows and cells left out."""
    book = Workbook()
    for number, row in enumerate(rows, 1):
        for column, cell in enumerate(row, 1):
            if cell is not None and not str(cell).startswith(("=", "#")):
                book.worksheets[0].cell(row=number, column=column, value=cell)
    book.save(tmp_path / "a.xlsx")

    assert [(line.number, line.cells) for line in open_table(tmp_path / "a.xlsx").lines] == list(
        by_openpyxl(tmp_path / "a.xlsx")
    )


def test_rich_text_is_read_without_its_colours(tmp_path: Path) -> None:
    book = Workbook()
    book.worksheets[0]["A1"] = CellRichText("婚姻", TextBlock(InlineFont(b=True), "登记"))
    book.save(tmp_path / "a.xlsx")

    assert [line.cells for line in open_table(tmp_path / "a.xlsx").lines] == [("婚姻登记",)]


READ = {
    "shared texts, trimmed": (
        "<row><c t='s'><v>0</v></c><c t='s'><v>1</v></c></row>",
        [(1, ("一", "二"))],
    ),
    "places and gaps": (
        "<row r='3'><c r='B3' t='inlineStr'><is><t>a</t></is></c></row>",
        [(3, ("", "a"))],
    ),
    "no signs of pronunciation": (
        "<row><c t='inlineStr'><is><t>東</t><rPh sb='0' eb='1'><t>ヒガシ</t></rPh></is></c></row>",
        [(1, ("東",))],
    ),
    "numbers, dates and lengths of time": (
        "<row><c><v>1e3</v></c><c s='1'><v>45000</v></c><c s='2'><v>0.5</v></c></row>",
        [(1, ("n:1000.0", "d:2023-03-15 00:00:00", "d:12:00:00"))],
    ),
    "a date that no calendar has": ("<row><c s='1'><v>1e12</v></c></row>", [(1, ("e:1e12",))]),
    "a date in letters": ("<row><c t='d'><v>2025-06-20</v></c></row>", [(1, ("d:2025-06-20",))]),
    "a truth and an error": (
        "<row><c t='b'><v>1</v></c><c t='e'><v>#REF!</v></c></row>",
        [(1, ("b:True", "e:#REF!"))],
    ),
    "a formula, whatever it came to": (
        "<row><c t='str'><f>A1</f><v>x</v></c></row>",
        [(1, ("f:x",))],
    ),
    "nothing": ("<row/><row><c/><c t='s'/><c t='inlineStr'/></row>", [(1, ()), (2, ())]),
    "line ends": (
        "<row><c t='inlineStr'><is><t>a&#13;&#10;b</t></is></c></row>",
        [(1, ("a\nb",))],
    ),
}


@pytest.mark.parametrize(("rows", "read"), READ.values(), ids=READ)
def test_a_cell_is_read_for_what_it_says(
    rows: str, read: list[tuple[int, tuple[str, ...]]]
) -> None:
    assert rows_of(sheet(rows)) == read


def test_what_stands_elsewhere_is_no_cell() -> None:
    """Extensions have parts of the same names, and a prefix changes nothing."""
    xml = f"""<m:worksheet xmlns:m='{MAIN}' xmlns:o='urn:other'>
      <m:extLst><m:row><m:c><m:v>1</m:v></m:c></m:row></m:extLst>
      <m:sheetData><m:row><o:c><o:v>2</o:v></o:c><m:c><m:v>3</m:v></m:c></m:row></m:sheetData>
      <m:row><m:c><m:v>4</m:v></m:c></m:row></m:worksheet>"""

    assert rows_of(xml) == [(1, ("n:3",))]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("<row r='2'/><row r='2'/>", "a row stands before"),
        ("<row r='2'/><row r='1'/>", "a row stands before"),
        ("<row><c r='B1'/><c r='A1'/></row>", "a cell stands before"),
        ("<row><c r='A1'/><c r='A1'/></row>", "a cell stands before"),
    ],
)
def test_rows_and_cells_are_in_order(rows: str, says: str) -> None:
    """Of two at one place, one would be lost."""
    with pytest.raises(ValueError, match=says):
        rows_of(sheet(rows))


def test_a_document_type_is_refused() -> None:
    """It could name texts that grow without end."""
    with pytest.raises(ValueError, match="no document type"):
        rows_of("<!DOCTYPE a [<!ENTITY b 'c'>]>" + sheet(""))
