# SPDX-License-Identifier: Apache-2.0
"""The thirty calls that every entrance has to answer alike, and what an adapter to one is.

All of them can be said at every entrance: they read, they claim nothing, and what they name is
the resource, the fields, the manner, the purpose and what they rest on. Who asks is the
certificate's to say.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from govshare_sidecar.server import Sidecar
from tests.county import Change
from tests.e2e.callers import Callers
from tests.e2e.deployment import Deployment
from tests.e2e.matrix_calls import CALLS, MatrixCall

__all__ = [
    "AT",
    "CALLS",
    "CHANGE",
    "PROFILE",
    "SINCE",
    "Adapter",
    "Entrance",
    "MatrixCall",
    "Told",
    "recorded",
]

# When the sidecar's clock stands still for the matrix, and since when its certificates are valid.
AT = datetime(2025, 9, 22, 2, tzinfo=UTC)
SINCE = datetime(2025, 1, 1, tzinfo=UTC)
# Beside the national text, which alone suspends.
PROFILE = "henan-hebi"

# What the county of the matrix has beyond the sample.
CHANGE: Change = {
    "suspensions.tsv": [
        {
            "suspension_id": "SUS-1",
            "user_dept": "D-CAB",
            "resource_id": "R16",
            "recorded_on": "2025-09-01",
            "lifted_on": "",
        }
    ],
    "grants.tsv": [
        {"grant_id": "G12", "daily_quota": "2"},
        {"grant_id": "G08", "daily_quota": "2"},
    ],
}


class Told(NamedTuple):
    """What an entrance said of one call.

    Attributes:
        outcome: One of the seven.
        clauses: Every clause cited, the deciding one first.
        record: The id of the decision record.
    """

    outcome: str
    clauses: tuple[str, ...]
    record: str


class Adapter(Protocol):
    """An entrance, as the matrix sees it; one is made for each run."""

    def prepare(self, deployment: Deployment) -> None:
        """Change what the deployment of the matrix needs for this entrance, before it starts."""
        ...

    def connect(
        self, sidecar: Sidecar, callers: Callers
    ) -> AbstractAsyncContextManager["Entrance"]:
        """Open what the calls go through (a front proxy, channels), and close it afterwards."""
        ...


class Entrance(Protocol):
    """Something that takes calls."""

    async def ask(self, call: MatrixCall) -> Told:
        """Ask *call* with the certificate of its client."""
        ...


def recorded(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a decision record has to say alike whichever way the call came.

    Left out are what is new each time (id, instant, commitments) and what is of the deployment
    (the certificate, and the revision of registers that list certificates). Of commitments their
    names stay, but for those of what only one entrance sees.
    """
    transport = {"request", *(name for name in record["commitments"] if "subject" in name)}
    return {
        **{key: value for key, value in record.items() if key not in ("id", "t", "certificate")},
        "call": {key: value for key, value in record["call"].items() if key != "id"},
        "policy": {key: value for key, value in record["policy"].items() if key != "revision"},
        "commitments": sorted(set(record["commitments"]) - transport),
        "certificate": "certificate" in record,
    }
