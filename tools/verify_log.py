#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Verify an audit log, a receipt or a checkpoint with Python alone.

Written from docs/spec/audit-log.md and nothing else: one file, Python 3.8 or newer, its standard
library, and nothing of the product. Copy it to where the log is, or read it first: it is one file
so that an auditor can.

    python3 verify_log.py LOGDIR --trust trust.toml
    python3 verify_log.py LOGDIR --trust trust.toml --known FILE      a checkpoint or receipt kept
    python3 verify_log.py LOGDIR --trust trust.toml --archive DIR     where dropped segments are
    python3 verify_log.py --receipt FILE --trust trust.toml           a receipt, without a log
    python3 verify_log.py --note FILE --trust trust.toml              a checkpoint, without a log
    python3 verify_log.py --note OLDER --continued FILE --trust trust.toml     and what followed

Exits 0 if everything is as the keys vouch for, 1 if not, 2 if it cannot be told.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import errno
import functools
import hashlib
import io
import json
import re
import struct
import sys
import time
import unicodedata
import zlib
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO, Iterator, NamedTuple, NoReturn  # noqa: UP035 - Python 3.8

try:
    import fcntl
except ImportError:
    HAS_LOCKS = False
else:
    HAS_LOCKS = True
try:
    import tomllib
except ImportError:  # before Python 3.11
    HAS_TOML = False
else:
    HAS_TOML = True

# Section 2: the curve.
P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
GX = 0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7
GY = 0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0
SIGNER_ID = b"1234567812345678"
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
PEM = re.compile(
    r"\s*-----BEGIN PUBLIC KEY-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END PUBLIC KEY-----\s*", re.ASCII
)

# Sections 2 to 9: sizes and forms.
HASH_BYTES = 32
POINT_BYTES = 65
SEGMENT_LEAVES = 65536
SEGMENT_LEVEL = 16
HEADER_BYTES = 64
MAX_MANIFEST_BYTES = 4096
MAX_NOTE_BYTES = 16384
MAX_SIGNATURES = 16
MAX_PROOF = 63
MAX_RECORD_BYTES = 61440
MAX_DEPTH = 16
MAX_SIZE = 2**63 - 1
MAX_TIME = 253402300799
NAME = re.compile(r"[\x21-\x2a\x2c-\x7e]{1,255}")
DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
SEGMENT_NAME = re.compile(r"[0-9]{20}\.(seg|stub)", re.ASCII)
ROOT = re.compile("[0-9a-f]{64}", re.ASCII)
MAX_STUB_BYTES = MAX_RECORD_BYTES + 32768
TYPE = b"\xff1.2.156.10197.1.501/gm-cosignature/v1"
HEADER, ENTRY, COMMIT, SEAL = 1, 2, 3, 4
LENGTHS = {HEADER: (56, 56), ENTRY: (2, MAX_RECORD_BYTES), COMMIT: (1, 16384), SEAL: (56, 56)}
HEAD = struct.Struct("<II")
FIXED = struct.Struct("<8sQ32s8s")
READ_BYTES = 1 << 20
MAX_FILE_BYTES = 1 << 20


class BadLogError(Exception):
    """The log breaks a rule of section 10; *file* and *offset* say where."""

    def __init__(
        self, code: str, file: str = "", offset: int = 0, index: int | None = None
    ) -> None:
        """Keep the code of the rule, the place, and the first record not vouched for."""
        super().__init__(code, file, offset, index)
        self.code, self.file, self.offset, self.index = code, file, offset, index


class MalformedError(Exception):
    """Some bytes do not have their form, or do not prove what they should."""


class UsageError(Exception):
    """The trust file or the command line cannot be used."""


# SM3 (GB/T 32905-2016), for a Python whose OpenSSL was built without it.

MASK = 0xFFFFFFFF
EARLY_ROUNDS = 16
ROUNDS = [
    (0x79CC4519 << j if j < EARLY_ROUNDS else 0x7A879D8A << j % 32 | 0x7A879D8A >> 32 - j % 32)
    for j in range(64)
]
ROUNDS = [(word | word >> 32) & MASK for word in ROUNDS]


def rotate(word: int, bits: int) -> int:
    """Return *word* (32 bits) turned left."""
    return ((word << bits) | (word >> (32 - bits))) & MASK


def compress(state: tuple[int, ...], block: bytes) -> tuple[int, ...]:
    """Return the state (8 words) after one more block of 64 bytes."""
    w = list(struct.unpack(">16I", block))
    for j in range(16, 68):
        x = w[j - 16] ^ w[j - 9] ^ rotate(w[j - 3], 15)
        w.append(x ^ rotate(x, 15) ^ rotate(x, 23) ^ rotate(w[j - 13], 7) ^ w[j - 6])
    a, b, c, d, e, f, g, h = state
    for j in range(64):
        turned = rotate(a, 12)
        ss1 = rotate((turned + e + ROUNDS[j]) & MASK, 7)
        if j < EARLY_ROUNDS:
            ff, gg = a ^ b ^ c, e ^ f ^ g
        else:
            ff, gg = (a & b) | (a & c) | (b & c), (e & f) | (~e & g)
        tt1 = (ff + d + (ss1 ^ turned) + (w[j] ^ w[j + 4])) & MASK
        tt2 = (gg + h + ss1 + w[j]) & MASK
        a, b, c, d = tt1, a, rotate(b, 9), c
        e, f, g, h = tt2 ^ rotate(tt2, 9) ^ rotate(tt2, 17), e, rotate(f, 19), g
    return tuple(old ^ new for old, new in zip(state, (a, b, c, d, e, f, g, h)))  # noqa: B905


class OwnSm3:
    """SM3 in Python, some thousand times slower than that of OpenSSL."""

    START = struct.unpack(
        ">8I", bytes.fromhex("7380166f4914b2b9172442d7da8a0600a96f30bc163138aae38dee4db0fb0e4e")
    )

    def __init__(self, data: bytes = b"") -> None:
        """Begin with *data*."""
        self.state: tuple[int, ...] = self.START
        self.rest = b""
        self.count = 0
        self.update(data)

    def update(self, data: bytes) -> None:
        """Take more data."""
        self.count += len(data)
        data = self.rest + data
        whole = len(data) // 64 * 64
        for start in range(0, whole, 64):
            self.state = compress(self.state, data[start : start + 64])
        self.rest = data[whole:]

    def copy(self) -> OwnSm3:
        """Return another that goes on from here."""
        other = OwnSm3()
        other.state, other.rest, other.count = self.state, self.rest, self.count
        return other

    def digest(self) -> bytes:
        """Return the 32 bytes."""
        last = self.copy()
        last.update(b"\x80" + bytes(-(self.count + 9) % 64) + struct.pack(">Q", self.count * 8))
        return struct.pack(">8I", *last.state)


def new_sm3(data: bytes = b"") -> Any:  # noqa: ANN401 - one of two classes with the same methods
    """Return a state of SM3 that has taken *data*."""
    try:
        return hashlib.new("sm3", data)
    except ValueError:
        return OwnSm3(data)


def sm3(data: bytes) -> bytes:
    """Return the digest; 32 bytes."""
    return bytes(new_sm3(data).digest())


