# SPDX-License-Identifier: Apache-2.0
"""What a provider released: registered first, handed over afterwards or not at all."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

from google.protobuf.descriptor import Descriptor

from govshare_policy.egress.obtained import JSON, form_of_type, rows_of
from govshare_policy.egress.register import ReleasedRows, ReleaseMeta, Scalar
from govshare_policy.errors import CallError
from govshare_sidecar.egress.messages import as_json, is_protobuf
from govshare_sidecar.egress.outward import Came
from govshare_sidecar.egress.parts import unwrapped
from govshare_sidecar.egress.pool import ScanPool
from govshare_sidecar.egress.settings import EgressConfig, GrantTerms, Provider
from govshare_sidecar.upstream import Fault, UpstreamError

_OK: Final = range(200, 300)
_PROBLEM: Final = "application/problem+json"
_MAX_PROBLEM: Final = 256 * 1024


class Inbound:
    """Registers releases as they come in."""

    def __init__(
        self, config: EgressConfig, *, pool: ScanPool, now: Callable[[], datetime]
    ) -> None:
        self._grants = config.grants
        self._pool = pool
        self._now = now

    async def register(
        self,
        came: Came,
        provider: Provider,
        *,
        sent: frozenset[str],
        kind: Descriptor | None = None,
    ) -> int:
        """Return how many values of the answer *came* were registered; they are on the disk.

        Args:
            came: What the provider answered.
            provider: Who it is.
            sent: Values that the caller sent itself.
            kind: What an answer in protobuf is a message of; ``None`` if nobody knows.

        Raises:
            UpstreamError: If it is no release that can be registered. It must not be handed over.
            RefusedError: If it was not registered. Likewise.
        """
        if came.status not in _OK:
            _verify_problem(came)
            return 0
        if came.status == HTTPStatus.NO_CONTENT and not came.body:
            return 0
        release = await asyncio.to_thread(self._release, came, provider, sent, kind)
        return 0 if release is None else await self._pool.register(release)

    def _release(
        self, came: Came, provider: Provider, sent: frozenset[str], kind: Descriptor | None
    ) -> ReleasedRows | None:
        headers = came.headers
        receipt = headers.get("Govshare-Record", "")
        resource = unquote(headers.get("Govshare-Resource", ""))
        if not receipt or not resource:
            raise _unusable("the answer names no record and resource, so nobody can register it")
        if not unwrapped(dict(headers)):
            raise _unusable("the answer is packed although it was asked for as it is")
        try:
            fields, rows = _rows(came.body, headers.get("Content-Type", ""), kind)
        except CallError as error:
            raise _unusable(str(error)) from None
        if not fields:
            return None
        grant = unquote(headers.get("Govshare-Grants", "").partition(",")[0].strip())
        terms = self._grants.get(grant, GrantTerms())
        meta = ReleaseMeta(
            receipt_id=receipt,
            grant=grant,
            resource=resource,
            provider=provider.department,
            fields=fields,
            registered_at=self._now(),
            lapses_on=terms.lapses_on,
            strength=terms.strength,
        )
        return ReleasedRows(meta=meta, rows=rows, sent=sent, subject_fields=provider.subject_fields)


def _rows(
    body: bytes, content_type: str, kind: Descriptor | None
) -> tuple[tuple[str, ...], list[dict[str, Scalar]]]:
    """Return fields and rows of *body*.

    Raises:
        CallError: If it is of no form whose values can be registered.
    """
    if not is_protobuf(content_type):
        return rows_of(body, form_of_type(content_type))
    spelt = as_json(body, content_type, kind)
    if spelt is None:
        raise CallError("a message in protobuf needs its type in `[[egress.message]]`, in full")
    return rows_of(spelt, JSON)


def _verify_problem(came: Came) -> None:
    media = came.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if came.body and (media != _PROBLEM or len(came.body) > _MAX_PROBLEM):
        raise _unusable("the provider refused in a form that is not its own")


def _unusable(message: str) -> UpstreamError:
    return UpstreamError(Fault.UNREADABLE, message)
