# SPDX-License-Identifier: Apache-2.0
"""The order of a file says for whom it was made, and nothing in the file is changed."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.crypto import sm3
from govshare_policy.egress.batchfile import Batch, BatchForm, Row, read_batch
from govshare_policy.egress.watermark import detect, mark, mark_key
from govshare_policy.errors import CallError

MASTER = bytes(range(32))
KEY = mark_key(MASTER, "one")
OTHER = mark_key(MASTER, "other")
BY = ("id_no",)


def chance(text: str) -> float:
    return int.from_bytes(sm3(text.encode())[:4]) / 2**32


def shuffled(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: chance(row.text))


def csv_of(count: int) -> Batch:
    lines = "".join(f'{n:06},"a, {n}"\r\n' for n in range(count))
    return read_batch(f"id_no,note\r\n{lines}".encode(), BatchForm.CSV)


def marked(count: int, form: BatchForm = BatchForm.CSV) -> Batch:
    return read_batch(mark(csv_of(count), KEY, fields=BY), form)


def test_the_rows_are_the_same_byte_for_byte() -> None:
    batch, again = csv_of(50), marked(50)

    assert sorted(row.text for row in again.rows) == sorted(row.text for row in batch.rows)
    assert again.rows != batch.rows
    assert (again.head, again.between, again.tail) == (batch.head, batch.between, batch.tail)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (
            BatchForm.JSON,
            '{"n": 3, "rows": [{"id_no": 1.0}, {"id_no": 2e5}, {"id_no": "\\u4e00"}]}',
        ),
        (BatchForm.NDJSON, '{"id_no": 1.0}\n{"id_no": 2e5}\n{"id_no": "\\u4e00"}\n'),
    ],
)
def test_json_keeps_its_spelling(form: BatchForm, text: str) -> None:
    data = mark(read_batch(text.encode(), form), KEY, fields=BY).decode()

    for piece in ('{"id_no": 1.0}', '{"id_no": 2e5}', '{"id_no": "\\u4e00"}'):
        assert piece in data
    assert len(data) in (len(text), len(text) - 2)
    if form is BatchForm.JSON:
        assert json.loads(data)["n"] == 3


def test_a_marked_file_is_told_from_one_that_was_not_made_with_the_key() -> None:
    batch = marked(100)

    assert detect(batch.rows, KEY, fields=BY).surprise > 50
    assert detect(batch.rows, OTHER, fields=BY).surprise < 3
    assert detect(csv_of(100).rows, KEY, fields=BY).surprise < 3


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_most_rows_may_be_deleted(share: float) -> None:
    rows = [row for row in marked(1000).rows if chance(row.text) < share]

    assert detect(rows, KEY, fields=BY).surprise > 3
    assert detect(rows, OTHER, fields=BY).surprise < 3


def test_a_shuffle_within_blocks_leaves_the_mark() -> None:
    rows = list(marked(400).rows)
    for at in range(0, 400, 40):
        rows[at : at + 40] = shuffled(rows[at : at + 40])

    assert detect(rows, KEY, fields=BY).surprise > 20


def test_blocks_that_changed_places_leave_the_mark() -> None:
    rows = marked(400).rows

    assert detect([*rows[200:], *rows[:200]], KEY, fields=BY).surprise > 20


def test_a_sorted_or_shuffled_file_has_no_mark_left() -> None:
    rows = shuffled(marked(400).rows)

    assert detect(rows, KEY, fields=BY).surprise < 3
    assert detect(sorted(rows, key=lambda row: row.text), KEY, fields=BY).surprise < 3


def test_chance_seldom_looks_like_a_mark() -> None:
    """Of a thousand keys, about one may surprise by three; ten would be a wrong measure."""
    rows = csv_of(60).rows
    surprises = [
        detect(rows, mark_key(MASTER, str(number)), fields=BY).surprise for number in range(1000)
    ]

    assert sum(surprise >= 3 for surprise in surprises) <= 5
    assert sum(surprise >= 2 for surprise in surprises) <= 25


def test_few_rows_say_nothing() -> None:
    assert detect(marked(7).rows, KEY, fields=BY).surprise == 0
    assert detect([], KEY, fields=BY).rows == 0


def test_rows_that_nothing_tells_apart_cannot_be_marked() -> None:
    with pytest.raises(CallError, match="tell rows apart"):
        mark(csv_of(3), KEY, fields=("missing",))
    with pytest.raises(ValueError, match="32 bytes"):
        mark_key(b"short", "one")


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(12)))
def test_pairs_are_counted_as_they_are_defined(order: list[int]) -> None:
    rows = [marked(12).rows[n] for n in order]
    pairs = [(a, b) for a in range(12) for b in range(a + 1, 12)]
    right = sum(order[a] < order[b] for a, b in pairs)

    found = detect(rows, KEY, fields=BY)

    assert found.concordant == pytest.approx(right / len(pairs))
    assert found.rising == sum(order[n] < order[n + 1] for n in range(11))
