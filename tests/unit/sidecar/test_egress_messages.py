# SPDX-License-Identifier: Apache-2.0
"""Protobuf is looked at in full, as its type says, or not at all."""

import json
from pathlib import Path

import pytest
from google.protobuf.message import Message

from govshare_policy.errors import ConfigError
from govshare_sidecar._table import Table
from govshare_sidecar.egress.message_types import read_messages, types_of
from govshare_sidecar.egress.messages import as_json, is_protobuf
from govshare_sidecar.egress.parts import parts_of
from govshare_sidecar.envoy.frames import frame
from tests.e2e.rpc_department import POOL, UNKNOWN, descriptors, make

FOUND = POOL.FindMessageTypeByName("county.v1.Found")
QUERY = POOL.FindMessageTypeByName("county.v1.Query")
MARRIAGE = POOL.FindMessageTypeByName("county.v1.Marriage")
PLAIN = "application/x-protobuf"
FRAMED = "application/grpc"
ID = "410727199003151234"


def found() -> Message:
    row = make("Marriage", id_no=ID, name=make("Name", text="欧阳致远"), marital_status=["已婚"])
    return make("Found", page=make("Page", items=[row, row], total=2))


def test_a_message_reads_as_json_of_the_same() -> None:
    spelt = as_json(found().SerializeToString(), PLAIN, FOUND)

    assert spelt is not None
    rows = json.loads(spelt)["page"]["items"]
    assert [row["id_no"] for row in rows] == [ID, ID]
    assert rows[0]["name"] == {"text": "欧阳致远"}


def test_the_messages_of_a_stream_are_all_read() -> None:
    body = frame(make("Query", id_no=ID).SerializeToString()) + frame(b"")
    spelt = as_json(body, "application/grpc+proto", QUERY)

    assert json.loads(spelt or b"") == [{"id_no": ID}, {}]


def test_a_backslash_is_no_control() -> None:
    body = make("Query", id_no="a\\b\\u0001\n\tc").SerializeToString()

    assert json.loads(as_json(body, PLAIN, QUERY) or b"") == {"id_no": "a\\b\\u0001\n\tc"}


def test_fields_may_stand_in_any_order() -> None:
    first, second = (
        make("Query", **one).SerializeToString() for one in ({"id_no": ID}, {"page": 7})
    )

    assert as_json(second + first, PLAIN, QUERY) == as_json(first + second, PLAIN, QUERY)


QUERY_BYTES = make("Query", id_no=ID).SerializeToString()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (QUERY_BYTES + UNKNOWN, PLAIN),
        (found().SerializeToString(), PLAIN),
        (QUERY_BYTES + make("Query", id_no="1").SerializeToString(), PLAIN),
        (QUERY_BYTES[:-1], PLAIN),
        (b"\xff\xff", PLAIN),
        (QUERY_BYTES, FRAMED),
        (b"\x01" + frame(QUERY_BYTES)[1:], FRAMED),
        (frame(QUERY_BYTES)[:-1], FRAMED),
    ],
    ids=[
        "fields that nobody knows",
        "another message in place of a text",
        "one field twice",
        "cut off",
        "no message",
        "no frame",
        "compressed",
        "half a frame",
    ],
)
def test_what_is_not_read_in_full_is_not_read(body: bytes, content_type: str) -> None:
    assert as_json(body, content_type, QUERY) is None
    what = parts_of(body, [("Content-Type", content_type)], kind=QUERY)
    assert what.unread == "unknown_form"
    assert what.raw[0] == body
    assert not any(body in part for part, _ in what.scanned)


def test_without_a_type_protobuf_is_unread_and_other_bodies_are_looked_at() -> None:
    assert parts_of(QUERY_BYTES, [("Content-Type", PLAIN)]).unread == "unknown_form"
    what = parts_of(b"{}", [("Content-Type", "application/json")])
    assert (what.unread, what.scanned[0]) == ("", (b"{}", "application/json"))
    assert is_protobuf("Application/X-Protobuf; charset=x")
    assert not is_protobuf("application/json")


def table(directory: Path, **more: object) -> Table:
    (directory / "county.pb").write_bytes(descriptors().SerializeToString())
    values = {"path": "/marriages/{id_no}", "descriptor_set": "county.pb", **more}
    return Table(values, file=directory / "govshare.toml", name="egress.message[0]")


def test_types_are_known_by_host_and_path(tmp_path: Path) -> None:
    known = read_messages(table(tmp_path, answer="county.v1.Marriage"), "share:443")
    kind = types_of([known], "share:443", f"/marriages/{ID}?fields=name").answer

    assert kind is not None
    assert kind.full_name == MARRIAGE.full_name
    for host, path in (("other:443", "/marriages/1"), ("share:443", "/marriages/1/2")):
        assert types_of([known], host, path).answer is None
    assert known.request is None


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({}, "names `request`, `answer` or both"),
        ({"answer": "county.v1.Divorce"}, "answer"),
        ({"answer": "county.v1.Marriage", "path": "marriages"}, "path"),
        ({"answer": "county.v1.Marriage", "records": "x"}, "records"),
        ({"answer": "county.v1.Marriage", "descriptor_set": "none.pb"}, "descriptor_set"),
    ],
    ids=["no type", "unknown type", "no path", "no setting", "no file"],
)
def test_a_wrong_table_ends_the_start(
    tmp_path: Path, more: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        read_messages(table(tmp_path, **more), "")
