# SPDX-License-Identifier: Apache-2.0
"""The same thirty calls through every entrance: same outcome, same clauses, same record."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.legal import Outcome
from govshare_sidecar.config import load_config
from govshare_sidecar.server import Sidecar
from tests.e2e.adapter_authzen import AuthzenAdapter
from tests.e2e.adapter_envoy import EnvoyAdapter
from tests.e2e.adapter_grpc import BatchEntrance, GrpcAdapter, GrpcEntrance, StreamEntrance
from tests.e2e.adapter_grpc_proxy import GrpcProxyAdapter
from tests.e2e.adapter_http_proxy import HttpProxyAdapter
from tests.e2e.adapter_nginx import NginxAdapter
from tests.e2e.callers import Callers
from tests.e2e.deployment import Deployment
from tests.e2e.matrix import (
    AT,
    CALLS,
    CHANGE,
    PROFILE,
    SINCE,
    Adapter,
    MatrixCall,
    Told,
    recorded,
)

# One line each. An adapter stands in its own file, tests/e2e/adapter_<name>.py.
ADAPTERS: dict[str, Callable[[], Adapter]] = {
    "CheckBatch": lambda: GrpcAdapter(BatchEntrance),
    "CheckStream": lambda: GrpcAdapter(StreamEntrance),
    "Check by grpcio": lambda: GrpcAdapter(GrpcEntrance, "grpcio"),
    "CheckStream by grpcio": lambda: GrpcAdapter(StreamEntrance, "grpcio"),
    "HTTP proxy": HttpProxyAdapter,
    "gRPC proxy": GrpcProxyAdapter,
    "AuthZEN": AuthzenAdapter,
    "auth_request": NginxAdapter,
    "ext_proc": lambda: EnvoyAdapter("filter"),
    "ext_authz": lambda: EnvoyAdapter("exact"),
}

Asked = tuple[list[Told], list[dict[str, Any]]]


async def _ask_all(
    deployment: Deployment, adapter: Adapter, calls: Iterable[MatrixCall]
) -> list[Told]:
    config = load_config(deployment.config)
    async with Sidecar.running(config, now=lambda: AT) as sidecar:
        callers = Callers(
            authority=deployment.authority,
            clients=deployment.clients,
            addresses={name: str(at) for name, at in sidecar.addresses.items()},
        )
        async with adapter.connect(sidecar, callers) as entrance:
            return [await entrance.ask(call) for call in calls]


def ask(directory: Path, adapter: Callable[[], Adapter]) -> Asked:
    """Return what was told of each call, and what was recorded of it."""
    told: dict[str, tuple[Told, dict[str, Any]]] = {}
    for text in sorted({call.alone for call in CALLS.values()}):
        calls = {name: call for name, call in CALLS.items() if call.alone == text}
        place = directory / (text or "both")
        place.mkdir()
        answers = _ask_under(place, adapter(), list(calls.values()), text)
        told.update(zip(calls, answers, strict=True))
    return [told[name][0] for name in CALLS], [told[name][1] for name in CALLS]


def _ask_under(
    directory: Path, adapter: Adapter, calls: list[MatrixCall], text: str
) -> list[tuple[Told, dict[str, Any]]]:
    """Ask *calls* under one *text* alone, or under both of the matrix."""
    deployment = Deployment(
        directory=directory, upstream="http://127.0.0.1:1", change=CHANGE, since=SINCE
    )
    deployment.clients["unregistered"] = deployment.authority.issue("unregistered", start=SINCE)
    deployment.configure('profile = "hubei"', f'profile = "{text or PROFILE}"')
    if not text:
        deployment.configure('precedence = "local"', 'precedence = "strictest"')
    adapter.prepare(deployment)
    told = asyncio.run(_ask_all(deployment, adapter, calls))
    by_id = {record["id"]: record for record in deployment.decisions()}
    assert len(by_id) == len(calls), "each call has one decision record"
    return [(answer, recorded(by_id[answer.record])) for answer in told]


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """What ``Check`` says, which every other entrance is held against."""
    return ask(tmp_path_factory.mktemp("check"), lambda: GrpcAdapter(GrpcEntrance))


def test_the_matrix_has_thirty_calls_and_every_outcome() -> None:
    assert len(CALLS) == 30
    assert {call.outcome for call in CALLS.values()} == set(Outcome)


def test_check_answers_as_the_matrix_says(checked: Asked) -> None:
    told, records = checked

    for (name, call), answer, record in zip(CALLS.items(), told, records, strict=True):
        assert (answer.outcome, answer.clauses[0]) == (call.outcome, call.clause), name
        assert (record["outcome"], record["clauses"]) == (answer.outcome, list(answer.clauses))


@pytest.mark.parametrize("name", ADAPTERS)
def test_every_entrance_says_and_records_what_check_does(
    tmp_path: Path, checked: Asked, name: str
) -> None:
    told, records = ask(tmp_path, ADAPTERS[name])

    for place, call in enumerate(CALLS):
        assert told[place][:2] == checked[0][place][:2], call
        assert records[place] == checked[1][place], call