# Copying a state costs half of making one.
LEAF = new_sm3(b"\x00")
NODE = new_sm3(b"\x01")


def leaf_hash(record: bytes) -> bytes:
    """Return the leaf hash of a record."""
    state = LEAF.copy()
    state.update(record)
    return bytes(state.digest())


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node over its two children."""
    state = NODE.copy()
    state.update(left + right)
    return bytes(state.digest())


# SM2 (GB/T 32918.2-2016): verification. Points are (x, y), or (x, y, z) in Jacobian form with
# x / z^2 and y / z^3, where z = 0 is the point at infinity.

INFINITY = (0, 1, 0)


def double(point: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return twice the point."""
    x, y, z = point
    s = 4 * x * y * y % P
    m = 3 * (x - z * z) * (x + z * z) % P
    x2 = (m * m - 2 * s) % P
    return x2, (m * (s - x2) - 8 * y**4) % P, 2 * y * z % P


def add(point: tuple[int, int, int], other: tuple[int, int]) -> tuple[int, int, int]:
    """Return the sum of a point and one that is not at infinity."""
    x, y, z = point
    if not z:
        return other[0], other[1], 1
    zz = z * z % P
    h, r = (other[0] * zz - x) % P, (other[1] * zz * z - y) % P
    if not h:
        return INFINITY if r else double(point)
    hh = h * h % P
    hhh, v = hh * h % P, x * hh % P
    x2 = (r * r - hhh - 2 * v) % P
    return x2, (r * (v - x2) - y * hhh) % P, z * h % P


def to_affine(points: list[tuple[int, int, int]]) -> list[tuple[int, int]]:
    """Return the points, none of them at infinity, as (x, y); one inversion serves all."""
    products = [1]
    for _, _, z in points:
        products.append(products[-1] * z % P)
    inverse, found = pow(products[-1], P - 2, P), []
    for place in range(len(points) - 1, -1, -1):
        x, y, z = points[place]
        each, inverse = inverse * products[place] % P, inverse * z % P
        square = each * each % P
        found.append((x * square % P, y * square * each % P))
    return found[::-1]


@functools.lru_cache(maxsize=64)
def multiples(x: int, y: int) -> list[list[tuple[int, int]]]:
    """Return, for each of 32 bytes of a number, 1 to 255 times its place value times (x, y)."""
    rows = []
    for _ in range(HASH_BYTES):
        row = [(x, y, 1)]
        for _ in range(255):
            row.append(add(row[-1], (x, y)))
        *affine, (x, y) = to_affine(row)
        rows.append(affine)
    return rows


def on_curve(x: int, y: int) -> bool:
    """Tell whether (x, y) is a point of the curve."""
    return x < P and y < P and (y * y - x * x * x - A * x - B) % P == 0


def parse_der(der: bytes) -> tuple[int, int]:
    """Return r and s; the encoding has one form only."""
    if len(der) < 2 or der[0] != 0x30 or der[1] != len(der) - 2 or der[1] >= 0x80:  # noqa: PLR2004
        raise MalformedError
    rest, numbers = der[2:], []
    for _ in range(2):
        end = 2 + rest[1] if len(rest) > 2 else 0  # noqa: PLR2004 - tag, length and a byte
        if not end or rest[0] != 2 or not 3 <= end <= 35 or len(rest) < end:  # noqa: PLR2004
            raise MalformedError
        value, rest = rest[2:end], rest[end:]
        if value[0] >= 0x80 or (len(value) > 1 and value[0] == 0 and value[1] < 0x80):  # noqa: PLR2004
            raise MalformedError
        numbers.append(int.from_bytes(value, "big"))
    if rest:
        raise MalformedError
    return numbers[0], numbers[1]


def verify_sm2(point: bytes, message: bytes, der: bytes) -> None:
    """Return only if *der* is the signature of *message* by the key *point* (65 bytes)."""
    r, s = parse_der(der)
    t = (r + s) % N
    if not (1 <= r < N and 1 <= s < N and t):
        raise MalformedError
    curve = b"".join(number.to_bytes(32, "big") for number in (A, B, GX, GY))
    z = sm3((len(SIGNER_ID) * 8).to_bytes(2, "big") + SIGNER_ID + curve + point[1:])
    e = int.from_bytes(sm3(z + message), "big")
    public = int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")
    total = INFINITY
    for number, (x, y) in ((s, (GX, GY)), (t, public)):
        for byte, row in zip(number.to_bytes(32, "little"), multiples(x, y)):  # noqa: B905
            if byte:
                total = add(total, row[byte - 1])
    x, _, depth = total
    if not depth or (e + x * pow(depth, P - 3, P) % P) % N != r:
        raise MalformedError


# Section 6.1: records.


def refuse(_: str) -> NoReturn:
    """Refuse fractions and NaN."""
    raise MalformedError


def parse_record(data: bytes) -> dict[str, Any]:
    """Return the record that *data* is the one spelling of."""
    if not 2 <= len(data) <= MAX_RECORD_BYTES:  # noqa: PLR2004 - section 6.1
        raise MalformedError
    try:
        value = json.loads(data.decode("utf-8"), parse_float=refuse, parse_constant=refuse)
        check_profile(value, 1)
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        spelling = text.encode("utf-8")
    except (ValueError, RecursionError):
        raise MalformedError from None
    if not isinstance(value, dict) or spelling != data:
        raise MalformedError
    return value


def check_profile(value: object, depth: int) -> None:
    """Return only if a value, at the *depth* it has, may stand in a record."""
    if isinstance(value, (dict, list)):
        if depth > MAX_DEPTH:
            raise MalformedError
        members = value.values() if isinstance(value, dict) else value
        for member in members:
            check_profile(member, depth + 1)
    if isinstance(value, dict):
        if not all(re.fullmatch("[a-z][a-z0-9_]{0,63}", key) for key in value):
            raise MalformedError
    elif isinstance(value, str):
        if unicodedata.normalize("NFC", value) != value:
            raise MalformedError
    elif value is None or (isinstance(value, int) and abs(value) > 2**53 - 1):
        raise MalformedError


# Section 8: checkpoints.


class Note(NamedTuple):
    """A checkpoint with its signature lines (name, key id, blob), none of them verified."""

    origin: str
    size: int
    root: bytes
    body: str
    lines: list[tuple[str, bytes, bytes]]


def decode_base64(text: str) -> bytes:
    """Return the bytes that *text* is the one spelling of."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise MalformedError from None
    if base64.b64encode(data).decode() != text:
        raise MalformedError
    return data


def decode_hash(text: str) -> bytes:
    """Return the 32 bytes that *text* spells in base64."""
    digest = decode_base64(text)
    if len(digest) != HASH_BYTES:
        raise MalformedError
    return digest


def decode_text(data: bytes) -> str:
    """Return the text that *data* holds in UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedError from None


def parse_line(line: str) -> tuple[str, bytes, bytes]:
    """Return name, key id and blob of a signature line."""
    words = line.split(" ")
    if len(words) != 3 or words[0] != "\u2014" or not NAME.fullmatch(words[1]):  # noqa: PLR2004
        raise MalformedError
    data = decode_base64(words[2])
    if len(data) < 5:  # noqa: PLR2004 - four bytes of key id, and a blob
        raise MalformedError
    return words[1], data[:4], data[4:]


