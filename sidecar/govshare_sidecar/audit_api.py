# SPDX-License-Identifier: Apache-2.0
"""The gRPC service ``govshare.v1.Audit``: proofs out of the log, for those whom they concern."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeAlias

import grpc

from govshare_policy.audit import Checkpoint, parse_record
from govshare_policy.identity import Evidence
from govshare_sidecar._pb import audit_pb2
from govshare_sidecar.api import evidence_of
from govshare_sidecar.auditors import Auditors
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.metrics import Metrics
from govshare_sidecar.proofs import Proofs
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.rich import answered
from govshare_sidecar.wire import fill_receipt, parse_message

ENTRANCE: Final = "grpc_audit"
SERVICE: Final = audit_pb2.DESCRIPTOR.services_by_name["Audit"].full_name
_Context: TypeAlias = grpc.aio.ServicerContext[bytes, Any]


class Audit:
    """Hands out proofs. It goes on after the log has failed: what is on the disk stays proven."""

    name: Final = SERVICE

    def __init__(
        self,
        proofs: Proofs,
        authorities: ClientAuthorities,
        metrics: Metrics,
        *,
        auditors: Auditors,
        now: Callable[[], datetime],
    ) -> None:
        self._proofs = proofs
        self._authorities = authorities
        self._metrics = metrics
        self._auditors = auditors
        self._now = now

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return what the server dispatches to."""
        unary, messages = grpc.unary_unary_rpc_method_handler, audit_pb2
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "GetCheckpoint": unary(
                    self.get_checkpoint, None, messages.GetCheckpointResponse.SerializeToString
                ),
                "GetReceipt": unary(
                    self.get_receipt, None, messages.GetReceiptResponse.SerializeToString
                ),
                "GetConsistency": unary(
                    self.get_consistency, None, messages.GetConsistencyResponse.SerializeToString
                ),
            },
        )

    def drain(self) -> None:
        """Nothing here goes on for long."""

    async def get_checkpoint(
        self, data: bytes, context: _Context
    ) -> audit_pb2.GetCheckpointResponse:
        """Return the newest checkpoint."""
        return await answered(self._checkpoint(data), context, self._metrics, entrance=ENTRANCE)

    async def get_receipt(self, data: bytes, context: _Context) -> audit_pb2.GetReceiptResponse:
        """Return the receipt of one record to whom it concerns."""
        evidence = evidence_of(context, self._authorities, network="")()
        work = self._receipt(data, evidence)
        return await answered(work, context, self._metrics, entrance=ENTRANCE)

    async def get_consistency(
        self, data: bytes, context: _Context
    ) -> audit_pb2.GetConsistencyResponse:
        """Return the proof that the log only grew."""
        return await answered(self._consistency(data), context, self._metrics, entrance=ENTRANCE)

    async def _checkpoint(self, data: bytes) -> audit_pb2.GetCheckpointResponse:
        parse_message(audit_pb2.GetCheckpointRequest, data)
        checkpoint = self._proofs.checkpoint()
        return audit_pb2.GetCheckpointResponse(
            origin=checkpoint.origin, size=checkpoint.size, note=checkpoint.to_note().decode()
        )

    async def _receipt(self, data: bytes, evidence: Evidence) -> audit_pb2.GetReceiptResponse:
        request = parse_message(audit_pb2.GetReceiptRequest, data)
        if not request.HasField("log_index") or not request.record_id:
            raise RefusedError(Cause.BAD_CALL, "the request needs `log_index` and `record_id`")
        at = self._now()

        def may_have(data: bytes) -> bool:
            record = parse_record(data)
            return record.get("id") == request.record_id and self._auditors.may_read(
                record.get("certificate"), evidence, at=at
            )

        # One refusal for all, so that nobody learns from it what stands in the log.
        receipt = await self._proofs.receipt(request.log_index, may_have=may_have)
        response = audit_pb2.GetReceiptResponse()
        fill_receipt(response.receipt, request.record_id, receipt)
        return response

    async def _consistency(self, data: bytes) -> audit_pb2.GetConsistencyResponse:
        request = parse_message(audit_pb2.GetConsistencyRequest, data)
        continuation = await self._proofs.consistency(request.old_size)
        size = Checkpoint.from_note(continuation.checkpoint).size
        return audit_pb2.GetConsistencyResponse(size=size, text=continuation.to_text())
