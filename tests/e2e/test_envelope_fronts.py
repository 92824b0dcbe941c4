# SPDX-License-Identifier: Apache-2.0
"""Envelopes, chains and subjects through nginx and Envoy, real ones, in front of a department."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.envelope import verify_signed
from tests.e2e.callers import Callers
from tests.e2e.department import Department, department
from tests.e2e.deployment import Deployment
from tests.e2e.envoy import Front, behind_envoy
from tests.e2e.nginx import configure, nginx
from tests.e2e.test_envelope import SYSTEM, Place, code

EXACT = {"id_no": "ID1", "marital_status": "已婚"}
PATHS = {"/persons/{id_no}": "", "/persons": 'parameters = ["id_no"]\n'}
Way = Callable[[Place], AbstractContextManager[tuple[Callers, Department]]]


def routes(table: str, more: str = "") -> str:
    return "".join(
        f'[[{table}.route]]\npath = "{path}"\nresource = "R08"\n'
        f'fields = ["id_no", "marital_status"]\n{parameters}subject = "id_no"\n{more}'
        for path, parameters in PATHS.items()
    )


@contextmanager
def through_nginx(place: Place) -> Iterator[tuple[Callers, Department]]:
    deployment = place.deployment
    configure(deployment, routes("auth_request", "exact = true\n"))
    with department() as (url, api), deployment.start() as running:
        asked = running.addresses["auth_request"]
        with nginx(deployment, sidecar=asked, api=url) as address:
            running.addresses["http"] = address
            yield running, api


def through_envoy(name: str) -> Way:
    @contextmanager
    def way(place: Place) -> Iterator[tuple[Callers, Department]]:
        front = Front(deployment=place.deployment, name=name)
        front.configure()
        place.deployment.configure(
            'exact = ["/marriages/{id_no}"]', f"exact = {json.dumps(list(PATHS))}"
        )
        with place.deployment.config.open("a") as file:
            file.write(routes("envoy", 'method = "GET"\n'))
        with department() as (url, api), behind_envoy(front, url, configured=True) as running:
            yield running, api

    return way


WAYS: dict[str, Way] = {
    "nginx": through_nginx,
    "ext_authz": through_envoy("exact"),
    "ext_proc": through_envoy("filter"),
}


class Signer:
    """Asks with an envelope of its own for each request."""

    def __init__(self, place: Place, callers: Callers) -> None:
        self._place = place
        self._callers = callers

    def ask(self, target: str, subject: str, *, chain: str = "", hidden: bool = False) -> str:
        """Return what a request comes to; of a *hidden* chain the envelope does not tell."""
        said: dict[str, Any] = {"subject": subject}
        if chain and not hidden:
            said["forwarded_for"] = [chain]
        envelope = self._place.envelope("GET", target, **said)
        return self.send(target, envelope, chain=chain)

    def send(self, target: str, envelope: str = "", *, chain: str = "") -> str:
        """Return what a request with *envelope* comes to."""
        headers = {"Govshare-Envelope": envelope, "Govshare-Forwarded-For": chain}
        stated = {name: value for name, value in headers.items() if value}
        return code(self._callers.request(target, headers=stated))


@pytest.fixture(params=list(WAYS))
def behind(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Place, Callers, Department]]:
    """A caller that has to sign, may ask about two persons a day, and comes through a proxy."""
    deployment = Deployment(directory=tmp_path, upstream="http://127.0.0.1:1")
    place = Place(deployment, signs=True, daily=2)
    with WAYS[request.param](place) as (callers, api):
        api.says(EXACT)
        yield place, callers, api
    deployment.verify()


def test_a_proxy_brings_envelope_chain_and_subject_to_the_gate(
    behind: tuple[Place, Callers, Department],
) -> None:
    """Each of them as the caller sent it, and none goes on to the department."""
    place, callers, api = behind
    caller = Signer(place, callers)
    target = "/persons/33010219900101"
    envelope = place.envelope("GET", target, subject="33010219900101")

    assert caller.send(target) == "envelope_missing"
    assert caller.send(target, envelope) == ""
    assert verify_signed(place.last()["envelope"])["system"] == SYSTEM
    assert caller.send(target, envelope) == "envelope_replayed"
    elsewhere = place.envelope("GET", "/persons/2", subject="33010219900101")
    assert caller.send(target, elsewhere) == "envelope_differs"

    assert caller.ask(target, "33010219900101", chain="D-HCB") == ""
    assert caller.ask(target, "33010219900101", chain="D-TRA") == "chain_outside"
    assert caller.ask(target, "33010219900101", chain="D-HCB", hidden=True) == "envelope_differs"

    assert caller.ask("/persons?id_no=2", "2") == ""
    assert caller.ask("/persons?id_no=3", "3") == "subjects_spent"
    assert [caller.ask(one, "4") for one in ("/persons", "/persons?id_no=4,5")] == ["400", "400"]

    assert len(api.asked) == 3
    sent = {name.lower() for asked in api.asked for name in asked.headers}
    assert not sent & {"govshare-envelope", "govshare-forwarded-for"}
