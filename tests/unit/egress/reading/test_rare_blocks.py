# SPDX-License-Identifier: Apache-2.0
"""Blocks in rarer alphabets are read where they stand among other text."""

import base64
import binascii

import pytest

from govshare_policy.egress.reading import read

INSIDE = "".join(f"张三,1101011990030{at:04},已婚\n" for at in range(40)).encode()


def lines(packed: bytes, width: int = 76) -> str:
    text = packed.decode()
    return "\n".join(text[at : at + width] for at in range(0, len(text), width))


@pytest.mark.parametrize(
    ("layer", "block"),
    [
        ("base85", lines(base64.b85encode(INSIDE))),
        ("base85", base64.b85encode(INSIDE).decode()),
        ("ascii85", base64.a85encode(INSIDE, adobe=True, wrapcol=76).decode()),
        ("ascii85", lines(base64.a85encode(INSIDE), width=60)),
    ],
    ids=["base85 in lines", "base85 in one line", "ascii85 in brackets", "ascii85 bare"],
)
@pytest.mark.parametrize("after", ["", "\n\n此致", "\nword"], ids=["end", "apart", "close"])
def test_a_block_in_a_letter_is_read(layer: str, block: str, after: str) -> None:
    reading = read(f"各位：\n\n{block}{after}\n".encode())

    assert layer in reading.layers
    assert "\x1f11010119900300" in reading.text
    assert reading.text.count("张三") >= 40


def test_every_block_of_a_letter_is_read_whatever_follows_it() -> None:
    file = "".join(binascii.b2a_uu(b"own words " * 4).decode() for _ in range(3))
    packed = base64.encodebytes(INSIDE).decode()
    text = f"名单：\n\n{packed}\nund\n\nbegin 644 own.txt\n{file}`\nend\n"
    reading = read(text.encode())

    assert {"base64", "uuencode"} <= set(reading.layers)
    assert "\x1f110101199003000" in reading.text
    assert "own words own words" in reading.text


def test_long_words_that_are_no_block_stay_words() -> None:
    text = "https://example.org/" + "a" * 200 + "\n" + "-" * 80 + "\n" + "=" * 80 + "\n"

    assert "a" * 200 in read(f"see\n{text}".encode()).text
