# SPDX-License-Identifier: Apache-2.0
"""What leaves in parts, put together, is what would leave of the whole."""

import gzip
import json
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_sidecar.release.answer import content_type, release_answer, route_of
from govshare_sidecar.release.arriving import Part, filter_of
from govshare_sidecar.release.packed import Unpacker
from govshare_sidecar.routes import Form
from govshare_sidecar.upstream import UpstreamError

FIELDS: Final = ("id_no", "name", "")
TEXTS = st.text(alphabet='a甲"\\,\n]}{[ \r', max_size=6)
RECORDS = st.lists(
    st.dictionaries(st.sampled_from(["id_no", "name", "note"]), TEXTS | st.integers(), max_size=3),
    max_size=5,
)


def nothing() -> None:
    raise AssertionError("asked for a message")


def streamed(form: Form, body: bytes, cuts: list[int], *, most: int = 1 << 20) -> Part:
    route = route_of(content_type(form), records="", message=nothing)  # type: ignore[arg-type]
    filter_ = filter_of(route, FIELDS, most=most)
    places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    parts = [filter_.part(body[a:b]) for a, b in pairwise(places)]
    parts.append(filter_.end())
    return Part(
        body=b"".join(part.body for part in parts),
        rows=sum(part.rows for part in parts),
        records=b"".join(part.records for part in parts),
    )


def whole(form: Form, body: bytes) -> Part:
    route = route_of(content_type(form), records="", message=nothing)  # type: ignore[arg-type]
    released = release_answer(
        body, FIELDS, route=route, announced=content_type(form), content_encoding="", most=1 << 20
    )
    return Part(body=released.body, rows=released.rows, records=released.records)


def csv_of(records: list[dict[str, str | int]]) -> bytes:
    rows = [["id_no", "note", "name"]]
    rows += [[str(one.get(name, "")) for name in rows[0]] for one in records]
    quoted = ([f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row] for row in rows)
    return "\n".join(",".join(row) for row in quoted).encode()


CUTS = st.lists(st.integers(0, 500), max_size=6)


@settings(max_examples=60)
@given(records=RECORDS, cuts=CUTS, ended=st.booleans(), ascii_=st.booleans())
def test_wherever_it_is_cut_the_same_leaves(
    records: list[dict[str, str | int]], cuts: list[int], *, ended: bool, ascii_: bool
) -> None:
    spelt = [json.dumps(record, ensure_ascii=ascii_) for record in records]
    bodies = {
        Form.NDJSON: "\n".join(spelt).encode(),
        Form.JSON: json.dumps(records, indent=1, ensure_ascii=ascii_).encode(),
        Form.CSV: csv_of(records),
    }
    for form, body in bodies.items():
        said = body + b"\n" * (ended and bool(body))
        assert streamed(form, said, cuts) == whole(form, said)


BROKEN = {
    Form.JSON: (
        *(b"", b"[", b"[{}", b"[{},", b"[{},]", b"[{}]x", b"[{}][]", b"[1]", b"[{} {}]"),
        *(b'[{"a":1,"a":2}]', b"[,{}]", b"[{}]\xff", b'[{"a":"\xe7', b"[[]]", b"[" * 100),
    ),
    Form.NDJSON: (b"\n", b"{}\n\n{}", b"[]", b"{}{}\n", b'{"a":\r1}', b"{"),
    Form.CSV: (b"", b"id_no\n1,2\n", b"note\n1\n", b'id_no\n"a', b"id_no,id_no\n", b"id_no\ra"),
}


@pytest.mark.parametrize("form", BROKEN, ids=str)
def test_what_does_not_leave_whole_does_not_end_in_parts(form: Form) -> None:
    for body in BROKEN[form]:
        with pytest.raises(UpstreamError):
            whole(form, body)
        for cuts in ([], list(range(len(body)))):
            with pytest.raises(UpstreamError):
                streamed(form, body, cuts)


def test_one_object_is_no_list_that_could_leave_in_parts() -> None:
    assert whole(Form.JSON, b"{}").rows == 1
    with pytest.raises(UpstreamError, match="not one list"):
        streamed(Form.JSON, b"{}", [])


@pytest.mark.parametrize(
    ("form", "body"),
    [
        (Form.NDJSON, b'{"id_no": "' + b"x" * 200),
        (Form.CSV, b'id_no\n"' + b"x\n" * 100),
        (Form.JSON, b'[{"id_no": "' + b"x" * 200),
    ],
    ids=["ndjson", "csv", "json"],
)
def test_a_record_without_end_is_not_waited_for(form: Form, body: bytes) -> None:
    with pytest.raises(UpstreamError, match="larger than 100 bytes"):
        streamed(form, body, [50, 100, 150], most=100)


def test_what_is_packed_comes_in_parts_of_which_none_is_large() -> None:
    unpacker = Unpacker("gzip")
    bomb = gzip.compress(bytes(10 << 20))
    parts = [
        part for at in range(0, len(bomb), 999) for part in unpacker.parts(bomb[at : at + 999])
    ]
    unpacker.verify_ended()

    assert sum(map(len, parts)) == 10 << 20
    assert max(map(len, parts)) <= 64 * 1024


_PACKED = gzip.compress(b"a", mtime=0)


@pytest.mark.parametrize(
    "data", [_PACKED * 2, _PACKED[:-1], b"plain"], ids=["two streams", "cut off", "plain"]
)
def test_what_is_not_one_whole_stream_of_gzip_is_refused(data: bytes) -> None:
    unpacker = Unpacker("gzip")
    with pytest.raises(UpstreamError, match="gzip"):
        feed(unpacker, data)
    with pytest.raises(UpstreamError, match="packed"):
        Unpacker("gzip, gzip")


def feed(unpacker: Unpacker, data: bytes) -> None:
    for part in (data[:5], data[5:]):
        list(unpacker.parts(part))
    unpacker.verify_ended()
