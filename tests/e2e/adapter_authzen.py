# SPDX-License-Identifier: Apache-2.0
"""The OpenID Authorization API, as the matrix sees it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from govshare_sidecar.server import Sidecar
from tests.e2e.callers import Callers
from tests.e2e.deployment import Deployment
from tests.e2e.matrix import MatrixCall, Told

TABLE = """
[authzen]
listen = "127.0.0.1:0"
url = "https://pdp.test"
"""


def evaluation(document: dict[str, Any], system: str) -> dict[str, Any]:
    """Return the call *document* as an evaluation of *system*."""
    context = {key: document[key] for key in document if key not in ("action", "resource")}
    return {
        "subject": {"type": "system", "id": system},
        "action": {"name": document["action"]},
        "resource": {"type": "resource", "id": document["resource"]},
        "context": context,
    }


def told(decision: dict[str, Any]) -> Told:
    context = decision["context"]
    assert decision["decision"] is (context["effect"] == "allow")
    return Told(context["outcome"], tuple(context["clauses"]), context["receipt"]["record_id"])


class AuthzenEntrance:
    """``/access/v1/evaluation``."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    async def ask(self, call: MatrixCall) -> Told:
        document = evaluation(call.document(), call.client)
        response = await asyncio.to_thread(
            self._callers.request,
            "/access/v1/evaluation",
            client=call.client,
            method="POST",
            headers={"Content-Type": "application/json"},
            body=json.dumps(document).encode(),
        )
        assert response.status == 200, response.body
        return told(response.document)


class AuthzenAdapter:
    """An enforcement point that asks for itself."""

    def prepare(self, deployment: Deployment) -> None:
        with deployment.config.open("a") as file:
            file.write(TABLE)

    @asynccontextmanager
    async def connect(self, sidecar: Sidecar, callers: Callers) -> AsyncIterator[AuthzenEntrance]:
        callers.addresses["http"] = str(sidecar.addresses["authzen"])
        yield AuthzenEntrance(callers)
