# SPDX-License-Identifier: Apache-2.0
"""The RPC ``Release``: what a department's API answered, filtered for a caller that was allowed."""

import asyncio
from functools import partial
from typing import Final

from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool

from govshare_policy.audit import parse_record
from govshare_policy.gate import Outcome
from govshare_policy.identity import Evidence
from govshare_sidecar._pb import enforcement_pb2
from govshare_sidecar.descriptors import find_message
from govshare_sidecar.desk import Desk
from govshare_sidecar.metrics import Stage
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.release.answer import content_type, release_answer, route_of
from govshare_sidecar.release.pending import Allowed, Releases
from govshare_sidecar.release.released import Released
from govshare_sidecar.routes import Form, RouteError
from govshare_sidecar.upstream import Fault, UpstreamError
from govshare_sidecar.wire import fill_receipt, parse_message

RELEASE: Final = "grpc_release"
MAX_RELEASE_BYTES: Final = 8 << 20
# Above this, reading a body strictly takes long enough to keep other calls waiting.
_LARGE_BYTES: Final = 256 * 1024


class Releasing:
    """Filters what the caller fetched itself, once for each allowed answer."""

    def __init__(
        self, desk: Desk, releases: Releases, *, descriptors: DescriptorPool | None
    ) -> None:
        self._desk = desk
        self._releases = releases
        self._descriptors = descriptors

    async def release(self, data: bytes, evidence: Evidence) -> enforcement_pb2.ReleaseResponse:
        """Find what was allowed, filter, record, answer: in that order only.

        Raises:
            RefusedError: If *data* asks for nothing that may be released, or has no form that
                could be filtered.
            AuditError: If it was not recorded.
        """
        with self._desk.place(evidence), self._desk.call(RELEASE):
            request = parse_message(enforcement_pb2.ReleaseRequest, data)
            if len(request.body) > MAX_RELEASE_BYTES:
                raise RefusedError(Cause.TOO_LARGE)
            allowed = self._releases.take(request.record_id, evidence.spki)
            self._desk.verify_in_force(allowed.call, allowed.answer, evidence)
            try:
                with self._desk.stage(Stage.RELEASE):
                    released, announced = await self._filtered(request, allowed)
            except (UpstreamError, RouteError) as error:
                fault = error.fault if isinstance(error, UpstreamError) else Fault.UNREADABLE
                await self._desk.conclude(allowed.answer, Outcome(status=fault.value))
                raise RefusedError(Cause.NOT_JSON) from None
            outcome = Outcome(
                status="released",
                rows=released.rows,
                size_bytes=len(released.body),
                response=released.digest,
                records=released.records,
            )
            receipt = await self._desk.conclude(allowed.answer, outcome)
        response = enforcement_pb2.ReleaseResponse(
            body=released.body, rows=released.rows, content_type=announced
        )
        fill_receipt(response.receipt, str(parse_record(receipt.record)["id"]), receipt)
        return response

    async def _filtered(
        self, request: enforcement_pb2.ReleaseRequest, allowed: Allowed
    ) -> tuple[Released, str]:
        """Return what may leave, and its type."""
        route = route_of(
            request.content_type or content_type(Form.JSON),
            records=request.records,
            message=lambda: self._message(request.message),
        )
        filtered = partial(
            release_answer,
            request.body,
            allowed.answer.decision.fields,
            route=route,
            announced=content_type(route.form),
            content_encoding="",
            most=MAX_RELEASE_BYTES,
        )
        if len(request.body) < _LARGE_BYTES:
            return filtered(), content_type(route.form)
        return await asyncio.to_thread(filtered), content_type(route.form)

    def _message(self, name: str) -> Descriptor:
        if self._descriptors is None:
            raise RouteError("message", "is in no descriptor set")
        return find_message(self._descriptors, name)