def parse_note(data: bytes) -> Note:
    """Return the checkpoint that *data* is the one spelling of."""
    if len(data) > MAX_NOTE_BYTES:
        raise MalformedError
    body, blank, tail = decode_text(data).partition("\n\n")
    fields, rest = body.split("\n"), tail.split("\n")
    if not blank or len(fields) != 3 or rest.pop():  # noqa: PLR2004 - origin, size, root
        raise MalformedError
    origin, size, root = fields
    if not NAME.fullmatch(origin) or not DECIMAL.fullmatch(size) or int(size) > MAX_SIZE:
        raise MalformedError
    digest, lines = decode_hash(root), [parse_line(line) for line in rest]
    if not 1 <= len(lines) <= MAX_SIGNATURES or len({line[:2] for line in lines}) != len(lines):
        raise MalformedError
    return Note(origin, int(size), digest, f"{body}\n", lines)


# Section 9: the trust file.


class Key(NamedTuple):
    """A key of the log or of a witness, and from which size to which it counts."""

    name: str
    point: bytes
    start: int
    end: int | None
    revoked_after: int | None

    def id(self) -> bytes:
        """Return the key id; 4 bytes."""
        return sm3(self.name.encode() + b"\n" + TYPE + self.point)[:4]

    def covers(self, size: int) -> bool:
        """Tell whether the key counts at *size*."""
        limits = [limit for limit in (self.end, self.revoked_after) if limit is not None]
        return self.start <= size <= min([*limits, MAX_SIZE])

    def fingerprint(self) -> str:
        """Return the SM3 of the DER public key, in hexadecimal."""
        return sm3(SPKI + self.point).hex()


class Trust(NamedTuple):
    """What the auditor believes beforehand."""

    origin: str
    keys: list[Key]
    witnesses: list[Key]
    required: int

    def check(self, note: Note) -> tuple[int, list[Key]]:
        """Return the time of a trusted checkpoint and the keys that signed it."""
        signed = check_keys(note, self.keys)
        if note.origin != self.origin or not signed:
            raise MalformedError
        # Where one key of the log hands over to another, both sign.
        for key in self.keys:
            if key.covers(note.size) and key.name == self.origin and key not in signed:
                raise MalformedError
        return max(signed.values()), list(signed)

    def signers(self, note: Note) -> list[str]:
        """Return the fingerprints of the keys that signed a trusted checkpoint."""
        return [key.fingerprint() for key in self.check(note)[1]]

    def cosigners(self, note: Note) -> set[str]:
        """Return the names of the witnesses that signed *note*."""
        return {key.name for key in check_keys(note, self.witnesses)}


def check_keys(note: Note, keys: list[Key]) -> dict[Key, int]:
    """Return which of *keys* signed *note* and when; every line of theirs must be good."""
    return {
        key: check_line(note, key, blob)
        for key in keys
        for name, key_id, blob in note.lines
        if key.covers(note.size) and (name, key_id) == (key.name, key.id())
    }


def check_line(note: Note, key: Key, blob: bytes) -> int:
    """Return the time in *blob* (Unix seconds), once the signature behind it was verified."""
    if len(blob) <= 8:  # noqa: PLR2004 - the time alone
        raise MalformedError
    at = int.from_bytes(blob[:8], "big")
    message = f"gm-cosignature/v1\ncosigner {key.name}\ntime {at}\n{note.body}"
    if at > MAX_TIME:
        raise MalformedError
    verify_sm2(key.point, message.encode(), blob[8:])
    return at


def read_trust(path: Path) -> Trust:
    """Return what the trust file at *path* says; anything unknown in it is refused."""
    try:
        return parse_trust(read_small(path).decode("utf-8"))
    except OSError:
        raise UsageError(f"the trust file `{path.name}` cannot be read") from None
    except (ValueError, MalformedError):
        raise UsageError(f"the trust file `{path.name}` is not understood") from None


def read_small(path: Path) -> bytes:
    """Return what a file holds that somebody handed over; only a regular one, up to 1 MiB."""
    if path.exists() and not path.is_file():
        raise UsageError(f"`{path.name}` is no regular file")
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise UsageError(f"`{path.name}` has more than {MAX_FILE_BYTES} bytes")
    return data


def parse_trust(text: str) -> Trust:
    """Return what the *text* of a trust file says."""
    document = tomllib.loads(text) if HAS_TOML else parse_toml(text)
    always, watched = {"format", "origin", "key"}, {"witnesses", "witness"}
    if set(document) not in (always, always | watched):
        raise MalformedError
    if document["format"] != "govshare-trust/v1" or not is_name(document["origin"]):
        raise MalformedError
    table = document.get("witnesses", {"required": 0})
    if not isinstance(table, dict) or set(table) != {"required"}:
        raise MalformedError
    witnesses = parse_keys(document.get("witness", []))
    trust = Trust(document["origin"], parse_keys(document["key"]), witnesses, table["required"])
    check_distinct(trust)
    return trust


def check_distinct(trust: Trust) -> None:
    """Return only if there is a key, nobody counts twice, and as many are there as required."""
    names = {key.name for key in trust.witnesses}
    if type(trust.required) is not int or not trust.keys:
        raise MalformedError
    if not min(1, len(names)) <= trust.required <= len(names) or trust.origin in names:
        raise MalformedError
    everyone = [*trust.keys, *trust.witnesses]
    points = [key.point for key in trust.witnesses]
    if len({(key.name, key.id()) for key in everyone}) != len(everyone):
        raise MalformedError
    if len(set(points)) != len(points) or {key.point for key in trust.keys} & set(points):
        raise MalformedError


def is_name(value: object) -> bool:
    """Tell whether *value* is a name."""
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def parse_keys(entries: Any) -> list[Key]:  # noqa: ANN401 - whatever the file holds
    """Return the keys that the tables of one name describe."""
    if not isinstance(entries, list):
        raise MalformedError
    return [parse_key(entry) for entry in entries]


def parse_key(entry: Any) -> Key:  # noqa: ANN401 - whatever the file holds
    """Return the key that a table of the trust file describes."""
    required, optional = {"name", "public", "from"}, {"to", "revoked_after"}
    if not isinstance(entry, dict) or not required <= set(entry) <= required | optional:
        raise MalformedError
    numbers = {name: entry[name] for name in ("from", "to", "revoked_after") if name in entry}
    if not all(type(number) is int and number >= 0 for number in numbers.values()):
        raise MalformedError
    if not is_name(entry["name"]) or numbers.get("to", numbers["from"]) < numbers["from"]:
        raise MalformedError
    point = parse_pem(entry["public"])
    return Key(entry["name"], point, entry["from"], entry.get("to"), entry.get("revoked_after"))


def parse_pem(text: object) -> bytes:
    """Return the point (65 bytes) of the SM2 key in one PEM block."""
    match = PEM.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise MalformedError
    der = base64.b64decode("".join(match[1].split()), validate=True)
    point = der[len(SPKI) :]
    x, y = int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")
    if not der.startswith(SPKI) or len(point) != POINT_BYTES or point[0] != 4:  # noqa: PLR2004
        raise MalformedError
    if not on_curve(x, y):
        raise MalformedError
    return point


