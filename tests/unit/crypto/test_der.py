# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from govshare_policy.crypto._der import OCTET_STRING, DerError, Reader, encode, encode_integer


@given(value=st.integers(min_value=0, max_value=2**300))
def test_an_integer_is_read_back(value: int) -> None:
    reader = Reader(encode_integer(value))

    assert reader.take_integer() == value
    reader.end()


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65_536])
def test_contents_of_any_length_are_read_back(size: int) -> None:
    reader = Reader(encode(OCTET_STRING, bytes(size)))

    assert reader.take(OCTET_STRING) == bytes(size)
    reader.end()


@pytest.mark.parametrize(
    "data", ["", "04", "0401", "0402ff", "048180", "0482ffff00", "04ff", "020100"]
)
def test_what_is_cut_short_or_of_another_type_is_refused(data: str) -> None:
    with pytest.raises(DerError):
        Reader(bytes.fromhex(data)).take(OCTET_STRING)


def test_leftovers_are_refused() -> None:
    with pytest.raises(DerError):
        Reader(b"\0").end()
