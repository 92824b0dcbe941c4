# SPDX-License-Identifier: Apache-2.0
"""nginx and its ``auth_request``, as the matrix sees them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from govshare_sidecar.server import Sidecar
from tests.e2e.callers import Callers
from tests.e2e.department import department
from tests.e2e.deployment import Deployment
from tests.e2e.matrix import CALLS, MatrixCall, Told
from tests.e2e.nginx import configure, nginx

# One route for each thing that is asked for; whatever may be had is nothing exact.
PLACES = sorted({(call.resource, call.channel, call.fields) for call in CALLS.values()})


def routes() -> str:
    tables = [
        f'[[auth_request.route]]\npath = "/matrix/{place}"\nresource = "{resource}"\n'
        f'channel = "{channel}"\nfields = {json.dumps(fields)}\n'
        f"exact = {json.dumps(fields != ('*',))}\n"
        for place, (resource, channel, fields) in enumerate(PLACES)
    ]
    return "".join(tables)


class NginxEntrance:
    """nginx in front of a department."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

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
        response = await asyncio.to_thread(
            self._callers.request,
            f"/matrix/{place}",
            client=call.client,
            headers={"Govshare-Purpose": "", **headers},
        )
        if response.status == 403:
            problem = response.document
            record = problem["instance"].removeprefix("urn:uuid:")
            return Told(problem["outcome"], tuple(problem["clauses"]), record)
        # Allowed; and where it could not be filtered, still not let through.
        assert response.status == (502 if call.fields == ("*",) else 200), response.body
        clauses = tuple(response.headers["Govshare-Clauses"].split(", "))
        return Told("allow", clauses, response.headers["Govshare-Record"])


class NginxAdapter:
    """The nginx of the examples."""

    def prepare(self, deployment: Deployment) -> None:
        configure(deployment, routes())
        self._deployment = deployment

    @asynccontextmanager
    async def connect(self, sidecar: Sidecar, callers: Callers) -> AsyncIterator[NginxEntrance]:
        address = str(sidecar.addresses["auth_request"])
        with (
            department() as (api, _),
            nginx(self._deployment, sidecar=address, api=api) as front,
        ):
            callers.addresses["http"] = front
            yield NginxEntrance(callers)
