# SPDX-License-Identifier: Apache-2.0
"""A department, a deployment in front of it, and a sidecar that runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.department import Department, Reply, department
from tests.e2e.deployment import Deployment, Running

# Of gRPC: what holds over one of them holds over the other.
TRANSPORTS = ("native", "grpcio")


@pytest.fixture(scope="session")
def _department() -> Iterator[tuple[str, Department]]:
    with department() as running:
        yield running


@pytest.fixture
def api(_department: tuple[str, Department]) -> Department:
    """The department's API, as if nobody had asked it anything."""
    _, state = _department
    state.reply = Reply()
    state.asked.clear()
    return state


@pytest.fixture
def deployment(tmp_path: Path, _department: tuple[str, Department]) -> Deployment:
    """A deployment of the test's own, not started."""
    return Deployment(directory=tmp_path, upstream=_department[0])


@pytest.fixture(scope="session")
def sidecar(
    tmp_path_factory: pytest.TempPathFactory, _department: tuple[str, Department]
) -> Iterator[Running]:
    """One sidecar for all tests that leave it as it is."""
    directory = tmp_path_factory.mktemp("deployment")
    with Deployment(directory=directory, upstream=_department[0]).start() as running:
        yield running


@pytest.fixture(scope="module", params=TRANSPORTS)
def rpc_sidecar(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    _department: tuple[str, Department],
) -> Iterator[Running]:
    """One sidecar for the tests of a module, over each of the transports."""
    directory = tmp_path_factory.mktemp("deployment")
    deployment = Deployment(directory=directory, upstream=_department[0]).over(request.param)
    with deployment.start() as running:
        yield running


@pytest.fixture(params=TRANSPORTS)
def rpc_deployment(request: pytest.FixtureRequest, deployment: Deployment) -> Deployment:
    """A deployment of the test's own, over each of the transports."""
    return deployment.over(request.param)
