# SPDX-License-Identifier: Apache-2.0
"""What both services of this entrance work with."""

import asyncio
from dataclasses import dataclass

from aiohttp import web

from govshare_policy.identity import Evidence
from govshare_sidecar.desk import Desk
from govshare_sidecar.envoy.canary import Proofs, Tokens
from govshare_sidecar.envoy.settings import EnvoyConfig
from govshare_sidecar.envoy.stream import EnvoyError
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.metrics import Metrics
from govshare_sidecar.problem import COMMON_HEADERS
from govshare_sidecar.receipts import Receipts
from govshare_sidecar.refusal import Cause, RefusedError


class TrialError(EnvoyError):
    """Nobody has to act: the self-test asks for an exchange that fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """The desk and what stands around it, for calls that come through an Envoy.

    Attributes:
        stopping: Set once nothing new is taken, so that what goes on for long comes to an end.
    """

    config: EnvoyConfig
    desk: Desk
    authorities: ClientAuthorities
    metrics: Metrics
    proofs: Proofs
    tokens: Tokens
    receipts: Receipts
    stopping: asyncio.Event

    def evidence(self, der: bytes | None) -> Evidence:
        """Return what the client's certificate *der* shows, as Envoy passed it on."""
        return self.authorities.evidence(der, network=self.config.network)

    def receipt(self, method: str, path: str, evidence: Evidence) -> web.Response:
        """Return the receipt at *path* for the caller that *evidence* shows.

        Raises:
            RefusedError: If there is none for this caller.
        """
        if method != "GET":
            raise RefusedError(Cause.METHOD)
        text = self.receipts.text(path, evidence.spki)
        return web.Response(text=text, headers=COMMON_HEADERS)
