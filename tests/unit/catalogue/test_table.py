# SPDX-License-Identifier: Apache-2.0
"""A table is read as it stands, whatever made it; what cannot be is refused where it stands."""

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path

import pytest
from openpyxl import Workbook

from govshare_policy.catalogue import table
from govshare_policy.catalogue.table import open_table
from govshare_policy.errors import CallError, FactError
from tests.unit.catalogue.tables import write_csv, write_xlsx

Write = Callable[[Path], Path]


def cells(path: Path, **options: str) -> list[tuple[int, tuple[str, ...]]]:
    return [(line.number, line.cells) for line in open_table(path, **options).lines]


def fault(path: Path, **options: str) -> str:
    with pytest.raises((FactError, CallError)) as caught:
        cells(path, **options)
    return str(caught.value)


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_text_gives_its_rows_and_the_lines_they_start_on(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tsv", b'\xef\xbb\xbfa\tb\n 1 \t"2\n3"\n\n\t\nlast\t\n')

    assert cells(path) == [(1, ("a", "b")), (2, ("1", "2\n3")), (6, ("last", ""))]


def test_a_csv_as_spreadsheets_save_it_is_read_with_its_encoding(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [("名称",), ("婚姻登记",)], "gb18030")

    assert cells(path, encoding="gb18030") == [(1, ("名称",)), (2, ("婚姻登记",))]
    assert fault(path) == "a.csv line 1: not valid utf-8; try --encoding gb18030"


def test_a_workbook_gives_text_numbers_and_dates_as_a_person_would_write_them(
    tmp_path: Path,
) -> None:
    row = (" 名称 ", 3, 0.5, 2.0, date(2025, 6, 20), datetime(2025, 6, 21), None, "a\r\nb")  # noqa: DTZ001  a workbook knows no zone
    path = write_xlsx(tmp_path / "a.xlsx", [row, (), ("x",)])

    assert cells(path) == [
        (1, ("名称", "3", "0.5", "2", "2025-06-20", "2025-06-21", "", "a\nb")),
        (3, ("x",)),
    ]


def test_a_sheet_is_chosen_by_name_where_there_are_several(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [("x",)], "说明")

    assert cells(path, sheet="目录") == [(1, ("x",))]
    assert cells(path, sheet="说明") == []
    assert fault(path) == "a.xlsx has 2 sheets; say which with --sheet"
    assert fault(path, sheet="封面") == "a.xlsx has no sheet of that name; it has 目录, 说明"


REFUSED = {
    "=1+1": "a.xlsx row 2 column 1: a formula; paste its value",
    "#REF!": "a.xlsx row 2 column 1: an error value",
    True: "a.xlsx row 2 column 1: a truth value; write Y or N",
    datetime(2025, 6, 20, 8, 30): "a.xlsx row 2 column 1: a time of day where a date belongs",  # noqa: DTZ001
    time(8, 30): "a.xlsx row 2 column 1: neither text, number nor date",
}


@pytest.mark.parametrize("value", REFUSED, ids=str)
def test_a_cell_that_says_nothing_plain_is_refused_where_it_stands(
    value: object, tmp_path: Path
) -> None:
    assert fault(write_xlsx(tmp_path / "a.xlsx", [("h",), (value,)])) == REFUSED[value]


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    said = "a.xls: not a .tsv, .csv or .xlsx file; save it as one of these"

    assert fault(written(tmp_path / "a.xls", b"")) == said


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert fault(tmp_path / "a.csv") == "a.csv: cannot be read (No such file or directory)"


def test_only_a_workbook_has_sheets(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b"a\n")

    assert fault(path, sheet="x") == "only a workbook has sheets; leave out --sheet"
    assert fault(path, encoding="big5") == "the encoding is one of utf-8, gb18030"


@pytest.mark.parametrize("data", [b'a\n"b\n', b'a\n"b"c\n'])
def test_a_quoted_cell_that_is_not_closed_is_refused(data: bytes, tmp_path: Path) -> None:
    said = "a.csv line 2: a quoted cell is not closed or too long"

    assert fault(written(tmp_path / "a.csv", data)) == said


@pytest.mark.parametrize(
    "data",
    [b"", b"PK\x03\x04", b"not a workbook"],
    ids=["empty", "cut", "text"],
)
def test_what_is_no_workbook_is_refused(data: bytes, tmp_path: Path) -> None:
    said = "a.xlsx: not a workbook that can be read"

    assert fault(written(tmp_path / "a.xlsx", data)) == said


def with_sheet(path: Path, xml: str) -> Path:
    """Write a workbook and put *xml* for its sheet."""
    made = io.BytesIO()
    Workbook().save(made)
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(path, "w") as new:
        for member in old.infolist():
            sheet = member.filename.startswith("xl/worksheets/")
            new.writestr(member.filename, xml if sheet else old.read(member.filename))
    return path


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{}</worksheet>'
)


