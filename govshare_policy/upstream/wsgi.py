# SPDX-License-Identifier: Apache-2.0
"""A WSGI application that answers the sidecar only: Flask, Django, Bottle.

Example:
    ``app.wsgi_app = OnlyGateway(app.wsgi_app, gateway)``

Source:
    PEP 3333.
"""

import io
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from govshare_policy.errors import GovshareError
from govshare_policy.upstream._refusal import (
    BROKEN_OFF,
    MAX_BODY,
    MEDIA_TYPE,
    TOO_LARGE,
    problem_of,
    status_of,
)
from govshare_policy.upstream._signature import HEADER, Gateway, Request, verify_request

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

RECORD: Final = "govshare.record"
_KEY: Final = "HTTP_" + HEADER.upper().replace("-", "_")


def _now() -> datetime:
    return datetime.now(UTC)


class OnlyGateway:
    """Hands requests to an application once they are verified; ``environ`` names the record."""

    def __init__(
        self,
        application: "WSGIApplication",
        gateway: Gateway,
        *,
        max_bytes: int = MAX_BODY,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._application = application
        self._gateway = gateway
        self._max_bytes = max_bytes
        self._now = now

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        try:
            body = self._body(environ)
            request = Request(method=environ["REQUEST_METHOD"], target=_target(environ), body=body)
            texts = [environ[_KEY]] if _KEY in environ else []
            vouched = verify_request(texts, request, self._gateway, at=self._now())
        except GovshareError as error:
            status, problem = status_of(error), problem_of(error)
            headers = [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(problem)))]
            start_response(f"{status.value} {status.phrase}", headers)
            return [problem]
        environ["wsgi.input"] = io.BytesIO(body)
        environ[RECORD] = vouched.record
        return self._application(environ, start_response)

    def _body(self, environ: "WSGIEnvironment") -> bytes:
        length = environ.get("CONTENT_LENGTH") or "0"
        if not length.isascii() or not length.isdecimal() or int(length) > self._max_bytes:
            raise TOO_LARGE
        # The sidecar states the length of a body; what else stands there is not read.
        body: bytes = environ["wsgi.input"].read(int(length)) if int(length) else b""
        if len(body) != int(length):
            raise BROKEN_OFF
        return body


def _target(environ: "WSGIEnvironment") -> str:
    """Return path and query as the sidecar spells them, however the server took them apart."""
    path = (environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")).encode("latin-1")
    query = environ.get("QUERY_STRING", "")
    return quote(path, safe="/") + (f"?{query}" if query else "")
