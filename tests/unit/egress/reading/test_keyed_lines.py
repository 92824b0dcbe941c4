# SPDX-License-Identifier: Apache-2.0
"""Fields below one another: a key and its value are enough, unless the value has parts."""

from govshare_policy.egress.reading import CELL, ROW, read


def rows_of(text: str) -> list[list[str]]:
    """Return the cells of every segment of *text*."""
    return [row.split(CELL) for row in read(text.encode()).text.split(ROW)]


def records(count: int, note: str = "无") -> str:
    """Return *count* records of three lines."""
    return "\n".join(
        f"姓名：张三{'甲乙丙丁'[n]}\n证件：44010619900101123{n}\n备注：{note}\n"
        for n in range(count)
    )


def test_a_line_of_a_key_that_comes_back_is_read_once() -> None:
    assert ["姓名", "张三甲", "证件", "440106199001011230", "备注", "无"] in rows_of(records(4))


def test_a_value_with_a_colon_is_read_whole_too() -> None:
    first = rows_of(records(4, note="甲：乙"))[0]
    assert {"备注：甲：乙", "甲", "乙"} <= set(first)


def test_a_line_of_one_record_alone_is_read_whole_too() -> None:
    assert any({"姓名：张三甲", "张三甲"} <= set(row) for row in rows_of(records(1)))
