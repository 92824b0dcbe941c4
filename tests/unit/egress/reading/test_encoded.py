# SPDX-License-Identifier: Apache-2.0
"""Encodings inside text are found where they begin and end."""

import base64

import pytest

from govshare_policy.egress.reading.encoded import encoded_runs
from govshare_policy.egress.reading.model import Budget, Limits

PLAIN = "张三的住址".encode()
BASE64 = base64.b64encode(PLAIN).decode()
HEX = PLAIN.hex()


def runs(text: str) -> list[tuple[int, int, str, bytes]]:
    """Return what is encoded in *text*."""
    return list(encoded_runs(text, budget=Budget(limits=Limits(), clock=lambda: 0.0, started_s=0)))


def test_base64_is_found_between_other_letters() -> None:
    assert runs(f"见{BASE64}。") == [(1, 1 + len(BASE64), "base64", PLAIN)]


def test_hexadecimal_is_found_with_and_without_its_prefix() -> None:
    for prefix in ("", "0x"):
        word = prefix + HEX
        assert runs(f" {word} ") == [(1, 1 + len(word), "hex", PLAIN)]


@pytest.mark.parametrize("text", [f"g{HEX}", f"{HEX}0", f"{HEX}g", f"={BASE64}", f"{BASE64}==="])
def test_a_part_of_a_longer_word_is_no_encoding(text: str) -> None:
    assert not any(body == PLAIN for *_, body in runs(text))


def test_a_run_is_found_where_it_stands_in_a_long_text() -> None:
    lead = "\x1e".join(["无"] * 600_000)
    start = len(lead) + 1
    assert runs(f"{lead}\x1e{HEX}") == [(start, start + len(HEX), "hex", PLAIN)]
