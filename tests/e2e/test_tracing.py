# SPDX-License-Identifier: Apache-2.0
"""A collector sees what every call went through, and no call waits for the collector."""

import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from govshare_sidecar._pb import enforcement_pb2 as pb
from tests.e2e.callers import PURPOSE
from tests.e2e.collector import Collector, attributes, collector
from tests.e2e.department import Department
from tests.e2e.deployment import Deployment, Running
from tests.e2e.grpc_calls import release, stream
from tests.e2e.rpc_department import SERVICE, configuration, make, rpc_department
from tests.e2e.test_grpc import request

NOWHERE = "http://127.0.0.1:1"
THEIRS, PARENT = "ab" * 16, "cd" * 8
TRACEPARENT = {"traceparent": f"00-{THEIRS}-{PARENT}-00"}


def traced(directory: Path, more: str = "") -> Deployment:
    return tracing(Deployment(directory=directory, upstream=NOWHERE), more)


def tracing(deployment: Deployment, more: str) -> Deployment:
    with deployment.config.open("a") as file:
        file.write(f"[tracing]\n{more}\n")
    return deployment


def children(spans: list[Span], parent: Span) -> dict[str, Span]:
    return {span.name: span for span in spans if span.parent_span_id == parent.span_id}


@pytest.fixture
def spans() -> Iterator[Collector]:
    with collector() as running:
        yield running


def test_a_call_is_a_trace_from_its_decision_to_its_outcome(
    deployment: Deployment, spans: Collector, api: Department
) -> None:
    with tracing(deployment, f'endpoint = "{spans.url}"').start() as running:
        record = running.request("/marriages/ID1", headers=TRACEPARENT).headers["Govshare-Record"]
        denied = running.request("/marriages/ID1", client="SYS-CAB-AID")

    [first, second] = spans.named("govshare.call", at_least=2)
    said = attributes(first)
    assert (said["govshare.record"], said["govshare.outcome"]) == (record, "allow")
    assert (said["govshare.entrance"], said["govshare.status"]) == ("http_proxy", "released")
    assert attributes(second)["govshare.clause"] == denied.document["clauses"][0]
    stages = children(spans.spans, first)
    assert list(stages) == [
        f"govshare.{stage}" for stage in ("decision", "commit", "upstream", "release", "outcome")
    ]
    assert list(children(spans.spans, second)) == ["govshare.decision", "govshare.commit"]
    assert {span.status.code for span in spans.spans} == {Status.STATUS_CODE_UNSET}
    # The department may go on with our trace, and never sees what the caller said of its own.
    [asked] = [asked.headers["traceparent"] for asked in api.asked]
    upstream = stages["govshare.upstream"]
    assert asked.startswith(f"00-{first.trace_id.hex()}-{upstream.span_id.hex()}-0")


@pytest.mark.parametrize("callers", ["link", "parent", "ignore"])
def test_what_a_caller_says_of_its_trace_is_taken_as_configured(
    tmp_path: Path, spans: Collector, callers: str
) -> None:
    deployment = traced(tmp_path, f'endpoint = "{spans.url}"\ncallers = "{callers}"')
    with deployment.start() as running, running.channel("SYS-HCB-PRH") as channel:
        running.request("/marriages/ID1", client="SYS-CAB-AID", headers=TRACEPARENT)
        check: grpc.UnaryUnaryMultiCallable[bytes, bytes]
        check = channel.unary_unary("/govshare.v1.Enforcement/Check")
        check(request().SerializeToString(), metadata=tuple(TRACEPARENT.items()), timeout=60)
        running.request("/marriages/ID1", client="SYS-CAB-AID")

    http, rpc, none = spans.named("govshare.call", at_least=3)
    for span in (http, rpc):
        assert [link.span_id.hex() for link in span.links] == [PARENT] * (callers == "link")
        assert (span.trace_id.hex() == THEIRS) is (callers == "parent")
        assert span.parent_span_id.hex() == (PARENT if callers == "parent" else "")
    assert len(none.links) == len(none.parent_span_id) == 0


