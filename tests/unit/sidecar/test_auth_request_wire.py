# SPDX-License-Identifier: Apache-2.0
"""The one header in which nginx says what it knows."""

import ssl
from urllib.parse import quote

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from govshare_sidecar.auth_request_wire import ORIGINAL, read_original
from govshare_sidecar.refusal import Cause, RefusedError

DER = b"\x30\x03\x02\x01\x01"
PEM = quote(ssl.DER_cert_to_PEM_cert(DER))


def headers(*values: str) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict([(ORIGINAL, value) for value in values]))


def test_a_client_that_showed_a_certificate_has_it() -> None:
    original = read_original(headers(f"GET /a/%2e?b=1 SUCCESS {PEM}"))

    assert (original.method, original.target) == ("GET", "/a/%2e?b=1")
    assert original.certificate == DER
    assert repr(DER)[2:-1] not in repr(original)


def test_a_client_that_showed_none_has_none() -> None:
    assert read_original(headers("POST / NONE")).certificate is None


@pytest.mark.parametrize(
    "values",
    [
        (),
        ("",),
        ("GET / NONE", "GET / NONE"),
        ("GET / NONE, GET / NONE",),
        ("GET /",),
        ("GET / SUCCESS",),
        ("GET / SUCCESS ",),
        (f"GET / NONE {PEM}",),
        (f"GET / FAILED:certificate has expired {PEM}",),
        (f"GET / FAILED:unable {PEM}",),
        (f"GET / {PEM}",),
        (f"GET  SUCCESS {PEM}",),
        (f"GET /a b SUCCESS {PEM}",),
        (f"GET http://x/ SUCCESS {PEM}",),
        (f"GET / SUCCESS {PEM} x",),
        # What an old nginx would make of a target with spaces in it.
        (f"GET / SUCCESS {PEM} NONE",),
        (f"GET / SUCCESS {PEM} SUCCESS {PEM}",),
        ("GET / SUCCESS x",),
        ("GET / SUCCESS %FF",),
        ("GET / SUCCESS -----BEGIN%20CERTIFICATE-----%0Aé-----END%20CERTIFICATE-----%0A",),
        (f"get / SUCCESS {PEM}",),
    ],
)
def test_anything_else_is_refused_and_nothing_of_it_repeated(values: tuple[str, ...]) -> None:
    with pytest.raises(RefusedError) as caught:
        read_original(headers(*values))
    assert caught.value.cause is Cause.BAD_HEADER
    assert str(caught.value).startswith("the proxy does not send `Govshare-Original`")
