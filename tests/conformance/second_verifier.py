# SPDX-License-Identifier: Apache-2.0
"""A second verifier, written from docs/spec/audit-log.md and nothing else.

Standard library only, with its own SM2. Usage: ``second_verifier.py LOGDIR TRUST`` prints the
size and the root and exits 0, or prints code, file, offset and index and exits 1.
"""

import base64
import binascii
import functools
import hashlib
import json
import re
import sys
import tomllib
import unicodedata
import zlib
from pathlib import Path
from typing import Any, NamedTuple

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
GX = 0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7
GY = 0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0
SIGNER_ID = b"1234567812345678"
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
TYPE = b"\xff1.2.156.10197.1.501/gm-cosignature/v1"
SEGMENT = 65536
NAME = re.compile(r"[\x21-\x2a\x2c-\x7e]{1,255}")
DECIMAL = re.compile(r"0|[1-9][0-9]*", re.ASCII)
LENGTHS = {1: (56, 56), 2: (2, 61440), 3: (1, 16384), 4: (56, 56)}


class Bad(Exception):  # noqa: N818 - a verdict
    """The log breaks a rule."""

    def __init__(
        self, code: str, file: str = "", offset: int = 0, index: int | None = None
    ) -> None:
        super().__init__(code, file, offset, index)
        self.code, self.file, self.offset, self.index = code, file, offset, index


class Malformed(Exception):  # noqa: N818 - a verdict on a few bytes
    """Some bytes do not have their form."""


class Key(NamedTuple):
    name: str
    point: bytes
    start: int
    end: int | None

    @property
    def id(self) -> bytes:
        return sm3(self.name.encode() + b"\n" + TYPE + self.point)[:4]


class Note(NamedTuple):
    origin: str
    size: int
    root: bytes
    body: str
    lines: list[tuple[str, bytes, bytes]]


def sm3(data: bytes) -> bytes:
    return hashlib.new("sm3", data).digest()


def on_curve(x: int, y: int) -> bool:
    return x < P and y < P and (y * y - x * x * x - A * x - B) % P == 0


def double(p: tuple[int, int, int]) -> tuple[int, int, int]:
    x, y, z = p
    if not z or not y:
        return 0, 1, 0
    s = 4 * x * y * y % P
    m = (3 * x * x + A * z * z * z * z) % P
    x3 = (m * m - 2 * s) % P
    return x3, (m * (s - x3) - 8 * y**4) % P, 2 * y * z % P


def add(p: tuple[int, int, int], q: tuple[int, int, int]) -> tuple[int, int, int]:
    if not p[2]:
        return q
    if not q[2]:
        return p
    z1, z2 = p[2] * p[2] % P, q[2] * q[2] % P
    u1, u2 = p[0] * z2 % P, q[0] * z1 % P
    s1, s2 = p[1] * z2 * q[2] % P, q[1] * z1 * p[2] % P
    if u1 == u2:
        return double(p) if s1 == s2 else (0, 1, 0)
    h, r = (u2 - u1) % P, (s2 - s1) % P
    h2 = h * h % P
    h3 = h2 * h % P
    x = (r * r - h3 - 2 * u1 * h2) % P
    return x, (r * (u1 * h2 - x) - s1 * h3) % P, h * p[2] * q[2] % P


def times(k: int, p: tuple[int, int, int]) -> tuple[int, int, int]:
    result = (0, 1, 0)
    for bit in f"{k:b}":
        result = double(result)
        if bit == "1":
            result = add(result, p)
    return result


def der_integers(der: bytes) -> tuple[int, int]:
    if len(der) < 2 or der[0] != 0x30 or der[1] != len(der) - 2 or der[1] >= 0x80:
        raise Malformed
    rest, numbers = der[2:], []
    for _ in range(2):
        if len(rest) < 3 or rest[0] != 2 or not 1 <= rest[1] <= 33 or len(rest) < 2 + rest[1]:
            raise Malformed
        value, rest = rest[2 : 2 + rest[1]], rest[2 + rest[1] :]
        if value[0] >= 0x80 or (len(value) > 1 and value[0] == 0 and value[1] < 0x80):
            raise Malformed
        numbers.append(int.from_bytes(value))
    if rest:
        raise Malformed
    return numbers[0], numbers[1]