STRING = re.compile(r'"((?:[^"\\\x00-\x1f\x7f]|\\["\\])*)"')
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def parse_toml(text: str) -> dict[str, Any]:
    """Return the document in *text*, in the small part of TOML that trust files are written in.

    Comments on lines of their own, ``[[table]]`` and ``[table]``, and keys with a text, a number
    or a text of several lines without escapes. Everything else is refused.
    """
    document: dict[str, Any] = {}
    table = document
    text = text.replace("\r\n", "\n")
    if CONTROL.search(text):
        raise MalformedError
    lines = iter(text.split("\n"))
    for line in lines:
        words = line.strip(" \t")
        header = re.fullmatch(r"(\[\[?)[ \t]*([a-z_]+)[ \t]*(\]\]?)", words)
        if header and len(header[1]) == len(header[3]):
            table = open_table(document, header[2], is_list=len(header[1]) == 2)  # noqa: PLR2004
        elif words and not words.startswith("#"):
            key, equals, value = words.partition("=")
            key = key.rstrip(" \t")
            if not equals or key in table or not re.fullmatch("[a-z_]+", key):
                raise MalformedError
            table[key] = parse_value(value.lstrip(" \t"), lines)
    return document


def open_table(document: dict[str, Any], name: str, *, is_list: bool) -> dict[str, Any]:
    """Return the new table that a header begins."""
    table: dict[str, Any] = {}
    if is_list:
        tables = document.setdefault(name, [])
        if not isinstance(tables, list):
            raise MalformedError
        tables.append(table)
    elif name in document:
        raise MalformedError
    else:
        document[name] = table
    return table


def parse_value(text: str, lines: Iterator[str]) -> str | int:
    """Return the value that begins with *text* and may go on in *lines*."""
    if text == '"""':
        parts: list[str] = []
        for line in lines:
            if line.rstrip(" \t") == '"""':
                return "\n".join([*parts, ""])
            if '"' in line or "\\" in line:
                break
            parts.append(line)
        raise MalformedError
    if DECIMAL.fullmatch(text):
        return int(text)
    match = STRING.fullmatch(text)
    if match is None:
        raise MalformedError
    return re.sub(r"\\(.)", r"\1", match[1])


# Section 7: the tree.


class Tree:
    """Roots of perfect subtrees, the largest first: one for each bit set in the size."""

    def __init__(self) -> None:
        """Begin empty."""
        self.size = 0
        self.nodes: list[bytes] = []

    def append(self, digest: bytes, level: int = 0) -> None:
        """Append a perfect subtree of ``2**level`` leaves."""
        width, nodes = self.size >> level, self.nodes
        while width & 1:
            digest = node_hash(nodes.pop(), digest)
            width >>= 1
        nodes.append(digest)
        self.size += 1 << level


def fold(nodes: list[bytes]) -> bytes:
    """Return the root of a tree of these perfect subtrees."""
    digest = nodes[-1]
    for left in nodes[-2::-1]:
        digest = node_hash(left, digest)
    return digest


def verify_inclusion(leaf: bytes, index: int, note: Note, proof: list[bytes]) -> None:
    """Return only if *leaf* is number *index* under the root (RFC 9162 section 2.1.3.2)."""
    if index >= note.size:
        raise MalformedError
    place, last, digest = index, note.size - 1, leaf
    for node in proof:
        if not last:
            raise MalformedError
        if place & 1 or place == last:
            digest = node_hash(node, digest)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            digest = node_hash(digest, node)
        place, last = place >> 1, last >> 1
    if last or digest != note.root:
        raise MalformedError


def verify_consistency(old: Note, new: Note, proof: list[bytes], size: int) -> None:
    """Return only if *new* continues *old*, which has *size* (RFC 9162 section 2.1.4.2)."""
    if not 0 < old.size <= new.size or old.size != size:
        raise MalformedError
    if old.size == new.size:
        roots = old.root, old.root
        if proof:
            raise MalformedError
    else:
        perfect = old.size & (old.size - 1) == 0
        roots = climb_both(old.size, new.size, [old.root, *proof] if perfect else proof)
    if roots != (old.root, new.root):
        raise MalformedError


def climb_both(old: int, new: int, path: list[bytes]) -> tuple[bytes, bytes]:
    """Return the roots over *old* and over *new* leaves that *path* gives."""
    if not path:
        raise MalformedError
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    then = now = path[0]
    for node in path[1:]:
        if not last:
            raise MalformedError
        if place & 1 or place == last:
            then, now = node_hash(node, then), node_hash(node, now)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            now = node_hash(now, node)
        place, last = place >> 1, last >> 1
    if last:
        raise MalformedError
    return then, now


# Section 11: receipts.


class Receipt(NamedTuple):
    """A record, its number, its proof and the note that it leads to; nothing is verified."""

    record: bytes
    number: int
    proof: list[bytes]
    note: bytes


def parse_receipt(data: bytes) -> Receipt:
    """Return the receipt that *data* spells."""
    head, blank, note = decode_text(data).partition("\n\n")
    lines = head.split("\n")
    if not blank or len(lines) < 3 or lines[0] != "govshare-receipt/v1":  # noqa: PLR2004
        raise MalformedError
    record, index = lines[1], lines[2]
    if record[:7] != "record " or index[:6] != "index " or not DECIMAL.fullmatch(index[6:]):
        raise MalformedError
    if len(lines) > 3 + MAX_PROOF:
        raise MalformedError
    proof = [decode_hash(line) for line in lines[3:]]
    return Receipt(record[7:].encode(), int(index[6:]), proof, note.encode())


def verify_receipt(data: bytes, trust: Trust, later: list[bytes]) -> tuple[Receipt, Note]:
    """Return the receipt and its checkpoint, once both were verified.

    Where witnesses are required, those count that signed this checkpoint or one of *later*,
    continuations of it.
    """
    receipt, note, names = check_receipt(data, trust)
    for text in later:
        names |= trust.cosigners(verify_continuation(note, text, trust))
    if len(names) < trust.required:
        raise BadLogError("witness")
    return receipt, note


def check_receipt(data: bytes, trust: Trust) -> tuple[Receipt, Note, set[str]]:
    """Return the receipt, its checkpoint and who witnessed that, once all but their number fits."""
    code = "receipt"
    try:
        receipt = parse_receipt(data)
        note = parse_note(receipt.note)
        code = "signature"
        trust.check(note)
        code = "inclusion"
        verify_inclusion(leaf_hash(receipt.record), receipt.number, note, receipt.proof)
        code = "signature"
        names = trust.cosigners(note)
    except MalformedError:
        raise BadLogError(code) from None
    return receipt, note, names


def verify_witnessed(data: bytes, trust: Trust) -> Note:
    """Return the checkpoint, once it and its witnesses, as many as are required, were verified."""
    note = verify_note(data, trust)
    if len(trust.cosigners(note)) < trust.required:
        raise BadLogError("witness")
    return note


def verify_note(data: bytes, trust: Trust) -> Note:
    """Return the checkpoint, once it was verified."""
    code = "note"
    try:
        note = parse_note(data)
        code = "signature"
        trust.check(note)
        trust.cosigners(note)
    except MalformedError:
        raise BadLogError(code) from None
    return note


