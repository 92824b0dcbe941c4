# SPDX-License-Identifier: Apache-2.0
"""The fast parts of a scan against what they mean, and what counts as one place."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from govshare_policy.egress import join as joining
from govshare_policy.egress import scan as scanning
from govshare_policy.egress.hashing import Quick
from govshare_policy.egress.join import Released, Standing, join
from govshare_policy.egress.score import Column, Hits, Thresholds, is_contained, recognise
from govshare_policy.egress.starts import starts_of
from govshare_policy.egress.windows import windows
from tests.egress.generators import household, rows
from tests.egress.guarded import Guarded, make_guarded

HASHES = Quick.of(bytes(range(48)))
_SMALL = st.integers(0, 5)
_PAIRS = st.sets(st.tuples(_SMALL, _SMALL), max_size=25)


def arrays(pairs: set[tuple[int, int]]) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    return [np.array([pair[at] for pair in sorted(pairs)], dtype=np.int64) for at in (0, 1)]


@settings(max_examples=100)
@given(standing=_PAIRS, released=_PAIRS, common=st.integers(1, 6))
def test_a_join_gives_what_it_means(
    standing: set[tuple[int, int]], released: set[tuple[int, int]], common: int
) -> None:
    """A rare value is joined with all its records, a common one with those that a rare one has."""
    count = {value: sum(v == value for v, _ in released) for value in range(6)}
    seeds = {
        (place, row)
        for value, place in standing
        for v, row in released
        if v == value and count[value] <= common
    }
    expected = {
        (place, row, value)
        for value, place in standing
        for v, row in released
        if v == value and (count[value] <= common or (place, row) in seeds)
    }
    value, row = arrays(released)
    stands, place = arrays(standing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joining, "COMMON", common)
        hits = join(
            Standing(value=stands, place=place),
            Released(value=value, row=row, field=row, bits=value),
            values=6,
        )

    found = list(zip(hits.place.tolist(), hits.row.tolist(), hits.value.tolist(), strict=True))
    assert len(found) == len(set(found))
    assert set(found) == expected


@settings(max_examples=100)
@example(texts=["在111丁"], values={"111丁"})
@given(
    texts=st.lists(st.text("甲乙丙丁1a", max_size=30), min_size=1, max_size=4),
    values=st.sets(st.text("甲乙丙丁1a", min_size=2, max_size=20), max_size=6),
)
def test_every_known_value_in_running_text_is_found(texts: list[str], values: set[str]) -> None:
    """Wherever it stands, and however it begins, unless it is plain ASCII."""
    values = {value for value in values if starts_of(value)}
    held = values | {start for value in values for start in starts_of(value)}

    known = HASHES.strings(sorted(held))

    found = set(windows(texts, HASHES, lambda asked: np.isin(asked, known)))

    assert found == {
        (value, number, at)
        for number, text in enumerate(texts)
        for value in values
        for at in range(len(text))
        if text.startswith(value, at)
    }


@pytest.fixture
def guarded(tmp_path: Path) -> Guarded:
    return make_guarded(tmp_path)


@pytest.mark.parametrize("filler", ["无关文字" * 200, "\x1f".join(f"项{n}目" for n in range(300))])
def test_what_stands_far_apart_in_one_segment_is_not_one_record(
    filler: str, guarded: Guarded
) -> None:
    """A name here and a day of birth there are two people, as often as not."""
    row = rows(household, 9, seed=1)[0]
    near = f"{row['name']}\x1f{row['birth_date']}\x1f{row['address']}"
    with guarded:
        guarded.release(rows(household, 9, seed=1))
        scanner = guarded.guard.scanner
        together = scanner.scan(near + filler).hits
        apart = scanner.scan(f"{row['name']}，{filler}，{row['birth_date']}").hits

    assert together.place.size == 3
    assert len(set(apart.place.tolist())) == apart.place.size >= 2


def test_a_text_cut_into_pieces_says_the_same(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = rows(household, 60, seed=1)
    text = "\x1e".join("\x1f".join(row.values()) for row in released)
    with guarded:
        guarded.release(released)
        whole = guarded.guard.scanner.scan(text)
        monkeypatch.setattr(scanning, "PIECE", 500)
        pieces = guarded.guard.scanner.scan(text)

    assert pieces.segments == whole.segments == 60
    assert sorted(zip(pieces.hits.place.tolist(), pieces.hits.row.tolist(), strict=True)) == sorted(
        zip(whole.hits.place.tolist(), whole.hits.row.tolist(), strict=True)
    )


@pytest.mark.parametrize(
    ("column", "identifying", "contained"),
    [
        pytest.param(Column(values=100, released=19, postings=19), True, False, id="too few"),
        pytest.param(Column(values=400, released=20, postings=20), True, True, id="5 percent"),
        pytest.param(Column(values=401, released=20, postings=20), True, False, id="under it"),
        pytest.param(Column(values=100, released=95, postings=97), False, True, id="leaked"),
        pytest.param(Column(values=100, released=30, postings=36), False, False, id="by chance"),
        pytest.param(Column(values=100, released=100, postings=250), False, False, id="dense"),
    ],
)
def test_containment_is_more_than_chance(
    column: Column, *, identifying: bool, contained: bool
) -> None:
    assert is_contained(column, Thresholds(), identifying=identifying) is contained


def two_fields(bits: float) -> Hits:
    two = np.zeros(2, dtype=np.int64)
    number = np.arange(2)
    return Hits(place=two, row=two, field=number, value=number, bits=np.full(2, bits / 2))


@pytest.mark.parametrize(
    ("bits", "pairs", "certain", "likely"),
    [
        pytest.param(30, 1_000, 1, 0, id="a small index"),
        pytest.param(30, 1 << 26, 0, 1, id="chance makes one in 16 documents certain"),
        pytest.param(33, 1 << 26, 1, 0, id="and of more bits fewer"),
        pytest.param(33, 1 << 34, 0, 0, id="chance alone explains it"),
    ],
)
def test_a_record_is_certain_only_where_chance_does_not_explain_it(
    bits: float, pairs: int, certain: int, likely: int
) -> None:
    found = recognise(two_fields(bits), Thresholds(), pairs=pairs)

    assert (found.certain.size, found.likely.size) == (certain, likely)


def test_an_identifier_is_certain_however_large_the_index_is() -> None:
    assert recognise(two_fields(80), Thresholds(), pairs=1 << 50).certain.size == 1
