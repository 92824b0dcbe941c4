# SPDX-License-Identifier: Apache-2.0
"""``govshare.v1.Audit``: proofs out of the running log, for those whom they concern."""

import grpc
import pytest

from govshare_policy.audit import Checkpoint, Continuation, Receipt, verify_receipt
from govshare_policy.audit.layout import segment_file
from govshare_sidecar._pb import audit_pb2, enforcement_pb2
from tests.e2e.deployment import ORIGIN, Deployment, Running
from tests.e2e.grpc_calls import checkpoint, consistency, reason, receipt, send
from tests.e2e.test_grpc import request
from tests.e2e.test_lifecycle import fill_disk


def refusal(running: Running, kept: enforcement_pb2.Receipt, client: str) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        receipt(running, kept, client=client)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    return f"{reason(caught.value)} {caught.value.details()}"


def test_the_checkpoint_is_the_newest_and_signed(sidecar: Running) -> None:
    kept = sidecar.check(request()).receipt
    newest = checkpoint(sidecar)
    parsed = Checkpoint.from_note(newest.note.encode())

    sidecar.deployment.trust.verify_checkpoint(parsed)
    assert (newest.origin, newest.size) == (ORIGIN, parsed.size)
    assert newest.size > kept.log_index


def test_a_caller_gets_the_receipt_of_its_own_call_again(sidecar: Running) -> None:
    kept = sidecar.check(request(purpose="work_reference")).receipt
    sidecar.check(request())
    again = receipt(sidecar, kept)
    parsed = Receipt.from_text(again.text)

    verify_receipt(parsed, sidecar.deployment.trust)
    assert (again.record_id, again.log_index) == (kept.record_id, kept.log_index)
    assert parsed.record == Receipt.from_text(kept.text).record
    assert Checkpoint.from_note(parsed.checkpoint).size > kept.log_index + 1


def test_nobody_else_gets_it_or_learns_that_it_is_there(sidecar: Running) -> None:
    kept = sidecar.check(request()).receipt
    nothing = enforcement_pb2.Receipt(record_id=kept.record_id, log_index=10**12)
    other = enforcement_pb2.Receipt(record_id=kept.record_id, log_index=0)
    mine = sidecar.check(request()).receipt
    mixed = enforcement_pb2.Receipt(record_id=kept.record_id, log_index=mine.log_index)

    said = {
        refusal(sidecar, kept, "SYS-CAB-AID"),
        refusal(sidecar, kept, "stranger"),
        refusal(sidecar, nothing, "SYS-HCB-PRH"),
        refusal(sidecar, other, "SYS-HCB-PRH"),
        refusal(sidecar, mixed, "SYS-HCB-PRH"),
    }
    assert len(said) == 1
    assert said.pop().startswith("NO_RECEIPT ")


def test_an_auditor_gets_any_receipt_and_nothing_else(deployment: Deployment) -> None:
    deployment.clients["auditor"] = deployment.authority.issue("auditor")
    key = deployment.clients["auditor"].spki.hex()
    deployment.configure("[metrics]", f'[audit]\nauditors = ["{key}"]\n[metrics]')
    with deployment.start() as running:
        kept = running.check(request()).receipt
        assert receipt(running, kept, client="auditor").record_id == kept.record_id
        denied = running.check(request(), client="auditor").answer
        assert denied.reasons[0].code == "certificate_unregistered"
        assert refusal(running, kept, "stranger").startswith("NO_RECEIPT ")


def test_the_log_is_proven_to_continue_itself(sidecar: Running) -> None:
    old = checkpoint(sidecar)
    for _ in range(5):
        sidecar.check(request())
    proof = consistency(sidecar, old.size)
    earlier = Checkpoint.from_note(old.note.encode())
    later = Continuation.from_text(proof.text).verify(earlier)

    sidecar.deployment.trust.verify_checkpoint(later)
    assert proof.size == later.size >= old.size + 5


@pytest.mark.parametrize("size", [0, 10**12])
def test_a_size_that_the_log_never_had_has_no_proof(sidecar: Running, size: int) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        consistency(sidecar, size)

    assert caught.value.code() is grpc.StatusCode.OUT_OF_RANGE
    assert reason(caught.value) == "NO_SUCH_SIZE"


@pytest.mark.parametrize(
    ("method", "data"),
    [
        ("GetCheckpoint", b"\xff"),
        ("GetReceipt", audit_pb2.GetReceiptRequest(record_id="x").SerializeToString()),
        ("GetReceipt", audit_pb2.GetReceiptRequest(log_index=0).SerializeToString()),
        ("GetConsistency", b"\xfa\x3e\x01x"),
    ],
)
def test_a_request_that_says_nothing_is_refused_and_counted(
    sidecar: Running, method: str, data: bytes
) -> None:
    counter = 'govshare_refused_total{cause="bad_call",entrance="grpc_audit"}'
    before = sidecar.metric(counter)
    with pytest.raises(grpc.RpcError) as caught:
        send(sidecar, f"Audit/{method}", data)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert sidecar.metric(counter) == before + 1


def test_proofs_are_still_given_when_no_call_is_answered_any_more(deployment: Deployment) -> None:
    with deployment.start() as running:
        kept = running.check(request()).receipt
        fill_disk(running)
        with pytest.raises(grpc.RpcError):
            running.check(request())
        verify_receipt(Receipt.from_text(receipt(running, kept).text), deployment.trust)
        assert checkpoint(running).size == consistency(running, 1).size


def test_a_log_that_cannot_be_read_is_an_error_without_a_path(deployment: Deployment) -> None:
    with deployment.start() as running:
        kept = running.check(request()).receipt
        segment = deployment.log / segment_file(0)
        segment.rename(segment.with_name("elsewhere"))
        with pytest.raises(grpc.RpcError) as caught:
            receipt(running, kept)
        segment.with_name("elsewhere").rename(segment)

    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert caught.value.details() == "the log cannot be read"
