# SPDX-License-Identifier: Apache-2.0
"""Words come from lists: how long a list seems to be, and what its words tell."""

from datetime import date
from itertools import product
from random import Random

import pytest

from govshare_policy.egress.space import LIST_BITS, Space
from govshare_policy.egress.values import MIN_BITS, Column, is_kept, kind_of, surprisal

ON = date(2026, 3, 2)
_STEMS = ["".join(parts) for parts in product(("bar", "cor", "dun", "ell", "fair"), repeat=4)]


def column(values: list[str]) -> Column:
    return Column.of(enumerate(values), on=ON)


def told(value: str, beside: list[str]) -> float:
    return surprisal(value, kind_of(value), column([value, *beside]))


@pytest.mark.parametrize("bits", [9, 11, 13])
def test_a_column_tells_the_length_of_the_list_it_was_drawn_from(bits: int) -> None:
    random = Random(bits)  # noqa: S311 - invented data
    drawn = column([f"w{random.randrange(2**bits)}" for _ in range(2**bits // 2)])

    assert drawn.space.bits() == pytest.approx(bits, abs=0.6)


def test_a_column_that_is_empty_tells_what_a_list_does_of_which_nothing_is_known() -> None:
    assert Space(drawn=0, once=0, twice=0).bits() == pytest.approx(LIST_BITS)


def test_a_column_that_meets_itself_tells_less_and_a_longer_one_that_does_not_tells_more() -> None:
    alone = [Space(drawn=n, once=n, twice=0).bits() for n in (10, 100, 1000)]
    met = [Space(drawn=1000, once=1000 - 2 * n, twice=n).bits() for n in (0, 1, 10, 100)]

    assert alone == sorted(alone)
    assert met == sorted(met, reverse=True)


@pytest.mark.parametrize(
    "value", ["nortonstreet", "sunvalleycaravanpark", "coniston", "zogopoulos", "saintmary'splace"]
)
@pytest.mark.parametrize("rows", [0, 20, 600])
def test_two_words_together_are_never_certain_and_each_is_kept(value: str, rows: int) -> None:
    """A street and a suburb are those of several people, however long their names are."""
    bits = told(value, _STEMS[:rows])

    assert is_kept(bits)
    assert 2 * bits < 29.9 < 3 * bits


def test_a_word_that_stands_two_or_three_times_is_kept_for_as_little_as_possible() -> None:
    once, thrice = (
        told("coniston", _STEMS[:300]),
        told("coniston", [*_STEMS[:300], *["coniston"] * 2]),
    )

    assert MIN_BITS <= thrice < once
    assert not is_kept(told("coniston", [*_STEMS[:300], *["coniston"] * 9]))


@pytest.mark.parametrize("value", ["female", "unknown", "active", "disabled", "false", "lee"])
def test_words_of_every_table_are_not_kept(value: str) -> None:
    assert not is_kept(told(value, []))
    assert not is_kept(told(value, _STEMS[:300]))


def test_a_number_beside_words_tells_what_its_size_does_and_a_code_is_no_word() -> None:
    assert told("48goldfinchcircuit", []) == pytest.approx(LIST_BITS + 6.1, abs=0.1)
    assert told("goldfinchcircuit", []) == pytest.approx(LIST_BITS)
    assert told("xk8f3r902b71", []) > 30


def test_a_body_of_a_short_list_tells_no_more_than_the_list_does() -> None:
    """Generators, and towns, have a few hundred bodies; their characters would allow millions."""
    names = [f"{stem}网络科技有限公司" for stem in ("巨奥", "恩悌", "鑫博腾飞", "昂歌信息", "九方")]
    other = [f"{chr(0x5200 + n)}{chr(0x5900 + n)}{chr(0x6100 + n)}商贸公司" for n in range(300)]
    met = other[:40]

    assert told(names[2], other) > told(names[2], other + met) >= MIN_BITS