def parse_continuation(data: bytes) -> tuple[int, list[bytes], Note]:
    """Return the old size, the proof and the later checkpoint that *data* spells."""
    head, blank, note = decode_text(data).partition("\n\n")
    first, *lines = head.split("\n")
    if not blank or first[:4] != "old " or not DECIMAL.fullmatch(first[4:]):
        raise MalformedError
    if len(lines) > MAX_PROOF:
        raise MalformedError
    return int(first[4:]), [decode_hash(line) for line in lines], parse_note(note.encode())


def verify_continuation(old: Note, data: bytes, trust: Trust) -> Note:
    """Return the later checkpoint in a continuation, once all of it was verified."""
    code = "proof"
    try:
        size, proof, new = parse_continuation(data)
        code = "consistency"
        verify_consistency(old, new, proof, size)
        code = "signature"
        trust.check(new)
        trust.cosigners(new)
    except MalformedError:
        raise BadLogError(code) from None
    return new


# Sections 4, 5 and 10: the log.


def open_regular(path: Path) -> BinaryIO:
    """Open a file of the log; a pipe in its place could hold the program up for ever."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return path.open("rb", READ_BYTES)


def read_manifest(directory: Path, origin: str) -> dict[str, str]:
    """Return what ``log.json`` says (step 1)."""
    try:
        with open_regular(directory / "log.json") as file:
            manifest = parse_manifest(file.read(MAX_MANIFEST_BYTES + 1))
    except (FileNotFoundError, MalformedError):
        raise BadLogError("manifest", "log.json") from None
    if manifest["origin"] != origin:
        raise BadLogError("manifest", "log.json")
    return manifest


def parse_manifest(data: bytes) -> dict[str, str]:
    """Return the manifest that *data* is the one spelling of."""
    if len(data) > MAX_MANIFEST_BYTES or not data.endswith(b"\n"):
        raise MalformedError
    manifest = parse_record(data[:-1])
    if set(manifest) != {"created", "format", "genesis", "origin", "tree"}:
        raise MalformedError
    if not all(isinstance(value, str) for value in manifest.values()):
        raise MalformedError
    if (manifest["format"], manifest["tree"]) != ("govshare-log/v1", "sm3"):
        raise MalformedError
    if not re.fullmatch("[0-9a-f]{64}", manifest["genesis"]) or not is_name(manifest["origin"]):
        raise MalformedError
    return manifest


class Verdict(NamedTuple):
    """What a log is, once every byte of it was verified."""

    origin: str
    size: int
    root: bytes
    checkpoints: int
    segments: int
    first_time: int
    last_time: int
    keys: list[str]
    warnings: list[str]
    witnessed: tuple[int, list[str]] | None
    unread: list[tuple[int, int]]


class Stub(NamedTuple):
    """What stands for a dropped segment: its first record, its root, and who says so."""

    first: int
    root: bytes
    note: Note

    def file(self) -> str:
        """Return its name under the directory of the log."""
        return f"seg/{self.first:020d}.stub"


class Log:
    """A log on its way to a verdict."""

    def __init__(
        self, directory: Path, trust: Trust, known: list[Note], archives: list[Path]
    ) -> None:
        """Begin before the first record; *known* are trusted checkpoints of the log."""
        self.directory, self.trust, self.known = directory, trust, known
        self.places = [directory, *archives]
        self.stubs: dict[int, Stub] = {}
        self.unread: list[int] = []
        self.manifest: dict[str, str] = {}
        self.nodes: list[bytes] = []
        self.tree = Tree()
        self.committed = 0
        self.commits = 0
        self.times: list[int] = []
        self.root = b""
        self.keys: list[str] = []
        self.warnings: list[str] = []
        self.wanted = {note.size for note in known}
        self.roots: dict[int, bytes] = {}
        self.notes: dict[int, bytes] = {}

    def verify(self) -> Verdict:
        """Return the verdict: steps 1 to 6."""
        self.manifest = read_manifest(self.directory, self.trust.origin)
        published, size = self.read_checkpoint()
        cosigned = self.read_cosigned()
        self.wanted |= {size, *(note.size for _, note, _ in cosigned)}
        names = self.list_segments()
        self.wanted |= {stub.note.size for stub in self.stubs.values()}
        for number, name in enumerate(names):
            self.read_segment(name, number * SEGMENT_LEAVES, is_last=number == len(names) - 1)
        if self.unread and self.committed <= self.unread[-1] + SEGMENT_LEAVES:
            raise BadLogError("dropped", self.stubs[self.unread[-1]].file(), 0, self.committed)
        if size > self.committed:
            raise BadLogError("short", "checkpoint", 0, self.committed)
        if self.notes.get(size) != published:
            raise BadLogError("checkpoint", "checkpoint")
        self.check_known()
        self.check_stubs()
        witnessed = self.check_witnesses(cosigned)
        origin, times = self.manifest["origin"], (self.times[0], self.times[-1])
        counts = self.committed, self.root, self.commits, len(names)
        later = max([stub.note.size for stub in self.stubs.values()], default=0)
        if later > self.committed:
            text = f"segments were dropped at size {later}, which is not reached here"
            self.warnings.append(text)
        unread = self.stretches()
        for first, last in unread:
            text = f"records {first} to {last} were dropped, on record, and not read"
            self.warnings.append(text)
        warnings = [*self.warnings, *self.beside()]
        return Verdict(origin, *counts, *times, self.keys, warnings, witnessed, unread)

    def read_segment(self, name: str, first: int, *, is_last: bool) -> None:
        """Read the segment where it is, or take the root that its stub states (step 4)."""
        path, stub = self.find(name), self.stubs.get(first)
        if stub and path is None:
            self.unread.append(first)
            whole = Tree()
            whole.nodes, whole.size = self.nodes, first
            whole.append(stub.root, SEGMENT_LEVEL)
            if whole.size in self.wanted:
                self.roots[whole.size] = fold(self.nodes)
            return
        with open_regular(path or self.directory / "seg" / name) as file:
            Segment(self, file, name, first).verify(is_last=is_last)

    def stretches(self) -> list[tuple[int, int]]:
        """Return the first and the last record of each stretch that was not read."""
        found: list[tuple[int, int]] = []
        for first in self.unread:
            start = found.pop()[0] if found and found[-1][1] + 1 == first else first
            found.append((start, first + SEGMENT_LEAVES - 1))
        return found

    def read_checkpoint(self) -> tuple[bytes, int]:
        """Return the published note and its size (step 2)."""
        try:
            with open_regular(self.directory / "checkpoint") as file:
                published = file.read(MAX_NOTE_BYTES + 1)
            return published, parse_note(published).size
        except (FileNotFoundError, MalformedError):
            raise BadLogError("checkpoint", "checkpoint") from None

    def list_segments(self) -> list[str]:
        """Return the names of the segments, those included for which a stub stands (step 3)."""
        folder = self.directory / "seg"
        there = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
        names = sorted({name.replace(".stub", ".seg") for name in there})
        for name in there:
            if not SEGMENT_NAME.fullmatch(name) or int(name[:20]) % SEGMENT_LEAVES:
                raise BadLogError("stray", f"seg/{name}")
        for number in range(max(len(names), 1)):
            wanted = f"{number * SEGMENT_LEAVES:020d}.seg"
            is_last = number == max(len(names), 1) - 1
            if wanted not in (there if is_last else names):
                raise BadLogError("segment", f"seg/{wanted}", 0, number * SEGMENT_LEAVES)
        for name in names:
            if name not in there:
                self.stubs[int(name[:20])] = self.read_stub(int(name[:20]))
        for first, stub in self.stubs.items():
            self.check_archived(f"{first:020d}.seg", stub)
        return names

    def find(self, name: str) -> Path | None:
        """Return where the segment is: in the log, or in an archive."""
        paths = (place / "seg" / name for place in self.places)
        return next((path for path in paths if path.is_file()), None)

    def check_archived(self, name: str, stub: Stub) -> None:
        """Return only if the seal of a segment in an archive states the root of its stub."""
        path = self.find(name)
        if path is None:
            return
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - HEADER_BYTES, 0))
            frame = file.read()
        kind, payload = HEAD.unpack(frame[:8])[0] >> 24 if frame[8:] else 0, frame[8:]
        whole = kind == SEAL and len(frame) == HEADER_BYTES
        if not whole or zlib.crc32(payload, zlib.crc32(frame[:4])) != HEAD.unpack(frame[:8])[1]:
            raise BadLogError("dropped", f"seg/{name}")
        magic, _, root, rest = FIXED.unpack(payload)
        if magic != b"govsseal" or any(rest) or root != stub.root:
            raise BadLogError("dropped", f"seg/{name}")

    def read_stub(self, first: int) -> Stub:
        """Return what stands for the segment of record *first*, once it was verified."""
        file = f"seg/{first:020d}.stub"
        with open_regular(self.directory / file) as stub:
            data = stub.read(MAX_STUB_BYTES + 1)
        try:
            receipt = parse_receipt(data)
            root = self.stated_root(parse_record(receipt.record), first)
            note = parse_note(receipt.note)
            self.trust.check(note)
            verify_inclusion(leaf_hash(receipt.record), receipt.number, note, receipt.proof)
        except MalformedError:
            raise BadLogError("dropped", file) from None
        return Stub(first, root, note)

    def stated_root(self, record: dict[str, Any], first: int) -> bytes:
        """Return the root of a segment that a record says was dropped from this log."""
        wanted = {name: self.manifest[name] for name in ("origin", "created", "genesis")}
        wanted.update(phase="admin", event="dropped")
        segments = record.get("segments")
        roots = [
            each.get("root")
            for each in (segments if isinstance(segments, list) else [])
            if isinstance(each, dict) and each.get("file") == f"{first:020d}.seg"
        ]
        if any(record.get(name) != value for name, value in wanted.items()) or len(roots) != 1:
            raise MalformedError
        if not isinstance(roots[0], str) or not ROOT.fullmatch(roots[0]):
            raise MalformedError
        return bytes.fromhex(roots[0])

    def check_known(self) -> None:
        """Return only if the log went through every known checkpoint (step 6)."""
        for note in self.known:
            self.check_state(note, "seg")

    def check_state(self, note: Note, file: str) -> None:
        """Return only if the log went through a checkpoint, and that can be told."""
        self.check_read(note, file)
        if note.size > self.committed:
            raise BadLogError("short", file, 0, self.committed)
        if self.roots.get(note.size) != note.root:
            raise BadLogError("fork", file)

    def check_read(self, note: Note, file: str) -> None:
        """Return only if the size of *note* does not lie within a segment that was not read."""
        first = (note.size - 1) // SEGMENT_LEAVES * SEGMENT_LEAVES
        if first in self.unread and note.size not in self.roots:
            raise BadLogError("dropped", file, 0, first)

    def check_stubs(self) -> None:
        """Return only if the log went through the checkpoints of the stubs, where it was read."""
        for stub in self.stubs.values():
            if stub.note.size in self.roots:
                self.check_state(stub.note, stub.file())

    def read_cosigned(self) -> list[tuple[str, Note, set[str]]]:
        """Return what witnesses signed: file, checkpoint and their names (step 2)."""
        folder, found = self.directory / "witness", []
        if not self.trust.witnesses or not folder.is_dir():
            return []
        for path in sorted(folder.iterdir()):
            if path.suffix == ".tmp":
                continue
            place = f"witness/{path.name}"
            note, names = self.read_witness(path, place)
            if names:
                found.append((place, note, names))
        return found

    def read_witness(self, path: Path, place: str) -> tuple[Note, set[str]]:
        """Return the checkpoint in a file and the witnesses that signed it."""
        if not path.is_file():
            raise BadLogError("witness", place)
        with path.open("rb") as file:
            data = file.read(MAX_NOTE_BYTES + 1)
        try:
            note = parse_note(data)
            names = self.trust.cosigners(note)
            if names:
                self.trust.check(note)
        except MalformedError:
            raise BadLogError("witness", place) from None
        if note.origin != self.trust.origin:
            raise BadLogError("witness", place)
        return note, names

    def check_witnesses(
        self, cosigned: list[tuple[str, Note, set[str]]]
    ) -> tuple[int, list[str]] | None:
        """Return which size enough witnesses saw, and which did (step 7); none if none has to."""
        seen: dict[str, int] = {}
        for place, note, _ in cosigned:
            self.check_read(note, place)
        for place, note, names in cosigned:
            if note.size > self.committed:
                raise BadLogError("short", place, 0, self.committed)
            if self.roots.get(note.size) != note.root:
                raise BadLogError("fork", place)
            for name in names:
                seen[name] = max(seen.get(name, 0), note.size)
        required = self.trust.required
        if len(seen) < required:
            raise BadLogError("witness", "witness")
        if not required:
            return None
        reached = sorted(seen.values(), reverse=True)[required - 1]
        if reached < self.committed:
            count = self.committed - reached
            self.warnings.append(f"no quorum of witnesses has seen the last {count} records yet")
        return reached, sorted(name for name, size in seen.items() if size >= reached)

    def beside(self) -> Iterator[str]:
        """Yield what lies beside the log and was not looked at."""
        known = {"log.json", "checkpoint", "seg", "quarantine", "tile", "witness", "evidence"}
        for path in sorted(self.directory.iterdir()):
            if path.name not in known and not path.name.startswith("index.sqlite"):
                yield f"`{path.name}` is no part of a log"
        for path in sorted((self.directory / "evidence").glob("*")):
            yield f"`evidence/{path.name}` says that the log was forked or set back"
        for path in sorted((self.directory / "quarantine").glob("*.pending")):
            yield f"no record speaks of `quarantine/{path.name}` yet"
        for path in sorted((self.directory / "seg").glob("*.stub")):
            if path.with_suffix(".seg").exists():
                yield f"`seg/{path.name}` says that the segment was dropped, but it is there"

    def in_use(self) -> bool:
        """Tell whether a writer of this host has the log open."""
        if not HAS_LOCKS:
            return False
        try:
            with (self.directory / "log.json").open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False


class Segment:
    """One segment of a log: step 4."""

    def __init__(self, log: Log, file: BinaryIO, name: str, first: int) -> None:
        """Begin at the first byte; *first* is the number of the first record."""
        self.log, self.input, self.file, self.first = log, file, f"seg/{name}", first
        self.tree = Tree()
        self.at = 0
        self.fault: int | None = None
        self.commit_at = -1
        self.end = HEADER_BYTES
        self.sealed = False

    def bad(self, code: str, offset: int, index: int | None = None) -> BadLogError:
        """Return the verdict on the frame at *offset*."""
        return BadLogError(code, self.file, offset, self.log.committed if index is None else index)

    def frames(self, at: int = 0) -> Iterator[tuple[int, int, bytes]]:
        """Yield kind, offset and payload of the frames from byte *at* on.

        At a fault, ``fault`` is what kind the head states, or 0, and ``at`` where it is.
        """
        self.at, self.fault = at, None
        self.input.seek(at)
        read, crc32 = self.input.read, zlib.crc32
        while True:
            head = read(8)
            if not any(head):
                return
            self.fault = 0
            if len(head) < 8:  # noqa: PLR2004 - cut short
                return
            word, crc = HEAD.unpack(head)
            kind, length = word >> 24, word & 0xFFFFFF
            self.fault = kind
            low, high = LENGTHS.get(kind, (1, 0))
            if not low <= length <= high:
                return
            payload = read(length)
            if len(payload) < length or crc32(payload, crc32(head[:4])) != crc:
                return
            self.fault = None
            yield kind, self.at, payload
            self.at += 8 + length

    @property
    def size(self) -> int:
        """How many records were read so far."""
        return self.first + self.tree.size

    def verify(self, *, is_last: bool) -> None:
        """Read the segment to its end, or raise at the first thing that breaks a rule."""
        frames = self.frames()
        self.check_header(next(frames, None))
        for kind, at, payload in frames:
            if kind == ENTRY:
                self.take_entry(at, payload)
            elif kind == COMMIT:
                self.take_commit(at, payload)
            elif kind == SEAL:
                self.take_seal(at, payload)
                self.at = self.end
                break
            else:
                raise self.bad("order", at)
        if is_last:
            self.check_tail()
        else:
            self.check_end()
        whole = Tree()
        whole.nodes, whole.size = self.log.nodes, self.first
        if self.tree.size == SEGMENT_LEAVES:
            whole.append(self.tree.nodes[0], SEGMENT_LEVEL)

    def check_header(self, frame: tuple[int, int, bytes] | None) -> None:
        """Check the first frame."""
        if frame is None or frame[0] != HEADER:
            raise self.bad("segment", 0)
        magic, first, genesis, rest = FIXED.unpack(frame[2])
        if magic != b"govslog1" or first != self.first or any(rest):
            raise self.bad("segment", 0)
        if genesis.hex() != self.log.manifest["genesis"]:
            raise self.bad("segment", 0) if self.first else BadLogError("manifest", "log.json")

    def take_entry(self, at: int, payload: bytes) -> None:
        """Take a record."""
        if self.tree.size == SEGMENT_LEAVES:
            raise self.bad("order", at)
        if not self.size:
            self.check_genesis(at, payload)
        self.tree.append(leaf_hash(payload))
        if self.size in self.log.wanted:
            self.log.roots[self.size] = self.root()

    def root(self) -> bytes:
        """Return the root over all records so far."""
        return fold(self.log.nodes + self.tree.nodes)

    def check_genesis(self, at: int, payload: bytes) -> None:
        """Check the first record of the log."""
        manifest = self.log.manifest
        try:
            record = parse_record(payload)
        except MalformedError:
            raise self.bad("manifest", at) from None
        stated = leaf_hash(payload).hex(), record.get("origin"), record.get("t")
        if stated != (manifest["genesis"], manifest["origin"], manifest["created"]):
            raise self.bad("manifest", at)

    def take_commit(self, at: int, payload: bytes) -> None:
        """Take a checkpoint."""
        log = self.log
        if self.size == max(log.committed, self.first):
            raise self.bad("order", at)
        try:
            note = parse_note(payload)
        except MalformedError:
            raise self.bad("note", at) from None
        if (note.origin, note.size) != (log.trust.origin, self.size):
            raise self.bad("note", at)
        if note.root != self.root():
            raise self.bad("root", at)
        try:
            signed, keys = log.trust.check(note)
        except MalformedError:
            raise self.bad("signature", at) from None
        if log.times and signed < log.times[-1]:
            raise self.bad("clock", at)
        log.times[1:] = [signed]
        log.committed, log.root = note.size, note.root
        log.commits += 1
        log.keys += [each.fingerprint() for each in keys if each.fingerprint() not in log.keys]
        if note.size in log.wanted:
            log.notes[note.size] = payload
        self.commit_at, self.end = at, at + 8 + len(payload)

    def take_seal(self, at: int, payload: bytes) -> None:
        """Take the seal."""
        if self.tree.size != SEGMENT_LEAVES or self.log.committed != self.size:
            raise self.bad("order", at)
        stated = FIXED.pack(b"govsseal", self.commit_at, self.tree.nodes[0], bytes(8))
        if payload != stated:
            raise self.bad("segment", at)
        self.sealed, self.end = True, at + 8 + len(payload)

    def index_of_fault(self) -> int:
        """Return the number of the record at a fault."""
        return self.log.committed if self.fault in (COMMIT, SEAL) else self.size

    def check_end(self) -> None:
        """Check that a segment that another one follows ends with its seal."""
        if self.fault is not None:
            raise self.bad("frame", self.at, self.index_of_fault())
        if not self.sealed or self.input.read(1):
            raise self.bad("segment", self.at)

    def check_tail(self) -> None:
        """Check that nothing follows the last commit or seal of the log."""
        at, fault, index = self.at, self.fault, self.index_of_fault()
        behind = self.first_nonzero()
        if behind is None:
            if not self.log.committed:
                raise BadLogError("segment", "seg/" + "0" * 20 + ".seg", HEADER_BYTES, 0)
            if self.tree.size == SEGMENT_LEAVES and not self.sealed:
                self.log.warnings.append(f"the full segment `{self.file}` has no seal yet")
            return
        if not self.sealed and self.becomes_commit():
            where = f"`{self.file}` at byte {self.end}"
            self.log.warnings.append(f"a write was under way, and is not covered, in {where}")
        elif self.commit_follows(at):
            raise self.bad("frame", at, index)
        elif fault is None:
            raise self.bad("torn_tail", behind)
        else:
            raise self.bad("torn_tail", at, index)

    def first_nonzero(self) -> int | None:
        """Return the offset of the first byte behind the last commit or seal that is not zero."""
        self.input.seek(self.end)
        offset = self.end
        while True:
            block = self.input.read(READ_BYTES)
            rest = block.lstrip(b"\0")
            if rest:
                return offset + len(block) - len(rest)
            if not block:
                return None
            offset += len(block)

    def becomes_commit(self) -> bool:
        """Tell whether the tail becomes a commit while a writer has the log open."""
        for _ in range(30):
            in_use = self.log.in_use()  # asked before reading
            if any(self.is_commit(kind, note) for kind, _, note in self.frames(self.end)):
                return True
            if not in_use:
                return False
            time.sleep(0.1)
        return False

    def is_commit(self, kind: int, payload: bytes) -> bool:
        """Tell whether a frame is a commit whose note is of this log; nothing in it is verified."""
        if kind != COMMIT:
            return False
        try:
            return parse_note(payload).origin == self.log.trust.origin
        except MalformedError:
            return False

    def commit_follows(self, start: int) -> bool:
        """Tell whether a whole commit frame of this log starts at *start* or later."""
        needle = self.log.trust.origin.encode() + b"\n"
        offset = start
        while True:
            self.input.seek(offset)
            block = self.input.read(READ_BYTES)
            place = block.find(needle)
            while place >= 0:
                at = offset + place - 8
                if at >= start and next((k for k, _, _ in self.frames(at)), 0) == COMMIT:
                    return True
                place = block.find(needle, place + 1)
            if len(block) < READ_BYTES:
                return False
            # The blocks overlap, so that a needle across their border is found.
            offset += READ_BYTES - len(needle)


def verify(
    directory: Path,
    trust: Path,
    known: list[bytes] | None = None,
    archives: list[Path] | None = None,
) -> Verdict:
    """Return the verdict on a log; raise BadLogError at the first rule that it breaks."""
    policy = read_trust(trust)
    notes = []
    try:
        for data in known or []:
            if data.startswith(b"govshare-receipt/"):
                notes.append(check_receipt(data, policy)[1])
            else:
                notes.append(verify_note(data, policy))
    except BadLogError as bad:
        text = f"a checkpoint or receipt that was kept does not verify itself: {bad.code}"
        raise UsageError(text) from None
    if not directory.is_dir():
        raise UsageError(f"`{directory.name}` is no directory")
    places = [path / "log" if (path / "log").is_dir() else path for path in archives or []]
    return Log(directory, policy, notes, places).verify()


# The command.


def instant(seconds: int) -> str:
    """Return Unix seconds as an instant."""
    at = datetime.fromtimestamp(seconds, timezone.utc)  # noqa: UP017 - Python 3.8
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def visible(text: str) -> str:
    r"""Return *text* with what a terminal obeys, or does not show, spelt out: ``\x1b``.

    Names of files and of the log are what somebody else chose.
    """
    return "".join(
        each.encode("unicode_escape").decode("ascii")
        if unicodedata.category(each) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        else each
        for each in text
    )


def run(options: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Return what was verified, as a document and in one line."""
    trust = read_trust(options.trust)
    document: dict[str, Any] = {"verified": True}
    said, signed = [], []
    known = [read_small(path) for path in options.known]
    continued = [read_small(path) for path in options.continued]
    if options.receipt:
        receipt, note = verify_receipt(read_small(options.receipt), trust, continued)
        signed += trust.signers(note)
        document["receipt"] = {"index": receipt.number, "size": note.size}
        said.append(f"回执 receipt: record {receipt.number} of {note.size}")
        known.append(receipt.note)
    if options.note:
        known.append(read_small(options.note))
        # A log shows its own witnesses; what continues it is all that is asked of the other.
        alone = not (options.log or continued)
        old = (verify_witnessed if alone else verify_note)(known[-1], trust)
        signed += trust.signers(old)
        document["checkpoint"] = {"size": old.size, "root": old.root.hex()}
        said.append(f"检查点 checkpoint: size {old.size}")
        later = [verify_continuation(old, text, trust).size for text in continued]
        document["continued"] = later
        said += [f"一致 consistency: {old.size} → {size}" for size in later]
    if options.log:
        verdict = verify(options.log, options.trust, known, options.archive)
        document.update(describe(verdict))
        counts = f"{verdict.size} records, {verdict.checkpoints} checkpoints"
        signed += verdict.keys
        said.append(f"日志 log `{verdict.origin}`: {counts}")
        said += [f"提示 note: {warning}" for warning in verdict.warnings]
    said.append("签名公钥 signed by " + " ".join(f"sm3:{key}" for key in dict.fromkeys(signed)))
    return document, "验证通过 verified · " + " · ".join(said)


