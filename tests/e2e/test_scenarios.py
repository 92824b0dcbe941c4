# SPDX-License-Identifier: Apache-2.0
"""The worked scenarios, asked over the wire: the sidecar answers as ``decide`` does."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict

from govshare_policy import check
from govshare_policy.call import Call
from govshare_sidecar._pb import enforcement_pb2
from govshare_sidecar.config import load_config
from govshare_sidecar.server import Sidecar
from tests.county import basis_over, county_register
from tests.e2e.deployment import Deployment
from tests.policies.test_scenarios import CONSENT, OUTCOMES, PREFIXES, asserted_cells, scenario_call

METHOD = "/govshare.v1.Enforcement/Check"
PROFILES = ("henan-fengqiu", "hubei")


def rows(profile: str) -> Iterator[tuple[dict[str, str], str]]:
    for row, prefix in asserted_cells():
        if PREFIXES[prefix] == profile:
            yield row, prefix


def request(call: Call) -> bytes:
    """Return the request that states *call*, claims and all."""
    assert call.at is not None
    document: dict[str, Any] = {
        "id": call.id,
        "at": call.at.isoformat(),
        "action": call.action.value,
        "department": call.department,
        "system": call.system,
        "resource": call.resource,
        "fields": list(call.fields),
        "purpose": call.purpose,
        "channel": call.channel,
        "network": call.network,
        "grant": call.grant,
        "consent": call.consent,
    }
    if call.recipient is not None:
        document["recipient"] = {"kind": call.recipient.kind.value, "id": call.recipient.id}
    return ParseDict({"call": document}, enforcement_pb2.CheckRequest()).SerializeToString()


async def ask(deployment: Deployment, calls: list[Call]) -> list[dict[str, Any]]:
    """Return the answers of a sidecar whose clock stands at the instant of the calls."""
    at = calls[0].at
    assert at is not None
    answers = []
    async with Sidecar.running(load_config(deployment.config), now=lambda: at) as sidecar:
        for call in calls:
            pair = deployment.clients[call.system]
            credentials = grpc.ssl_channel_credentials(
                root_certificates=deployment.authority.path.read_bytes(),
                private_key=pair.key.read_bytes(),
                certificate_chain=pair.certificate.read_bytes(),
            )
            address = str(sidecar.addresses["grpc"])
            async with grpc.aio.secure_channel(address, credentials) as channel:
                method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
                method = channel.unary_unary(METHOD)
                data = await method(request(call), timeout=60)
            answer = enforcement_pb2.CheckResponse.FromString(data).answer
            answers.append(MessageToDict(answer, always_print_fields_with_no_presence=True))
    return answers


@pytest.mark.parametrize("profile", PROFILES)
def test_every_worked_scenario_answers_over_the_wire_as_it_does_offline(
    tmp_path: Path, profile: str
) -> None:
    change = {"consents.tsv": [CONSENT]}
    deployment = Deployment(
        directory=tmp_path / "deployment",
        upstream="http://[::1]:1",
        change=change,
        since=datetime(2025, 1, 1, tzinfo=UTC),
    )
    deployment.configure('profile = "hubei"', f'profile = "{profile}"')
    register = county_register(tmp_path / "county", change)
    basis = basis_over(register, profile)
    cells = list(rows(profile))
    calls = [scenario_call(row) for row, _ in cells]

    answers = asyncio.run(ask(deployment, calls))

    assert len(answers) >= 9
    for (row, prefix), call, answer in zip(cells, calls, answers, strict=True):
        want = row[f"expected_{prefix}"]
        offline = check(call, basis).to_document()
        assert answer["outcome"] == OUTCOMES.get(want, want.lower()), row["scenario_id"]
        assert set(row[f"clause_{prefix}"].split(",")) & set(answer["clauses"])
        # The two read different registers, of which only one knows certificates.
        for document in (answer, offline):
            del document["policy"]
        assert answer == offline
    assert len(deployment.decisions()) == len(calls)
