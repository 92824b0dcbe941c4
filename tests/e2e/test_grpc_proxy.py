# SPDX-License-Identifier: Apache-2.0
"""The gRPC reverse proxy, with real clients over mutual TLS and a real department behind it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from govshare_policy.audit import Receipt, verify_receipt
from govshare_policy.errors import ConfigError
from govshare_sidecar._pb import audit_pb2
from govshare_sidecar.config import load_config
from tests.e2e.conftest import TRANSPORTS
from tests.e2e.deployment import Deployment, Running, await_
from tests.e2e.rpc_department import (
    SERVICE,
    UNKNOWN,
    RpcDepartment,
    configuration,
    make,
    marriage,
    parse,
    rpc_department,
)
from tests.e2e.test_lifecycle import fill_disk

PURPOSE = (("govshare-purpose", "data_verification"),)
QUERY = make("Query", id_no="ID1").SerializeToString()
RELEASED = make(
    "Marriage", id_no="ID1", name={"text": "示例甲"}, marital_status=["已婚", "再婚"]
).SerializeToString()


@pytest.fixture(scope="module")
def behind() -> Iterator[tuple[str, RpcDepartment]]:
    with rpc_department() as running:
        yield running


@pytest.fixture(autouse=True)
def api(behind: tuple[str, RpcDepartment]) -> RpcDepartment:
    """The department, as if nobody had asked it anything."""
    behind[1].reset()
    return behind[1]


def deploy(directory: Path, upstream: str) -> Deployment:
    deployment = Deployment(directory=directory, upstream="http://127.0.0.1:1")
    text = deployment.config.read_text() + configuration(upstream, directory)
    deployment.config.write_text(text)
    return deployment


@pytest.fixture(scope="module", params=TRANSPORTS)
def proxy(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    behind: tuple[str, RpcDepartment],
) -> Iterator[Running]:
    deployment = deploy(tmp_path_factory.mktemp("rpc"), behind[0])
    table = "[grpc_proxy]\n"
    deployment.configure(table, f'{table}transport = "{request.param}"\n')
    with deployment.start() as running:
        yield running


@contextmanager
def channel(running: Running, client: str = "SYS-HCB-PRH") -> Iterator[Any]:
    credentials = running.credentials(client)
    with grpc.secure_channel(running.addresses["grpc_proxy"], credentials) as opened:
        yield opened


def ask(
    running: Running,
    name: str = "Find",
    data: bytes = QUERY,
    *,
    client: str = "SYS-HCB-PRH",
    metadata: Sequence[tuple[str, str]] = PURPOSE,
    timeout_s: float = 60,
) -> tuple[bytes, dict[str, Any], dict[str, Any]]:
    """Ask one message, get one: the message, the headers and the trailers."""
    with channel(running, client) as opened:
        method = opened.unary_unary(f"{SERVICE}/{name}")
        message, call = method.with_call(data, metadata=metadata, timeout=timeout_s)
        return message, dict(call.initial_metadata()), dict(call.trailing_metadata())


def failed(rpc: Callable[[], object]) -> Any:  # noqa: ANN401  the error that is a call as well
    with pytest.raises(grpc.RpcError) as caught:
        rpc()
    return caught.value


def refused(running: Running, *args: Any, **more: Any) -> Any:  # noqa: ANN401  as above, of ask
    return failed(lambda: ask(running, *args, **more))


def detail(error: Any, kind: type[Any]) -> Any:  # noqa: ANN401  of its kind
    found = kind()
    [packed] = [one for one in rpc_status.from_call(error).details if one.Is(kind.DESCRIPTOR)]
    packed.Unpack(found)
    return found


def outcome(running: Running, record: str) -> dict[str, Any]:
    def found() -> list[dict[str, Any]]:
        return [one for one in running.deployment.outcomes() if one["decision"] == record]

    await_(lambda: bool(found()))
    [one] = found()
    return one


def test_an_allowed_call_gets_exactly_the_released_fields(
    proxy: Running, api: RpcDepartment
) -> None:
    message, headers, _ = ask(proxy)

    assert b"SECRET" in api.replies[0]
    assert message == RELEASED
    assert headers["govshare-clauses"].startswith("HU-a24-01")
    assert "purpose_only=data_verification" in headers["govshare-duties"].split(", ")


def test_an_allowed_call_is_recorded_twice_with_a_digest_of_what_left(proxy: Running) -> None:
    message, headers, _ = ask(proxy)
    record = proxy.deployment.records()[int(headers["govshare-log-index"])]

    assert record["id"] == headers["govshare-record"]
    assert record["commitments"].keys() == {"request", "subject_1"}
    ended = outcome(proxy, record["id"])
    assert (ended["status"], ended["rows"], ended["bytes"]) == ("released", 1, len(message))
    assert ended["commitments"].keys() == {"response"}


def test_records_inside_a_message_are_filtered_where_they_stand(
    proxy: Running, api: RpcDepartment
) -> None:
    page = b"".join(b"\x0a" + bytes([len(marriage(n))]) + marriage(n) for n in (1, 2))
    page += make("Page", total=9).SerializeToString()
    found = b"\x0a" + len(page).to_bytes(1) if len(page) < 128 else b"\x0a" + _varint(len(page))
    api.replies = [found + page + make("Found", note="SECRET").SerializeToString()]
    message, headers, _ = ask(proxy, "List")

    read = parse("Found", message)
    assert b"SECRET" not in message
    assert [item.id_no for item in read.page.items] == ["ID1", "ID2"]
    assert (read.page.total, read.note) == (0, "")
    assert outcome(proxy, headers["govshare-record"])["rows"] == 2


def _varint(number: int) -> bytes:
    return bytes([number & 0x7F | 0x80, number >> 7])


def test_named_fields_are_asked_for_and_passed_on(proxy: Running, api: RpcDepartment) -> None:
    message, headers, _ = ask(proxy, metadata=(*PURPOSE, ("govshare-fields", "id_no")))

    assert message == make("Marriage", id_no="ID1").SerializeToString()
    assert api.asked[0].metadata["govshare-fields"] == "id_no"
    assert api.asked[0].metadata["govshare-record"] == headers["govshare-record"]


def test_only_named_metadata_go_on_and_come_back(proxy: Running, api: RpcDepartment) -> None:
    sent = (("x-request-id", "r1"), ("authorization", "x"), ("govshare-system", "SYS-OTHER"))
    _, headers, trailers = ask(proxy, metadata=(*PURPOSE, *sent))

    assert api.asked[0].metadata["x-request-id"] == "r1"
    assert not api.asked[0].metadata.keys() & {"authorization", "govshare-system"}
    assert "govshare-purpose" not in api.asked[0].metadata
    assert (headers["x-served-by"], trailers["x-total"]) == ("one", "9")
    assert "SECRET" not in f"{headers} {trailers}"


def test_a_denial_says_why_and_on_which_clause_and_the_department_hears_nothing(
    proxy: Running, api: RpcDepartment
) -> None:
    error = refused(proxy, metadata=(("govshare-purpose", "work_reference"),))
    said = detail(error, error_details_pb2.ErrorInfo)

    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert error.details().startswith("the purpose of the call is not one that grant `G01`")
    assert detail(error, error_details_pb2.LocalizedMessage).message.startswith("调用用途不在授权")
    assert (said.reason, said.metadata["outcome"]) == ("DENIED", "deny")
    assert said.metadata["clauses"].startswith("HU-a24-04")
    assert dict(error.initial_metadata())["govshare-record"] == said.metadata["govshare-record"]
    assert proxy.deployment.decisions()[-1]["id"] == said.metadata["govshare-record"]
    assert api.asked == []


@pytest.mark.parametrize("name", ["Find", "Watch", "Upload", "Talk"])
def test_every_kind_of_method_is_denied_alike(
    proxy: Running, api: RpcDepartment, name: str
) -> None:
    # On the wire one message is a stream of one.
    with channel(proxy, "SYS-CAB-AID") as opened:
        method = opened.stream_stream(f"{SERVICE}/{name}")
        error = failed(lambda: list(method(iter([QUERY]), metadata=PURPOSE, timeout=60)))
    said = detail(error, error_details_pb2.ErrorInfo)

    assert said.metadata["reasons"] == "grant_missing"
    assert api.asked == []


def test_the_receipt_can_be_had_at_the_same_door(proxy: Running) -> None:
    _, headers, _ = ask(proxy)
    index, record = int(headers["govshare-log-index"]), headers["govshare-record"]
    request = audit_pb2.GetReceiptRequest(log_index=index, record_id=record)
    with channel(proxy) as opened:
        method = opened.unary_unary(
            "/govshare.v1.Audit/GetReceipt",
            request_serializer=audit_pb2.GetReceiptRequest.SerializeToString,
            response_deserializer=audit_pb2.GetReceiptResponse.FromString,
        )
        receipt = Receipt.from_text(method(request, timeout=60).receipt.text)

    verify_receipt(receipt, proxy.deployment.trust)
    assert receipt.index == index


def test_the_door_says_that_it_serves(proxy: Running) -> None:
    with channel(proxy) as opened:
        stub = health_pb2_grpc.HealthStub(opened)
        status = stub.Check(health_pb2.HealthCheckRequest(), timeout=60).status

    assert status == health_pb2.HealthCheckResponse.SERVING


def test_a_stream_of_answers_is_filtered_message_by_message(
    proxy: Running, api: RpcDepartment
) -> None:
    api.replies = [marriage(number) for number in range(1, 6)]
    with channel(proxy) as opened:
        call = opened.unary_stream(f"{SERVICE}/Watch")(QUERY, metadata=PURPOSE, timeout=60)
        messages = list(call)
        headers, trailers = dict(call.initial_metadata()), dict(call.trailing_metadata())

    assert [parse("Marriage", one).id_no for one in messages] == ["ID1", "ID2", "ID3", "ID4", "ID5"]
    assert not any(b"SECRET" in one for one in messages)
    assert (headers["x-served-by"], trailers["x-total"]) == ("one", "9")
    ended = outcome(proxy, headers["govshare-record"])
    size_bytes = sum(len(one) for one in messages)
    assert (ended["status"], ended["rows"], ended["bytes"]) == ("released", 5, size_bytes)


def test_a_stream_of_questions_goes_on_whole(proxy: Running, api: RpcDepartment) -> None:
    with channel(proxy) as opened:
        method = opened.stream_unary(f"{SERVICE}/Upload")
        message = method(iter([QUERY] * 3), metadata=PURPOSE, timeout=60)

    assert message == RELEASED
    assert api.asked[0].messages == [QUERY] * 3


def test_a_conversation_goes_back_and_forth(proxy: Running) -> None:
    turn = threading.Semaphore(1)

    def questions() -> Iterator[bytes]:
        for _ in range(4):
            turn.acquire()
            yield QUERY

    with channel(proxy) as opened:
        call = opened.stream_stream(f"{SERVICE}/Talk")(questions(), metadata=PURPOSE, timeout=60)
        seen = []
        for message in call:
            seen.append(message)
            turn.release()
        record = dict(call.initial_metadata())["govshare-record"]

    assert seen == [RELEASED] * 4
    assert outcome(proxy, record)["rows"] == 4


def test_a_deadline_goes_on_to_the_department(proxy: Running, api: RpcDepartment) -> None:
    ask(proxy, timeout_s=2.5)

    remaining_s = api.asked[0].remaining_s
    assert remaining_s is not None
    assert 0 < remaining_s < 2.5


def test_without_a_deadline_the_department_gets_ours(proxy: Running, api: RpcDepartment) -> None:
    with channel(proxy) as opened:
        opened.unary_unary(f"{SERVICE}/Find")(QUERY, metadata=PURPOSE)

    remaining_s = api.asked[0].remaining_s
    assert remaining_s is not None
    assert 0 < remaining_s < 3.1


def test_a_caller_that_cancels_cancels_the_department_and_it_is_recorded(
    proxy: Running, api: RpcDepartment
) -> None:
    api.replies = [marriage(1), marriage(2)]
    api.let.clear()
    with channel(proxy) as opened:
        call = opened.unary_stream(f"{SERVICE}/Watch")(QUERY, metadata=PURPOSE, timeout=60)
        assert next(call) == RELEASED
        record = dict(call.initial_metadata())["govshare-record"]
        call.cancel()

    ended = outcome(proxy, record)
    assert (ended["status"], ended["rows"], ended["bytes"]) == ("caller_left", 1, len(RELEASED))
    assert api.asked[0].cancelled.wait(60)


def test_a_caller_whose_deadline_passes_is_recorded_as_gone(
    proxy: Running, api: RpcDepartment
) -> None:
    api.let.clear()
    error = refused(proxy, timeout_s=1.0)
    record = proxy.deployment.decisions()[-1]["id"]

    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert outcome(proxy, record)["status"] in ("caller_left", "upstream_timeout")


@pytest.mark.parametrize(
    ("code", "told", "status"),
    [
        ("NOT_FOUND", "NOT_FOUND", "no_such_record"),
        ("UNAVAILABLE", "UNAVAILABLE", "upstream_unreachable"),
        ("INTERNAL", "INTERNAL", "upstream_error"),
        ("PERMISSION_DENIED", "INTERNAL", "upstream_error"),
        ("RESOURCE_EXHAUSTED", "INTERNAL", "upstream_error"),
    ],
)
def test_an_error_of_the_department_says_nothing_of_itself(
    proxy: Running, api: RpcDepartment, code: str, told: str, status: str
) -> None:
    api.code = grpc.StatusCode[code]
    fault = f'govshare_upstream_errors_total{{fault="{status}"}}'
    before = proxy.metric(fault)
    error = refused(proxy)
    record = dict(error.initial_metadata())["govshare-record"]

    assert error.code() is grpc.StatusCode[told]
    assert (
        "SECRET" not in f"{error.details()} {error.initial_metadata()} {error.trailing_metadata()}"
    )
    assert outcome(proxy, record)["status"] == status
    assert proxy.metric(fault) == before + 1


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (b"\x0a\xff", "upstream_unreadable"),
        (b"\x0a\x02\xff\xfe", "upstream_unreadable"),
        (b"\x0a" + b"\x80\x80\x80\x01" + b"x" * (1 << 21), "upstream_too_large"),
    ],
    ids=["cut off", "not utf-8", "too large"],
)
@pytest.mark.parametrize("name", ["Find", "Watch"])
def test_what_cannot_be_read_is_not_released(
    proxy: Running, api: RpcDepartment, reply: bytes, status: str, name: str
) -> None:
    api.replies = [reply]
    with channel(proxy) as opened:
        method = opened.unary_stream(f"{SERVICE}/{name}")
        error = failed(lambda: list(method(QUERY, metadata=PURPOSE, timeout=60)))

    assert error.code() is grpc.StatusCode.INTERNAL
    ended = outcome(proxy, dict(error.initial_metadata())["govshare-record"])
    assert (ended["status"], ended["bytes"]) == (status, 0)


def test_an_answer_that_breaks_in_the_middle_is_recorded_with_what_left(
    proxy: Running, api: RpcDepartment
) -> None:
    api.replies = [marriage(1), marriage(2), b"\x0a\xff"]
    with channel(proxy) as opened:
        call = opened.unary_stream(f"{SERVICE}/Watch")(QUERY, metadata=PURPOSE, timeout=60)
        assert len([next(call), next(call)]) == 2
        failed(lambda: next(call))

    ended = outcome(proxy, dict(call.initial_metadata())["govshare-record"])
    assert (ended["status"], ended["rows"]) == ("upstream_unreadable", 2)


def test_a_department_that_is_late_is_not_waited_for(proxy: Running, api: RpcDepartment) -> None:
    api.let.clear()
    error = refused(proxy)

    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    record = dict(error.initial_metadata())["govshare-record"]
    assert outcome(proxy, record)["status"] == "upstream_timeout"


REFUSED = {
    "a method without a route": ("Hidden", QUERY, PURPOSE, "no_route"),
    "a method that is not there": ("Nothing", QUERY, PURPOSE, "no_route"),
    "no message": ("Find", b"\x0a\xff", PURPOSE, "bad_call"),
    "a field nobody knows": ("Find", QUERY + UNKNOWN, PURPOSE, "bad_call"),
    "too large": ("Find", b"\x0a\x80\x80\x08" + b"x" * (1 << 17), PURPOSE, "too_large"),
    "a purpose twice": ("Find", QUERY, (*PURPOSE, *PURPOSE), "bad_header"),
    "half an escape": ("Find", QUERY, (("govshare-purpose", "%4"),), "bad_header"),
    "a field twice": ("Find", QUERY, (*PURPOSE, ("govshare-fields", "name,name")), "bad_call"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_is_no_call_gets_one_clear_sentence_and_is_counted(
    proxy: Running,
    api: RpcDepartment,
    case: tuple[str, bytes, tuple[tuple[str, str], ...], str],
) -> None:
    name, data, metadata, cause = case
    counter = f'govshare_refused_total{{cause="{cause}",entrance="grpc_proxy"}}'
    before, size = proxy.metric(counter), proxy.metric("govshare_log_records")
    error = refused(proxy, name, data, metadata=metadata)

    assert error.code() is not grpc.StatusCode.OK
    assert detail(error, error_details_pb2.LocalizedMessage).locale == "zh-CN"
    assert proxy.metric(counter) == before + 1
    assert proxy.metric("govshare_log_records") == size
    assert api.asked == []


def test_a_stream_of_questions_ends_with_one_that_is_none(
    proxy: Running, api: RpcDepartment
) -> None:
    # To the server of the department a stream that breaks off may look like one that ends, until it
    # is told that the call is over.
    api.let.clear()

    def questions() -> Iterator[bytes]:
        yield QUERY
        await_(lambda: bool(api.asked))
        yield QUERY + UNKNOWN

    with channel(proxy) as opened:
        method = opened.stream_unary(f"{SERVICE}/Upload")
        error = failed(lambda: method(questions(), metadata=PURPOSE, timeout=60))

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    record = dict(error.initial_metadata())["govshare-record"]
    assert outcome(proxy, record)["status"] == "broken_off"
    assert api.asked[0].cancelled.wait(60)


def test_a_packed_message_is_not_unpacked(proxy: Running, api: RpcDepartment) -> None:
    bomb = make("Query", id_no="x" * 100_000).SerializeToString()
    with channel(proxy) as opened:
        method = partial(opened.unary_unary(f"{SERVICE}/Find"), compression=grpc.Compression.Gzip)
        error = failed(lambda: method(bomb, metadata=PURPOSE, timeout=60))

    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert api.asked == []


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("a policy that changes", grpc.StatusCode.FAILED_PRECONDITION),
        ("a gateway that stops", grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
def test_a_stream_ends_with(
    tmp_path: Path, behind: tuple[str, RpcDepartment], how: str, code: grpc.StatusCode
) -> None:
    deployment = deploy(tmp_path, behind[0])
    with deployment.start() as running, channel(running) as opened:
        turn = threading.Semaphore(1)

        def questions() -> Iterator[bytes]:
            while turn.acquire(timeout=60):
                yield QUERY

        call = opened.stream_stream(f"{SERVICE}/Talk")(questions(), metadata=PURPOSE, timeout=60)
        assert next(call) == RELEASED
        record = dict(call.initial_metadata())["govshare-record"]
        if how == "a policy that changes":
            deployment.register(revoked="SYS-CAB-AID")
            running.process.send_signal(1)
            await_(lambda: running.metric('govshare_reloads_total{result="done"}') == 1)
            turn.release()
        else:
            running.process.terminate()
        error = failed(lambda: next(call))
        running.stop()

    assert error.code() is code
    [ended] = [one for one in deployment.outcomes() if one["decision"] == record]
    assert (ended["status"], ended["rows"]) == ("broken_off", 1)
    deployment.verify()


def test_a_log_that_cannot_be_written_lets_nothing_more_out(
    tmp_path: Path, behind: tuple[str, RpcDepartment], api: RpcDepartment
) -> None:
    with deploy(tmp_path, behind[0]).start() as running, channel(running) as opened:
        turn = threading.Semaphore(1)

        def questions() -> Iterator[bytes]:
            while turn.acquire(timeout=60):
                yield QUERY

        call = opened.stream_stream(f"{SERVICE}/Talk")(questions(), metadata=PURPOSE, timeout=60)
        assert next(call) == RELEASED
        fill_disk(running)
        unrecorded = refused(running)
        turn.release()
        stream = failed(lambda: next(call))

    assert len(api.asked) == 1
    for error in (unrecorded, stream):
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert detail(error, error_details_pb2.ErrorInfo).reason == "AUDIT_UNAVAILABLE"


def test_a_release_that_cannot_be_recorded_does_not_happen(
    tmp_path: Path, behind: tuple[str, RpcDepartment], api: RpcDepartment
) -> None:
    deployment = deploy(tmp_path, behind[0])
    api.let.clear()
    with deployment.start() as running, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(refused, running)
        await_(lambda: len(api.asked) == 1)
        fill_disk(running)
        api.let.set()
        error = asked.result(timeout=60)

    assert len(api.asked) == 1
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert deployment.decisions()[-1]["effect"] == "allow"
    assert deployment.outcomes() == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("/Find", "/Nothing", r"route\[0\].method` is not in the descriptor set"),
        (f"{SERVICE}/Find", "county.v1.Marriages/Find", "method"),
        ("/Find", "/List", "has a route already"),
        ('records = "page.items"', 'records = "page.total"', "records"),
        ('descriptor_set = "county.pb"', 'descriptor_set = "tls/ca.pem"', "no whole set"),
        ('"x-request-id"', '"govshare-system"', "metadata"),
        ('"x-request-id"', '"X-Request-Id"', "metadata"),
        ('"x-served-by"', '"grpc-status"', "response_metadata"),
        (
            '[grpc_proxy]\nlisten = "127.0.0.1:0"\nupstream = "http://127.0.0.1',
            '[grpc_proxy]\nlisten = "127.0.0.1:0"\nupstream = "http://10.0.0.1',
            "plain http",
        ),
        ("stream_timeout_s = 20", "stream_timeout_s = 0", "stream_timeout_s"),
        ("stream_timeout_s = 20", "streams = 20", "is not a setting"),
    ],
)
def test_a_setting_that_cannot_be_is_told_at_the_start(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    deployment = deploy(tmp_path, "http://127.0.0.1:1")
    deployment.configure(old, new)
    with pytest.raises(ConfigError, match=complaint):
        load_config(deployment.config)
