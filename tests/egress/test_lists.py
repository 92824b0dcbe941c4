# SPDX-License-Identifier: Apache-2.0
"""People of one country share names, streets and suburbs: that is no released record."""

from itertools import product
from pathlib import Path
from random import Random

import numpy as np
import pytest

from govshare_policy.egress.score import Hits, Thresholds, recognise
from govshare_policy.egress.verdict import Outcome
from tests.egress.forms import as_csv
from tests.egress.generators import Row, day
from tests.egress.guarded import make_guarded

_BEGIN = ("al", "bren", "cal", "dor", "ed", "fen", "glen", "hol", "ing", "kel", "lan", "mor")
_MIDDLE = ("ber", "der", "la", "ming", "no", "ring", "sel", "ti", "ven", "wa")
_END = ("ford", "ham", "ley", "more", "sley", "son", "ton", "wood", "worth", "wick")
_NAMES = ["".join(parts) for parts in product(_BEGIN, _MIDDLE, _END)]
_WAYS = ("street", "avenue", "place", "circuit", "crescent", "road")


def _often(random: Random, values: list[str]) -> str:
    """Draw as names are borne: a few often, most seldom."""
    return values[int(len(values) * random.random() ** 2.5)]


def person(random: Random) -> Row:
    return {
        "given": _often(random, _NAMES[::7]),
        "surname": _often(random, _NAMES),
        "street": f"{_often(random, _NAMES[::-1])} {random.choice(_WAYS)}",
        "suburb": _often(random, _NAMES[::2]),
        "born": day(random, 1920, 2005).isoformat(),
    }


@pytest.mark.parametrize("count", [60, 600])
def test_other_people_of_the_same_lists_pass_and_released_ones_do_not(
    count: int, tmp_path: Path
) -> None:
    random = Random(7)  # noqa: S311 - invented data
    released = [person(random) for _ in range(count)]
    others = [[person(random) for _ in range(100)] for _ in range(30)]
    with make_guarded(tmp_path) as guarded:
        first = guarded.release(released)

        assert all(guarded.scan(as_csv(rows)).outcome is Outcome.PASS for rows in others)
        found = guarded.recognised(as_csv(released[:50]))
        assert len(found & set(range(first, first + 50))) >= 49


def hits(*bits: float) -> Hits:
    one = np.zeros(len(bits), dtype=np.int64)
    each = np.arange(len(bits), dtype=np.int64)
    return Hits(place=one, row=one, field=each, value=each, bits=np.array(bits))


@pytest.mark.parametrize(
    ("bits", "certain"),
    [
        pytest.param((10.0, 10.0, 10.0), False, id="three of the least"),
        pytest.param((10.0, 10.0, 10.0, 10.0), True, id="four of the least"),
        pytest.param((15.0, 10.0, 10.0), True, id="a day and two"),
    ],
)
def test_common_words_are_certain_only_when_there_are_four(
    bits: tuple[float, ...], *, certain: bool
) -> None:
    """What is just kept is kept for the benefit of the doubt, and tells a little less than that."""
    found = recognise(hits(*bits), Thresholds())

    assert (found.certain.size, found.likely.size) == (int(certain), int(not certain))
