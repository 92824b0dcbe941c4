# SPDX-License-Identifier: Apache-2.0
import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.call import (
    MAX_CALL_BYTES,
    Action,
    Call,
    Recipient,
    RecipientKind,
    call_from_document,
    parse_call,
)
from govshare_policy.call_values import MAX_FIELDS, MAX_TEXT
from govshare_policy.errors import CallError
from tests.county import PLAIN

ABSENT = object()
SECRET = "王小明-330102199001011234"  # noqa: S105  a value that must never be repeated


def document(**change: object) -> dict[str, Any]:
    """Return the plain call with keys set, or taken out where they are ABSENT."""
    return {key: value for key, value in {**PLAIN, **change}.items() if value is not ABSENT}


def fault(data: bytes | str, *, on_the_wire: bool = False) -> str:
    with pytest.raises(CallError) as caught:
        parse_call(data, on_the_wire=on_the_wire)
    return str(caught.value)


def test_a_plain_call_is_read_as_it_stands() -> None:
    call = parse_call(json.dumps(PLAIN).encode())

    assert call.id == "case"
    assert call.action is Action.READ
    assert call.at == datetime(2025, 9, 22, 10, tzinfo=timezone(timedelta(hours=8)))
    assert (call.department, call.system) == ("D-HCB", "SYS-HCB-PRH")
    assert (call.resource, call.fields) == ("R08", ("id_no", "marital_status"))
    assert (call.purpose, call.grant) == ("data_verification", "G01")


def test_what_is_not_stated_has_the_documented_default() -> None:
    call = parse_call(json.dumps(document(grant=ABSENT)))

    assert (call.channel, call.network) == ("api", "extranet")
    assert (call.operator, call.item, call.grant, call.consent) == ("", "", "", "")
    assert (call.recipient, call.derived, call.commercial) == (None, False, False)
    assert not call.asks_for_all


def test_every_key_arrives_in_its_own_place() -> None:
    said = {
        "operator": "op",
        "item": "it",
        "channel": "online_query",
        "network": "intranet",
        "grant": "G02",
        "consent": "CON-1",
        "derived": True,
        "commercial": True,
        "fields": ["*"],
        "recipient": {"kind": "company", "id": "O-BNK"},
    }

    call = call_from_document(document(**said))

    kept = {key: getattr(call, key) for key in said if key not in ("fields", "recipient")}
    assert kept == {key: said[key] for key in kept}
    assert call.recipient == Recipient(kind=RecipientKind.COMPANY, id="O-BNK")
    assert call.asks_for_all


BROKEN_DOCUMENTS: Mapping[str, tuple[bytes | str, str]] = {
    "nothing": (b"", "the call is not valid JSON at line 1 column 1"),
    "half an object": (b'{"id": "a",\n "at"', "the call is not valid JSON at line 2 column 6"),
    "two objects": (b"{}{}", "the call is not valid JSON at line 1 column 3"),
    "a list": (b"[]", "a call is a JSON object"),
    "a text": (b'"x"', "a call is a JSON object"),
    "null": (b"null", "a call is a JSON object"),
    "bad UTF-8": (b'{"id": "\xff"}', "the call is not valid UTF-8 at byte 8"),
    "an overlong encoding": (b'{"id": "\xc0\xaf"}', "the call is not valid UTF-8 at byte 8"),
    "UTF-16": ('{"id": "a"}'.encode("utf-16"), "the call is not valid UTF-8 at byte 0"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "the call is not valid JSON at line 1 column 1"),
    "a duplicate key": (b'{"id": "a", "id": "a"}', "the key `id` stands twice in the call"),
    "a duplicate key deeper down": (
        b'{"recipient": {"kind": "company", "kind": "public"}}',
        "the key `kind` stands twice in the call",
    ),
    "a duplicate key that spells another way": (
        b'{"id": "a", "\\u0069d": "b"}',
        "the key `id` stands twice in the call",
    ),
    "NaN": (b'{"id": NaN}', "`NaN` is not JSON"),
    "infinity": (b'{"id": -Infinity}', "`-Infinity` is not JSON"),
    "too deep": (b"[" * 60_000, "the call is nested too deeply"),
    "a number of 5,000 digits": (
        b'{"id": ' + b"1" * 5000 + b"}",
        "the call holds a number that is too long",
    ),
    "a raw line break in a text": (
        b'{"id": "a\nb"}',
        "the call is not valid JSON at line 1 column 10",
    ),
}


