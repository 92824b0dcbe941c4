# SPDX-License-Identifier: Apache-2.0
"""A file of records is read strictly, keeps its bytes, and has one spelling for each record."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.egress.batchfile import BatchForm, canonical_row, read_batch
from govshare_policy.errors import CallError

FORMS = {
    BatchForm.JSON: '{"total": 2, "data": {"items": [ {"a":1.50,"b":null},{"a":"x","b":"y"} ]}}',
    BatchForm.NDJSON: '{"a":1.50,"b":""}\n{"a":"x","b":"y"}\n',
    BatchForm.CSV: 'a,b\r\n1.50,\r\n"x","y"\r\n',
}


@pytest.mark.parametrize("form", FORMS)
def test_a_record_has_one_spelling_whatever_form_it_left_in(form: BatchForm) -> None:
    batch = read_batch(FORMS[form].encode(), form)

    assert [canonical_row(row.cells) for row in batch.rows] == [
        b'[["a","1.50"]]',
        b'[["a","x"],["b","y"]]',
    ]
    assert batch.with_rows(batch.rows) == FORMS[form].encode()


def test_what_is_nested_is_spelt_sorted() -> None:
    [row] = read_batch(
        b'[{"a":{"z":1,"b":[true,false,null]},"c":true,"d":false}]', BatchForm.JSON
    ).rows

    assert dict(row.cells) == {"a": '{"b":[true,false,null],"z":"1"}', "c": "true", "d": "false"}


@pytest.mark.parametrize(
    ("form", "data"),
    [
        (BatchForm.JSON, b""),
        (BatchForm.JSON, b"\xff"),
        (BatchForm.JSON, b'{"a":1}'),
        (BatchForm.JSON, b"{}"),
        (BatchForm.JSON, b"[1]"),
        (BatchForm.JSON, b"[" * 9000),
        (BatchForm.JSON, b'"text"'),
        (BatchForm.NDJSON, b'{"a":1}\n\n{"a":1}'),
        (BatchForm.CSV, b""),
        (BatchForm.CSV, b'a\n"b'),
        (BatchForm.CSV, b"a,b\n1\n"),
    ],
    ids=str,
)
def test_a_file_that_holds_no_records_is_bad_input_and_is_not_quoted(
    form: BatchForm, data: bytes
) -> None:
    with pytest.raises(CallError) as caught:
        read_batch(data, form)
    assert caught.value.__cause__ is None
    assert "`" not in str(caught.value)


@settings(max_examples=30)
@given(rows=st.lists(st.dictionaries(st.sampled_from("abc"), st.text()), min_size=1, max_size=9))
def test_two_rows_are_spelt_alike_only_if_they_are_the_same(rows: list[dict[str, str]]) -> None:
    full = {tuple(sorted((k, v) for k, v in row.items() if v)) for row in rows}

    assert len({canonical_row(row) for row in rows}) == len(full)
