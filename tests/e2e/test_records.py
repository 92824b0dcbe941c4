# SPDX-License-Identifier: Apache-2.0
"""What a caller keeps, what an auditor can prove, and what can be erased."""

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from govshare_policy.audit import (
    Checkpoint,
    Receipt,
    SaltStore,
    read_records,
    verify_log,
    verify_receipt,
)
from govshare_policy.crypto import sm3
from govshare_policy.errors import VerificationError
from govshare_policy.policy import Precedence, load_bundle
from govshare_policy.register import load_register
from govshare_policy.replay import Archive, Verdict, replay
from tests.e2e.callers import Response
from tests.e2e.department import Department
from tests.e2e.deployment import Deployment, Running, await_
from tests.e2e.test_grpc import request

PERSON = "330102199001011234"


def record_of(sidecar: Running, ident: str) -> dict[str, Any]:
    [record] = [one for one in sidecar.deployment.records() if one["id"] == ident]
    return record


def verify_value(deployment: Deployment, ident: str, **value: str) -> None:
    """Return only if the records of the call *ident* commit to *value*, read as an auditor does."""
    records = deployment.records()
    [(name, text)] = value.items()
    [committed] = [
        one["commitments"][name]
        for one in records
        if ident in (one.get("id"), one.get("decision")) and name in one.get("commitments", {})
    ]
    with SaltStore(deployment.log.with_name("salts.sqlite"), read_only=True) as salts:
        salts.verify(ident, name, text, committed)


def fetched(sidecar: Running, response: Response, client: str = "SYS-HCB-PRH") -> Response:
    return sidecar.request(response.headers["Govshare-Receipt"], client=client)


@pytest.mark.usefixtures("api")
def test_released_data_come_with_a_receipt_to_fetch(sidecar: Running) -> None:
    response = sidecar.request("/marriages/ID1")

    text = fetched(sidecar, response)
    receipt = Receipt.from_text(text.body.decode())

    assert (response.status, text.status) == (200, 200)
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
    verify_receipt(receipt, sidecar.deployment.trust)
    assert json.loads(receipt.record)["id"] == response.headers["Govshare-Record"]
    assert str(receipt.index) == response.headers["Govshare-Log-Index"]


@pytest.mark.usefixtures("api")
def test_the_log_goes_through_the_checkpoint_of_every_receipt(sidecar: Running) -> None:
    """Whoever keeps a receipt can show that a later log is, or is not, the same log."""
    texts = [fetched(sidecar, sidecar.request("/marriages/ID1")).body.decode() for _ in range(2)]
    kept = [Checkpoint.from_note(Receipt.from_text(text).checkpoint) for text in texts]

    # The file `checkpoint` may be a second old.
    await_(lambda: sidecar.deployment.verify().size >= kept[-1].size)
    verify_log(sidecar.deployment.log, sidecar.deployment.trust, known=kept)


def test_nobody_else_gets_the_receipt(sidecar: Running, api: Department) -> None:
    response = sidecar.request("/marriages/ID1")

    theirs = fetched(sidecar, response, client="SYS-CAB-AID")
    nothing = sidecar.request("/.well-known/govshare/receipt/no-such-record")

    assert (theirs.status, nothing.status) == (404, 404)
    assert theirs.document == nothing.document
    place = response.headers["Govshare-Receipt"]
    assert sidecar.request(place, method="POST", body=b"").status == 405
    assert len(api.asked) == 1


def test_a_denial_carries_its_receipt(sidecar: Running) -> None:
    response = sidecar.request("/marriages/ID1", headers={"Govshare-Purpose": "work_reference"})

    receipt = Receipt.from_text(response.document["receipt"])
    verify_receipt(receipt, sidecar.deployment.trust)
    assert json.loads(receipt.record)["outcome"] == "deny"
    assert "Govshare-Receipt" not in response.headers


def test_an_allowed_call_without_data_carries_its_receipt(
    sidecar: Running, api: Department
) -> None:
    api.says(b"", status=404)
    response = sidecar.request("/marriages/ID1")

    assert response.status == 404
    verify_receipt(Receipt.from_text(response.document["receipt"]), sidecar.deployment.trust)


