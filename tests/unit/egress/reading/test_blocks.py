# SPDX-License-Identifier: Apache-2.0
"""Encoded documents that stand among other text, however they are broken into lines."""

import base64
import binascii
import gzip
import itertools
import json
import zlib
from collections.abc import Callable
from urllib.parse import quote

import pytest

from govshare_policy.egress.reading import Code, Limits, UnscannableError, read

ROWS = [
    {
        "name": f"张{at:03d}",
        "id": f"41072719800101{at:04d}",
        "road": f"新乡市封丘县城关镇人民路{at}号家属院",
        "m": "12,5.00",
    }
    for at in range(60)
]
CSV = "name,id,road,m\r\n" + "".join(
    f'{row["name"]},{row["id"]},{row["road"]},"{row["m"]}"\r\n' for row in ROWS
)
CSV_BYTES = CSV.encode()
PACKED = gzip.compress(CSV_BYTES, mtime=0)
LETTER = "您好\n附件内容如下\n\n{}\n此致\n敬礼\n"


def b64(body: bytes) -> str:
    return base64.b64encode(body).decode()


def lines(text: str, width: int, margin: str = "") -> str:
    return "\n".join(margin + text[at : at + width] for at in range(0, len(text), width))


def uuencoded(body: bytes) -> str:
    parts = (binascii.b2a_uu(body[at : at + 45]).decode() for at in range(0, len(body), 45))
    return f"begin 644 x.csv\n{''.join(parts)}`\nend\n"


def log_line(row: dict[str, str], packed: bytes) -> str:
    return f"2026-01-01 INFO body={b64(packed)} id={row['id']}"


def noise(count: int, seed: str = "") -> bytes:
    return b"".join(
        zlib.crc32(f"{seed}-{at}".encode()).to_bytes(4, "big") for at in range(count // 4)
    )


def json_bytes(row: dict[str, str]) -> bytes:
    return json.dumps(row | {"note": noise(80, row["id"]).hex()}, ensure_ascii=False).encode()


FORMS: dict[str, Callable[[], str]] = {
    "lines of base64 in a letter": lambda: LETTER.format(lines(b64(CSV_BYTES), 76)),
    "lines of base64 before a word": lambda: lines(b64(PACKED), 76) + "\nRegards\n",
    "gzip in quoted lines": lambda: LETTER.format(lines(b64(PACKED), 64, "> ")),
    "zlib in armour": lambda: (
        f"-----BEGIN DATA-----\n{lines(b64(zlib.compress(CSV_BYTES)), 64)}\n-----END DATA-----\n"
    ),
    "block of YAML": lambda: f"kind: A\ndata:\n  x: |\n{lines(b64(PACKED), 76, '    ')}\n",
    "lines of hexadecimal": lambda: LETTER.format(lines(CSV_BYTES.hex(), 64)),
    "uuencoded file": lambda: LETTER.format(uuencoded(CSV_BYTES)),
    "one long run": lambda: LETTER.format(f"data={b64(CSV_BYTES)} end"),
    "one long run of gzip": lambda: f"token {b64(PACKED)} end",
    "picture of a page": lambda: (
        f'<html><p>hello</p><img src="data:image/png;base64,{b64(CSV_BYTES)}"></html>'
    ),
    "link of a page": lambda: f"<html><a href='data:text/csv;base64,{b64(CSV_BYTES)}'>x</a>",
    "escaped link": lambda: f'<html><a href="data:text/csv,{quote(CSV)}">x</a></html>',
    "escaped link, not well formed": lambda: f'<html><p><a href="data:text/csv,{quote(CSV)}">x</a>',
    "base32": lambda: base64.b32encode(CSV_BYTES).decode(),
    "base85": lambda: base64.b85encode(CSV_BYTES).decode(),
    "ASCII85": lambda: base64.a85encode(CSV_BYTES, adobe=True).decode(),
    "ASCII85 in lines": lambda: base64.a85encode(CSV_BYTES, wrapcol=72).decode(),
}


@pytest.mark.parametrize("make", FORMS.values(), ids=FORMS)
def test_every_record_of_an_encoded_block_is_one_segment(make: Callable[[], str]) -> None:
    segments = read(make().encode()).text.split("\x1e")
    missing = [
        row["id"]
        for row in ROWS
        if not any(all(row[key] in one for key in ("name", "id", "road")) for one in segments)
    ]
    assert missing == []


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_payload_in_a_log_line_stays_with_its_line(pack: Callable[[bytes], bytes]) -> None:
    body = "\n".join(log_line(row, pack(json_bytes(row))) for row in ROWS)
    segments = read(body.encode()).text.split("\x1e")
    for row in ROWS:
        assert any(row["name"] in one and f"id={row['id']}" in one for one in segments)


@pytest.mark.parametrize("mark", ["PGP MESSAGE", "PKCS7", "CMS", "AGE ENCRYPTED FILE"])
def test_an_enciphered_block_is_refused_however_short(mark: str) -> None:
    with pytest.raises(UnscannableError) as caught:
        read(LETTER.format(f"-----BEGIN {mark}-----\nhQEMA0Jk\n-----END {mark}-----").encode())
    assert caught.value.code is Code.ENCRYPTED


def test_a_large_block_of_anything_is_refused_and_a_small_one_stays_text() -> None:
    with pytest.raises(UnscannableError) as caught:
        read(LETTER.format(lines(b64(noise(9_000)), 76)).encode())
    assert caught.value.code is Code.UNKNOWN_FORM
    small = lines(b64(noise(300)), 76)
    assert small.split("\n")[1] in read(LETTER.format(small).encode()).text


def test_a_list_of_digests_stays_text() -> None:
    digests = [noise(4_000)[at : at + 32].hex() for at in range(0, 4_000, 32)]
    text = read("\n".join(digests).encode()).text
    assert all(digest in text for digest in digests)


def test_what_stands_in_a_tag_without_being_an_attribute_is_read() -> None:
    page = "<html><p><a title='x\"> 张三' 410727198001011234>x</a><i class='李四'>y</i></html><br>"
    text = read(page.encode()).text
    assert all(value in text for value in ("张三", "410727198001011234", "李四"))


def test_runs_that_decode_to_nothing_are_held_to_the_time_limit() -> None:
    body = ("aB3" * 33 + " ").encode() * 2_000
    now = itertools.count(0, 0.1)
    with pytest.raises(UnscannableError) as caught:
        read(body, limits=Limits(seconds=60.0), clock=lambda: next(now))
    assert caught.value.code is Code.TOO_SLOW


def test_a_long_line_of_runs_and_blanks_is_read() -> None:
    run = "aB3" * 40
    assert run in read(((run + " " * 300) * 5).encode()).text


def test_a_number_that_decodes_to_an_escape_by_chance_stays_a_number() -> None:
    # In hexadecimal these are printable, and then a percent sign and a control character.
    for number in ("323632503332253034", "766065253139757720"):
        assert number in read(f"a\n{number}\nb\n".encode()).text
