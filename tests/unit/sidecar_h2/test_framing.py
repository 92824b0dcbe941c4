# SPDX-License-Identifier: Apache-2.0
"""Messages come out of a stream as they were put on it, however it is cut."""

import gzip
import tracemalloc

import pytest
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st

from govshare_sidecar.h2.framing import Messages, WireError, framed

MOST = 64


def packed(message: bytes) -> bytes:
    body = gzip.compress(message)
    return b"\1" + len(body).to_bytes(4) + body


def reading(*, gzipped: bool = False) -> Messages:
    return Messages(most=MOST, packed=gzipped)


@given(
    messages=st.lists(st.tuples(st.binary(max_size=MOST), st.booleans()), max_size=5),
    cuts=st.lists(st.integers(1, 40), min_size=1, max_size=8),
)
def test_messages_survive_any_cut(messages: list[tuple[bytes, bool]], cuts: list[int]) -> None:
    """What is taken is what was sent, in its order, and nothing is left."""
    stream = b"".join(packed(data) if zipped else framed(data) for data, zipped in messages)
    arriving, taken, at = reading(gzipped=True), [], 0
    for turn in range(len(stream) + 1):
        if at >= len(stream):
            break
        size = cuts[turn % len(cuts)]
        arriving.feed(stream[at : at + size])
        at += size
        while (message := arriving.take()) is not None:
            taken.append(message)

    assert taken == [data for data, _ in messages]
    assert len(arriving) == 0
    arriving.verify_ended()


def test_a_message_is_taken_only_when_it_is_whole() -> None:
    arriving = reading()
    arriving.feed(framed(b"abc")[:-1])
    assert (arriving.is_ready, arriving.take()) == (False, None)
    arriving.feed(b"c")
    assert (arriving.is_ready, arriving.take()) == (True, b"abc")


def test_a_second_message_is_seen_before_the_first_is_taken() -> None:
    arriving = reading()
    arriving.feed(framed(b"a"))
    assert not arriving.has_more
    arriving.feed(b"\0")
    assert arriving.has_more


@pytest.mark.parametrize("cut", [1, 4, 5, 7])
def test_a_stream_cut_inside_a_message_has_not_ended(cut: int) -> None:
    arriving = reading()
    arriving.feed(framed(b"abc")[:cut])
    with pytest.raises(WireError, match="cut short") as caught:
        arriving.verify_ended()
    assert caught.value.code is StatusCode.INTERNAL


def test_a_size_over_the_limit_is_refused_before_the_message_arrives() -> None:
    arriving = reading()
    arriving.feed(b"\0" + (MOST + 1).to_bytes(4))
    assert arriving.fault is not None
    assert arriving.fault.code is StatusCode.RESOURCE_EXHAUSTED


def test_a_size_at_the_limit_is_taken() -> None:
    arriving = reading(gzipped=True)
    arriving.feed(framed(b"x" * MOST) + packed(b"y" * MOST))
    assert [arriving.take(), arriving.take()] == [b"x" * MOST, b"y" * MOST]


def code(arriving: Messages) -> StatusCode | None:
    return None if arriving.fault is None else arriving.fault.code


def test_what_is_wrong_behind_a_message_is_known_once_that_is_taken() -> None:
    arriving = reading()
    arriving.feed(framed(b"a") + b"\7\0\0\0\0")
    assert code(arriving) is None
    assert arriving.take() == b"a"
    assert code(arriving) is StatusCode.INTERNAL
    assert arriving.take() is None


def test_nothing_may_be_packed_that_was_not_said_to_be() -> None:
    arriving = reading()
    arriving.feed(packed(b"a"))
    assert arriving.fault is not None
    assert arriving.take() is None


def test_a_packed_message_does_not_grow_over_the_limit() -> None:
    """Of a message that unpacks to three megabytes, no more is unpacked than may be taken."""
    arriving = Messages(most=4096, packed=True)
    arriving.feed(packed(b"\0" * 3_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(WireError, match="larger than 4096") as caught:
            arriving.take()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value.code is StatusCode.RESOURCE_EXHAUSTED
    assert most < 1_000_000


@pytest.mark.parametrize(
    "body",
    [b"not gzip", gzip.compress(b"abc")[:-1], gzip.compress(b"abc") + b"more", b""],
    ids=["other bytes", "cut", "followed", "empty"],
)
def test_what_does_not_unpack_whole_is_refused(body: bytes) -> None:
    arriving = reading(gzipped=True)
    arriving.feed(b"\1" + len(body).to_bytes(4) + body)
    with pytest.raises(WireError, match="cannot be unpacked"):
        arriving.take()
