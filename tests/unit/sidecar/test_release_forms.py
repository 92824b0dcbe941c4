# SPDX-License-Identifier: Apache-2.0
"""Lines, tables, elements and packed bodies: exactly the released fields leave, or nothing."""

import csv
import gzip
import io
import zlib
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.crypto import sm3
from govshare_sidecar.release.answer import content_type, release_answer
from govshare_sidecar.release.elements import release_elements
from govshare_sidecar.release.lines import release_lines
from govshare_sidecar.release.packed import unpack
from govshare_sidecar.release.table import release_table
from govshare_sidecar.routes import Form, Route, RouteError
from govshare_sidecar.upstream import Fault, UpstreamError
from tests.unit.sidecar.protos import kind, make

PATH = ("r", "list", "row")


@pytest.mark.parametrize(
    ("body", "expected", "rows"),
    [
        (b'{"a": 1.10, "b": 2}\n{"b": 3}\r\n', b'{"a":1.10}\n{}\n', 2),
        (b'{"a": 1}', b'{"a":1}\n', 1),
        (b' {"a": {"b": 1}}\n', b'{"a":{"b": 1}}\n', 1),
        (b"", b"", 0),
    ],
)
def test_every_line_is_filtered(body: bytes, expected: bytes, rows: int) -> None:
    released = release_lines(body, ("a",))

    assert (released.body, released.rows) == (expected, rows)
    assert released.digest == sm3(expected)


@pytest.mark.parametrize(
    "body",
    [
        b"\n",
        b'{"a": 1}\n\n{"a": 2}\n',
        b'[{"a": 1}]\n',
        b'{"a": 1}{"a": 2}\n',
        b'{"a":\n1}\n',
        b'{"a":\r1}\n',
        b'{"a": 1, "a": 2}\n',
        b'{"a": 1}\r\r\n',
        b'{"a": 1}\nnull\n',
        b'{"a": "\xff"}\n',
    ],
)
def test_a_line_that_is_no_record_refuses_all(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        release_lines(body, ("a",))
    assert caught.value.fault is Fault.UNREADABLE


@pytest.mark.parametrize(
    ("body", "expected", "rows"),
    [
        ("a,b\n1.10,2\n", "a\r\n1.10\r\n", 1),
        ("b,a,c\r\n2,1,3\r\n,,\r\n", "a,c\r\n1,3\r\n,\r\n", 2),
        ("\ufeffa,b\n甲,乙", "a\r\n甲\r\n", 1),
        ('"a","b"\n"x, ""y""\nz",2\n', 'a\r\n"x, ""y""\nz"\r\n', 1),
        ("a,b\n=1+1,@x\n -1,2\n", "a\r\n=1+1\r\n -1\r\n", 2),
        ("a,b\n", "a\r\n", 0),
        ("a,b\n,1\n", 'a\r\n""\r\n', 1),
        ("a,b\n007,1\n", "a\r\n007\r\n", 1),
    ],
)
def test_released_columns_leave_with_their_values_as_they_are(
    body: str, expected: str, rows: int
) -> None:
    released = release_table(body.encode(), ("a", "c"))

    assert (released.body.decode(), released.rows) == (expected, rows)
    assert released.digest == sm3(released.body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n",
        b"x,y\n1,2\n",
        b"a,a\n1,2\n",
        b"a,\n1,2\n",
        b"a,b\n1\n",
        b"a,b\n1,2,3\n",
        b"a,b\n1,2\n\n",
        b'a,b\nx"y,2\n',
        b'a,b\n"x"y,2\n',
        b'a,b\n"x,2\n',
        b"a,b\r1,2\r",
        b"a,b\n1\r2,3\n",
        b"a,b\n\x00,2\n",
        b"a,b\n\xff,2\n",
        b"a,b\n" + b"x" * 200_000 + b",2\n",
        "a,b\n1,2\n".encode("utf-16"),
    ],
)
def test_a_table_that_may_be_read_in_two_ways_is_refused(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        release_table(body, ("a",))
    assert caught.value.fault is Fault.UNREADABLE
    assert caught.value.__context__ is None or caught.value.__suppress_context__


CELLS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=6)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=4), quoting=st.sampled_from([0, 1]))
def test_a_table_that_leaves_reads_as_what_a_plain_reader_kept(
    rows: list[tuple[str, str, str]], quoting: Literal[0, 1]
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting).writerows([("a", "b", "c"), *rows])

    released = release_table(text.getvalue().encode(), ("c", "a"))

    read = list(csv.reader(io.StringIO(released.body.decode(), newline=""), strict=True))
    assert read == [["a", "c"], *([a, c] for a, _, c in rows)]
    assert released.rows == len(rows)