def describe(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as ``govshare audit verify --output json`` gives it."""
    document: dict[str, Any] = {
        "origin": verdict.origin,
        "size": verdict.size,
        "root": verdict.root.hex(),
        "checkpoints": verdict.checkpoints,
        "segments": verdict.segments,
        "first_time": instant(verdict.first_time),
        "last_time": instant(verdict.last_time),
        "key_fingerprints": [f"sm3:{key}" for key in verdict.keys],
        "warnings": verdict.warnings,
    }
    if verdict.witnessed:
        document["witnessed_size"], document["witnesses"] = verdict.witnessed
    if verdict.unread:
        document["unread"] = [list(stretch) for stretch in verdict.unread]
    return document


def failure(bad: BadLogError) -> tuple[dict[str, Any], str]:
    """Return what is wrong, as a document and in one line."""
    document = {
        "verified": False,
        "kind": bad.code,
        "file": bad.file,
        "offset": bad.offset,
        "first_bad_record": bad.index,
    }
    line = f"验证不通过 does not verify · {bad.code}"
    if bad.file:
        line += f" · {bad.file} at byte {bad.offset}"
    if bad.index is not None:
        line += f" · 首条不可信记录 first bad record {bad.index}"
    return document, line


def parse_arguments(words: list[str]) -> argparse.Namespace:
    """Return the options; an argument that does not fit ends the program with 2."""
    parser = argparse.ArgumentParser(
        description="核验审计日志、回执或检查点 Verify an audit log, a receipt or a checkpoint."
    )
    parser.add_argument("log", nargs="?", type=Path, metavar="LOGDIR", help="日志目录 the log")
    parser.add_argument("--trust", type=Path, required=True, help="信任文件 the trust file")
    parser.add_argument("--receipt", type=Path, help="回执 a receipt to verify")
    parser.add_argument(
        "--known",
        type=Path,
        action="append",
        default=[],
        help="另存的检查点或回执 a checkpoint or receipt kept",
    )
    parser.add_argument(
        "--archive",
        type=Path,
        action="append",
        default=[],
        help="归档，含已移出的段 an archive that has segments that were dropped",
    )
    parser.add_argument("--note", type=Path, help="检查点 a checkpoint to verify")
    parser.add_argument(
        "--continued",
        type=Path,
        action="append",
        default=[],
        help="后续检查点及一致性证明 a later checkpoint, with the proof that it continues",
    )
    parser.add_argument("--json", action="store_true", help="输出 JSON print the verdict as JSON")
    options = parser.parse_args(words)
    if options.continued and not (options.receipt or options.note):
        parser.error("--continued goes with --receipt or --note")
    if not (options.log or options.receipt or options.note):
        parser.error("name a log, a receipt or a checkpoint")
    return options


def main() -> int:
    """Run the command; return its exit code."""
    options = parse_arguments(sys.argv[1:])
    out = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", errors="backslashreplace")
    try:
        document, line = run(options)
        code = 0
    except BadLogError as bad:
        document, line = failure(bad)
        code = 1
    except (UsageError, OSError) as error:
        what = f"`{error.filename}`: {error.strerror}" if isinstance(error, OSError) else error
        sys.stderr.write(f"无法核验 cannot verify: {visible(str(what))}\n")
        return 2
    shown = json.dumps(document, ensure_ascii=False) if options.json else visible(line)
    out.write(f"{shown}\n")
    out.detach()
    return code


if __name__ == "__main__":
    sys.exit(main())
