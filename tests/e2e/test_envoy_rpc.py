# SPDX-License-Identifier: Apache-2.0
"""A real Envoy with ``ext_proc`` in front of a gRPC API, with real clients over TLS."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2

from tests.e2e.deployment import Deployment, Running, await_
from tests.e2e.envoy import NOWHERE, Front, behind_envoy, said
from tests.e2e.rpc_department import (
    SERVICE,
    RpcDepartment,
    make,
    marriage,
    parse,
    rpc_department,
)
from tests.e2e.test_grpc_proxy import PURPOSE, QUERY, RELEASED, detail


@pytest.fixture(scope="module")
def behind() -> Iterator[tuple[str, RpcDepartment]]:
    with rpc_department() as running:
        yield running


@pytest.fixture
def api(behind: tuple[str, RpcDepartment]) -> RpcDepartment:
    """The department, as if nobody had asked it anything."""
    behind[1].reset()
    return behind[1]


@pytest.fixture(scope="module")
def envoy(
    tmp_path_factory: pytest.TempPathFactory, behind: tuple[str, RpcDepartment]
) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("envoy-rpc")
    deployment = Deployment(directory=directory, upstream="http://127.0.0.1:1")
    with behind_envoy(Front(deployment=deployment), rpc_api=behind[0]) as running:
        yield running


@contextmanager
def channel(running: Running, client: str | None = "SYS-HCB-PRH") -> Iterator[Any]:
    with grpc.secure_channel(running.addresses["http"], running.credentials(client)) as opened:
        yield opened


def ask(
    running: Running,
    name: str = "Find",
    data: bytes = QUERY,
    **more: Any,  # noqa: ANN401
) -> tuple[bytes, dict[str, Any], dict[str, Any]]:
    """Ask one message, get one: the message, the headers and the trailers."""
    with channel(running) as opened:
        method = opened.unary_unary(f"{SERVICE}/{name}")
        message, call = method.with_call(data, **{"metadata": PURPOSE, "timeout": 20, **more})
        return message, dict(call.initial_metadata()), dict(call.trailing_metadata())


def refused(running: Running, *args: Any, **more: Any) -> grpc.RpcError:  # noqa: ANN401
    with pytest.raises(grpc.RpcError) as caught:
        ask(running, *args, **more)
    return caught.value


def outcome(running: Running, record: str) -> dict[str, Any]:
    def found() -> list[dict[str, Any]]:
        return [one for one in running.deployment.outcomes() if one["decision"] == record]

    await_(lambda: bool(found()))
    [one] = found()
    return one


def test_an_allowed_call_gets_exactly_the_released_fields(
    envoy: Running, api: RpcDepartment
) -> None:
    message, headers, trailers = ask(envoy)

    assert b"SECRET" in api.replies[0]
    assert message == RELEASED
    assert headers["govshare-clauses"].startswith("HU-a24-01")
    assert "SECRET" not in f"{headers} {trailers}"
    ended = outcome(envoy, headers["govshare-record"])
    assert (ended["status"], ended["rows"], ended["bytes"]) == ("released", 1, len(message))


def test_records_inside_a_message_are_filtered_where_they_stand(
    envoy: Running, api: RpcDepartment
) -> None:
    found = make("Found", note="SECRET", page={"items": [{"id_no": "ID1", "reg_date": "SECRET"}]})
    api.replies = [found.SerializeToString()]
    message, _, _ = ask(envoy, "List")

    assert message == make("Found", page={"items": [{"id_no": "ID1"}]}).SerializeToString()


def test_named_fields_are_asked_for_and_passed_on(envoy: Running, api: RpcDepartment) -> None:
    sent = (("govshare-fields", "id_no"), ("authorization", "x"), ("govshare-system", "other"))
    message, headers, _ = ask(envoy, metadata=(*PURPOSE, *sent))

    assert message == make("Marriage", id_no="ID1").SerializeToString()
    got = api.asked[0].metadata
    assert got["govshare-fields"] == "id_no"
    assert got["govshare-record"] == headers["govshare-record"]
    assert not got.keys() & {
        "authorization",
        "govshare-system",
        "govshare-purpose",
        "x-forwarded-client-cert",
        "x-forwarded-proto",
    }


def test_a_stream_is_filtered_message_by_message_as_they_come(
    envoy: Running, api: RpcDepartment
) -> None:
    api.replies = [marriage(number) for number in range(1, 5)]
    api.let.clear()
    with channel(envoy) as opened:
        call = opened.unary_stream(f"{SERVICE}/Watch")(QUERY, metadata=PURPOSE, timeout=60)
        first = next(call)
        assert not api.asked[0].ended
        api.let.set()
        messages = [first, *call]
        headers = dict(call.initial_metadata())

    assert [parse("Marriage", one).id_no for one in messages] == ["ID1", "ID2", "ID3", "ID4"]
    assert not any(b"SECRET" in one for one in messages)
    ended = outcome(envoy, headers["govshare-record"])
    assert (ended["status"], ended["rows"]) == ("released", 4)
    assert ended["bytes"] == sum(len(one) for one in messages)


def test_a_conversation_goes_back_and_forth(envoy: Running, api: RpcDepartment) -> None:
    turn = threading.Semaphore(1)

    def questions() -> Iterator[bytes]:
        for _ in range(4):
            turn.acquire()
            yield QUERY

    with channel(envoy) as opened:
        call = opened.stream_stream(f"{SERVICE}/Talk")(questions(), metadata=PURPOSE, timeout=60)
        seen = []
        for message in call:
            seen.append(message)
            turn.release()

    assert seen == [RELEASED] * 4
    assert api.asked[0].messages == [QUERY] * 4


@pytest.mark.parametrize("how", ["a policy that changes", "a gateway that stops"])
def test_a_stream_ends_with(tmp_path: Path, behind: tuple[str, RpcDepartment], how: str) -> None:
    deployment = Deployment(directory=tmp_path, upstream=NOWHERE)
    with (
        behind_envoy(Front(deployment=deployment), rpc_api=behind[0]) as running,
        channel(running) as opened,
    ):
        turn = threading.Semaphore(1)

        def questions() -> Iterator[bytes]:
            while turn.acquire(timeout=60):
                yield QUERY

        def rest() -> Iterator[bytes]:
            for message in call:
                turn.release()
                yield message

        call = opened.stream_stream(f"{SERVICE}/Talk")(questions(), metadata=PURPOSE, timeout=60)
        passed = [next(call)]
        assert passed == [RELEASED]
        record = dict(call.initial_metadata())["govshare-record"]
        if how == "a policy that changes":
            deployment.register(revoked="SYS-CAB-AID")
            running.process.send_signal(signal.SIGHUP)
            await_(lambda: running.metric('govshare_reloads_total{result="done"}') == 1)
        else:
            running.process.terminate()
            await_(lambda: said(running, "draining"))
        turn.release()
        with pytest.raises(grpc.RpcError):
            passed.extend(rest())
        running.stop()

    [ended] = [one for one in deployment.outcomes() if one["decision"] == record]
    assert (ended["status"], ended["rows"]) == ("broken_off", len(passed))
    # Streams are told of a stop right after it was said, and decide by a policy from its reload on.
    assert how == "a gateway that stops" or len(passed) == 1


def test_a_message_with_more_than_is_known_breaks_a_conversation_off(
    envoy: Running, api: RpcDepartment
) -> None:
    def sent() -> Iterator[bytes]:
        yield QUERY
        await_(lambda: bool(api.asked))
        yield QUERY + b"\x7a\x01x"

    with channel(envoy) as opened, pytest.raises(grpc.RpcError):
        list(opened.stream_stream(f"{SERVICE}/Talk")(sent(), metadata=PURPOSE, timeout=60))
    record = envoy.deployment.decisions()[-1]["id"]

    assert outcome(envoy, record)["status"] == "broken_off"
    assert QUERY + b"\x7a\x01x" not in api.asked[0].messages


@pytest.mark.parametrize("name", ["Find", "Watch", "Talk"])
def test_a_denial_says_why_and_on_which_clause_and_the_department_hears_nothing(
    envoy: Running, api: RpcDepartment, name: str
) -> None:
    purpose, path = (("govshare-purpose", "work_reference"),), f"{SERVICE}/{name}"
    with channel(envoy) as opened, pytest.raises(grpc.RpcError) as caught:
        list(opened.stream_stream(path)(iter([QUERY]), metadata=purpose, timeout=60))
    said = detail(caught.value, error_details_pb2.ErrorInfo)

    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert (caught.value.details() or "").startswith(
        "the purpose of the call is not one that grant `G01`"
    )
    local = detail(caught.value, error_details_pb2.LocalizedMessage)
    assert local.message.startswith("调用用途不在授权")
    assert said.metadata["clauses"].startswith("HU-a24-04")
    assert envoy.deployment.decisions()[-1]["id"] == said.metadata["govshare-record"]
    assert api.asked == []


def test_a_caller_without_a_certificate_gets_a_recorded_denial(
    envoy: Running, api: RpcDepartment
) -> None:
    with channel(envoy, None) as opened, pytest.raises(grpc.RpcError) as caught:
        opened.unary_unary(f"{SERVICE}/Find")(QUERY, metadata=PURPOSE, timeout=60)

    said = detail(caught.value, error_details_pb2.ErrorInfo)
    assert said.metadata["reasons"] == "no_certificate"
    assert api.asked == []


@pytest.mark.parametrize(
    ("name", "data", "code", "cause"),
    [
        ("Hidden", QUERY, "INVALID_ARGUMENT", "no_route"),
        ("Find", b"\xff", "INVALID_ARGUMENT", "bad_call"),
        ("Find", QUERY + b"\x7a\x01x", "INVALID_ARGUMENT", "bad_call"),
        ("Find", b"\x0a\x80\x80\x08" + b"x" * (1 << 17), "INVALID_ARGUMENT", "too_large"),
    ],
    ids=["another method", "no message", "more than is known", "too large"],
)
def test_what_says_no_call_is_refused_and_counted(
    envoy: Running, api: RpcDepartment, name: str, data: bytes, code: str, cause: str
) -> None:
    counter = f'govshare_refused_total{{cause="{cause}",entrance="envoy_ext_proc"}}'
    before = envoy.metric(counter)
    error = refused(envoy, name, data)

    assert error.code() is grpc.StatusCode[code]
    assert envoy.metric(counter) == before + 1
    assert api.asked == []


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("NOT_FOUND", "no_such_record"),
        ("UNAVAILABLE", "upstream_unreachable"),
        ("INTERNAL", "upstream_error"),
        ("PERMISSION_DENIED", "upstream_error"),
    ],
)
@pytest.mark.parametrize("before", [0, 1], ids=["at once", "after a message"])
def test_an_error_of_the_department_says_nothing_of_itself(
    envoy: Running, api: RpcDepartment, code: str, status: str, before: int
) -> None:
    api.replies, api.code = [marriage()] * before, grpc.StatusCode[code]
    error = refused(envoy) if before else watched(envoy)
    record = envoy.deployment.decisions()[-1]["id"]

    assert error.code() is not grpc.StatusCode.OK
    assert "SECRET" not in str(error)
    ended = outcome(envoy, record)
    assert (ended["status"], ended["rows"]) == (status, 0)


def watched(running: Running) -> grpc.RpcError:
    with channel(running) as opened, pytest.raises(grpc.RpcError) as caught:
        list(opened.unary_stream(f"{SERVICE}/Watch")(QUERY, metadata=PURPOSE, timeout=60))
    return caught.value


def test_a_stream_that_fails_half_way_is_recorded_with_what_had_left(
    envoy: Running, api: RpcDepartment
) -> None:
    api.replies = [marriage(1), marriage(2), b"\xff SECRET"]
    error = watched(envoy)
    record = envoy.deployment.decisions()[-1]["id"]

    assert error.code() is not grpc.StatusCode.OK
    assert "SECRET" not in str(error)
    ended = outcome(envoy, record)
    assert (ended["status"], ended["rows"]) == ("upstream_unreadable", 2)


def test_a_message_that_is_too_large_does_not_leave(envoy: Running, api: RpcDepartment) -> None:
    api.replies = [make("Marriage", id_no="x" * (1 << 20)).SerializeToString()]
    refused(envoy)
    record = envoy.deployment.decisions()[-1]["id"]

    assert outcome(envoy, record)["status"] == "upstream_too_large"


def test_a_caller_that_cancels_cancels_the_department_and_it_is_recorded(
    envoy: Running, api: RpcDepartment
) -> None:
    api.replies = [marriage(1), marriage(2)]
    api.let.clear()
    with channel(envoy) as opened:
        call = opened.unary_stream(f"{SERVICE}/Watch")(QUERY, metadata=PURPOSE, timeout=60)
        assert next(call) == RELEASED
        record = dict(call.initial_metadata())["govshare-record"]
        call.cancel()

    ended = outcome(envoy, record)
    assert (ended["status"], ended["rows"], ended["bytes"]) == ("caller_left", 1, len(RELEASED))
    assert api.asked[0].cancelled.wait(60)