@pytest.mark.parametrize(("data", "said"), BROKEN_DOCUMENTS.values(), ids=list(BROKEN_DOCUMENTS))
def test_what_is_not_one_json_object_is_refused(data: bytes | str, said: str) -> None:
    assert fault(data) == said


def test_ten_megabytes_are_refused_without_being_read() -> None:
    whole = json.dumps(document(id="x" * (10 << 20))).encode()

    assert fault(whole) == "a call is at most 65536 bytes of JSON"


def test_the_largest_call_is_read_and_one_byte_more_is_not() -> None:
    padding = MAX_CALL_BYTES - len(json.dumps(PLAIN).encode())
    largest = json.dumps(PLAIN).encode() + b" " * padding

    assert parse_call(largest).id == "case"
    assert fault(largest + b" ") == "a call is at most 65536 bytes of JSON"


class Wrong(NamedTuple):
    change: dict[str, object]
    said: str


WRONG_TYPES: Mapping[str, Wrong] = {
    "a number for a text": Wrong({"id": 1}, "`id` is a string"),
    "null for a text": Wrong({"grant": None}, "`grant` is a string"),
    "a list for a text": Wrong({"resource": ["R08"]}, "`resource` is a string"),
    "a number for an action": Wrong({"action": 1}, "`action` is a string"),
    "another action": Wrong({"action": "write"}, "`action` is `read` or `onward`"),
    "an action in capitals": Wrong({"action": "READ"}, "`action` is `read` or `onward`"),
    "a text for the fields": Wrong({"fields": "id_no"}, "`fields` is a list of field names"),
    "an object for the fields": Wrong({"fields": {}}, "`fields` is a list of field names"),
    "a number among the fields": Wrong({"fields": ["id_no", 7]}, "`fields[]` is a string"),
    "a field twice": Wrong({"fields": ["a", "b", "a"]}, "`fields` names a field twice"),
    "a field twice in other spellings": Wrong(
        {"fields": ["caf\u00e9", "cafe\u0301"]}, "`fields` names a field twice"
    ),
    "a star among fields": Wrong({"fields": ["*", "id_no"]}, "`*` stands alone in `fields`"),
    "too many fields": Wrong(
        {"fields": [f"f{i}" for i in range(MAX_FIELDS + 1)]}, "`fields` names at most 512 fields"
    ),
    "a text for a flag": Wrong({"derived": "true"}, "`derived` is true or false"),
    "a number for a flag": Wrong({"commercial": 0}, "`commercial` is true or false"),
    "null for a flag": Wrong({"derived": None}, "`derived` is true or false"),
    "a text too long": Wrong({"item": "x" * (MAX_TEXT + 1)}, "`item` is at most 256 characters"),
    "a line break": Wrong({"purpose": "a\nb"}, "`purpose` holds a control character"),
    "NUL": Wrong({"system": "a\0"}, "`system` holds a control character"),
    "an escape sequence": Wrong({"id": "\x1b[2J"}, "`id` holds a control character"),
    "half a surrogate pair": Wrong({"id": "\ud800"}, "`id` holds a control character"),
    "a control character in a field": Wrong(
        {"fields": ["a\x7f"]}, "`fields[]` holds a control character"
    ),
    "an unknown key": Wrong({"force": True}, "unknown key `force` in the call"),
    "a key in capitals": Wrong({"Grant": "G01"}, "unknown key `Grant` in the call"),
    "an unknown key that is a value": Wrong({SECRET: 1}, "unknown key (not printable) in the call"),
    "an unknown key of another script": Wrong(
        {"ｉｄ": "x"}, "unknown key (not printable) in the call"
    ),
}


@pytest.mark.parametrize("wrong", WRONG_TYPES.values(), ids=list(WRONG_TYPES))
def test_a_wrong_key_or_type_is_named(wrong: Wrong) -> None:
    assert fault(json.dumps(document(**wrong.change))) == wrong.said


