# SPDX-License-Identifier: Apache-2.0
import time
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.egress.kinds import id_check_digit
from govshare_policy.egress.values import (
    MIN_BITS,
    UNIQUE_BITS,
    Column,
    Kind,
    canonical,
    fold,
    is_kept,
    kind_of,
    surprisal,
)

ON = date(2026, 1, 5)
SAME = {
    "date": (
        "20240102",
        (
            "2024-01-02 2024/1/2 2024.1.2 2024年1月2日 2024年01月02号 20240102 02.01.2024 "
            "01/02/2024 "
            "２０２４－０１－０２ 二〇二四年一月二日 二零二四年一月二日 2024-01-02T00:00:00 "
            "2024-01-02T00:00:00+08:00 2024-01-01T16:00:00Z 20240102000000"
        ),
    ),
    "moment": ("20240102103005", "2024-01-02T10:30:05 2024-01-02T02:30:05.123Z 20240102T103005"),
    "amount": (
        "1234.5",
        "1234.5 1234.50 1,234.50 1,234.50元 ¥1,234.5 ￥1234.50 1.234,50 RMB1234.5",
    ),
    "large amount": ("15000", "15000 15000.00 1.5万元 壹万伍仟元整 1,5000 1.5万 15,000元"),
    "telephone": (
        "13800138000",
        (
            "13800138000 +8613800138000 8613800138000 138-0013-8000 +86-138-0013-8000 "
            "13800138000.0 "
            "１３８００１３８０００ (+86)13800138000 008613800138000 一三八〇〇一三八〇〇〇"
        ),
    ),
    "landline": ("03731234567", "0373-1234567 (0373)1234567 +86-373-1234567 03731234567"),
    "identity": (
        "410727199001011234",
        "410727199001011234 4107-2719-9001-0112-34 410727900101123 '410727199001011234",
    ),
    "name": ("张伟", "張偉 张伟 張偉\u200b 张\u3000伟 张·伟"),
    "plate": ("豫a12345", "豫A12345 豫A·12345 豫A-12345"),
    "address": ("台湾省台北市12号", "臺灣省臺北市12號 台湾省台北市１２号 台湾省,台北市,12号"),
}


@pytest.mark.parametrize("what", SAME)
def test_a_value_is_the_same_in_every_ordinary_form(what: str) -> None:
    form, forms = SAME[what]
    found = {each: canonical(each) for each in forms.split(" ")}
    assert found == dict.fromkeys(found, form)


@pytest.mark.parametrize(
    ("form", "same"),
    [
        ("2 Jan 2024", "20240102"),
        ("January 2, 2024", "20240102"),
        ("2024-01-02 10:30:05", "20240102103005"),
        ("2024年1月2日 10时30分05秒", "20240102103005"),
        ("1 234.50", "1234.5"),
        ("+86 138 0013 8000", "13800138000"),
        ("4107 2719 9001 0112 34", "410727199001011234"),
        ("007", "007"),
        ("-12.50 元", "-12.5"),
        ("2024-13-40", "20241340"),
        ("A.b@Example.COM", "a.b@example.com"),
        ("", ""),
        (" -,. ", ""),
    ],
)
def test_a_value_has_this_form(form: str, same: str) -> None:
    assert canonical(form) == same


_TEXT = st.text(max_size=30) | st.text(
    st.sampled_from("0123456789-/.:,年月日元万壹仟一二十 tz+()x張后\u0301\u200bＡß"), max_size=20
)


@settings(max_examples=300, deadline=None)
@given(_TEXT)
def test_doing_it_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert canonical(canonical(text)) == canonical(text)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(_TEXT, min_size=1, max_size=3), min_size=1, max_size=3))
def test_folding_a_document_folds_its_cells(rows: list[list[str]]) -> None:
    clean = [[cell.replace("\x1e", "").replace("\x1f", "") for cell in row] for row in rows]
    document = fold("\x1e".join("\x1f".join(row) for row in clean))
    assert [row.split("\x1f") for row in document.split("\x1e")] == [
        [fold(cell) for cell in row] for row in clean
    ]


def test_a_long_run_of_marks_takes_no_longer_than_other_text() -> None:
    began = time.process_time()
    fold("a" + "\u0301\u0316" * 200_000)
    assert time.process_time() - began < 5


def test_kinds_are_told_by_shape_and_check_digit() -> None:
    kinds = {
        "410727199001011234": Kind.ID_NUMBER,
        "410727199001011235": Kind.AMOUNT,
        "91350100m000100y43": Kind.USCC,
        "91350100m000100y44": Kind.CODE,
        "6222021234567890129": Kind.AMOUNT,
        "4111111111111111": Kind.BANK_CARD,
        "13800138000": Kind.PHONE,
        "a@b.cn": Kind.EMAIL,
        "豫a12345": Kind.PLATE,
        "20240102": Kind.DATE,
        "20240102103005": Kind.MOMENT,
        "1234.5": Kind.AMOUNT,
        "fq2024001": Kind.CODE,
        "王小明": Kind.TEXT,
        "": Kind.EMPTY,
    }
    found = {value: kind_of(value) for value in kinds}
    assert found == kinds


