# SPDX-License-Identifier: Apache-2.0
"""Envelopes, chains and subjects over gRPC: through our proxy, and through a real Envoy."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from govshare_policy.envelope import verify_signed
from tests.e2e.deployment import Deployment, Running
from tests.e2e.envoy import NOWHERE, Front, behind_envoy
from tests.e2e.rpc_department import SERVICE, RpcDepartment, configuration, make, rpc_department
from tests.e2e.test_envelope import SYSTEM, Place
from tests.e2e.test_grpc_proxy import PURPOSE

ASKED_SO = {"fields": ["*"], "channel": "api"}


def by_subject(text: str) -> str:
    """Return *text* with the routes `Find` and `Watch` asked one by one."""
    for name in ("Find", "Watch"):
        line = f'method = "/county.v1.Marriages/{name}"\n'
        assert line in text
        text = text.replace(line, f'{line}subject = "id_no"\n')
    return text


@contextmanager
def through_proxy(place: Place, api: str) -> Iterator[tuple[Running, str]]:
    deployment = place.deployment
    table = by_subject(configuration(api, deployment.directory))
    deployment.config.write_text(deployment.config.read_text() + table)
    with deployment.start() as running:
        yield running, running.addresses["grpc_proxy"]


@contextmanager
def through_envoy(place: Place, api: str) -> Iterator[tuple[Running, str]]:
    front = Front(deployment=place.deployment)
    front.configure()
    config = place.deployment.config
    config.write_text(by_subject(config.read_text()))
    with behind_envoy(front, rpc_api=api, configured=True) as running:
        yield running, front.address


WAYS = {"proxy": through_proxy, "envoy": through_envoy}


class Signing:
    """Asks over gRPC, as a system that has to sign."""

    def __init__(self, place: Place, channel: Any) -> None:  # noqa: ANN401
        self._place = place
        self._channel = channel

    def envelope(self, subject: str, name: str = "Find", **said: Any) -> str:  # noqa: ANN401
        body = query(subject)
        stated = {**ASKED_SO, "subject": subject, **said}
        return self._place.envelope("POST", f"{SERVICE}/{name}", body, **stated)

    def ask(self, subject: str, envelope: str, name: str = "Find", *, chain: str = "") -> str:
        """Return the code of the denial, the status of a refusal, or nothing."""
        metadata = (*PURPOSE, ("govshare-envelope", envelope), ("govshare-on-behalf-of", chain))
        stated = tuple(pair for pair in metadata if pair[1])
        path = f"{SERVICE}/{name}"
        try:
            if name == "Watch":
                answers = self._channel.unary_stream(path)(
                    query(subject), metadata=stated, timeout=60
                )
                assert list(answers)
            else:
                self._channel.unary_unary(path)(query(subject), metadata=stated, timeout=60)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.PERMISSION_DENIED:
                return str(error.code().name)
            return str(self._place.last()["reasons"][0])
        return ""


def query(subject: str) -> bytes:
    return make("Query", id_no=subject).SerializeToString()


@pytest.fixture(params=list(WAYS))
def behind(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Place, Signing, RpcDepartment]]:
    """A caller that has to sign, and may ask about two persons a day."""
    place = Place(Deployment(directory=tmp_path, upstream=NOWHERE), signs=True, daily=2)
    with (
        rpc_department() as (url, api),
        WAYS[request.param](place, url) as (running, address),
        grpc.secure_channel(address, running.credentials(SYSTEM)) as channel,
    ):
        yield place, Signing(place, channel), api


def test_an_rpc_brings_envelope_chain_and_subject_to_the_gate(
    behind: tuple[Place, Signing, RpcDepartment],
) -> None:
    """The envelope is over the message; none of the three goes on to the department."""
    place, caller, api = behind
    envelope = caller.envelope("ID1")

    assert caller.ask("ID1", "") == "envelope_missing"
    assert caller.ask("ID1", envelope) == ""
    assert verify_signed(place.last()["envelope"])["system"] == SYSTEM
    assert caller.ask("ID1", envelope) == "envelope_replayed"
    assert caller.ask("ID2", caller.envelope("ID1")) == "envelope_differs"
    assert caller.ask("ID1", caller.envelope("ID1"), "Watch") == "envelope_differs"

    own, other = ["D-HCB"], ["D-TRA"]
    assert caller.ask("ID1", caller.envelope("ID1", on_behalf_of=own), chain="D-HCB") == ""
    assert (
        caller.ask("ID1", caller.envelope("ID1", on_behalf_of=other), chain="D-TRA")
        == "chain_outside"
    )
    assert caller.ask("ID1", caller.envelope("ID1"), chain="D-HCB") == "envelope_differs"

    assert caller.ask("ID2", caller.envelope("ID2", "Watch"), "Watch") == ""
    assert caller.ask("ID3", caller.envelope("ID3")) == "subjects_spent"
    assert caller.ask("", caller.envelope("ID1")) == "INVALID_ARGUMENT"
    assert caller.ask("ID1,ID2", caller.envelope("ID1")) == "INVALID_ARGUMENT"

    assert len(api.asked) == 3
    assert not any(
        key in asked.metadata
        for asked in api.asked
        for key in ("govshare-envelope", "govshare-on-behalf-of")
    )


@pytest.mark.parametrize(("route", "key"), [("Upload", "id_no"), ("Find", "page"), ("Find", "x")])
def test_a_method_is_asked_by_one_text_of_its_one_message(
    deployment: Deployment, route: str, key: str
) -> None:
    """A stream of messages has no one subject, and a number is none."""
    line = f'method = "{SERVICE}/{route}"\n'
    table = configuration(NOWHERE, deployment.directory)
    table = table.replace(line, f'{line}subject = "{key}"\n')
    deployment.config.write_text(deployment.config.read_text() + table)
    with pytest.raises(AssertionError, match="names one text in the one message"):
        deployment.start().__enter__()
