# SPDX-License-Identifier: Apache-2.0
"""What a reading says twice, a scan looks at twice: once is enough."""

import io
import zipfile

import pytest

from govshare_policy.egress.reading import CELL, ROW, Code, UnscannableError, read
from tests.unit.egress.reading.test_forms import PEOPLE, segments
from tests.unit.egress.reading.writers import as_xlsx

# More than what may be a table on its side.
_MANY = [PEOPLE[n % 40] | {"住址": f"体育西路{n}号"} for n in range(100)]

_NAMES = [(n, "赵钱孙李周吴郑王"[n % 8] + "明慧"[n % 2]) for n in range(10, 90)]


def _table(head: str, mark: str = "") -> str:
    rows = (",".join(row.values()) + mark for row in _MANY)
    return "\n".join([head, *rows])


def test_a_unit_in_the_name_of_a_field_does_not_put_a_table_in_doubt() -> None:
    text = _table("姓名,证件,住址,日期(年-月-日)")

    assert read(text.encode()).text == text.replace("\n", ROW).replace(",", CELL)


def test_a_record_in_the_first_line_does() -> None:
    """A table may have no header, and its only mark there."""
    text = _table("张三(男),440106199001011234,体育西路1号,1990-01-01")

    assert len(read(text.encode()).text) > len(text)


def test_a_table_in_doubt_has_a_segment_a_line_with_both_readings() -> None:
    text = _table("姓名,证件,住址,日期", mark="(原件)")
    found = [row.split(CELL) for row in read(text.encode()).text.split(ROW)]

    assert len(found) == len(_MANY) + 1
    for line, row, cells in zip(text.split("\n")[1:], _MANY, found[1:], strict=True):
        assert {line, *row.values(), f"{row['日期']}(原件)"} <= set(cells)
        assert len(cells) == len(set(cells))


def test_text_that_happens_to_be_aligned_is_not_many_times_as_long_in_columns() -> None:
    """Of the runs of neighbouring columns only those are given that a scan would not find."""
    lines = [
        f"经查{name}的证件号码为4401061990010110{n:02}现住体育西路12号3栋" for n, name in _NAMES
    ]
    text = "\n".join(lines)

    assert len(read(text.encode()).text) <= 4 * len(text)


def _with_part(name: str, content: bytes) -> bytes:
    """Return a workbook in which the part *name* is *content*."""
    before, after = io.BytesIO(as_xlsx(PEOPLE[:3])), io.BytesIO()
    with zipfile.ZipFile(before) as old, zipfile.ZipFile(after, "w") as new:
        for item in old.namelist():
            new.writestr(item, content if item == name else old.read(item))
    return after.getvalue()


@pytest.mark.parametrize("name", ["xl/theme/theme1.xml", "_rels/.rels"], ids=["theme", "links"])
def test_what_stands_in_the_frame_of_a_workbook_is_read_together(name: str) -> None:
    """Nobody puts a record there, unless to hide it."""
    record = {"a": "张三", "b": "440106199001011234", "c": "体育西路1号"}
    part = f'<t x="{record["a"]}"><u y="{record["b"]}"/>{record["c"]}</t>'.encode()

    rows = segments(_with_part(name, part))
    assert any(set(record.values()) <= set(cells) for cells in rows)
    rows = segments(_with_part(name, "张三,440106199001011234,体育西路1号".encode()))
    assert any(set(record.values()) <= set(cells) for cells in rows)


def test_a_frame_that_defines_entities_is_refused() -> None:
    part = b'<!DOCTYPE t [<!ENTITY a "x">]><t>&a;</t>'

    with pytest.raises(UnscannableError) as caught:
        read(_with_part("xl/theme/theme1.xml", part))
    assert caught.value.code is Code.MALFORMED
