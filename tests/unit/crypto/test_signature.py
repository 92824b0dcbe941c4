# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from govshare_policy.crypto._curve import N
from govshare_policy.crypto._der import INTEGER, NULL, OCTET_STRING, SEQUENCE, encode
from govshare_policy.crypto._known import KNOWN_SIGNATURE
from govshare_policy.crypto._signature import Signature, format_signature, parse_signature
from govshare_policy.errors import SignatureError

R, S = parse_signature(KNOWN_SIGNATURE)
SCALARS = st.integers(min_value=1, max_value=N - 1)


def integer(value: int, *, size: int | None = None) -> bytes:
    """An INTEGER of any sign and any length."""
    shortest = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return encode(INTEGER, value.to_bytes(size or shortest, "big", signed=True))


def pair(r: int, s: int) -> bytes:
    return encode(SEQUENCE, integer(r), integer(s))


BODY = KNOWN_SIGNATURE[2:]
R_DER, S_DER = integer(R), integer(S)

OUT_OF_RANGE = {
    "r is 0": pair(0, S),
    "s is 0": pair(R, 0),
    "both are 0": pair(0, 0),
    "r is n": pair(N, S),
    "s is n": pair(R, N),
    "r + n": pair(R + N, S),
    "s + n": pair(R, S + N),
    "r - n": pair(R - N, S),
    "s - n": pair(R, S - N),
    "-r": pair(-R, S),
    "-s": pair(R, -S),
    "s + n * 2**256": pair(R, S + N * 2**256),
    "s - n * 2**256": pair(R, S - N * 2**256),
    "r loses its leading zero byte": encode(SEQUENCE, encode(INTEGER, R_DER[3:]), S_DER),
    "s loses its leading zero byte": encode(SEQUENCE, R_DER, encode(INTEGER, S_DER[3:])),
    "r has no contents": encode(SEQUENCE, encode(INTEGER), S_DER),
}
NOT_SHORTEST = {
    "r has one more zero byte": encode(SEQUENCE, integer(R, size=34), S_DER),
    "s has one more zero byte": encode(SEQUENCE, R_DER, integer(S, size=34)),
    "long form of the sequence's length": b"\x30\x81" + KNOWN_SIGNATURE[1:],
    "longer form of the sequence's length": b"\x30\x82\0" + KNOWN_SIGNATURE[1:],
    "long form of r's length": encode(SEQUENCE, b"\x02\x81" + R_DER[1:], S_DER),
    "long form of s's length": encode(SEQUENCE, R_DER, b"\x02\x81" + S_DER[1:]),
}
NOT_TWO_INTEGERS = {
    "nothing": b"",
    "an empty sequence": encode(SEQUENCE),
    "one integer": encode(SEQUENCE, R_DER),
    "three integers": encode(SEQUENCE, R_DER, S_DER, S_DER),
    "a NULL behind them": encode(SEQUENCE, R_DER, S_DER, encode(NULL)),
    "a zero byte behind them": encode(SEQUENCE, R_DER, S_DER, b"\0"),
    "a zero byte behind the sequence": KNOWN_SIGNATURE + b"\0",
    "two signatures": KNOWN_SIGNATURE + KNOWN_SIGNATURE,
    "a set": encode(0x31, R_DER, S_DER),
    "a bare pair": R_DER + S_DER,
    "octets for r": encode(SEQUENCE, encode(OCTET_STRING, R_DER[2:]), S_DER),
    "octets for s": encode(SEQUENCE, R_DER, encode(OCTET_STRING, S_DER[2:])),
    "an indefinite length": b"\x30\x80" + BODY + b"\0\0",
    "a length that lies": b"\x30\x45" + BODY,
    "wrapped in octets": encode(OCTET_STRING, KNOWN_SIGNATURE),
    "raw numbers": R.to_bytes(32, "big") + S.to_bytes(32, "big"),
    "hex": KNOWN_SIGNATURE.hex().encode(),
    **{f"cut to {size} bytes": KNOWN_SIGNATURE[:size] for size in range(1, len(KNOWN_SIGNATURE))},
}
REFUSED = {
    **{name: (der, "out of range") for name, der in OUT_OF_RANGE.items()},
    **{name: (der, "shortest encoding") for name, der in NOT_SHORTEST.items()},
    **{name: (der, "two integers in DER") for name, der in NOT_TWO_INTEGERS.items()},
    "r + s is n": (pair(R, N - R), "add up to the order"),
    "1 and n - 1": (pair(1, N - 1), "add up to the order"),
}


@given(r=SCALARS, s=SCALARS)
def test_numbers_in_range_have_one_encoding(r: int, s: int) -> None:
    assume(r + s != N)
    signature = Signature(r, s)
    der = format_signature(signature)

    assert parse_signature(der) == signature
    assert der == pair(r, s)
    assert 8 <= len(der) <= 72


@pytest.mark.parametrize("numbers", [(1, 1), (1, N - 2), (N - 1, N - 1), (127, 128), (255, 256)])
def test_the_ends_of_the_range_are_in_it(numbers: tuple[int, int]) -> None:
    assert parse_signature(pair(*numbers)) == numbers


@pytest.mark.parametrize(("der", "because"), REFUSED.values(), ids=REFUSED)
def test_every_other_encoding_is_refused(der: bytes, because: str) -> None:
    with pytest.raises(SignatureError, match=because):
        parse_signature(der)
