# SPDX-License-Identifier: Apache-2.0
"""What the doors of the onward guard over HTTP share: whatever goes wrong becomes a response."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar

from aiohttp import web

from govshare_policy.errors import AuditError, CallError, EvaluationError
from govshare_policy.identity import Evidence
from govshare_sidecar.door import cause_of
from govshare_sidecar.egress.means import Means
from govshare_sidecar.problem import language_of, trouble
from govshare_sidecar.upstream import UpstreamError


class HttpDoor(ABC):
    """A door over HTTP; says whose a request is, and how it is answered."""

    entrance: ClassVar[str]

    def __init__(self, means: Means) -> None:
        self._at = means

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the response to *request*."""
        language = language_of(request.headers.get("Accept-Language", ""))
        try:
            evidence = self._evidence(request)
            with self._place(evidence), self._at.desk.call(self.entrance):
                return await self._respond(request, evidence, language)
        except CallError as error:
            return self.refuse(error, language=language)
        except UpstreamError as error:
            self._at.metrics.upstream_failed(error.fault)
            return trouble(error, language=language)
        except (AuditError, EvaluationError) as error:
            response = trouble(error, language=language)
            response.force_close()
            return response

    def refuse(self, error: CallError, *, language: str) -> web.Response:
        """Return the response to a request that is not looked at any further, and count it."""
        self._at.metrics.refused(self.entrance, cause_of(error))
        response = trouble(error, language=language)
        response.force_close()
        return response

    @abstractmethod
    def _evidence(self, request: web.BaseRequest) -> Evidence:
        """Return what shows whose *request* is."""

    def _place(self, _evidence: Evidence) -> AbstractContextManager[object]:
        """Return the place that a caller takes up while it is answered."""
        return nullcontext()

    @abstractmethod
    async def _respond(
        self, request: web.BaseRequest, evidence: Evidence, language: str
    ) -> web.StreamResponse:
        """Return the response to *request*, once it is decided on."""
