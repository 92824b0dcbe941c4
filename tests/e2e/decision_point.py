# SPDX-License-Identifier: Apache-2.0
"""A sidecar that is asked over the OpenID Authorization API, and what it is asked."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from tests.e2e.adapter_authzen import TABLE, evaluation
from tests.e2e.callers import Callers, Response
from tests.e2e.deployment import Deployment

ONE, MANY = "/access/v1/evaluation", "/access/v1/evaluations"
JSON = {"Content-Type": "application/json"}
CALL = {
    "action": "read",
    "resource": "R08",
    "fields": ["id_no", "marital_status"],
    "purpose": "data_verification",
}
ALLOWED = evaluation(CALL, "SYS-HCB-PRH")
DENIED = evaluation({**CALL, "purpose": "work_reference"}, "SYS-HCB-PRH")


_C = TypeVar("_C", bound=Callers)


def decision_point(directory: Path, more: str = "") -> Deployment:
    """Return a deployment that serves the API, with *more* in its configuration."""
    deployment = Deployment(directory=directory, upstream="http://127.0.0.1:1")
    with deployment.config.open("a") as file:
        file.write(f"{TABLE}{more}")
    return deployment


def at_authzen(callers: _C) -> _C:
    """Have *callers* send their HTTP requests there."""
    callers.addresses["http"] = callers.addresses["authzen"]
    return callers


def ask(
    pdp: Callers,
    document: object,
    path: str = ONE,
    *,
    client: str | None = "SYS-HCB-PRH",
    headers: Mapping[str, str] | None = None,
) -> Response:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return pdp.request(
        path, client=client, method="POST", headers={**JSON, **(headers or {})}, body=body
    )


def decisions(response: Response) -> list[Any]:
    assert response.status == 200, response.body
    return [item["decision"] for item in response.document["evaluations"]]