def xml(inside: str, *, head: str = "") -> bytes:
    return f"{head}<r><list>{inside}</list></r>".encode()


def left(inside: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<r><list>{inside}</list></r>'


@pytest.mark.parametrize(
    ("inside", "expected", "rows"),
    [
        ("<row><a>1.10</a><b>2</b></row>", "<row><a>1.10</a></row>", 1),
        ("<row><b><a>2</a></b></row>", "<row></row>", 1),
        ("<row b='2' a='1'/>", '<row a="1"></row>', 1),
        ("<row><a b='2'><b>3</b></a></row>", '<row><a b="2"><b>3</b></a></row>', 1),
        ("<row><a>1</a><a>2</a></row><row/>", "<row><a>1</a><a>2</a></row><row></row>", 2),
        ("<other><a>1</a><row><a>1</a></row></other>", "", 0),
        ("<row> <a>&lt;&amp;&#13; x</a> </row>", "<row><a>&lt;&amp;&#13; x</a></row>", 1),
        ("<row><a><![CDATA[<b>&]]></a></row>", "<row><a>&lt;b&gt;&amp;</a></row>", 1),
        ("<row><a>1<!-- b --><?b c?></a><!-- a --></row>", "<row><a>1</a></row>", 1),
        (
            "<row><a t='&quot;&#10;&#9;&lt;'/></row>",
            '<row><a t="&quot;&#10;&#9;&lt;"></a></row>',
            1,
        ),
        ("<row><a>甲</a></row>", "<row><a>甲</a></row>", 1),
        ("", "", 0),
    ],
)
def test_released_elements_leave_whole_and_the_rest_is_gone(
    inside: str, expected: str, rows: int
) -> None:
    released = release_elements(xml(inside), ("a",), records=PATH)

    assert (released.body.decode(), released.rows) == (left(expected), rows)
    assert released.digest == sm3(released.body)
    again = release_elements(released.body, ("a",), records=PATH)
    assert again.body == released.body


def test_the_root_may_be_the_record() -> None:
    released = release_elements(b"<row x='1'><a>1</a><b>2</b></row>", ("a",), records=("row",))

    assert released.body.endswith(b"<row><a>1</a></row>")


def test_a_byte_order_mark_and_the_name_of_the_encoding_are_taken() -> None:
    head = '\ufeff<?xml version="1.0" encoding="utf-8"?>'

    assert release_elements(xml("<row/>", head=head), (), records=PATH).rows == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"<r><list>",
        b"<r></r>",
        b"<other><list><row/></list></other>",
        b"<r><list/><list/></r>",
        b"<r><list/></r><r/>",
        b"<r>text<list/></r>",
        b"<r><list>text</list></r>",
        b"<r><list><row>text<a/></row></list></r>",
        b"<!DOCTYPE r><r><list/></r>",
        b"<!DOCTYPE r [<!ENTITY x 'y'>]><r><list><row><a>&x;</a></row></list></r>",
        b"<!DOCTYPE r SYSTEM 'file:///etc/passwd'><r><list/></r>",
        b"<r><list><row><a>&x;</a></row></list></r>",
        b"<r xmlns='urn:x'><list/></r>",
        b"<r xmlns:p='urn:x'><list><row><p:a/></row></list></r>",
        b"<r><list><row><a p:b='1'/></row></list></r>",
        b"<r><list><row a='1' a='2'/></list></r>",
        b"<r><list><row><a>\xff</a></row></list></r>",
        b"<?xml version='1.0' encoding='gbk'?><r><list/></r>",
        "<r><list/></r>".encode("utf-16"),
        "<r><list/></r>".encode("utf-16-le"),
        b"<r><list><row>" + b"<a>" * 100 + b"</a>" * 100 + b"</row></list></r>",
        b"<r><list><row>" + b"<b>" * 100 + b"</b>" * 100 + b"</row></list></r>",
    ],
)
def test_xml_that_is_not_plainly_records_is_refused_whole(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        release_elements(body, ("a",), records=PATH)
    assert caught.value.fault is Fault.UNREADABLE
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize("encoding", ["gzip", " GZip ", "x-gzip"])
def test_a_packed_body_is_unpacked(encoding: str) -> None:
    assert unpack(gzip.compress(b"x" * 1000, mtime=0), encoding, most=1000) == b"x" * 1000
    assert unpack(gzip.compress(b"", mtime=0), encoding, most=1) == b""


@pytest.mark.parametrize("encoding", ["", "identity"])
def test_a_plain_body_stays_as_it_is(encoding: str) -> None:
    assert unpack(b"x", encoding, most=1) == b"x"


def test_unpacking_stops_at_the_bound() -> None:
    bomb = gzip.compress(b"\x00" * (64 << 20))
    with pytest.raises(UpstreamError) as caught:
        unpack(bomb, "gzip", most=1000)
    assert caught.value.fault is Fault.TOO_LARGE


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"plain", "gzip"),
        (b"", "gzip"),
        (gzip.compress(b"x", mtime=0)[:-1], "gzip"),
        (gzip.compress(b"x", mtime=0)[:-8] + b"\x00" * 8, "gzip"),
        (gzip.compress(b"x", mtime=0) + b"y", "gzip"),
        (gzip.compress(b"x", mtime=0) * 2, "gzip"),
        (zlib.compress(b"x"), "gzip"),
        (zlib.compress(b"x"), "deflate"),
        (gzip.compress(gzip.compress(b"x", mtime=0), mtime=0), "gzip, gzip"),
        (b"x", "br"),
    ],
)
def test_what_is_not_packed_once_with_gzip_is_refused(body: bytes, encoding: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        unpack(body, encoding, most=1000)
    assert caught.value.fault is Fault.UNREADABLE


def route(form: Form, records: str = "") -> Route:
    plain = Route.parse(
        method="GET",
        path="/x",
        resource="R08",
        channel="api",
        fields=("a",),
        fields_parameter="",
        parameters=(),
        records=records,
    )
    return plain.answered_in(form, kind("Record") if form is Form.PROTOBUF else None)


BODIES = {
    Form.JSON: (b'{"a": 1, "b": 2}', b'{"a":1}'),
    Form.NDJSON: (b'{"a": 1, "b": 2}\n', b'{"a":1}\n'),
    Form.CSV: (b"a,b\n1,2\n", b"a\r\n1\r\n"),
    Form.XML: (xml("<row><a>1</a></row>"), left("<row><a>1</a></row>").encode()),
    Form.PROTOBUF: (
        make("Record", a="1", b="2").SerializeToString(),
        make("Record", a="1").SerializeToString(),
    ),
}


@pytest.mark.parametrize("announced", Form)
@pytest.mark.parametrize("form", Form)
def test_an_answer_is_read_in_the_form_of_its_route_and_no_other(
    form: Form, announced: Form
) -> None:
    body, expected = BODIES[form]
    place = route(form, ".".join(PATH) if form is Form.XML else "")

    def released() -> bytes:
        return release_answer(
            gzip.compress(body, mtime=0),
            ("a",),
            route=place,
            announced=content_type(announced),
            content_encoding="gzip",
            most=1000,
        ).body

    if form is announced:
        assert released() == expected
        return
    with pytest.raises(UpstreamError, match="not announced"):
        released()


@pytest.mark.parametrize(
    ("form", "records"), [(Form.CSV, "a"), (Form.NDJSON, "a.b"), (Form.XML, "")]
)
def test_a_route_has_records_only_where_its_form_has(form: Form, records: str) -> None:
    with pytest.raises(RouteError) as caught:
        route(form, records)
    assert caught.value.key == "records"


def test_a_route_in_protobuf_has_a_message() -> None:
    with pytest.raises(ValueError, match="names its message"):
        _ = route(Form.JSON).kind
