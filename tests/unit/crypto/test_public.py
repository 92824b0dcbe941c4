# SPDX-License-Identifier: Apache-2.0
import pytest

from govshare_policy.crypto import PublicKey, sm3
from govshare_policy.crypto._curve import GX, GY, P, format_point
from govshare_policy.crypto._known import KNOWN_PUBLIC
from govshare_policy.crypto._pem import format_pem
from govshare_policy.errors import ConfigError

POINT = KNOWN_PUBLIC.point
SPKI = KNOWN_PUBLIC.to_spki()
PEM = KNOWN_PUBLIC.to_pem()
X, Y = POINT[1:33], POINT[33:]


def off_by(index: int) -> bytes:
    return POINT[:index] + bytes((POINT[index] ^ 1,)) + POINT[index + 1 :]


# The point whose x is 0: with p for x, the curve's equation still holds.
Y_AT_ZERO = 0xFD4511E81736A60F07E88A83D6CF5A167FAE6D1A9C9330E76E232E00F5CDC154

REFUSED = {
    "nothing": b"",
    "the point at infinity": b"\0",
    "zeros": bytes(65),
    "the origin": b"\x04" + bytes(64),
    "no prefix": POINT[1:],
    "a byte short": POINT[:-1],
    "a byte long": POINT + b"\0",
    "compressed": bytes((2 + Y[-1] % 2,)) + X,
    "a compressed prefix": b"\x02" + X + Y,
    "a hybrid prefix": bytes((6 + Y[-1] % 2,)) + X + Y,
    "another x": off_by(32),
    "another y": off_by(64),
    "x and y exchanged": b"\x04" + Y + X,
    "y is zero": b"\x04" + X + bytes(32),
    "x is p": format_point(P, Y_AT_ZERO),
    "y is p": b"\x04" + X + P.to_bytes(32, "big"),
    "all ones": b"\x04" + b"\xff" * 64,
}


@pytest.mark.parametrize("point", REFUSED.values(), ids=REFUSED)
def test_a_key_that_is_no_point_does_not_exist(point: bytes) -> None:
    with pytest.raises(ConfigError):
        PublicKey(point=point)


def test_points_of_the_curve_are_keys() -> None:
    PublicKey(point=format_point(GX, GY))
    PublicKey(point=format_point(GX, P - GY))
    PublicKey(point=format_point(0, Y_AT_ZERO))


def test_a_key_survives_both_encodings() -> None:
    assert PublicKey.from_pem(PEM) == PublicKey.from_spki(SPKI) == KNOWN_PUBLIC
    assert PublicKey.from_pem(b"\r\n" + PEM.replace(b"\n", b"\r\n")) == KNOWN_PUBLIC


def test_a_fingerprint_is_the_digest_of_the_whole_structure() -> None:
    assert KNOWN_PUBLIC.fingerprint == sm3(SPKI)
    assert len(SPKI) == 91


BAD_SPKI = {
    "nothing": b"",
    "a byte short": SPKI[:-1],
    "a byte long": SPKI + b"\0",
    "another curve": SPKI[:22] + b"\x2e" + SPKI[23:],
    "unused bits": SPKI[:25] + b"\1" + SPKI[26:],
    "no point of the curve": SPKI[:-1] + bytes((SPKI[-1] ^ 1,)),
    "a long form of a length": b"\x30\x81" + SPKI[1:],
}


@pytest.mark.parametrize("der", BAD_SPKI.values(), ids=BAD_SPKI)
def test_only_the_der_of_an_sm2_key_is_read(der: bytes) -> None:
    with pytest.raises(ConfigError):
        PublicKey.from_spki(der)


BAD_PEM = {
    "nothing": (b"", "exactly one PEM block"),
    "two blocks": (PEM + PEM, "exactly one PEM block"),
    "text before it": (b"x" + PEM, "exactly one PEM block"),
    "text after it": (PEM + b"x", "exactly one PEM block"),
    "no end": (PEM[:-10], "exactly one PEM block"),
    "two labels": (PEM.replace(b"BEGIN PUBLIC", b"BEGIN PRIVATE"), "exactly one PEM block"),
    "bad padding": (PEM.replace(b"==\n", b"=\n").replace(b"=\n", b"\n"), "valid base64"),
    "more behind the padding": (PEM.replace(b"==\n", b"==QQ==\n"), "valid base64"),
    "a stray sign": (PEM.replace(b"MFkw", b"=MFk"), "valid base64"),
    "another label": (format_pem("CERTIFICATE", SPKI), "not a `PUBLIC KEY`"),
    "other contents": (format_pem("PUBLIC KEY", SPKI[1:]), "not an uncompressed SM2 key"),
}


@pytest.mark.parametrize(("text", "because"), BAD_PEM.values(), ids=BAD_PEM)
def test_only_one_block_of_the_right_label_is_read(text: bytes, because: str) -> None:
    with pytest.raises(ConfigError, match=because):
        PublicKey.from_pem(text)
