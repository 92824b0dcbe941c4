# SPDX-License-Identifier: Apache-2.0
"""Exactly the released fields leave, in their own spelling; anything else stays."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.crypto import sm3
from govshare_sidecar.release.answer import verify_type
from govshare_sidecar.release.document import release
from govshare_sidecar.release.released import MAX_DEPTH
from govshare_sidecar.upstream import Fault, UpstreamError


@pytest.mark.parametrize(
    ("body", "records", "expected", "rows"),
    [
        (b'{"a": 1, "b": 2}', (), b'{"a":1}', 1),
        (b'[{"a": 1, "b": 2}, {"b": 3}, {"a": null}]', (), b'[{"a":1},{},{"a":null}]', 3),
        (b"[]", (), b"[]", 0),
        (b"{}", (), b"{}", 1),
        (b' \n\t[ {"a" : [1, {"b": 2}] } ] ', (), b'[{"a":[1, {"b": 2}]}]', 1),
        (b'{"d": {"i": [{"a": 1}], "n": 9}, "m": 1}', ("d", "i"), b'{"d":{"i":[{"a":1}]}}', 1),
        (b'{"d": {"a": 1, "b": 2}}', ("d",), b'{"d":{"a":1}}', 1),
        (b'{"\\u0061": "\\u4e2d"}', (), b'{"a":"\\u4e2d"}', 1),
        (b'{"a": 0.1000000000000000055511151231257827}', (), None, 1),
        (b'{"a": 123456789012345678901234567890}', (), None, 1),
        (b'{"a": -0.0e-10}', (), None, 1),
    ],
)
def test_released_fields_keep_their_spelling_and_the_rest_is_gone(
    body: bytes, records: tuple[str, ...], expected: bytes | None, rows: int
) -> None:
    released = release(body, ("a",), records=records)

    assert released.body == (expected or body.replace(b" ", b""))
    assert released.rows == rows
    assert released.digest == sm3(released.body)


@pytest.mark.parametrize(
    ("body", "records"),
    [
        (b"", ()),
        (b"nul", ()),
        (b"null", ()),
        (b"1", ()),
        (b'"a"', ()),
        (b"[1]", ()),
        (b"[[]]", ()),
        (b'[{"a": 1}, null]', ()),
        (b'{"a": 1} {"a": 2}', ()),
        (b'{"a": 1,}', ()),
        (b"{'a': 1}", ()),
        (b'{"a": 01}', ()),
        (b'{"a": .5}', ()),
        (b'{"a": NaN}', ()),
        (b'{"a": Infinity}', ()),
        (b'{"a": "\n"}', ()),
        (b'{"a": "\xff"}', ()),
        (b'\xef\xbb\xbf{"a": 1}', ()),
        (b'{"a": 1, "a": 2}', ()),
        (b'{"a": 1, "\\u0061": 2}', ()),
        (b'{"b": [{"c": {"x": 1, "x": 2}}]}', ()),
        (b'{"a": 1}', ("d",)),
        (b'{"d": 1}', ("d",)),
        (b'{"d": null}', ("d",)),
        (b'[{"d": {}}]', ("d",)),
        (b'{"d": [{"i": {}}]}', ("d", "i")),
        (b"[" * 100_000, ()),
    ],
)
def test_what_is_not_plainly_records_is_refused_whole(
    body: bytes, records: tuple[str, ...]
) -> None:
    with pytest.raises(UpstreamError) as caught:
        release(body, ("a",), records=records)
    assert caught.value.fault is Fault.UNREADABLE
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize(("depth", "passes"), [(MAX_DEPTH - 1, True), (MAX_DEPTH + 1, False)])
def test_nesting_has_a_bound(depth: int, *, passes: bool) -> None:
    body = b'{"a":' * depth + b"1" + b"}" * depth
    if passes:
        assert release(body, ("a",), records=()).rows == 1
        return
    with pytest.raises(UpstreamError, match="nested deeper"):
        release(body, ("a",), records=())


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON ; charset=UTF-8",
        'application/json;charset="utf-8"',
    ],
)
def test_plain_json_is_announced(content_type: str) -> None:
    verify_type(content_type, ("application/json",))


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/html",
        "application/json,text/html",
        "application/jsonp",
        "application/json; charset=gbk",
        "application/json; charset=utf-8; version=2",
    ],
)
def test_anything_else_is_not_read(content_type: str) -> None:
    with pytest.raises(UpstreamError, match="not announced"):
        verify_type(content_type, ("application/json",))


NAMES = st.sampled_from(["a", "b", "姓名", "id_no", ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.dictionaries(NAMES, VALUES, max_size=5)


@settings(max_examples=60, deadline=None)
@given(
    records=st.lists(RECORDS, max_size=4) | RECORDS,
    fields=st.sets(NAMES),
    path=st.lists(st.sampled_from(["data", "items"]), max_size=3),
    ascii_only=st.booleans(),
)
def test_a_release_is_the_definition_of_one(
    records: list[dict[str, Any]] | dict[str, Any],
    fields: set[str],
    path: list[str],
    *,
    ascii_only: bool,
) -> None:
    """What leaves is what a plain reader would have kept."""
    document: object = records
    for key in reversed(path):
        document = {key: document, "": "other"}
    body = json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")

    released = json.loads(release(body, fields, records=path).body)

    for key in path:
        assert list(released) == [key]
        released = released[key]

    def keep(record: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in record.items() if key in fields}

    assert released == ([keep(r) for r in records] if isinstance(records, list) else keep(records))
