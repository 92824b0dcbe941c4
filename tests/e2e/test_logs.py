# SPDX-License-Identifier: Apache-2.0
"""Neither messages nor metrics nor traces nor the log of decisions hold what is personal."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from govshare_sidecar._pb import enforcement_pb2 as pb
from tests.e2e.adapter_authzen import TABLE, evaluation
from tests.e2e.callers import Callers
from tests.e2e.collector import Collector, collector
from tests.e2e.deployment import Deployment, Running
from tests.e2e.grpc_calls import batch, release, stream
from tests.e2e.matrix import CALLS
from tests.e2e.rpc_department import SERVICE, configuration, make, rpc_department
from tests.e2e.test_grpc import request

# An id, a name as it is and as paths spell it, in whatever a caller may write.
ID, NAME, SPELT = "410621199001014711", "欧阳标记", "%E6%AC%A7%E9%98%B3%E6%A0%87%E8%AE%B0"
MARKS = (ID, NAME, SPELT)
HEADERS = {
    "Govshare-Operator": ID,
    "X-Request-Id": ID,
    "Cookie": f"id={ID}",
    "User-Agent": ID,
    "Tracestate": f"a={ID}",
    "Baggage": f"name={SPELT}",
}


@pytest.fixture(scope="module")
def spans() -> Iterator[Collector]:
    with collector() as running:
        yield running


@pytest.fixture(scope="module")
def stopped(
    tmp_path_factory: pytest.TempPathFactory, spans: Collector
) -> Iterator[tuple[Running, str]]:
    """A sidecar that was asked everything and stopped, and what its monitor had shown."""
    directory = tmp_path_factory.mktemp("marked")
    with rpc_department() as (upstream, _):
        deployment = Deployment(directory=directory, upstream="http://127.0.0.1:1")
        with deployment.config.open("a") as file:
            file.write(f'{TABLE}[tracing]\nendpoint = "{spans.url}"\n')
            file.write(configuration(upstream, directory))
        with deployment.start() as running:
            ask_everything(running)
            page = running.monitor("/metrics").body.decode()
            assert running.stop() == 0
            yield running, page


def ask_everything(running: Running) -> None:
    """Ask the calls of the matrix at every entrance with marked values, and what is none."""
    for call in CALLS.values():
        if call.client == "unregistered":
            continue
        document = replace(call, operator=ID).document()
        asked = request(**{key: value for key, value in document.items() if key != "action"})
        running.check(asked, client=call.client)
        at_http(running, call.client, document)
    results = batch(running, [request(operator=ID), request(recipient={"kind": ID})])
    released = results[0].response.receipt.record_id
    body = json.dumps({"id_no": ID, "name": NAME, "note": ID}, ensure_ascii=False).encode()
    release(running, pb.ReleaseRequest(record_id=released, body=body))
    list(stream(running, [pb.CheckStreamRequest(id=ID, request=request(operator=ID))]))
    for broken in (ID.encode(), f'{{"call": "{ID}"}}'.encode()):
        with pytest.raises(grpc.RpcError):
            running.send(broken)
    through_rpc_proxy(running)


def at_http(running: Running, client: str, document: dict[str, Any]) -> None:
    for path in (f"/marriages/{ID}?a={SPELT}", f"/{SPELT}/{ID}", f"/marriages/{SPELT}?{ID}=1"):
        running.request(path, client=client, headers=HEADERS)
    body = json.dumps({"id_no": ID, "name": NAME}, ensure_ascii=False).encode()
    running.request("/marriages/search", method="POST", body=body, client=client, headers=HEADERS)
    running.request(f"/marriages/{ID}", headers={"Govshare-Item": f"%zz{ID}"}, client=client)
    pdp = Callers(
        authority=running.authority,
        clients=running.clients,
        addresses={"http": running.addresses["authzen"]},
    )
    for text in (json.dumps(evaluation(document, client)), f'{{"subject": "{ID}"', NAME):
        pdp.request(
            "/access/v1/evaluation",
            client=client,
            method="POST",
            headers={**HEADERS, "Content-Type": "application/json"},
            body=text.encode(),
        )


def through_rpc_proxy(running: Running) -> None:
    credentials = running.credentials("SYS-HCB-PRH")
    with grpc.secure_channel(running.addresses["grpc_proxy"], credentials) as channel:
        for purpose in ("data_verification", "work_reference"):
            metadata = (("govshare-purpose", purpose), ("govshare-operator", ID), ("x-id", ID))
            for path, data in (
                (f"{SERVICE}/Find", make("Query", id_no=ID).SerializeToString()),
                (f"{SERVICE}/Find", ID.encode()),
                (f"/{ID}/{ID}", b""),
            ):
                method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
                try:
                    method(data, metadata=metadata, timeout=60)
                except grpc.RpcError as error:
                    assert error.code() is not None  # noqa: PT017  an answer is as good


def assert_unmarked(text: str) -> None:
    assert text
    for mark in (*MARKS, ID.encode().hex(), json.dumps(NAME)[1:-1]):
        assert mark not in text


def test_messages_hold_nothing_personal(stopped: tuple[Running, str]) -> None:
    running, _ = stopped
    assert any(message["level"] == "warning" for message in running.messages)
    assert_unmarked(f"{running.messages}")


def test_metrics_hold_nothing_personal(stopped: tuple[Running, str]) -> None:
    assert_unmarked(stopped[1])


@pytest.mark.usefixtures("stopped")
def test_traces_hold_nothing_personal(spans: Collector) -> None:
    assert len(spans.named("govshare.call")) > len(CALLS)
    assert_unmarked(spans.text())


def test_the_log_and_all_else_on_the_disk_hold_nothing_personal(
    stopped: tuple[Running, str],
) -> None:
    deployment = stopped[0].deployment
    files = [path for path in (deployment.directory / "audit").rglob("*") if path.is_file()]
    assert len(deployment.decisions()) > 2 * len(CALLS)
    for path in files:
        data = path.read_bytes()
        assert not any(mark.encode() in data for mark in MARKS), path.name


def test_a_line_has_the_keys_that_the_documentation_lists(stopped: tuple[Running, str]) -> None:
    guide = Path(__file__).parents[2] / "docs" / "how-to" / "observe.md"
    listed = set(re.findall(r"^\| `(\w+)` \|", guide.read_text(), re.MULTILINE))
    keys = {key for message in stopped[0].messages for key in message}

    assert keys <= listed
    assert {"t", "level", "logger", "message"} <= keys


def test_only_the_graver_messages_are_said_if_so_configured(tmp_path: Path) -> None:
    deployment = Deployment(directory=tmp_path, upstream="http://127.0.0.1:1")
    with deployment.config.open("a") as file:
        file.write('[messages]\nlevel = "warning"\n')
    with deployment.start() as running:
        assert running.request("/marriages/ID1").status == 502
        assert running.stop() == 0

    assert {message["level"] for message in running.messages} == {"warning"}
