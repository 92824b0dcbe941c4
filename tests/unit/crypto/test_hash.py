# SPDX-License-Identifier: Apache-2.0
import hashlib
import hmac as stdlib_hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.crypto import hmac_sm3, sm3, sm3_new
from govshare_policy.crypto._hash import Sm3, choose_sm3, from_hashlib
from govshare_policy.crypto._pyca import PycaSm3
from govshare_policy.errors import ConfigError

# GB/T 32905-2016 §A.1 and §A.2.
KNOWN = {
    b"abc": "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
    b"abcd" * 16: "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732",
}


class WrongSm3(PycaSm3):
    def digest(self) -> bytes:
        return bytes(32)


@pytest.mark.parametrize("source", [from_hashlib, PycaSm3])
@pytest.mark.parametrize("message", KNOWN)
def test_every_source_gives_the_standards_digests(source: type[Sm3], message: bytes) -> None:
    computation = source()
    computation.update(message)

    assert computation.digest().hex() == KNOWN[message]
    assert sm3(message).hex() == KNOWN[message]


@settings(max_examples=50, deadline=None)
@given(parts=st.lists(st.binary(max_size=200), max_size=5))
def test_parts_digest_like_the_whole(parts: list[bytes]) -> None:
    computation, fallback = sm3_new(), PycaSm3()
    for part in parts:
        computation.update(part)
        fallback.update(part)

    assert computation.digest() == fallback.digest() == sm3(b"".join(parts))


@pytest.mark.parametrize("source", [from_hashlib, PycaSm3])
def test_a_copy_goes_its_own_way(source: type[Sm3]) -> None:
    first = source()
    first.update(b"ab")
    second = first.copy()
    second.update(b"c")

    assert second.digest() == sm3(b"abc")
    assert first.digest() == sm3(b"ab")
    assert first.digest() == sm3(b"ab"), "asking does not change the state"


def test_nothing_is_shared_between_computations() -> None:
    sm3_new().update(b"abc")

    assert sm3_new().digest() == sm3(b"")


@settings(max_examples=50, deadline=None)
@given(key=st.binary(max_size=100), data=st.binary(max_size=200))
def test_hmac_is_rfc_2104_over_sm3(key: bytes, data: bytes) -> None:
    assert hmac_sm3(key, data) == stdlib_hmac.digest(key, data, "sm3")


def test_a_python_without_sm3_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_sm3(name: str) -> object:
        raise ValueError(name)

    monkeypatch.setattr(hashlib, "new", no_sm3)

    assert isinstance(choose_sm3(from_hashlib, PycaSm3), PycaSm3)


def test_a_source_that_computes_wrongly_is_passed_over() -> None:
    assert type(choose_sm3(WrongSm3, PycaSm3)) is PycaSm3


def test_no_source_at_all_says_why_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_sm3(name: str) -> object:
        raise ValueError(name)

    monkeypatch.setattr(hashlib, "new", no_sm3)

    with pytest.raises(ConfigError, match=r"this Python has no SM3; `WrongSm3` computes SM3 wrong"):
        choose_sm3(from_hashlib, WrongSm3)
