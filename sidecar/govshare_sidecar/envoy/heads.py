# SPDX-License-Identifier: Apache-2.0
"""Between what Envoy says about a request and our values; pure."""

import hashlib
import re
import ssl
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import unquote

from aiohttp import web
from google.protobuf.struct_pb2 import Struct
from multidict import CIMultiDict, CIMultiDictProxy

from govshare_policy.errors import IdentityError
from govshare_sidecar._pb import envoy_pb2 as pb
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.request import Asked, read_head
from govshare_sidecar.routes import Route

_CLIENT_CERTIFICATE: Final = "x-forwarded-client-cert"
_MTLS: Final = "connection.mtls"
_DIGEST: Final = "connection.sha256_peer_certificate_digest"
_PERMISSION_DENIED: Final = 7
_SHOWN: Final = re.compile(r'Cert="([^"]*)"')
# Envoy makes these itself out of the connection, the route or the body.
_TRANSPORT: Final = frozenset({"host", "te", "transfer-encoding", "content-length", "connection"})


def headers_of(sent: pb.HeaderMap) -> CIMultiDictProxy[str]:
    """Return the headers of *sent*; bytes that are not UTF-8 become surrogates."""
    headers: CIMultiDict[str] = CIMultiDict()
    for header in sent.headers:
        text = header.value or header.raw_value.decode("utf-8", "surrogateescape")
        headers.add(header.key, text)
    return CIMultiDictProxy(headers)


def asked_of(
    method: str, path: str, headers: CIMultiDictProxy[str], routes: Sequence[Route]
) -> Asked:
    """Return the call that a request states; its body is not looked at.

    Raises:
        RefusedError: If it states none.
        CallError: If what it states is not of the shape of a call.
    """
    if method not in ("GET", "POST"):
        raise RefusedError(Cause.METHOD)
    if "Upgrade" in headers:
        raise RefusedError(Cause.UPGRADE)
    if headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise RefusedError(Cause.ENCODED)
    return read_head(method, path, headers, routes)


def certificate_of(pem: str) -> bytes:
    """Return the DER of the certificate that Envoy wrote as percent-encoded PEM.

    Raises:
        IdentityError: If it is none.
    """
    try:
        return ssl.PEM_cert_to_DER_cert(unquote(pem, errors="strict"))
    except ValueError:
        raise IdentityError("envoy did not send a certificate where one belongs") from None


def client_certificate(
    headers: CIMultiDictProxy[str], attributes: Mapping[str, Struct]
) -> bytes | None:
    """Return the DER of the certificate on the connection that a request came over, if any.

    The header alone would prove nothing: a client can send it too, and an Envoy that is told to
    forward it lets it by. The digest is an attribute of the connection, which no client can set.

    Raises:
        IdentityError: If Envoy does not say what is on the connection, or the header shows
            another certificate.
    """
    said: dict[str, object] = {}
    for attribute in attributes.values():
        said.update(attribute.items())
    if not isinstance(said.get(_MTLS), bool):
        raise IdentityError("envoy does not send the attribute `connection.mtls`")
    digest = said.get(_DIGEST) or ""
    if not digest:
        return None
    shown = _SHOWN.findall(",".join(headers.getall(_CLIENT_CERTIFICATE, ())))
    if len(shown) != 1:
        raise IdentityError("envoy does not forward exactly the certificate of the connection")
    der = certificate_of(shown[0])
    if hashlib.sha256(der).hexdigest() != digest:
        raise IdentityError("envoy forwards another certificate than that of the connection")
    return der


def to_set(headers: Iterable[tuple[str, str]]) -> list[pb.HeaderValueOption]:
    """Return *headers* as ones that take the place of what stands there, for ``ext_proc``."""
    return [
        _in_place(pb.HeaderValue(key=name.lower(), raw_value=value.encode()))
        for name, value in headers
    ]


def to_set_text(headers: Iterable[tuple[str, str]]) -> list[pb.HeaderValueOption]:
    """Return *headers* as :func:`to_set` does, for ``ext_authz``, which reads no raw values."""
    return [_in_place(pb.HeaderValue(key=name.lower(), value=value)) for name, value in headers]


def _in_place(header: pb.HeaderValue) -> pb.HeaderValueOption:
    return pb.HeaderValueOption(header=header, append_action=pb.APPEND_ACTION_OVERWRITE_OR_ADD)


def to_remove(headers: Iterable[str], kept: Iterable[str] = ()) -> list[str]:
    """Return the names in *headers* that go no further: all but *kept* and Envoy's own."""
    staying = _TRANSPORT | {name.lower() for name in kept}
    return sorted({name.lower() for name in headers if name[:1] != ":"} - staying)


def body_of(response: web.Response) -> bytes:
    """Return the body of a *response* that was made here, and is therefore whole."""
    body = response.body
    if not isinstance(body, bytes):
        raise TypeError("a response made here holds bytes")
    return body


def immediate(response: web.Response) -> pb.ProcessingResponse:
    """Return *response* as one that ends the exchange over ``ext_proc``."""
    ending = pb.ImmediateResponse(
        status=pb.HttpStatus(code=response.status),
        headers=pb.HeaderMutation(set_headers=to_set(response.headers.items())),
        body=body_of(response),
    )
    return pb.ProcessingResponse(immediate_response=ending)


def denied(response: web.Response) -> pb.AuthResponse:
    """Return *response* as one that ends the exchange over ``ext_authz``."""
    return pb.AuthResponse(
        status=pb.RpcStatus(code=_PERMISSION_DENIED),
        denied_response=pb.Denied(
            status=pb.HttpStatus(code=response.status),
            headers=to_set_text(response.headers.items()),
            body=body_of(response).decode(),
        ),
    )
