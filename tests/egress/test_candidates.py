# SPDX-License-Identifier: Apache-2.0
"""What is done for all cells of a text at once against what it means for one."""

import re
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from govshare_policy.egress.candidates import forms_of, inner
from govshare_policy.egress.hashing import CHUNK, HEAD, Quick
from govshare_policy.egress.kinds import is_id_number
from govshare_policy.egress.quickly import canonical_of
from govshare_policy.egress.values import canonical, fold

_CELL = st.text(st.sampled_from("0112389-./, :年月日元万张三路xgt()%*_@，"), max_size=28) | st.text(
    max_size=12
)
_DATED = st.builds(
    "{}{}{}{}{}{}".format,
    st.integers(1780, 2210),
    st.sampled_from("-/.年 "),
    st.integers(0, 40).map("{:02}".format) | st.integers(0, 14),
    st.sampled_from("-/.月 "),
    st.integers(0, 40).map("{:02}".format) | st.integers(0, 33),
    st.sampled_from(["", "日", "号", " ", "x"]),
)
_MONEY = st.builds(
    "{}{:,}{}".format,
    st.sampled_from(["", "¥", "-", "0", "rmb"]),
    st.integers(0, 10**13),
    st.sampled_from(["", ".0", ".50", ".05", ".123", "元", ".00元", "万"]),
)
_CODE = st.from_regex(r"(?:[a-z]{0,4}\d{5,16}[a-z]{0,4}|\d{8}[0-9a-z]{10})", fullmatch=True)
_FOLDED = (_CELL | _DATED | _MONEY | _CODE).map(
    lambda text: fold(text.replace("\x1e", "").replace("\x1f", ""))
)

_SHAPES = (
    re.compile(r"[a-z0-9][a-z0-9_.@%+\-]{3,}[a-z0-9]"),
    re.compile(
        r"(?<!\d)(?:(?:1[89]|20)\d\d(?:年\d{1,2}月\d{1,2}日?|[-/.]\d{1,2}[-/.]\d{1,2}"
        r"|(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))"
        r"|\d{1,2}[-/.]\d{1,2}[-/.](?:1[89]|20)\d\d)(?!\d)"
    ),
    re.compile(
        r"(?<![\d.,])(?=[\d.,万亿元]{5})(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\d.]*\d)"
        r"(?:[万亿]?元|[万亿])?"
    ),
)
_RUN = re.compile(r"\d+(?:[ \-.]{1,3}\d+){0,24}x?")
_SIMPLE = re.compile(r"(?!.*[\dx]{19})[a-z0-9_.@%+\-/:]{0,64}|[^\x00-\x7f]{1,4}")
_NUMBER = re.compile(r"\d{1,18}|\d{1,12}\.\d{1,6}")


def expected(cell: str) -> set[str]:
    """Return what stands inside *cell*, pattern by pattern."""
    found = {part.strip() for part in re.split(r"[,;:=|\"'<>(){}\[\]\t\n，。；：、！？]", cell)}
    found = {part for part in found if len(part) > 1}
    found |= {m.group() for shape in _SHAPES for m in shape.finditer(cell) if len(m.group()) > 4}
    for match in _RUN.finditer(cell):
        groups = re.findall(r"\d+x?", match.group())
        spans = {span for at in range(len(groups)) for span in accumulate(groups[at : at + 8])}
        found |= {span for span in spans if 7 <= len(span) <= 24}
        digits = "".join(groups)
        parts = {digits[at : at + 18] for at in range(len(digits))}
        found |= {part for part in parts if is_id_number(part) and part[6:8] in {"18", "19", "20"}}
    return {canonical(value) for value in found - {cell}}


@settings(max_examples=300, deadline=None)
@given(st.lists(_FOLDED, min_size=1, max_size=6, unique=True))
@example(["20240102t103005", "rmb123456", "2024-13-40", "1,234.50", "8613800138000"])
def test_the_forms_of_cells_are_those_of_each_alone(cells: list[str]) -> None:
    forms = forms_of(cells)

    assert forms.whole == [canonical(cell) for cell in cells]
    assert set(forms.complexes) >= {
        at
        for at, cell in enumerate(cells)
        if not _SIMPLE.fullmatch(cell) and not _NUMBER.fullmatch(canonical(cell))
    }


@settings(max_examples=300, deadline=None)
@given(_FOLDED)
def test_the_short_way_to_a_form_ends_where_the_long_one_does(text: str) -> None:
    assert canonical_of(text) == canonical(text)


@settings(max_examples=300, deadline=None)
@given(st.lists(_FOLDED, min_size=1, max_size=5, unique=True))
@example(["证件号码410727199001011234电话13800138000登记于1990-01-02，共1,234.50元"])
def test_all_that_stands_inside_a_cell_is_a_candidate(cells: list[str]) -> None:
    """And none of it crosses from one cell into the next."""
    forms = forms_of(cells)
    found = inner([cells[at] for at in forms.divisible])

    for number, at in enumerate(forms.divisible):
        values = {value for value, owner, _ in found if owner == number}
        assert values >= expected(cells[at]) - {forms.whole[at]}
    for at in set(forms.complexes) - set(forms.divisible):
        assert expected(cells[at]) <= {forms.whole[at]}


@settings(max_examples=100, deadline=None)
@given(st.text(min_size=1, max_size=40), st.data())
def test_a_window_of_a_text_has_the_hash_of_its_string(text: str, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(text) - 1))
    size = data.draw(st.integers(1, len(text) - begin))
    hashes = Quick.of(bytes(range(48)))
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    sums, at = hashes.sums(codes), np.array([begin])
    window = text[begin : begin + size]

    assert hashes.windows(sums, at, size)[0] == hashes.strings([window])[0]
    assert hashes.marked(sums, at, size, mark="\x02")[0] == hashes.strings(["\x02" + window])[0]


def test_long_strings_and_many_of_them_are_hashed_alike() -> None:
    """In chunks or alone; beyond the head only the length counts."""
    hashes = Quick.of(bytes(range(48)))
    strings = [f"{n}值" * (n % 90) for n in range(3 * CHUNK // 200)]

    together = hashes.strings(strings)

    assert together.tolist() == [hashes.strings([one])[0] for one in strings]
    assert hashes.strings(["甲" * HEAD])[0] != hashes.strings(["甲" * (HEAD + 1)])[0]
    assert np.unique(hashes.strings(sorted(set(strings)))).size == len(set(strings))


@pytest.mark.parametrize("at", range(0, 48, 8))
def test_the_hash_hangs_on_every_word_of_its_secret(at: int) -> None:
    secret = bytearray(range(48))
    before = Quick.of(bytes(secret)).strings(["王小明"])[0]
    secret[at] ^= 0x10

    assert Quick.of(bytes(secret)).strings(["王小明"])[0] != before
