# SPDX-License-Identifier: Apache-2.0
"""Envoy, as the matrix sees it: with the filter ``ext_proc``, and with ``ext_authz``."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from govshare_sidecar.server import Sidecar
from tests.e2e.callers import Callers, Response
from tests.e2e.department import department
from tests.e2e.deployment import Deployment
from tests.e2e.envoy import Front
from tests.e2e.matrix import CALLS, MatrixCall, Told

# One route for each thing that is asked for; whatever may be had is nothing exact.
PLACES = sorted({(call.resource, call.channel, call.fields) for call in CALLS.values()})
_PROBES = 200


def _path(place: int) -> str:
    return f"/matrix/{place}"


def _routes() -> str:
    return "".join(
        f'[[envoy.route]]\nmethod = "GET"\npath = "{_path(place)}"\nresource = "{resource}"\n'
        f'channel = "{channel}"\nfields = {json.dumps(fields)}\n'
        for place, (resource, channel, fields) in enumerate(PLACES)
    )


class EnvoyEntrance:
    """Envoy in front of a department."""

    def __init__(self, callers: Callers, *, filters: bool) -> None:
        self._callers = callers
        self._filters = filters

    async def ask(self, call: MatrixCall) -> Told:
        place = PLACES.index((call.resource, call.channel, call.fields))
        stated = {
            "Purpose": call.purpose,
            "Item": call.item,
            "Grant": call.grant,
            "Operator": call.operator,
            "Consent": call.consent,
        }
        headers = {f"Govshare-{name}": value for name, value in stated.items() if value}
        response = await self._request(_path(place), call.client, headers)
        if response.status == 403:
            problem = response.document
            record = problem["instance"].removeprefix("urn:uuid:")
            return Told(problem["outcome"], tuple(problem["clauses"]), record)
        # Allowed; and where it could not be filtered, still not let through.
        exact = self._filters or call.fields != ("*",)
        assert response.status == (200 if exact else 502), response.body
        clauses = tuple(response.headers["govshare-clauses"].split(", "))
        return Told("allow", clauses, response.headers["govshare-record"])

    async def proven(self) -> None:
        """Return once Envoy gets answers."""
        for _ in range(_PROBES):
            if (await self._request("/nowhere", None, {})).status == 404:
                return
            await asyncio.sleep(0.05)
        raise AssertionError("envoy does not pass the self-test")

    async def _request(self, path: str, client: str | None, headers: dict[str, str]) -> Response:
        return await asyncio.to_thread(
            self._callers.request,
            path,
            client=client,
            headers={"Govshare-Purpose": "", **headers},
        )


class EnvoyAdapter:
    """The Envoy of the examples, by the name of its configuration."""

    def __init__(self, name: str) -> None:
        self._name = name

    def prepare(self, deployment: Deployment) -> None:
        self._front = Front(deployment=deployment, name=self._name)
        self._front.configure()
        exact = [_path(number) for number, place in enumerate(PLACES) if place[2] != ("*",)]
        deployment.configure('exact = ["/marriages/{id_no}"]', f"exact = {json.dumps(exact)}")
        with deployment.config.open("a") as file:
            file.write(_routes())

    @asynccontextmanager
    async def connect(self, sidecar: Sidecar, callers: Callers) -> AsyncIterator[EnvoyEntrance]:
        with department() as (api, _), self._front.running(api):
            callers.addresses["http"] = self._front.address
            entrance = EnvoyEntrance(callers, filters=self._name == "filter")
            await entrance.proven()
            yield entrance
