# SPDX-License-Identifier: Apache-2.0
"""Envelopes, chains and subjects over real connections: HTTP, gRPC and AuthZEN."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import grpc
import pytest
from google.protobuf.json_format import ParseDict

from govshare_policy.call import call_from_document
from govshare_policy.crypto import Signer, generate_key, open_signer
from govshare_policy.envelope import request_digest, seal, verify_signed
from govshare_sidecar._pb import enforcement_pb2 as pb
from tests.e2e.adapter_authzen import TABLE, evaluation
from tests.e2e.callers import Callers, Response
from tests.e2e.department import Department
from tests.e2e.deployment import ORIGIN, Deployment, Running
from tests.e2e.pki import END

SYSTEM = "SYS-HCB-PRH"
CALL = {
    "action": "read",
    "resource": "R08",
    "fields": ["id_no", "marital_status"],
    "purpose": "data_verification",
}
ROUTE = """
[[http.route]]
method = "GET"
path = "/persons/{id_no}"
resource = "R08"
fields = ["id_no", "marital_status"]
parameters = ["a"]
subject = "id_no"
[[http.route]]
method = "GET"
path = "/persons"
resource = "R08"
fields = ["id_no", "marital_status"]
parameters = ["id_no"]
subject = "id_no"
[[http.route]]
method = "POST"
path = "/persons/find"
resource = "R08"
fields = ["id_no", "marital_status"]
subject = "id_no"
"""


class Place:
    """A sidecar whose caller has to sign, and the caller's key."""

    def __init__(self, deployment: Deployment, *, signs: bool, daily: int = 100) -> None:
        self.deployment = deployment
        data = deployment.directory / "data"
        path = deployment.directory / "keys" / "caller.pem"
        generate_key(path, b"caller")
        self.signer: Signer = open_signer(f"file:{path}", b"caller")
        with (data / "certificates.tsv").open("a") as file:
            spki = self.signer.public.fingerprint.hex()
            file.write(f"{SYSTEM}\t{spki}\t{deployment.since.date()}\t{END.date()}\t\n")
        systems = (data / "systems.tsv").read_text(encoding="utf-8").splitlines()
        flags = ["envelope", *("NY"[signs and SYSTEM in row] for row in systems[1:])]
        lines = [f"{row}\t{flag}\n" for row, flag in zip(systems, flags, strict=True)]
        (data / "systems.tsv").write_text("".join(lines), encoding="utf-8")
        deployment.configure("[metrics]\n", f"{ROUTE}[metrics]\n")
        with deployment.config.open("a") as file:
            file.write(f"{TABLE}[subjects]\ndaily = {daily}\n")

    def envelope(self, method: str = "", target: str = "", body: bytes = b"", **more: Any) -> str:  # noqa: ANN401
        call = call_from_document({**CALL, **more}, on_the_wire=True)
        return seal(
            call,
            self.signer,
            system=SYSTEM,
            department="D-HCB",
            audience=ORIGIN,
            at=datetime.now(UTC),
            request=request_digest(method, target, body) if method else "",
        )

    def last(self) -> dict[str, Any]:
        return self.deployment.decisions()[-1]


@pytest.fixture
def signing(deployment: Deployment) -> Place:
    """A caller that has to sign."""
    return Place(deployment, signs=True)


@pytest.fixture
def place(deployment: Deployment) -> Place:
    """A caller that need not, with a bound of two subjects a day."""
    return Place(deployment, signs=False, daily=2)


def code(response: Response) -> str:
    if response.status == 200:
        return ""
    reasons = response.document.get("reasons")
    return str(reasons[0]["code"]) if reasons else str(response.status)


def authzen(running: Running) -> Callers:
    return replace(running, addresses={"http": running.addresses["authzen"]})


def test_an_envelope_is_asked_for_at_every_entrance_and_recorded(signing: Place) -> None:
    """HTTP, gRPC and AuthZEN: without one, with one, and with the same one again."""
    with signing.deployment.start() as running:
        target = "/persons/33010219900101?a=%31"
        said: dict[str, Any] = {"subject": "33010219900101"}
        text = signing.envelope("GET", target, **said)
        headers = {"Govshare-Envelope": text}
        answers = [
            code(running.request(target)),
            code(running.request(target, headers=headers)),
            code(running.request(target, headers=headers)),
            code(running.request("/persons/33010219900102", headers=headers)),
        ]
        assert answers == ["envelope_missing", "", "envelope_replayed", "envelope_differs"]
        fresh = {"Govshare-Envelope": signing.envelope("GET", target, **said)}
        moved = running.request("/persons/33010219900101?a=2", headers=fresh)
        assert code(moved) == "envelope_differs"

        checked = running.check(
            ParseDict({"call": CALL, "envelope": signing.envelope()}, pb.CheckRequest())
        )
        assert checked.answer.effect == "allow"
        content = verify_signed(signing.last()["envelope"])
        assert (content["system"], content["audience"]) == (SYSTEM, ORIGIN)
        bare = running.check(ParseDict({"call": CALL}, pb.CheckRequest()))
        assert bare.answer.reasons[0].code == "envelope_missing"

        point = authzen(running)
        body = json.dumps(evaluation(dict(CALL), SYSTEM)).encode()
        typed = {"Content-Type": "application/json"}
        for more, effect in (({"Govshare-Envelope": signing.envelope()}, "allow"), ({}, "deny")):
            answer = point.request(
                "/access/v1/evaluation", method="POST", headers={**typed, **more}, body=body
            )
            assert answer.document["context"]["effect"] == effect
        several = point.request(
            "/access/v1/evaluations",
            method="POST",
            headers={**typed, "Govshare-Envelope": signing.envelope()},
            body=json.dumps({"evaluations": [json.loads(body)]}).encode(),
        )
        assert several.status == 400
    signing.deployment.verify()
    assert b"33010219900101" not in b"".join(
        path.read_bytes() for path in signing.deployment.log.rglob("*") if path.is_file()
    )


