# SPDX-License-Identifier: Apache-2.0
"""The HTTP proxy, as the matrix sees it: a route for every resource and manner of sharing."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from urllib.parse import quote

from govshare_sidecar.server import Sidecar
from tests.e2e.callers import Callers
from tests.e2e.department import department
from tests.e2e.deployment import Deployment
from tests.e2e.matrix import CALLS, MatrixCall, Told

PLACES = sorted({(call.resource, call.channel) for call in CALLS.values()})
STATED = ("purpose", "item", "grant", "operator", "consent")


def stated(call: MatrixCall) -> dict[str, str]:
    """Return what *call* says in headers or metadata."""
    said = {f"govshare-{key}": str(getattr(call, key)) for key in STATED}
    return {key: quote(value, safe="") for key, value in said.items() if value}


def route(resource: str, channel: str) -> str:
    return f"""
[[http.route]]
method = "GET"
path = "/{resource}/{channel}"
resource = "{resource}"
channel = "{channel}"
fields_parameter = "fields"
"""


class HttpProxyEntrance:
    """Asks over HTTP."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    async def ask(self, call: MatrixCall) -> Told:
        path = f"/{call.resource}/{call.channel}?fields={quote(','.join(call.fields))}"
        return await asyncio.to_thread(self._ask, path, call.client, stated(call))

    def _ask(self, path: str, client: str, headers: Mapping[str, str]) -> Told:
        # An empty purpose takes the place of the one that is sent unasked.
        response = self._callers.request(
            path, client=client, headers={"Govshare-Purpose": "", **_titled(headers)}
        )
        record = response.headers["Govshare-Record"]
        if response.status == 200:
            return Told("allow", tuple(response.headers["Govshare-Clauses"].split(", ")), record)
        assert response.status == 403
        return Told(response.document["outcome"], tuple(response.document["clauses"]), record)


def _titled(headers: Mapping[str, str]) -> dict[str, str]:
    return {key.title(): value for key, value in headers.items()}


class HttpProxyAdapter:
    """A department stands behind the proxy from the preparation to the end."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def prepare(self, deployment: Deployment) -> None:
        """Put a department behind the proxy, and a route for every place in front of it."""
        upstream, _ = self._stack.enter_context(department())
        deployment.configure(f'upstream = "{deployment.upstream}"', f'upstream = "{upstream}"')
        routes = "".join(route(*place) for place in PLACES)
        deployment.configure("[metrics]\n", f"{routes}[metrics]\n")

    @asynccontextmanager
    async def connect(self, sidecar: Sidecar, callers: Callers) -> AsyncIterator[HttpProxyEntrance]:
        with self._stack:
            yield HttpProxyEntrance(callers)
