# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from govshare_policy.crypto import _pyca
from govshare_policy.crypto._pyca import BlockCipher, Prf
from govshare_policy.errors import ConfigError

KEY = IV = bytes(range(16))

# What we ask of the library, and the part of it that a build may leave out.
ASKED: dict[str, tuple[object, str, Callable[[], object]]] = {
    "SM3": (hashes, "Hash", _pyca.PycaSm3),
    "PBKDF2 with HMAC-SM3": (
        _pyca,
        "PBKDF2HMAC",
        lambda: _pyca.derive_key(b"p", prf=Prf.HMAC_SM3, salt=b"s", iterations=1, size=16),
    ),
    "SM4-CBC": (
        _pyca,
        "Cipher",
        lambda: _pyca.encrypt_cbc(b"", cipher=BlockCipher.SM4, key=KEY, iv=IV),
    ),
    "AES_256-CBC": (
        _pyca,
        "Cipher",
        lambda: _pyca.decrypt_cbc(b"", cipher=BlockCipher.AES_256, key=KEY + KEY, iv=IV),
    ),
}


@pytest.mark.parametrize("what", ASKED)
def test_a_build_without_an_algorithm_is_named(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def left_out(*_: object, **__: object) -> object:
        raise UnsupportedAlgorithm(what)

    owner, name, ask = ASKED[what]
    monkeypatch.setattr(owner, name, left_out)

    with pytest.raises(ConfigError, match=f"`cryptography` package has no {what}$"):
        ask()


def test_sm4_gives_the_standards_block() -> None:
    """GB/T 32907-2016 §A.1, whose one block is the first block of CBC with a zero IV."""
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")

    data = _pyca.encrypt_cbc(key, cipher=BlockCipher.SM4, key=key, iv=bytes(16))

    assert data[:16].hex() == "681edf34d206965e86b3e94f536e4246"
    assert _pyca.decrypt_cbc(data, cipher=BlockCipher.SM4, key=key, iv=bytes(16)) == key