def test_a_nonce_outlives_the_process(signing: Place) -> None:
    """A restart does not make an old envelope new."""
    target = "/persons/33010219900101"
    text = signing.envelope("GET", target, subject="33010219900101")
    headers = {"Govshare-Envelope": text}
    with signing.deployment.start() as running:
        assert code(running.request(target, headers=headers)) == ""
    with signing.deployment.start() as running:
        assert code(running.request(target, headers=headers)) == "envelope_replayed"


def test_release_goes_by_the_envelope_of_the_check(signing: Place) -> None:
    """The envelope is not sent twice, and the release is not another call."""
    with signing.deployment.start() as running, running.channel(SYSTEM) as channel:
        request = ParseDict({"call": CALL, "envelope": signing.envelope()}, pb.CheckRequest())
        checked = running.check(request)
        data = pb.ReleaseRequest(
            record_id=checked.receipt.record_id,
            body=b'{"id_no": "1", "marital_status": "married", "name": "x"}',
        ).SerializeToString()
        method: grpc.UnaryUnaryMultiCallable[bytes, bytes]
        method = channel.unary_unary("/govshare.v1.Enforcement/Release")
        released = pb.ReleaseResponse.FromString(method(data, timeout=60))
        assert json.loads(released.body) == {"id_no": "1", "marital_status": "married"}


CHAINS = {
    "own": ({"Govshare-On-Behalf-Of": "D-HCB, SYS-HCB-PRH"}, ""),
    "another": ({"Govshare-Forwarded-For": "D-HCB,D-TRA"}, "chain_outside"),
    "unknown": ({"Govshare-On-Behalf-Of": "D-NOBODY"}, "chain_unknown"),
    "empty": ({"Govshare-On-Behalf-Of": ""}, "400"),
    "twice": ({"Govshare-Forwarded-For": "D-HCB,D-HCB"}, "400"),
}


@pytest.fixture
def started(place: Place) -> Iterator[Running]:
    """The sidecar of *place*."""
    with place.deployment.start() as running:
        yield running


def test_a_chain_is_part_of_the_call(place: Place, started: Running) -> None:
    """Over HTTP and gRPC alike; what a register does not know is counted, not written."""
    answers = {
        name: code(started.request("/persons/1", headers=headers))
        for name, (headers, _) in CHAINS.items()
    }
    assert answers == {name: wanted for name, (_, wanted) in CHAINS.items()}
    stated = {**CALL, "forwarded_for": ["D-HCB", "D-NOBODY"]}
    checked = started.check(ParseDict({"call": stated}, pb.CheckRequest()))
    assert checked.answer.reasons[0].code == "chain_unknown"
    asked = place.last()["call"]
    assert (asked["forwarded_for"], asked["unknown_parties"]) == (["D-HCB"], 1)


REFUSED = (
    ("GET", "/persons", b""),
    ("GET", "/persons?id_no=", b""),
    ("GET", "/persons?id_no=1&id_no=2", b""),
    ("GET", "/persons?id_no=1,2", b""),
    ("GET", "/persons?id_no=%2A", b""),
    ("GET", "/persons/%25", b""),
    ("POST", "/persons/find", b"{}"),
    ("POST", "/persons/find", b'{"id_no": ["1"]}'),
    ("POST", "/persons/find", b'{"id_no": "1", "id_no": "2"}'),
    ("POST", "/persons/find", b'{"id_no": "1", "ID_NO": "2"}'),
    ("POST", "/persons/find", b'{"id_no": null}'),
    ("POST", "/persons/find", b'[{"id_no": "1"}]'),
)


def test_a_route_by_subject_takes_exactly_one(started: Running, api: Department) -> None:
    """What does not name one never reaches the department."""
    for method, target, body in REFUSED:
        english = {"Accept-Language": "en", "Content-Type": "application/json"}
        answer = started.request(target, method=method, body=body or None, headers=english)
        assert answer.status == 400, target
        assert "exactly one subject" in answer.document["detail"]
    assert not api.asked


def test_subjects_are_bounded_a_grant_and_day_over_all_entrances(
    place: Place, started: Running
) -> None:
    """Path, query, body and ``Check`` count together; a subject of today stays allowed."""
    posted = json.dumps({"id_no": "2"}).encode()
    third = ParseDict({"call": {**CALL, "subject": "3"}}, pb.CheckRequest())
    assert code(started.request("/persons/1")) == ""
    of_json = {"Content-Type": "application/json"}
    found = started.request("/persons/find", method="POST", body=posted, headers=of_json)
    assert code(found) == ""
    assert code(started.request(f"/persons?id_no={quote('1')}")) == ""
    answer = started.check(third).answer
    assert (answer.effect, answer.reasons[0].code) == ("deny", "subjects_spent")
    assert answer.reasons[0].remedy
    assert code(started.request("/persons/3")) == "subjects_spent"
    assert place.last()["facts"]["subjects_spent"]


def test_a_route_cannot_be_asked_by_what_it_does_not_have(deployment: Deployment) -> None:
    """The configuration is refused, by name."""
    deployment.configure('parameters = ["a", "b"]', 'parameters = ["a", "b"]\nsubject = "c"')
    with (
        pytest.raises(AssertionError, match="subject"),
        deployment.start(),
    ):
        pass
