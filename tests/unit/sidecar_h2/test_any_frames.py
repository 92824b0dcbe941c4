# SPDX-License-Identifier: Apache-2.0
"""Whatever frames a peer sends, nothing of it stays, and others are answered."""

import asyncio
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_sidecar.h2.framing import framed
from govshare_sidecar.h2.settings import Settings
from tests.unit.sidecar_h2.raw import (
    PING,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Raw,
    call,
    call_fields,
    data,
    frame,
    headers,
)
from tests.unit.sidecar_h2.served import run, serving, until

SMALL = Settings(
    streams=4, message_bytes=500, held_bytes=900, window_bytes=2000, queued_bytes=20_000, gzip=True
)
STREAMS = st.sampled_from([1, 3, 5, 7])
METHODS = st.sampled_from(["Echo", "Wait", "Each", "Many", "Slowly", "Fail", "Late", "None"])
BODIES = st.binary(max_size=600)
PIECES = st.one_of(
    st.builds(call, STREAMS, BODIES, METHODS),
    st.builds(lambda stream, name: headers(stream, call_fields(name)), STREAMS, METHODS),
    st.builds(
        lambda stream, body, ends: data(stream, framed(body), ends=ends),
        STREAMS, BODIES, st.booleans(),
    ),
    st.builds(lambda stream, body: data(stream, body, ends=False), STREAMS, BODIES),
    st.builds(lambda stream: frame(RST_STREAM, bytes(4), stream=stream), STREAMS),
    st.builds(
        lambda stream, more: frame(WINDOW_UPDATE, more.to_bytes(4), stream=stream),
        st.sampled_from([0, 1, 3]), st.integers(1, 60_000),
    ),
    st.builds(
        lambda window: frame(SETTINGS, b"\0\4" + window.to_bytes(4)), st.integers(0, 100_000)
    ),
    st.just(frame(PING, bytes(8))),
    st.builds(
        lambda kind, body, flags, stream: frame(kind, body, flags=flags, stream=stream),
        st.integers(0, 12), st.binary(max_size=20), st.integers(0, 255), st.integers(0, 9),
    ),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(pieces=st.lists(PIECES, min_size=1, max_size=12), cut=st.integers(1, 400))
def test_nothing_stays_of_what_anybody_sends(pieces: list[bytes], cut: int) -> None:
    errors: list[object] = []

    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, error: errors.append(error))
        sent = b"".join(pieces)
        async with serving(SMALL) as world:
            async with Raw.to(world.port) as raw:
                for at in range(0, len(sent), cut):
                    await raw.sent(sent[at : at + cut])
                    await asyncio.sleep(0)
            async with Raw.to(world.port) as other:
                await until(lambda: world.under_way == 0)
                other.send(call(1, b"a"))
                assert (await other.fields(1))["grpc-status"] == "0"
            await until(lambda: world.connections == 0)
            assert not world.server._shared.tasks

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.getLogger("govshare_sidecar.h2.call"), "disabled", True)
        run(scenario())
    assert not errors
