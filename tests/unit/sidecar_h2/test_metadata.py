# SPDX-License-Identifier: Apache-2.0
"""Header fields are read as gRPC says, and written so that any peer reads them back."""

import base64
import ctypes
from urllib.parse import unquote_to_bytes

import pytest
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st

from govshare_sidecar.h2._nghttp2 import Pairs
from govshare_sidecar.h2.framing import WireError
from govshare_sidecar.h2.metadata import (
    ENDED_WELL,
    HEAD,
    Field,
    initial,
    only,
    outgoing,
    parse_head,
    trailing,
)

CALL: list[Field] = [
    (b":method", b"POST"),
    (b":scheme", b"https"),
    (b":path", b"/p.S/M"),
    (b":authority", b"localhost"),
    (b"te", b"trailers"),
    (b"content-type", b"application/grpc"),
]


def but(*fields: Field, without: bytes = b"") -> list[Field]:
    named = {name for name, _ in fields} | {without}
    return [field for field in CALL if field[0] not in named] + list(fields)


def read(pairs: Pairs) -> list[Field]:
    """Return what libnghttp2 would read."""
    size = ctypes.sizeof(ctypes.c_void_p)
    found = []
    for number in range(pairs.count):
        at = pairs.at + number * 5 * size
        name, value, name_size, value_size = (ctypes.c_size_t * 4).from_address(at)
        found.append((ctypes.string_at(name, name_size), ctypes.string_at(value, value_size)))
    return found


def test_a_call_is_read() -> None:
    asked = parse_head(
        [
            *CALL,
            (b"grpc-timeout", b"250m"),
            (b"grpc-encoding", b"gzip"),
            (b"grpc-accept-encoding", b"gzip"),
            (b"user-agent", b"x"),
            (b"k-bin", base64.b64encode(b"\0\xff") + b", " + base64.b64encode(b"a").rstrip(b"=")),
        ]
    )
    assert (asked.path, asked.timeout_s, asked.encoding) == ("/p.S/M", 0.25, b"gzip")
    assert asked.metadata == (("user-agent", "x"), ("k-bin", b"\0\xff"), ("k-bin", b"a"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(b"2H", 7200), (b"1M", 60), (b"3S", 3), (b"4m", 0.004), (b"5u", 5e-6), (b"99999999n", 0.1)],
)
def test_each_unit_of_a_deadline_is_read(text: bytes, seconds: float) -> None:
    assert parse_head([*CALL, (b"grpc-timeout", text)]).timeout_s == pytest.approx(seconds)


@pytest.mark.parametrize("text", [b"", b"S", b"1", b"1s", b"-1S", b"123456789S", b" 1S", b"1S\n"])
def test_a_deadline_that_cannot_be_read_ends_the_call(text: bytes) -> None:
    with pytest.raises(WireError, match="grpc-timeout"):
        parse_head([*CALL, (b"grpc-timeout", text)])


REFUSED = {
    "no content type": (but(without=b"content-type"), 415),
    "another content type": (but((b"content-type", b"application/json")), 415),
    "a longer content type": (but((b"content-type", b"application/grpcs")), 415),
    "gRPC for browsers": (but((b"content-type", b"application/grpc-web")), 415),
    "another method": (but((b":method", b"GET")), 405),
    "no word of trailers": (but(without=b"te"), 400),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_is_not_grpc_gets_a_status_of_http(case: tuple[list[Field], int]) -> None:
    fields, status = case
    with pytest.raises(WireError) as caught:
        parse_head(fields)
    assert caught.value.status == status


@pytest.mark.parametrize("kind", [b"application/grpc+proto", b"application/grpc;charset=x"])
def test_a_content_type_may_say_more(kind: bytes) -> None:
    assert parse_head(but((b"content-type", kind))).path == "/p.S/M"


@pytest.mark.parametrize(
    "field",
    [(b"k-bin", b"*"), (b"k-bin", b"A"), (b"k", b"\xe6\x94\xbf"), (b"k", b"a\tb")],
    ids=["no base64", "cut base64", "not ASCII", "not printable"],
)
def test_metadata_that_cannot_be_read_ends_the_call(field: Field) -> None:
    with pytest.raises(WireError) as caught:
        parse_head([*CALL, field])
    assert caught.value.code is StatusCode.INTERNAL


def test_a_path_that_is_not_ascii_is_no_method() -> None:
    with pytest.raises(WireError) as caught:
        parse_head(but((b":path", b"/\xff")))
    assert caught.value.code is StatusCode.UNIMPLEMENTED


@given(message=st.text(max_size=40))
def test_a_message_is_escaped_so_that_it_reads_back(message: str) -> None:
    fields = dict(read(trailing(StatusCode.ABORTED, message, ())))
    said = fields.get(b"grpc-message", b"")
    assert all(0x20 <= byte <= 0x7E for byte in said)
    assert unquote_to_bytes(said) == message.encode("utf-8", "replace")


@given(data=st.binary(max_size=20), text=st.text("abc ~!", max_size=10))
def test_metadata_reads_back_as_it_was_sent(data: bytes, text: str) -> None:
    sent = (("k-bin", data), ("t", text))
    assert parse_head([*CALL, *read(initial(outgoing(sent)))[2:]]).metadata == sent


def test_what_is_usual_is_made_once() -> None:
    assert initial(()) is HEAD
    assert trailing(StatusCode.OK, "", ()) is ENDED_WELL


def test_an_answer_without_a_message_is_one_block() -> None:
    fields = read(only(StatusCode.UNIMPLEMENTED, "no", outgoing((("k", "v"),)), status=415))
    assert fields == [
        (b":status", b"415"),
        (b"content-type", b"application/grpc"),
        (b"grpc-accept-encoding", b"identity"),
        (b"grpc-status", b"12"),
        (b"grpc-message", b"no"),
        (b"k", b"v"),
    ]


@pytest.mark.parametrize(
    "pair",
    [("K", "v"), ("", "v"), ("a b", "v"), (":status", "200"), ("grpc-status", "0"), ("k", "\n")],
    ids=["capital", "empty", "space", "pseudo", "status", "line"],
)
def test_a_servicer_cannot_write_into_the_protocol(pair: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="metadata"):
        outgoing((pair,))
