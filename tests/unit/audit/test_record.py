# SPDX-License-Identifier: Apache-2.0
"""Records have one spelling, and everything else is refused."""

import json
import re
import subprocess
import sys
import unicodedata
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.audit import encode_record, format_time, new_record_id, parse_record
from govshare_policy.audit.record import _check_object
from govshare_policy.errors import AuditError, VerificationError

KEYS = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).filter(
    lambda text: text.isascii() or unicodedata.is_normalized("NFC", text)
)
SCALARS = st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60)
@given(record=st.dictionaries(KEYS, VALUES, max_size=4))
def test_a_record_survives_the_round_trip(record: dict[str, Any]) -> None:
    """What is parsed is what was encoded, and it is JSON to everybody."""
    data = encode_record(record)

    assert parse_record(data) == record
    assert json.loads(data) == record


def test_the_spelling_is_that_of_jcs() -> None:
    """Keys are sorted, nothing is spaced, and only what must be is escaped."""
    record = {"b": [1, True, {"y": "\u4e2d\u6587", "x": -5}], "a": '"\\\b\f\n\r\t\x1f\x7f/\u20ac'}

    expected = '{"a":"\\"\\\\\\b\\f\\n\\r\\t\\u001f\x7f/€","b":[1,true,{"x":-5,"y":"中文"}]}'
    assert encode_record(record).decode() == expected


OUTSIDE: dict[str, tuple[dict[Any, Any], str]] = {
    "a float": ({"call": {"rows": 1.5}}, "`call.rows`"),
    "a null": ({"basis": None}, "`basis`"),
    "a big integer": ({"n": 2**53}, "`n`"),
    "a small integer": ({"n": -(2**53)}, "`n`"),
    "an upper-case key": ({"call": {"Rows": 1}}, "`call`"),
    "a Chinese key": ({"部门": 1}, "`.`"),
    "an empty key": ({"": 1}, "`.`"),
    "a key with a line break": ({"a\n": 1}, "`.`"),
    "a key that is no text": ({"a": {1: 2}}, "`a`"),
    "bytes": ({"a": [0, b"x"]}, "`a[1]`"),
    "text not in normal form": ({"a": "e\u0301"}, "`a`"),
    "half a surrogate pair": ({"a": "\ud800"}, "`a`"),
    "objects too deep": (json.loads('{"a":' * 17 + "1" + "}" * 17), "16 levels"),
    "arrays too deep": ({"a": json.loads("[" * 16 + "]" * 16)}, "16 levels"),
    "too long": ({"a": "x" * 61433}, "61441 bytes"),
}


@pytest.mark.parametrize(("record", "says"), OUTSIDE.values(), ids=OUTSIDE)
def test_what_has_no_spelling_is_refused_by_its_path(record: dict[Any, Any], says: str) -> None:
    """The message names the key, and no value."""
    with pytest.raises(AuditError, match=re.escape(says)):
        encode_record(record)


def test_the_longest_and_deepest_record_is_taken() -> None:
    """The limits are inside."""
    assert len(encode_record({"a": "x" * 61432})) == 61440
    deepest = json.loads('{"a":' * 16 + "1" + "}" * 16)
    assert parse_record(encode_record(deepest)) == deepest


OTHER_SPELLINGS = {
    "a space": b'{"a": 1}',
    "a newline behind": b'{"a":1}\n',
    "keys out of order": b'{"b":1,"a":1}',
    "a key twice": b'{"a":1,"a":1}',
    "another escape": b'{"a":"\\u0041"}',
    "an escaped slash": b'{"a":"\\/"}',
    "upper-case hexadecimal": b'{"a":"\\u001F"}',
    "a fraction of zero": b'{"a":1.0}',
    "an exponent": b'{"a":1e2}',
    "minus zero": b'{"a":-0}',
    "a constant of JavaScript": b'{"a":NaN}',
    "a null": b'{"a":null}',
    "an array": b"[]",
    "a text": b'"a"',
    "nothing": b"",
    "half a record": b'{"a":1',
    "invalid utf-8": b'{"a":"\xff"}',
    "a byte order mark": b'\xef\xbb\xbf{"a":1}',
    "an endless number": b'{"a":' + b"9" * 5000 + b"}",
    "endless nesting": b'{"a":' + b"[" * 60000 + b"}",
    "too long": b'{"a":"' + b"x" * 61440 + b'"}',
}


@pytest.mark.parametrize("data", OTHER_SPELLINGS.values(), ids=OTHER_SPELLINGS)
def test_every_other_spelling_is_refused(data: bytes) -> None:
    """Only what encode_record writes is a record."""
    with pytest.raises(VerificationError, match=r"^the (record|value|integer)"):
        parse_record(data)


def test_a_refusal_keeps_the_value_to_itself() -> None:
    """Neither the message nor the cause quotes the record."""
    with pytest.raises(VerificationError) as caught:
        parse_record(b'{"id_no":"110101199003070011"')

    assert caught.value.__cause__ is None
    assert "1101" not in str(caught.value)


def test_an_instant_is_written_in_utc() -> None:
    """The zone of the argument does not show."""
    at = datetime(2026, 1, 5, 9, 2, 3, 45, tzinfo=timezone(timedelta(hours=8)))

    assert format_time(at) == "2026-01-05T01:02:03.000045Z"
    with pytest.raises(ValueError, match="time zone"):
        format_time(at.replace(tzinfo=None))


def test_record_ids_are_uuids_in_the_order_of_time() -> None:
    """RFC 9562 version 7: the first 48 bits are milliseconds."""
    at = datetime(2026, 1, 5, tzinfo=UTC)

    first, second = (uuid.UUID(new_record_id(at + timedelta(seconds=s))) for s in (0, 1))

    assert (first.version, first.variant) == (7, uuid.RFC_4122)
    assert first < second
    assert first.int >> 80 == int(at.timestamp() * 1000)
    assert new_record_id(at) != new_record_id(at)


def test_a_mark_after_an_escape_is_in_normal_form() -> None:
    """The letter of the escape is not in the text, so nothing combines with it."""
    record = {"a": "\n\u0303"}

    assert parse_record(encode_record(record)) == record


@settings(max_examples=100)
@given(
    member=st.recursive(
        SCALARS | st.none() | st.floats() | st.text(max_size=4) | st.integers(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
        max_leaves=6,
    )
)
def test_the_quick_look_takes_nothing_that_the_whole_check_refuses(member: object) -> None:
    try:
        _check_object({"a": member}, path="", depth=1)
    except AuditError as error:
        with pytest.raises(AuditError, match=f"^{re.escape(str(error))}$"):
            encode_record({"a": member})
    else:
        encode_record({"a": member})


def test_ids_made_in_several_threads_are_all_different() -> None:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(lambda _: new_record_id(at), range(4000)))

    assert len(set(ids)) == len(ids)


def test_a_forked_process_makes_ids_of_its_own() -> None:
    code = (
        "import os, datetime as d; from govshare_policy.audit import new_record_id as n;"
        "at = d.datetime(2026, 1, 5, tzinfo=d.UTC); n(at); child = not os.fork();"
        "child or os.wait(); print(n(at), flush=True)"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    first, second = out.stdout.split()
    assert first != second