def test_a_whole_number_is_written_without_a_point(tmp_path: Path) -> None:
    data = "<sheetData><row r='1'><c r='A1' t='n'><v>2.0</v></c></row></sheetData>"

    assert cells(with_sheet(tmp_path / "a.xlsx", SHEET.format(data))) == [(1, ("2",))]


@pytest.mark.parametrize(
    "inside",
    [
        "<sheetData><row r='1'><c r='A1' t='s'><v>99</v></c></row></sheetData>",
        "<sheetData><row r='1'><c r='A1'><v>1</v>",
        "<sheetData><row r='1'><c r='A1' t='n'><v>one</v></c></row></sheetData>",
    ],
    ids=["a text that is not there", "cut off", "a number that is none"],
)
def test_a_damaged_sheet_is_refused(inside: str, tmp_path: Path) -> None:
    path = with_sheet(tmp_path / "a.xlsx", SHEET.format(inside))

    assert fault(path) in (
        "a.xlsx row 1: the workbook is damaged",
        "a.xlsx: not a workbook that can be read",
    )


def test_a_workbook_that_lies_about_its_size_is_read_for_what_it_holds(tmp_path: Path) -> None:
    lie = "<dimension ref='A1:XFD1048576'/>"
    data = "<sheetData><row r='1'><c r='A1' t='n'><v>1</v></c></row></sheetData>"

    assert cells(with_sheet(tmp_path / "a.xlsx", SHEET.format(lie + data))) == [(1, ("1",))]


def test_a_cell_in_a_row_beyond_all_rows_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows left out between are not walked for ever, and what lies beyond is not dropped."""
    monkeypatch.setattr(table, "MAX_ROWS", 50)
    far = "<sheetData><row r='99999999'><c r='A99999999' t='n'><v>1</v></c></row></sheetData>"

    said = fault(with_sheet(tmp_path / "a.xlsx", SHEET.format(far)))

    assert said == "a.xlsx row 99999999: more than 50 rows"


def bytes_of(size: int) -> Write:
    return lambda path: written(path / "a.csv", b"a" * size)


TOO_MUCH: dict[str, tuple[str, int, Write, str]] = {
    "a file": ("MAX_FILE_BYTES", 9, bytes_of(10), "a.csv: larger than 0 MiB"),
    "what it unpacks to": (
        "MAX_UNPACKED_BYTES",
        99,
        lambda path: write_xlsx(path / "a.xlsx", [("x",)]),
        "a.xlsx: unpacks to more than 0 MiB",
    ),
    "rows of a text": (
        "MAX_ROWS",
        1,
        lambda path: written(path / "a.csv", b"h\n1\n2\n"),
        "a.csv line 3: more than 1 rows",
    ),
    "rows of a workbook": (
        "MAX_ROWS",
        1,
        lambda path: write_xlsx(path / "a.xlsx", [("h",), (1,), (2,)]),
        "a.xlsx row 3: more than 1 rows",
    ),
    "columns": (
        "MAX_COLUMNS",
        1,
        lambda path: written(path / "a.csv", b"h\n1,2\n"),
        "a.csv line 2 column 2: more than 1 columns",
    ),
    "a cell": ("MAX_CELL", 2, bytes_of(3), "a.csv line 1 column 1: more than 2 characters"),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_more_than_a_table_may_hold_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit, value, write, said = TOO_MUCH[name]
    monkeypatch.setattr(table, limit, value)

    assert fault(write(tmp_path)) == said


DISGUISED = {
    "an old workbook": (
        "a.xlsx",
        bytes.fromhex("d0cf11e0a1b11ae1"),
        "a.xlsx: an old .xls workbook, or one with a password; save it as .xlsx without one",
    ),
    "a workbook named as a text": (
        "a.csv",
        b"PK\x03\x04",
        "a.csv: a workbook and no text; name it .xlsx",
    ),
    "Unicode text": (
        "a.tsv",
        "h\tk\n".encode("utf-16"),
        "a.tsv: UTF-16, as some programs save `Unicode text`; save it as UTF-8",
    ),
}


@pytest.mark.parametrize(("name", "data", "said"), DISGUISED.values(), ids=DISGUISED)
def test_a_file_of_another_kind_than_its_name_says_is_told_for_what_it_is(
    name: str, data: bytes, said: str, tmp_path: Path
) -> None:
    """Not for a header that looks odd, and without advice that cannot help."""
    assert fault(written(tmp_path / name, data)) == said


def test_how_many_rows_a_sheet_says_it_has_is_known_at_once(tmp_path: Path) -> None:
    """For whoever waits for it; a sheet that does not say is read all the same."""
    said = "<dimension ref='A1:B7'/><sheetData/>"

    assert open_table(with_sheet(tmp_path / "a.xlsx", SHEET.format(said))).size == 7
    assert open_table(with_sheet(tmp_path / "b.xlsx", SHEET.format(""))).size == 0