@functools.cache
def sm2_is_good(point: bytes, message: bytes, der: bytes) -> bool:
    try:
        r, s = der_integers(der)
    except Malformed:
        return False
    if not (1 <= r < N and 1 <= s < N) or (r + s) % N == 0:
        return False
    curve = b"".join(n.to_bytes(32) for n in (A, B, GX, GY))
    z = sm3((len(SIGNER_ID) * 8).to_bytes(2) + SIGNER_ID + curve + point[1:])
    e = int.from_bytes(sm3(z + message))
    public = (int.from_bytes(point[1:33]), int.from_bytes(point[33:]), 1)
    x, _, depth = add(times(s, (GX, GY, 1)), times((r + s) % N, public))
    if not depth:
        return False
    return (e + x * pow(depth, -2, P) % P) % N == r


def parse_record(data: bytes) -> dict[str, Any]:
    def refuse(_: str) -> None:
        raise Malformed

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise Malformed
        return dict(pairs)

    if not 2 <= len(data) <= 61440:
        raise Malformed
    try:
        value = json.loads(
            data.decode(), parse_float=refuse, parse_constant=refuse, object_pairs_hook=unique
        )
    except (ValueError, RecursionError):
        raise Malformed from None
    check_profile(value, 1)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    if not isinstance(value, dict) or text.encode() != data:
        raise Malformed
    return value


def check_profile(value: object, depth: int) -> None:
    if isinstance(value, dict | list) and depth > 16:
        raise Malformed
    if isinstance(value, dict):
        for key, member in value.items():
            if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", key):
                raise Malformed
            check_profile(member, depth + 1)
    elif isinstance(value, list):
        for member in value:
            check_profile(member, depth + 1)
    elif isinstance(value, str):
        if unicodedata.normalize("NFC", value) != value or re.search("[\ud800-\udfff]", value):
            raise Malformed
    elif value is None or (isinstance(value, int) and abs(value) > 2**53 - 1):
        raise Malformed


def read_manifest(directory: Path, origin: str) -> dict[str, str]:
    try:
        manifest = parse_manifest((directory / "log.json").read_bytes())
    except (FileNotFoundError, Malformed):
        raise Bad("manifest", "log.json") from None
    if manifest["origin"] != origin:
        raise Bad("manifest", "log.json")
    return manifest


def parse_manifest(data: bytes) -> dict[str, str]:
    if len(data) > 4096 or not data.endswith(b"\n"):
        raise Malformed
    manifest = parse_record(data[:-1])
    if set(manifest) != {"created", "format", "genesis", "origin", "tree"}:
        raise Malformed
    if not all(isinstance(value, str) for value in manifest.values()):
        raise Malformed
    if (manifest["format"], manifest["tree"]) != ("govshare-log/v1", "sm3"):
        raise Malformed
    if not re.fullmatch("[0-9a-f]{64}", manifest["genesis"]) or not NAME.fullmatch(
        manifest["origin"]
    ):
        raise Malformed
    return manifest


def canonical_base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise Malformed from None
    if base64.b64encode(data).decode() != text:
        raise Malformed
    return data


def parse_note(data: bytes) -> Note:
    if len(data) > 16384:
        raise Malformed
    try:
        lines = data.decode().split("\n")
    except UnicodeDecodeError:
        raise Malformed from None
    if not 6 <= len(lines) <= 21 or lines[3] or lines[-1]:
        raise Malformed
    origin, size, root = lines[:3]
    if not NAME.fullmatch(origin) or not DECIMAL.fullmatch(size) or int(size) > 2**63 - 1:
        raise Malformed
    digest = canonical_base64(root)
    if len(digest) != 32:
        raise Malformed
    signatures = []
    for line in lines[4:-1]:
        words = line.split(" ")
        if len(words) != 3 or words[0] != "\u2014" or not NAME.fullmatch(words[1]):
            raise Malformed
        blob = canonical_base64(words[2])
        if len(blob) < 5:
            raise Malformed
        signatures.append((words[1], blob[:4], blob[4:]))
    if len({line[:2] for line in signatures}) != len(signatures):
        raise Malformed
    body = f"{origin}\n{size}\n{root}\n"
    return Note(origin, int(size), digest, body, signatures)


def trusted_time(note: Note, origin: str, keys: list[Key]) -> int:
    """Return the time of a trusted checkpoint."""
    times_seen = []
    for key in keys:
        if note.size < key.start or (key.end is not None and note.size > key.end):
            continue
        for name, key_id, blob in note.lines:
            if (name, key_id) != (key.name, key.id):
                continue
            time, der = int.from_bytes(blob[:8]), blob[8:]
            head = f"gm-cosignature/v1\ncosigner {name}\ntime {time}\n"
            good = sm2_is_good(key.point, (head + note.body).encode(), der)
            if len(blob) < 9 or time > 253402300799 or not good:
                raise Malformed
            times_seen.append(time)
    if not times_seen or note.origin != origin:
        raise Malformed
    return max(times_seen)