@pytest.mark.parametrize("key", ["id", "at", "action", "department", "system", "resource"])
def test_a_call_without_a_required_key_is_refused(key: str) -> None:
    assert fault(json.dumps(document(**{key: ABSENT}))) == f"the call has no `{key}`"


def test_fields_and_purpose_are_required_to_read() -> None:
    assert fault(json.dumps(document(fields=ABSENT))) == "the call has no `fields`"
    assert fault(json.dumps(document(purpose=ABSENT))) == "the call has no `purpose`"


def test_onward_needs_a_recipient_and_no_purpose() -> None:
    onward = document(action="onward", purpose=ABSENT)

    assert fault(json.dumps(onward)) == "`recipient` is required when `action` is `onward`"
    call = call_from_document({**onward, "recipient": {"kind": "public"}})
    assert (call.purpose, call.recipient) == ("", Recipient(kind=RecipientKind.PUBLIC))


def test_on_the_wire_identity_and_time_may_be_left_out() -> None:
    wire = document(id=ABSENT, at=ABSENT, department=ABSENT, system=ABSENT)

    call = parse_call(json.dumps(wire), on_the_wire=True)

    assert (call.id, call.at, call.department, call.system, call.network) == ("", None, "", "", "")
    assert fault(json.dumps(wire)) == "the call has no `at`"


@pytest.mark.parametrize("key", ["action", "resource", "fields", "purpose"])
def test_on_the_wire_the_rest_is_required_all_the_same(key: str) -> None:
    said = fault(json.dumps(document(**{key: ABSENT})), on_the_wire=True)

    assert said == f"the call has no `{key}`"


def test_on_the_wire_a_claim_is_kept_so_that_it_can_be_held_against_the_proof() -> None:
    call = parse_call(json.dumps(document(network="intranet")), on_the_wire=True)

    assert (call.department, call.system, call.network) == ("D-HCB", "SYS-HCB-PRH", "intranet")
    assert call.at is not None


def test_texts_are_put_in_normal_form_c() -> None:
    """Two spellings of one name must not be two names."""
    decomposed = call_from_document(document(purpose="re\u0301vision", fields=["cafe\u0301"]))

    assert (decomposed.purpose, decomposed.fields) == ("r\u00e9vision", ("caf\u00e9",))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(change=st.dictionaries(st.sampled_from([*PLAIN, "recipient", "derived", "x"]), VALUES))
def test_any_json_parses_or_is_a_call_error_of_one_clean_line(change: dict[str, object]) -> None:
    data = json.dumps({**PLAIN, **change})
    try:
        parse_call(data)
    except CallError as error:
        said = str(error)
        assert said.isascii()
        assert said.isprintable()
        assert not said.endswith(".")


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=40))
def test_any_bytes_parse_or_are_a_call_error(data: bytes) -> None:
    with pytest.raises(CallError):
        parse_call(data)


@pytest.mark.parametrize("key", ["id", "department", "purpose", "operator", "grant"])
def test_a_refusal_repeats_no_value(key: str) -> None:
    too_long = f"{SECRET}{'x' * MAX_TEXT}"

    assert SECRET not in fault(json.dumps(document(**{key: too_long})))
    assert SECRET not in fault(json.dumps(document(**{key: f"{SECRET}\x00"})))
    assert SECRET not in fault(json.dumps(document(action=SECRET)))
    assert SECRET not in fault(json.dumps(document(recipient={"kind": SECRET, "id": "a"})))
    assert SECRET not in fault(json.dumps(document(at=SECRET)))


@pytest.mark.parametrize("key", ["fields", "on_behalf_of", "forwarded_for"])
@pytest.mark.parametrize("value", [["*"], "*", None, {"*"}], ids=["list", "text", "none", "set"])
def test_a_call_made_without_a_document_holds_tuples(key: str, value: object) -> None:
    """A list would be looked up by its hash somewhere, and `["*"]` would not mean all fields."""
    stated: dict[str, Any] = {"id": "1", "action": Action.READ, "resource": "R08", "purpose": "p"}
    assert Call(**stated, fields=("*",)).asks_for_all

    with pytest.raises(CallError, match="of a `Call` are tuples of strings, not lists"):
        Call(**{**stated, "fields": ("*",), key: value})
