# SPDX-License-Identifier: Apache-2.0
"""What Envoy says about a request is believed only as far as no client can say it."""

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from google.protobuf.struct_pb2 import Struct
from multidict import CIMultiDict, CIMultiDictProxy

from govshare_policy.errors import IdentityError
from govshare_sidecar._pb import envoy_pb2 as pb
from govshare_sidecar.envoy.heads import (
    asked_of,
    certificate_of,
    client_certificate,
    headers_of,
    to_remove,
    to_set,
    to_set_text,
)
from govshare_sidecar.refusal import Cause, RefusedError
from tests.e2e.pki import Authority, Pair

FILTER = "envoy.filters.http.ext_proc"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Authority(tmp_path_factory.mktemp("pki")).issue("caller")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Authority(tmp_path_factory.mktemp("other")).issue("other")


def escaped(path: Path) -> str:
    return quote(path.read_text(), safe="")


def said(*, digest: str = "", mtls: object = True) -> dict[str, Struct]:
    stated: dict[str, Any] = {
        "connection.mtls": mtls,
        "connection.sha256_peer_certificate_digest": digest,
    }
    attributes = Struct()
    attributes.update({key: value for key, value in stated.items() if value not in (None, "")})
    return {FILTER: attributes}


def headers(*certificates: str) -> CIMultiDictProxy[str]:
    shown = (("x-forwarded-client-cert", f'Hash=x;Cert="{one}"') for one in certificates)
    return CIMultiDictProxy(CIMultiDict(shown))


def digest(pair: Pair) -> str:
    return hashlib.sha256(pair.der).hexdigest()


def test_the_certificate_of_the_connection_is_the_callers(pair: Pair) -> None:
    shown = headers(escaped(pair.certificate))

    assert client_certificate(shown, said(digest=digest(pair))) == pair.der


def test_a_certificate_in_a_header_alone_is_nobodys(pair: Pair) -> None:
    assert client_certificate(headers(escaped(pair.certificate)), said(mtls=False)) is None


def test_a_certificate_beside_another_connections_is_refused(pair: Pair, other: Pair) -> None:
    with pytest.raises(IdentityError, match="another certificate"):
        client_certificate(headers(escaped(pair.certificate)), said(digest=digest(other)))


@pytest.mark.parametrize("times", [0, 2])
def test_none_or_two_certificates_are_refused(pair: Pair, times: int) -> None:
    shown = headers(*[escaped(pair.certificate)] * times)
    with pytest.raises(IdentityError, match="exactly the certificate"):
        client_certificate(shown, said(digest=digest(pair)))


@pytest.mark.parametrize("mtls", [None, "true", 1])
def test_an_envoy_that_does_not_say_what_it_saw_is_refused(pair: Pair, mtls: object) -> None:
    shown = headers(escaped(pair.certificate))
    with pytest.raises(IdentityError, match=r"`connection\.mtls`"):
        client_certificate(shown, said(digest=digest(pair), mtls=mtls))


@pytest.mark.parametrize("pem", ["", "x", "%FF", "-----BEGIN CERTIFICATE-----"])
def test_what_is_no_certificate_is_refused(pem: str) -> None:
    with pytest.raises(IdentityError):
        certificate_of(pem)


def test_headers_keep_what_stands_twice_and_bytes_that_are_no_text() -> None:
    sent = pb.HeaderMap(
        headers=[
            pb.HeaderValue(key="a", raw_value=b"1"),
            pb.HeaderValue(key="a", raw_value=b"2"),
            pb.HeaderValue(key="b", raw_value=b"\xff"),
            pb.HeaderValue(key="c", value="text"),
        ]
    )
    read = headers_of(sent)

    assert (read.getall("A"), read["b"], read["c"]) == (["1", "2"], "\udcff", "text")


def test_everything_is_taken_out_but_what_is_kept_and_envoys_own() -> None:
    names = [":path", "Host", "te", "Cookie", "Accept", "x-envoy-foo", "content-length"]

    assert to_remove(names, ("accept",)) == ["cookie", "x-envoy-foo"]


def test_headers_take_the_place_of_those_that_are_there() -> None:
    for set_headers in (to_set, to_set_text):
        [option] = set_headers([("Govshare-Record", "r")])
        assert option.header.key == "govshare-record"
        assert option.append_action == pb.APPEND_ACTION_OVERWRITE_OR_ADD
        assert (option.header.value or option.header.raw_value.decode()) == "r"


@pytest.mark.parametrize(
    ("method", "header", "cause"),
    [
        ("PUT", {}, Cause.METHOD),
        ("CONNECT", {}, Cause.METHOD),
        ("GET", {"Upgrade": "websocket"}, Cause.UPGRADE),
        ("POST", {"Content-Encoding": "gzip"}, Cause.ENCODED),
        ("GET", {}, Cause.NO_ROUTE),
    ],
)
def test_what_says_no_call_is_refused(method: str, header: dict[str, str], cause: Cause) -> None:
    with pytest.raises(RefusedError) as caught:
        asked_of(method, "/x", CIMultiDictProxy(CIMultiDict(header)), ())
    assert caught.value.cause is cause