def read_trust(path: Path) -> tuple[str, list[Key]]:
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    if set(document) != {"format", "origin", "key"} or document["format"] != "govshare-trust/v1":
        raise SystemExit("the trust file is not understood")
    keys = []
    for entry in document["key"]:
        if not {"name", "public", "from"} <= set(entry) <= {"name", "public", "from", "to"}:
            raise SystemExit("the trust file is not understood")
        inner = entry["public"].strip().splitlines()[1:-1]
        der = base64.b64decode("".join(inner), validate=True)
        point = der[len(SPKI) :]
        x, y = int.from_bytes(point[1:33]), int.from_bytes(point[33:])
        if not der.startswith(SPKI) or len(point) != 65 or point[0] != 4 or not on_curve(x, y):
            raise SystemExit("a key in the trust file is not an SM2 key")
        keys.append(Key(entry["name"], point, entry["from"], entry.get("to")))
    return document["origin"], keys


def node(left: bytes, right: bytes) -> bytes:
    return sm3(b"\x01" + left + right)


class Tree:
    """The roots of perfect subtrees, with their numbers of leaves, largest first."""

    def __init__(self) -> None:
        self.parts: list[tuple[int, bytes]] = []

    def add(self, record: bytes) -> None:
        count, digest = 1, sm3(b"\x00" + record)
        while self.parts and self.parts[-1][0] == count:
            digest = node(self.parts.pop()[1], digest)
            count *= 2
        self.parts.append((count, digest))

    def root(self) -> bytes:
        digest = self.parts[-1][1]
        for _, left in reversed(self.parts[:-1]):
            digest = node(left, digest)
        return digest


class Verifier:
    def __init__(self, directory: Path, origin: str, keys: list[Key]) -> None:
        self.directory, self.origin, self.keys = directory, origin, keys
        self.manifest: dict[str, str] = {}
        self.tree = Tree()
        self.size = 0
        self.committed = 0
        self.time = 0
        self.notes: dict[int, bytes] = {}
        self.last_root = b""

    def run(self) -> tuple[int, bytes]:
        self.manifest = read_manifest(self.directory, self.origin)
        try:
            published = (self.directory / "checkpoint").read_bytes()
            size = parse_note(published).size
        except (FileNotFoundError, Malformed):
            raise Bad("checkpoint", "checkpoint") from None
        names = self.list_segments()
        for number, name in enumerate(names):
            SegmentReader(self, number * SEGMENT, name, is_last=number == len(names) - 1).run()
        if size > self.committed:
            raise Bad("short", "checkpoint", 0, self.committed)
        if self.notes.get(size) != published:
            raise Bad("checkpoint", "checkpoint")
        return self.committed, self.last_root

    def list_segments(self) -> list[str]:
        folder = self.directory / "seg"
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        for name in names:
            if not re.fullmatch(r"[0-9]{20}\.seg", name) or int(name[:20]) % SEGMENT:
                raise Bad("stray", f"seg/{name}")
        for number in range(max(len(names), 1)):
            wanted = f"{number * SEGMENT:020d}.seg"
            if wanted not in names:
                raise Bad("segment", f"seg/{wanted}", 0, number * SEGMENT)
        return names


