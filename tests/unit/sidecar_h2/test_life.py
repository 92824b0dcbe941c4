# SPDX-License-Identifier: Apache-2.0
"""How a server begins and drains, and how long a connection may be silent."""

import asyncio
import ctypes.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import StatusCode
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

from govshare_policy.errors import ConfigError
from govshare_sidecar._settings import Address
from govshare_sidecar.config import GrpcConfig
from govshare_sidecar.h2 import _nghttp2
from govshare_sidecar.h2.framing import framed
from govshare_sidecar.h2.listener import NativeListener
from govshare_sidecar.h2.settings import Settings
from govshare_sidecar.limits import NO_LIMITS_STATED
from tests.unit.sidecar_h2.raw import (
    ACK,
    GOAWAY,
    HEADERS,
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
from tests.unit.sidecar_h2.served import (
    SERVICE,
    Servicer,
    ends,
    method,
    run,
    serving,
    until,
)

QUICK = Settings(hello_s=0.5, keepalive_s=0.1, keepalive_timeout_s=0.1)
# For peers that answer: they have a second to do so, however busy the machine is.
PATIENT = Settings(hello_s=1.0, keepalive_s=0.1, keepalive_timeout_s=1.0)
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


def test_what_is_under_way_ends_while_nothing_new_begins() -> None:
    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            raw.send(call(1, method="Wait"))
            await until(lambda: world.servicer.began == 1)
            stopping = asyncio.create_task(world.server.stop(10))
            warning, ping = await raw.first(GOAWAY), await raw.first(PING)
            assert warning is not None
            assert ping is not None
            assert warning.payload == b"\x7f\xff\xff\xff" + bytes(4)
            # What was on its way is taken; what is sent with the word in hand is not.
            raw.send(call(3) + frame(PING, ping.payload, flags=ACK))
            farewell = await raw.first(GOAWAY)
            assert farewell is not None
            assert farewell.payload == (3).to_bytes(4) + bytes(4)
            assert (await raw.fields(3))["grpc-status"] == "0"
            raw.send(call(5))
            world.servicer.gate.set()
            assert (await raw.fields(1))["grpc-status"] == "0"
            assert await raw.first(HEADERS) is None
            await stopping
            assert world.servicer.began == 2

    run(scenario())


def test_nobody_connects_while_it_drains_and_idle_connections_are_closed() -> None:
    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            raw.send(call(1))
            assert (await raw.fields(1))["grpc-status"] == "0"
            await world.server.stop(10)
            assert await raw.is_over()
            with pytest.raises(OSError, match=r"refused|Connect call failed"):
                await asyncio.open_connection("127.0.0.1", world.port)

    run(scenario())


def test_what_does_not_end_in_time_is_cancelled_and_told_so() -> None:
    async def scenario() -> None:
        async with serving() as world, world.channel() as channel:
            waiting = asyncio.ensure_future(ends(method(channel, "Wait")(b"")))
            await until(lambda: world.servicer.began == 1)
            await world.server.stop(0.05)
            code, words = await waiting
            assert (code, words) == (
                StatusCode.UNAVAILABLE,
                "the gateway is being stopped, so ask elsewhere",
            )
            assert (world.servicer.cancelled, world.under_way) == (1, 0)

    run(scenario())


def test_a_servicer_that_is_slow_to_end_is_waited_for() -> None:
    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            raw.send(call(1, method="Stubborn"))
            await until(lambda: world.servicer.began == 1)
            await world.server.stop(0.05)
            assert (world.servicer.cancelled, world.servicer.closed) == (1, 1)
            assert world.under_way == 0

    run(scenario())


def test_whoever_does_not_read_does_not_keep_it_from_stopping() -> None:
    async def scenario() -> None:
        async with serving() as world, Raw.to(world.port) as raw:
            raw.send(call(1, b"1000", method="Many"))
            await until(lambda: world.servicer.written > 5)
            await world.server.stop(0.05)
            assert (world.connections, world.under_way) == (0, 0)

    run(scenario())


def test_whoever_says_nothing_is_hung_up_on() -> None:
    async def scenario() -> None:
        async with (
            serving(Settings(hello_s=0.1)) as world,
            Raw.to(world.port, hello=b"PRI") as raw,
        ):
            assert await raw.is_over()
            await until(lambda: world.connections == 0)

    run(scenario())


def test_a_silent_peer_is_asked_and_then_given_up() -> None:
    async def scenario() -> None:
        async with serving(QUICK) as world, Raw.to(world.port) as raw:
            raw.send(call(1, method="Wait"))
            assert await raw.first(PING) is not None
            assert await raw.is_over()
            await until(lambda: world.servicer.cancelled == 1)

    run(scenario())


def test_a_message_that_does_not_arrive_is_not_waited_for() -> None:
    async def scenario() -> None:
        async with serving(QUICK) as world, Raw.to(world.port) as raw:
            raw.send(headers(1) + data(1, framed(b"abc")[:-1], ends=False))
            for _ in range(20):
                await asyncio.sleep(0.05)
                raw.send(frame(PING, bytes(8)))
            assert (await raw.fields(1))["grpc-status"] == "4"
            assert (world.servicer.began, world.under_way) == (0, 0)

    run(scenario())


def test_an_answer_that_nobody_takes_is_dropped_and_counts_until_then() -> None:
    async def scenario() -> None:
        shut = frame(SETTINGS, b"\0\4" + bytes(4))
        async with serving(QUICK) as world, Raw.to(world.port) as raw:
            raw.send(shut + call(1, b"a"))
            await until(lambda: world.servicer.began == 1 and not world.server._shared.tasks)
            assert world.under_way == 1
            for _ in range(20):
                await asyncio.sleep(0.05)
                raw.send(frame(PING, bytes(8)))
            reset = await raw.first(RST_STREAM)
            assert reset is not None
            assert (reset.stream, world.under_way) == (1, 0)

    run(scenario())


def test_a_servicer_may_take_its_time() -> None:
    async def scenario() -> None:
        async with serving(PATIENT) as world, world.channel() as channel:
            waiting = asyncio.ensure_future(method(channel, "Wait")(b"a"))
            stream = method(channel, "Each", "stream_stream")()
            await stream.write(b"a")
            await asyncio.sleep(2.5)
            await stream.write(b"b")
            await stream.done_writing()
            assert [message async for message in stream] == [b"a", b"b"]
            world.servicer.gate.set()
            assert await waiting == b"a"

    run(scenario())


def test_a_peer_that_writes_but_never_reads_is_given_up() -> None:
    async def scenario() -> None:
        wide = frame(SETTINGS, b"\0\4\x7f\xff\xff\xff") + frame(WINDOW_UPDATE, b"\x7f\xff\0\0")
        async with serving(QUICK, room=4096) as world, Raw.to(world.port, room=4096) as raw:
            raw.send(wide + call(1, b"1000", method="Many"))
            pings = 0
            while world.connections or not world.servicer.began:
                await raw.sent(frame(PING, bytes(8)))
                pings += 1
                await asyncio.sleep(0.02)
            # Long before as many answers wait as would be a flood.
            assert pings < 500
            await until(lambda: world.servicer.cancelled == 1 and world.under_way == 0)

    run(scenario())


def test_a_peer_that_answers_is_not_given_up() -> None:
    async def scenario() -> None:
        async with serving(PATIENT) as world, world.channel() as channel:
            waiting = asyncio.ensure_future(method(channel, "Wait")(b"a"))
            await asyncio.sleep(2.5)
            world.servicer.gate.set()
            assert await waiting == b"a"

    run(scenario())


def test_a_connection_without_calls_is_closed_and_one_with_a_call_is_not() -> None:
    async def scenario() -> None:
        settings = replace(PATIENT, idle_s=0.3)
        async with (
            serving(settings) as world,
            Raw.to(world.port) as idle,
            world.channel() as channel,
        ):
            waiting = asyncio.ensure_future(method(channel, "Wait")(b"a"))
            farewell = None
            async for found in idle.frames(PING, GOAWAY):
                if found.kind == GOAWAY:
                    farewell = found
                    break
                idle.send(frame(PING, found.payload, flags=ACK))
            assert farewell is not None
            assert await idle.is_over()
            assert world.connections == 1
            world.servicer.gate.set()
            assert await waiting == b"a"

    run(scenario())


def test_a_peer_that_makes_us_answer_and_never_reads_is_hung_up_on() -> None:
    async def scenario() -> None:
        async with serving(room=4096) as world, Raw.to(world.port, room=4096) as raw:
            fields = call_fields("None")
            sent = 0
            while world.connections or not sent:
                calls = (headers(2 * number + 1, fields) for number in range(sent, sent + 500))
                raw.send(b"".join(calls))
                sent += 500
                await asyncio.sleep(0)
            assert 10_000 < sent < 100_000

    run(scenario())


class Described:
    name = SERVICE

    def __init__(self) -> None:
        self.servicer = Servicer()
        self.drained = False

    def handlers(self) -> grpc.GenericRpcHandler:
        return self.servicer.handlers()

    def drain(self) -> None:
        self.drained = True


async def listening(service: Described, *, reflection: bool = True) -> NativeListener:
    listen = Address(host="127.0.0.1", port=0)
    config = GrpcConfig(listen=listen, network="n", reflection=reflection)
    return await NativeListener.start(config, None, services=[service], limits=NO_LIMITS_STATED)


def test_a_listener_tells_its_health_to_who_asks_and_who_watches() -> None:
    async def scenario() -> None:
        service = Described()
        listener = await listening(service)
        async with grpc.aio.insecure_channel(str(listener.address)) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            request = health_pb2.HealthCheckRequest(service=SERVICE)
            assert (await stub.Check(request)).status == health_pb2.HealthCheckResponse.SERVING
            watching = stub.Watch(request)
            said = [(await watching.read()).status]
            await listener.not_serving()
            said.append((await watching.read()).status)
            assert said == [
                health_pb2.HealthCheckResponse.SERVING,
                health_pb2.HealthCheckResponse.NOT_SERVING,
            ]
            code, _ = await ends(stub.Check(health_pb2.HealthCheckRequest(service="none")))
            assert code is StatusCode.NOT_FOUND
            watching.cancel()
            await listener.stop()
            assert service.drained

    run(scenario())


@pytest.mark.parametrize("offered", [True, False])
def test_a_listener_describes_its_services_where_that_is_wanted(offered: bool) -> None:  # noqa: FBT001
    async def scenario() -> None:
        listener = await listening(Described(), reflection=offered)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        async with grpc.aio.insecure_channel(str(listener.address)) as channel:
            ask = method(channel, REFLECTION)
            if offered:
                answer = reflection_pb2.ServerReflectionResponse.FromString(
                    await ask(request.SerializeToString())
                )
                names = {one.name for one in answer.list_services_response.service}
                assert names >= {SERVICE, "grpc.health.v1.Health"}
            else:
                code, _ = await ends(ask(b""))
                assert code is StatusCode.UNIMPLEMENTED
        await listener.stop()

    run(scenario())


def test_an_address_that_is_taken_is_the_operators_to_mend() -> None:
    async def scenario() -> None:
        listener = await listening(Described())
        config = GrpcConfig(listen=listener.address, network="n", reflection=False)
        with pytest.raises(ConfigError, match=r"`grpc\.listen` cannot be listened on"):
            await NativeListener.start(config, None, services=[], limits=NO_LIMITS_STATED)
        await listener.stop()

    run(scenario())


def test_without_the_library_it_says_what_to_install() -> None:
    with pytest.raises(ConfigError, match="install the package `libnghttp2-14`"):
        _nghttp2.load("libnghttp2.so.none")


def test_a_library_without_the_repairs_is_not_used(tmp_path: Path) -> None:
    assert tmp_path.exists()
    libc = ctypes.util.find_library("c")
    assert libc is not None
    with pytest.raises(ConfigError, match="update the package `libnghttp2-14`"):
        _nghttp2.load(libc)