def test_check_digits_are_those_of_the_standard() -> None:
    assert id_check_digit("11010519491231002") == "x"


def _alone(value: str) -> float:
    kind = kind_of(value)
    return surprisal(value, kind, Column.of([("s", value)], on=ON))


@pytest.mark.parametrize(
    "value",
    ["男", "女", "汉", "汉族", "是", "否", "有效", "已婚", "大学本科", "1", "42", "999", "1990",
     "50000", "410727", "20260104", "a01", "true", "3.5", "", "202401", "河南省", "n/a"],
)  # fmt: skip
def test_what_everybody_has_is_never_kept_even_alone(value: str) -> None:
    assert not is_kept(_alone(canonical(value)))


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("410727199001011234", UNIQUE_BITS, UNIQUE_BITS),
        ("13800138000", 30, 39),
        ("19900101", 10, 15.2),
        ("1234.56", 10, 24),
        ("王小明", 10, 13.9),
        ("封丘县城关镇幸福路12号", 10, 14),
        ("河南某某商贸有限公司", 14, 36),
        ("城镇职工基本医疗保险", 10, 13.9),
    ],
)
def test_what_singles_out_is_kept(value: str, low: float, high: float) -> None:
    assert low <= _alone(value) <= high


def test_a_value_that_fills_its_column_is_not_kept_unless_it_is_unique() -> None:
    text = "封丘县城关镇幸福路12号"
    cells = [(str(number), text) for number in range(1000)]
    assert surprisal(text, Kind.TEXT, Column.of(cells, on=ON)) < MIN_BITS
    same = Column.of([("one person", text)] * 1000, on=ON)
    assert surprisal(text, Kind.TEXT, same) >= MIN_BITS
    number = "410727199001011234"
    column = Column.of([(str(each), number) for each in range(1000)], on=ON)
    assert surprisal(number, Kind.ID_NUMBER, column) == UNIQUE_BITS


def test_statistics_show_no_value() -> None:
    assert "王小明" not in repr(Column.of([("王小明", "王小明")], on=ON))


def _road(count: int, *, numbers: int) -> list[tuple[str, str]]:
    return [
        (str(n), f"武汉市洪山区珞喻路{n * 7 % numbers + 1}号{n % 29 + 1}层") for n in range(count)
    ]


@pytest.mark.parametrize("count", [40, 400, 4000])
def test_an_address_tells_what_its_numbers_do_where_all_are_on_one_road(count: int) -> None:
    column = Column.of(_road(count, numbers=1999), on=ON)
    told = [surprisal(value, Kind.TEXT, column) for value in column.counts]
    assert max(told) < 20
    assert 13 < sum(told) / len(told) < 18


def test_an_address_alone_is_not_taken_to_be_on_a_road_that_nobody_else_is_on() -> None:
    [(_, address)] = _road(1, numbers=1999)
    many = [
        (str(n), f"武汉市{'甲乙丙丁戊己庚辛'[n % 8]}{chr(0x5200 + n)}路{n + 1}号")
        for n in range(64)
    ]
    column = Column.of([*many, ("64", "武汉市洪山区珞喻路1234号12层")], on=ON)
    assert _alone(address) <= 14
    assert surprisal("武汉市洪山区珞喻路1234号12层", Kind.TEXT, column) > 20


def test_a_name_that_stands_twice_in_a_small_release_is_still_kept() -> None:
    names = [f"王{chr(0x5200 + n)}{chr(0x5300 + n)}" for n in range(398)]
    column = Column.of(enumerate([*names, "张伟明", "张伟明"]), on=ON)
    assert is_kept(surprisal("张伟明", Kind.TEXT, column))


def test_the_legal_form_of_a_company_tells_nothing() -> None:
    assert _alone("封丘县第一小学") < _alone("封丘县伟芳商贸小学")
    assert _alone("伟芳商贸股份有限公司") == _alone("伟芳商贸公司")


def test_an_e_mail_address_alone_is_nobodys() -> None:
    """A name and two digits are chosen by several people; a column that meets itself says so."""
    assert _alone("wangxiaoming1987@example.cn") < 40
    assert 14 <= _alone("guiying03@example.cn") < 30
    crowded = Column.of([(n, f"li{n % 700}@example.cn") for n in range(1000)], on=ON)
    assert surprisal("li12@example.cn", Kind.EMAIL, crowded) < 14