class SegmentReader:
    def __init__(self, log: Verifier, first: int, name: str, *, is_last: bool) -> None:
        self.log, self.first, self.is_last = log, first, is_last
        self.file = f"seg/{name}"
        self.data = (log.directory / "seg" / name).read_bytes()
        self.own = Tree()
        self.at = 0
        self.fault_kind: int | None = None
        self.last_commit: int | None = None
        self.end = 64
        self.sealed = False

    def bad(self, code: str, offset: int, index: int | None = None) -> Bad:
        return Bad(code, self.file, offset, self.log.committed if index is None else index)

    def frame(self) -> tuple[int, bytes] | None:
        """Return the next frame; none at free space. Raises Malformed at a fault."""
        head = self.data[self.at : self.at + 8]
        if not any(head):
            return None
        self.fault_kind = 0
        if len(head) < 8:
            raise Malformed
        word = int.from_bytes(head[:4], "little")
        kind, length = word >> 24, word & 0xFFFFFF
        self.fault_kind = kind
        low, high = LENGTHS.get(kind, (1, 0))
        payload = self.data[self.at + 8 : self.at + 8 + length]
        if not low <= length <= high or len(payload) < length:
            raise Malformed
        if zlib.crc32(head[:4] + payload) != int.from_bytes(head[4:], "little"):
            raise Malformed
        return kind, payload

    def run(self) -> None:
        self.read_header()
        try:
            while not self.sealed and (found := self.frame()) is not None:
                kind, payload = found
                {1: self.header, 2: self.entry, 3: self.commit, 4: self.seal}[kind](payload)
                self.at += 8 + len(payload)
                if kind in (3, 4):
                    self.end = self.at
        except Malformed:
            self.fault()
        self.finish()

    def read_header(self) -> None:
        try:
            found = self.frame()
        except Malformed:
            found = None
        if found is None or found[0] != 1:
            raise self.bad("segment", 0)
        magic, first = found[1][:8], int.from_bytes(found[1][8:16], "little")
        genesis, rest = found[1][16:48], found[1][48:]
        if magic != b"govslog1" or first != self.first or any(rest):
            raise self.bad("segment", 0)
        if genesis.hex() != self.log.manifest["genesis"]:
            if self.first:
                raise self.bad("segment", 0)
            raise Bad("manifest", "log.json")
        self.at = 64

    def header(self, _: bytes) -> None:
        raise self.bad("order", self.at)

    def entry(self, payload: bytes) -> None:
        if self.log.size - self.first == SEGMENT:
            raise self.bad("order", self.at)
        if self.log.size == 0:
            self.genesis(payload)
        self.log.tree.add(payload)
        self.own.add(payload)
        self.log.size += 1

    def genesis(self, payload: bytes) -> None:
        manifest = self.log.manifest
        try:
            record = parse_record(payload)
        except Malformed:
            raise self.bad("manifest", self.at) from None
        stated = (sm3(b"\x00" + payload).hex(), record.get("origin"), record.get("t"))
        if stated != (manifest["genesis"], manifest["origin"], manifest["created"]):
            raise self.bad("manifest", self.at)

    def commit(self, payload: bytes) -> None:
        log = self.log
        if log.size == max(log.committed, self.first):
            raise self.bad("order", self.at)
        try:
            note = parse_note(payload)
        except Malformed:
            raise self.bad("note", self.at) from None
        if (note.origin, note.size) != (log.origin, log.size):
            raise self.bad("note", self.at)
        if note.root != log.tree.root():
            raise self.bad("root", self.at)
        try:
            time = trusted_time(note, log.origin, log.keys)
        except Malformed:
            raise self.bad("signature", self.at) from None
        if time < log.time:
            raise self.bad("clock", self.at)
        log.time, log.committed, log.last_root = time, note.size, note.root
        log.notes[note.size] = payload
        self.last_commit = self.at

    def seal(self, payload: bytes) -> None:
        if self.log.size - self.first != SEGMENT or self.log.committed != self.log.size:
            raise self.bad("order", self.at)
        offset = (self.last_commit or 0).to_bytes(8, "little")
        if payload != b"govsseal" + offset + self.own.root() + bytes(8):
            raise self.bad("segment", self.at)
        self.sealed = True

    def commit_follows(self) -> bool:
        needle, place = self.log.origin.encode() + b"\n", self.at
        while (place := self.data.find(needle, place)) >= 0:
            head = self.data[max(place - 8, 0) : place]
            word = int.from_bytes(head[:4], "little")
            payload = self.data[place : place + (word & 0xFFFFFF)]
            whole = word >> 24 == 3 and len(payload) == word & 0xFFFFFF <= 16384
            crc = zlib.crc32(head[:4] + payload).to_bytes(4, "little")
            if place - 8 >= self.at and whole and crc == head[4:]:
                return True
            place += 1
        return False

    def fault(self) -> None:
        index = self.log.committed if self.fault_kind in (3, 4) else self.log.size
        torn = self.is_last and not self.commit_follows()
        raise self.bad("torn_tail" if torn else "frame", self.at, index)

    def finish(self) -> None:
        if not self.is_last:
            if not self.sealed or self.at != len(self.data):
                raise self.bad("segment", self.at)
            return
        rest = self.data[self.end :].lstrip(b"\0")
        if rest:
            if self.commit_follows():
                raise self.bad("frame", self.at, self.log.size)
            raise self.bad("torn_tail", len(self.data) - len(rest))
        if not self.log.committed:
            raise self.bad("segment", self.end)


def verify(directory: Path, trust: Path) -> tuple[int, bytes]:
    """Return the size and root of a good log; raise Bad for any other."""
    origin, keys = read_trust(trust)
    return Verifier(directory, origin, keys).run()


def main() -> int:
    try:
        size, root = verify(Path(sys.argv[1]), Path(sys.argv[2]))
    except Bad as bad:
        sys.stdout.write(f"bad {bad.code} {bad.file} {bad.offset} {bad.index}\n")
        return 1
    sys.stdout.write(f"good {size} {base64.b64encode(root).decode()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
