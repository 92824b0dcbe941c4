# SPDX-License-Identifier: Apache-2.0
"""Row T9 of the matrix: what each signer signs, changed in every way, before every verifier."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from govshare_policy.crypto import PublicKey, open_signer
from govshare_policy.crypto._curve import GX, N, P, format_point
from govshare_policy.crypto._der import INTEGER, NULL, SEQUENCE, encode, encode_integer
from govshare_policy.crypto._digest import message_number, signer_digest
from govshare_policy.crypto._front import Signer, load_signer, verify_with
from govshare_policy.crypto._gmssl import open_gmssl
from govshare_policy.crypto._known import KNOWN_ID, KNOWN_PUBLIC, KNOWN_SECRET
from govshare_policy.crypto._libcrypto import open_libcrypto
from govshare_policy.crypto._provider import SigningProvider, Verifier
from govshare_policy.crypto._signature import parse_signature
from govshare_policy.errors import ConfigError, SignatureError
from tests.unit.crypto.test_sdf import PIN, build

MESSAGE = b"audit.example/one\n7\n"


class Made(NamedTuple):
    """A signature of the standard's key over MESSAGE."""

    der: bytes
    r: int
    s: int


def of(provider: Callable[[], SigningProvider]) -> Callable[[Path], Signer]:
    def load(_: Path) -> Signer:
        opened = provider()
        return load_signer(opened, opened, secret=KNOWN_SECRET, point=KNOWN_PUBLIC.point)

    return load


SIGNERS: dict[str, Callable[[Path], Signer]] = {
    "libcrypto": of(open_libcrypto),
    "gmssl": of(open_gmssl),
    "device": lambda path: open_signer(f"sdf:{build(path, width=64)}?key=1", PIN),
}


@pytest.fixture(scope="module", params=SIGNERS.values(), ids=list(SIGNERS))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    opener: Callable[[Path], Signer] = request.param
    signer = opener(tmp_path_factory.mktemp("signer"))
    assert signer.public == KNOWN_PUBLIC
    der = signer.sign(MESSAGE, signer_id=KNOWN_ID)
    return Made(der, *parse_signature(der))


def pair(r: int, s: int) -> bytes:
    return encode(SEQUENCE, signed(r), signed(s))


def signed(value: int) -> bytes:
    size = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return encode(INTEGER, value.to_bytes(size, "big", signed=True))


def padded(value: int) -> bytes:
    return encode(INTEGER, b"\0" + encode_integer(value)[2:])


def over_sha256(made: Made) -> bytes:
    """The same nonce and key, over SHA-256 in place of SM3."""
    e = message_number(KNOWN_PUBLIC, MESSAGE, KNOWN_ID)
    other = hashlib.sha256(signer_digest(KNOWN_PUBLIC, KNOWN_ID) + MESSAGE).digest()
    nonce = (made.s * (1 + KNOWN_SECRET) + made.r * KNOWN_SECRET) % N
    r = (made.r - e + int.from_bytes(other)) % N
    return pair(r, pow(1 + KNOWN_SECRET, -1, N) * (nonce - r * KNOWN_SECRET) % N)


CHANGES: dict[str, Callable[[Made], bytes]] = {
    "r has a superfluous zero byte": lambda m: encode(SEQUENCE, padded(m.r), signed(m.s)),
    "s has a superfluous zero byte": lambda m: encode(SEQUENCE, signed(m.r), padded(m.s)),
    "a length in its long form": lambda m: b"\x30\x81" + m.der[1:],
    "an indefinite length": lambda m: b"\x30\x80" + m.der[2:] + b"\0\0",
    "a byte behind it": lambda m: m.der + b"\0",
    "a NULL inside it": lambda m: encode(SEQUENCE, m.der[2:], encode(NULL)),
    "cut short": lambda m: m.der[:-1],
    "raw numbers": lambda m: m.r.to_bytes(32) + m.s.to_bytes(32),
    "nothing": lambda _: b"",
    "r is 0": lambda m: pair(0, m.s),
    "s is 0": lambda m: pair(m.r, 0),
    "r is n": lambda m: pair(N, m.s),
    "s is n": lambda m: pair(m.r, N),
    "r + s is n": lambda m: pair(m.r, N - m.r),
    "r is larger by n": lambda m: pair(m.r + N, m.s),
    "s is larger by n": lambda m: pair(m.r, m.s + N),
    "s is smaller by n": lambda m: pair(m.r, m.s - N),
    "s is larger by n * 2**256": lambda m: pair(m.r, m.s + (N << 256)),
    "s is n - s": lambda m: pair(m.r, N - m.s),
    "r and s exchanged": lambda m: pair(m.s, m.r),
    "over SHA-256": over_sha256,
}


def test_untouched_it_is_accepted(made: Made, verifier: Verifier) -> None:
    verify_with(verifier, KNOWN_PUBLIC, MESSAGE, made.der, signer_id=KNOWN_ID)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changed_it_is_refused(
    change: Callable[[Made], bytes], made: Made, verifier: Verifier
) -> None:
    with pytest.raises(SignatureError):
        verify_with(verifier, KNOWN_PUBLIC, MESSAGE, change(made), signer_id=KNOWN_ID)


@pytest.mark.parametrize("signer_id", [b"", b"1234567812345679", KNOWN_ID + b"\0", b"1" * 8191])
def test_under_another_id_it_is_refused(signer_id: bytes, made: Made, verifier: Verifier) -> None:
    with pytest.raises(SignatureError):
        verify_with(verifier, KNOWN_PUBLIC, MESSAGE, made.der, signer_id=signer_id)


POINTS = {
    "off the curve": KNOWN_PUBLIC.point[:-1] + bytes([KNOWN_PUBLIC.point[-1] ^ 1]),
    "the origin": format_point(0, 0),
    "beyond the field": format_point(GX, P),
    "compressed": b"\x02" + KNOWN_PUBLIC.point[1:33],
    "hybrid": b"\x06" + KNOWN_PUBLIC.point[1:],
    "at infinity": b"\0",
    "without its prefix": KNOWN_PUBLIC.point[1:],
}


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_what_is_no_point_is_no_key_for_any_verifier(point: bytes) -> None:
    with pytest.raises(ConfigError, match="SM2 public key"):
        PublicKey(point=point)
