# SPDX-License-Identifier: Apache-2.0
"""Exactly the released fields of a protobuf message leave, and nothing its descriptors ignore."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.crypto import sm3
from govshare_policy.errors import ConfigError
from govshare_sidecar.descriptors import find_message, find_method, load_descriptors, verify_place
from govshare_sidecar.release.message import release_message
from govshare_sidecar.routes import RouteError
from govshare_sidecar.upstream import Fault, UpstreamError
from tests.unit.sidecar.protos import POOL, descriptors, kind, make

# Field 15, a text that no descriptor knows.
UNKNOWN = b"\x7a\x06SECRET"
RECORD: dict[str, Any] = {
    "a": "甲",
    "b": "SECRET",
    "n": 2**53 + 1,
    "d": 0.1,
    "inner": {"text": "in", "more": "whole"},
    "list": ["x", "y"],
    "inners": [{"text": "1"}, {"text": "2"}],
}


@pytest.mark.parametrize("field", sorted(set(RECORD) - {"b"}))
def test_a_released_field_leaves_whole_and_alone(field: str) -> None:
    body = make("Record", **RECORD).SerializeToString()
    released = release_message(body, (field,), kind=kind("Record"))

    assert released.body == make("Record", **{field: RECORD[field]}).SerializeToString()
    assert (released.rows, released.digest) == (1, sm3(released.body))


def test_what_the_descriptors_do_not_know_stays_on_every_level() -> None:
    inner = make("Inner", text="in").SerializeToString() + UNKNOWN
    body = b"\x2a" + bytes([len(inner)]) + inner + UNKNOWN
    released = release_message(body, ("inner",), kind=kind("Record"))

    assert b"SECRET" in body
    assert released.body == make("Record", inner={"text": "in"}).SerializeToString()


def test_an_empty_message_in_a_released_field_is_still_there() -> None:
    body = make("Record", inner={}).SerializeToString()

    assert body != b""
    assert release_message(body, ("inner",), kind=kind("Record")).body == body


@pytest.mark.parametrize(
    ("records", "answer", "expected", "rows"),
    [
        (
            ("page", "items"),
            {"page": {"items": [RECORD, {}], "total": 9}, "note": "SECRET"},
            {"page": {"items": [{"a": "甲"}, {}]}},
            2,
        ),
        (("page", "items"), {"page": {"total": 9}}, {"page": {}}, 0),
        (("page", "items"), {"note": "SECRET"}, {}, 0),
        (("page", "one"), {"page": {"one": RECORD}}, {"page": {"one": {"a": "甲"}}}, 1),
        (("page", "one"), {"page": {}}, {"page": {}}, 0),
    ],
)
def test_records_are_filtered_where_they_stand(
    records: tuple[str, ...], answer: dict[str, Any], expected: dict[str, Any], rows: int
) -> None:
    verify_place(kind("Answer"), records)
    body = make("Answer", **answer).SerializeToString()
    released = release_message(body, ("a",), kind=kind("Answer"), records=records)

    assert released.body == make("Answer", **expected).SerializeToString()
    assert released.rows == rows


@pytest.mark.parametrize("body", [b"\x0a\xff", b"\x0a\x02\xff\xfe", b"\x0b", b'{"a": 1}'])
def test_what_is_no_such_message_is_refused_whole(body: bytes) -> None:
    with pytest.raises(UpstreamError, match=r"no whole `t\.Record`") as caught:
        release_message(body, ("a",), kind=kind("Record"))
    assert caught.value.fault is Fault.UNREADABLE


@settings(max_examples=60, deadline=None)
@given(
    fields=st.sets(st.sampled_from(sorted(RECORD))),
    present=st.sets(st.sampled_from(sorted(RECORD))),
    junk=st.booleans(),
)
def test_a_release_is_the_definition_of_one(
    fields: set[str], present: set[str], *, junk: bool
) -> None:
    """What leaves is what a plain reader would have kept."""
    record = {key: RECORD[key] for key in present}
    body = make("Record", **record).SerializeToString() + (UNKNOWN if junk else b"")
    kept = {key: record[key] for key in present & fields}

    released = release_message(body, fields, kind=kind("Record"))

    assert released.body == make("Record", **kept).SerializeToString(deterministic=True)


@pytest.mark.parametrize(
    "records", [("note",), ("nothing",), ("pages", "items"), ("page", "total")]
)
def test_a_place_that_cannot_hold_records_is_refused(records: tuple[str, ...]) -> None:
    with pytest.raises(RouteError) as caught:
        verify_place(kind("Answer"), records)
    assert caught.value.key == "records"


def test_descriptors_are_read_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "t.pb"
    path.write_bytes(descriptors().SerializeToString())

    assert find_message(load_descriptors(path), "t.Answer").full_name == "t.Answer"
    assert find_method(load_descriptors(path), "/t.Records/Get").output_type.name == "Answer"

    broken = descriptors()
    broken.file[0].dependency.append("elsewhere.proto")
    for data in (b"\xff", b"no descriptors", broken.SerializeToString()):
        path.write_bytes(data)
        with pytest.raises(ConfigError, match="no whole set"):
            load_descriptors(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_descriptors(tmp_path / "nowhere.pb")


@pytest.mark.parametrize("path", ["", "t.Records/Get", "/t.Records/Put", "/t.Others/Get", "/"])
def test_a_method_that_is_not_there_is_refused(path: str) -> None:
    with pytest.raises(RouteError):
        find_method(POOL, path)
    with pytest.raises(RouteError):
        find_message(POOL, path)
