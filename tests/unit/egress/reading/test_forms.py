# SPDX-License-Identifier: Apache-2.0
import io
import json
from datetime import date

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.egress.reading import CELL, ROW, read
from tests.unit.egress.reading.writers import FORMS, Row, Writer, as_form, as_multipart, as_xlsx

_FAMILY = "赵钱孙李周吴郑王冯陈"
_GIVEN = "明慧志远"
PEOPLE: list[Row] = [
    {
        "姓名": _FAMILY[n % 10] + _GIVEN[n % 4] + _GIVEN[n // 10 % 4],
        "证件": f"4401061990{n % 12 + 1:02}{n % 28 + 1:02}{1000 + n}",
        "住址": f"广州市天河区体育西路{n}号{n % 7 + 1}栋",
        "日期": f"1990-{n % 12 + 1:02}-{n % 28 + 1:02}",
    }
    for n in range(40)
]
# No cut is sure in prose: there a value is looked for inside its line.
_UNCUT = {"prose"}
_MAX_CELLS = 120


def segments(body: bytes, *, content_type: str = "", name: str = "") -> list[list[str]]:
    text = read(body, content_type=content_type, name=name).text
    return [row.split(CELL) for row in text.split(ROW)]


def is_together(row: Row, rows: list[list[str]], *, uncut: bool = False) -> bool:
    if uncut:
        return any(all(value in "".join(cells) for value in row.values()) for cells in rows)
    return any(set(row.values()) <= set(cells) for cells in rows)


@pytest.mark.parametrize("count", [2, 40])
@pytest.mark.parametrize("form", FORMS)
def test_every_record_comes_back_inside_one_segment(form: str, count: int) -> None:
    """Whatever the form, the values of one record stand together."""
    people = PEOPLE[:count]
    found = segments(FORMS[form](people))

    assert [row for row in people if not is_together(row, found, uncut=form in _UNCUT)] == []


@pytest.mark.parametrize("form", FORMS)
def test_records_are_kept_apart(form: str) -> None:
    """A segment is about one record, or a few: two people in a page are no evidence."""
    for cells in segments(FORMS[form](PEOPLE)):
        people = sum(row["证件"] in cells and row["住址"] in cells for row in PEOPLE)
        assert people <= 6
        assert len(cells) <= _MAX_CELLS


@pytest.mark.parametrize("writer", [as_form, as_multipart], ids=["form", "multipart"])
def test_a_form_is_one_record(writer: Writer) -> None:
    """The fields that a browser sends belong together."""
    assert is_together(PEOPLE[0], segments(writer(PEOPLE)))


@pytest.mark.parametrize("form", ["csv", "json", "gzip", "xlsx", "base64"])
@pytest.mark.parametrize("label", ["image/png", "text/html; charset=utf-16", "multipart/x"])
def test_a_false_label_hides_nothing(form: str, label: str) -> None:
    """A label is a hint: what lies under it is read all the same."""
    assert is_together(PEOPLE[0], segments(FORMS[form](PEOPLE), content_type=label))


def test_a_file_name_is_read() -> None:
    """A name can carry a person too."""
    assert is_together(
        {"a": "张三", "b": "440106199001011234"},
        segments(b"nothing", name="张三_440106199001011234.txt"),
        uncut=True,
    )


def test_a_key_that_occurs_twice_hides_nothing() -> None:
    """A parser that keeps the last of two equal keys would lose the first."""
    found = segments('{"a": "张三", "a": "李四", "b": "x"}'.encode())

    assert is_together({"1": "张三", "2": "李四"}, found)


def test_keys_that_are_data_are_read() -> None:
    """An object may be keyed by the identity number."""
    found = segments(json.dumps({p["证件"]: {"n": p["姓名"], "a": "b"} for p in PEOPLE}).encode())

    assert all(is_together({"1": p["证件"], "2": p["姓名"]}, found) for p in PEOPLE)


def test_fields_around_a_list_belong_to_its_rows() -> None:
    """What a list of objects lies in is said of each of them."""
    body = {"姓名": "张三", "orders": [{"no": f"A{n}", "sum": f"{n}.50"} for n in range(40)]}
    found = segments(json.dumps(body).encode())

    assert all(is_together({"1": "张三", "2": f"A{n}", "3": f"{n}.50"}, found) for n in range(40))


def test_numbers_keep_their_digits() -> None:
    """An amount or a number of nineteen digits is not rounded on the way."""
    found = segments(b'[{"a": 1234567890123456789012, "b": 1234.50}]')

    assert is_together({"1": "1234567890123456789012", "2": "1234.50"}, found)


def test_dates_of_a_sheet_are_dates() -> None:
    """A sheet keeps a date as a count of days; a reader of the table sees a date."""
    body = as_xlsx([{"a": "x"}])
    book = openpyxl.load_workbook(io.BytesIO(body))
    book["shown"]["B1"] = date(1990, 2, 3)
    out = io.BytesIO()
    book.save(out)

    assert any("1990-02-03" in cells for cells in segments(out.getvalue()))


def test_separators_in_a_value_make_no_cell() -> None:
    """Whoever writes our separators into a value does not part it from its record."""
    found = segments(b'[{"a": "x\\u001ey\\u001fz", "b": "w"}]')

    assert found == [["x y z", "w", "a", "b"]]


def test_the_layers_are_named() -> None:
    """Evidence says what had to be taken off."""
    assert read(FORMS["base64_in_json"](PEOPLE)).layers == ("base64", "gzip")


VALUES = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=12)
ROWS = st.integers(2, 5).flatmap(
    lambda width: st.lists(
        st.fixed_dictionaries({f"field{n}": VALUES for n in range(width)}), min_size=1, max_size=8
    )
)


@pytest.mark.parametrize("form", ["json", "csv", "xlsx", "yaml", "xml", "zip", "ndjson", "tsv"])
def test_what_a_writer_wrote_is_read(form: str) -> None:
    """Any letters and digits, by the writers of other people."""

    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(rows=ROWS)
    def check(rows: list[Row]) -> None:
        found = segments(FORMS[form](rows))
        assert all(is_together(row, found) for row in rows)

    check()