def test_request_response_and_subject_can_be_proven_and_are_in_no_byte_of_the_log(
    sidecar: Running, api: Department
) -> None:
    api.says({"id_no": PERSON, "name": "张某", "marital_status": "married"})
    response = sidecar.request(f"/marriages/{PERSON}?b=2&a=1")
    ident = response.headers["Govshare-Record"]
    seen = f"GET\n/marriages/{PERSON}\nb=2&a=1\n".encode()

    verify_value(sidecar.deployment, ident, subject_1=PERSON)
    verify_value(sidecar.deployment, ident, subject_2="2")
    verify_value(sidecar.deployment, ident, request=sm3(seen).hex())
    verify_value(sidecar.deployment, ident, response=sm3(response.body).hex())
    with pytest.raises(VerificationError, match="another value"):
        verify_value(sidecar.deployment, ident, subject_1=PERSON[:-1])
    log = b"".join(data for _, data in read_records(sidecar.deployment.log))
    for secret in (PERSON, sm3(seen).hex(), sm3(response.body).hex(), "张某"):
        assert secret.encode() not in log


def test_what_a_grpc_caller_sent_can_be_proven(sidecar: Running) -> None:
    """Names that no register knows are left out of the record; the commitment holds them."""
    message = request(fields=["id_no", "shoe_size"])
    response = sidecar.check(message)

    sent = sm3(message.SerializeToString()).hex()
    verify_value(sidecar.deployment, response.receipt.record_id, request=sent)
    record = record_of(sidecar, response.receipt.record_id)
    assert record["call"]["unknown_fields"] == 1


@pytest.mark.usefixtures("api")
def test_the_calls_of_a_running_sidecar_are_decided_again_to_the_byte(sidecar: Running) -> None:
    for client in ("SYS-HCB-PRH", "SYS-HCB-WEB", "stranger", "expired", None):
        sidecar.request("/marriages/ID1", client=client)
    sidecar.check(request(grant="G99", purpose="x", fields=["shoe_size"]))
    register = load_register(sidecar.deployment.directory / "data")
    bundle = load_bundle("hubei", register, precedence=Precedence.LOCAL)
    archive = Archive({f"sm3:{bundle.revision.hex()}": lambda: bundle})

    found = list(replay(read_records(sidecar.deployment.log), archive))

    assert {one.verdict for one in found} == {Verdict.SAME}, found
    assert len(found) == len(sidecar.deployment.decisions())


def erase(deployment: Deployment, *arguments: str) -> dict[str, Any]:
    """Run the command of the operator."""
    program = (
        "import typer; from govshare_policy.cli.audit_erase import erase_command as c;"
        "a = typer.Typer(); a.command()(c); a()"
    )
    done = subprocess.run(
        (sys.executable, "-c", program, *arguments, "--config", str(deployment.config)),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def erased_by(deployment: Deployment, ident: str) -> str:
    with SaltStore(deployment.log.with_name("salts.sqlite"), read_only=True) as salts:
        return salts.erased_by(ident)


WHY = ("--reason", "on_request", "--actor", "wang")


@pytest.mark.usefixtures("api")
def test_a_running_sidecar_erases_when_it_is_told_to_reload(deployment: Deployment) -> None:
    with deployment.start() as running:
        response = running.request(f"/marriages/{PERSON}")
        ident, receipt = response.headers["Govshare-Record"], fetched(running, response)
        verify_value(deployment, ident, subject_1=PERSON)

        wanted = erase(deployment, ident, *WHY)
        verify_value(deployment, ident, subject_1=PERSON)
        running.process.send_signal(signal.SIGHUP)
        await_(lambda: erased_by(deployment, ident) == wanted["record"])
        again = running.request(f"/marriages/{PERSON}").headers["Govshare-Record"]

    assert (wanted["state"], wanted["finished"]) == ("wanted", [])
    with pytest.raises(VerificationError, match=f"was erased by record `{wanted['record']}`"):
        verify_value(deployment, ident, subject_1=PERSON)
    with pytest.raises(VerificationError, match="was erased by record"):
        verify_value(deployment, ident, response=sm3(response.body).hex())
    verify_value(deployment, again, subject_1=PERSON)
    verify_receipt(Receipt.from_text(receipt.body.decode()), deployment.trust)
    deployment.verify()


@pytest.mark.usefixtures("api")
def test_without_a_sidecar_the_command_erases_itself(deployment: Deployment) -> None:
    with deployment.start() as running:
        ident = running.request(f"/marriages/{PERSON}").headers["Govshare-Record"]

    done = erase(deployment, ident, *WHY)

    assert done["state"] == "erased"
    assert done["finished"] == [{"record": done["record"], "index": deployment.verify().size - 1}]
    assert erase(deployment)["finished"] == []
    with pytest.raises(VerificationError, match="was erased by record"):
        verify_value(deployment, ident, subject_1=PERSON)