def test_a_span_says_what_failed_by_its_class_and_cause(tmp_path: Path, spans: Collector) -> None:
    deployment = traced(tmp_path, f'endpoint = "{spans.url}"')
    with deployment.start() as running:
        assert running.request("/marriages/ID1").status == 502
        allowed = running.check(request()).receipt.record_id
        with pytest.raises(grpc.RpcError):
            running.send(b"\xff")
        with pytest.raises(grpc.RpcError):
            release(running, pb.ReleaseRequest(record_id=allowed, body=b"no json"))
        list(stream(running, [pb.CheckStreamRequest(request=request())] * 2))

    calls = spans.named("govshare.call", at_least=6)
    told = [(attributes(call), call.status.code) for call in calls]
    assert told[0][0]["govshare.status"] == "upstream_unreachable"
    assert told[0][1] == Status.STATUS_CODE_ERROR
    [upstream] = spans.named("govshare.upstream")
    assert attributes(upstream)["govshare.cause"] == "upstream_unreachable"
    assert told[1][1] == told[2][1] == Status.STATUS_CODE_UNSET
    assert told[2][0]["govshare.cause"] == "bad_call"
    assert told[3][0]["govshare.cause"] == "not_json"
    streamed = [attributes(call)["govshare.entrance"] for call in calls[4:]]
    assert streamed == ["grpc_stream", "grpc_stream"]
    assert not any(span.events for span in spans.spans)
    assert not any(span.status.message for span in spans.spans)


def test_a_stream_through_the_grpc_proxy_goes_on_under_our_trace(
    tmp_path: Path, spans: Collector
) -> None:
    with rpc_department() as (upstream, _):
        deployment = traced(tmp_path, f'endpoint = "{spans.url}"')
        with deployment.config.open("a") as file:
            file.write(configuration(upstream, tmp_path))
        with deployment.start() as running:
            credentials = running.credentials("SYS-HCB-PRH")
            address = running.addresses["grpc_proxy"]
            with grpc.secure_channel(address, credentials) as channel:
                find: grpc.UnaryUnaryMultiCallable[bytes, bytes]
                find = channel.unary_unary(f"{SERVICE}/Find")
                purpose = tuple((key.lower(), value) for key, value in PURPOSE.items())
                find(make("Query", id_no="ID1").SerializeToString(), metadata=purpose, timeout=60)

    [call] = spans.named("govshare.call")
    assert attributes(call)["govshare.status"] == "released"
    assert list(children(spans.spans, call)) == [
        f"govshare.{stage}" for stage in ("decision", "commit", "upstream")
    ]


@pytest.mark.parametrize("fault", ["slow", "failing", "gone"])
def test_no_call_waits_for_a_collector(tmp_path: Path, spans: Collector, fault: str) -> None:
    endpoint = "http://127.0.0.1:1/v1/traces" if fault == "gone" else spans.url
    spans.delay_s, spans.status = (30.0, 200) if fault == "slow" else (0.0, 500)
    deployment = traced(tmp_path, f'endpoint = "{endpoint}"')
    with deployment.start() as running, running.channel("SYS-HCB-PRH") as channel:
        check: grpc.UnaryUnaryMultiCallable[bytes, bytes]
        check = channel.unary_unary("/govshare.v1.Enforcement/Check")
        data = request().SerializeToString()
        began = time.monotonic()
        pending = [check.future(data, timeout=60) for _ in range(200)]
        assert all(one.result() for one in pending)
        took_s = time.monotonic() - began
        began = time.monotonic()
        assert running.stop() == 0
        stopped_s = time.monotonic() - began

    # The slow one takes thirty.
    assert took_s < 25
    assert stopped_s < 25
    assert len(deployment.decisions()) == 200
    assert all(message.get("level") for message in running.messages)


def test_where_spans_go_may_be_said_by_the_environment(
    tmp_path: Path, spans: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", spans.url.removesuffix("/v1/traces"))
    # A proxy is not asked, whatever the environment says.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with traced(tmp_path, 'service = "hcb"').start() as running:
        assert running.request("/marriages/ID1", client="SYS-CAB-AID").status == 403

    assert spans.named("govshare.call")
    resource = spans.requests[0].resource_spans[0].resource
    assert 'string_value: "hcb"' in str(resource)


def test_without_the_table_nothing_is_sent(
    tmp_path: Path, spans: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", spans.url.removesuffix("/v1/traces"))
    with Deployment(directory=tmp_path, upstream=NOWHERE).start() as running:
        answer(running)

    assert spans.asked == 0


def answer(running: Running) -> None:
    assert running.check(request()).answer.effect == "allow"
