# SPDX-License-Identifier: Apache-2.0
"""Bodies of gRPC are taken apart however they arrive, and never half."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from govshare_policy.errors import GovshareError
from govshare_sidecar.envoy.frames import Frames, frame, is_grpc
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.upstream import Fault, UpstreamError

MOST = 100


@given(
    messages=st.lists(st.binary(max_size=20), max_size=5),
    size=st.integers(min_value=1, max_value=30),
)
def test_messages_come_out_as_they_went_in_however_the_body_is_cut(
    messages: list[bytes], size: int
) -> None:
    body = b"".join(map(frame, messages))
    frames = Frames.asked(MOST)
    read = [
        message
        for start in range(0, len(body), size)
        for message in frames.feed(body[start : start + size])
    ]

    assert read == messages
    frames.verify_empty()


BAD = {
    "compressed": (b"\x01\x00\x00\x00\x00", False),
    "too large": ((MOST + 1).to_bytes(5), True),
}


@pytest.mark.parametrize(("body", "is_size"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("side", ["asked", "answered"])
def test_a_frame_that_cannot_be_read_is_the_fault_of_whoever_sent_it(
    body: bytes, side: str, *, is_size: bool
) -> None:
    frames = Frames.asked(MOST) if side == "asked" else Frames.answered(MOST)
    with pytest.raises(GovshareError) as caught:
        list(frames.feed(body))

    error = caught.value
    if side == "asked":
        assert isinstance(error, RefusedError)
        assert error.cause is (Cause.TOO_LARGE if is_size else Cause.BAD_BODY)
    else:
        assert isinstance(error, UpstreamError)
        assert error.fault is (Fault.TOO_LARGE if is_size else Fault.UNREADABLE)


@pytest.mark.parametrize("cut", [1, 5, 7])
def test_a_body_that_ends_in_a_message_is_broken(cut: int) -> None:
    frames = Frames.answered(MOST)
    assert list(frames.feed(frame(b"abc")[:cut])) == []

    with pytest.raises(UpstreamError):
        frames.verify_empty()


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        ("application/grpc", True),
        ("application/grpc+proto", True),
        ("Application/GRPC; x=y", True),
        ("application/grpc-web", False),
        ("application/json", False),
        ("", False),
    ],
)
def test_messages_of_grpc_are_told_by_their_type(media: str, *, expected: bool) -> None:
    headers = CIMultiDictProxy(CIMultiDict({"content-type": media}))

    assert is_grpc(headers) is expected
