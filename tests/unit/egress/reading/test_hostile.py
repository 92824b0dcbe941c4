# SPDX-License-Identifier: Apache-2.0
import base64
import bz2
import contextlib
import csv
import gzip
import hashlib
import io
import itertools
import json
import lzma
import struct
import tarfile
import time
import zipfile
from collections.abc import Callable

import pytest

from govshare_policy.egress.reading import Code, Limits, UnscannableError, read
from govshare_policy.errors import CallError

_MB = 1 << 20
_NOISE = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(256))
_PNG = b"\x89PNG\r\n\x1a\n" + _NOISE[:64]


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return out.getvalue()


def wrapped(body: bytes, times: int, wrap: Callable[[bytes], bytes]) -> bytes:
    for _ in range(times):
        body = wrap(body)
    return body


def overlapping() -> bytes:
    """Return an archive whose directory names one entry many times."""
    body = zipped({"a": b"0" * 1000})
    end = body.rindex(b"PK\x05\x06")
    start = body.index(b"PK\x01\x02")
    entry = body[start:end]
    directory = entry * 50
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 50, 50, len(directory), start, 0)
    return body[:start] + directory + tail


def with_hidden_entry() -> bytes:
    """Return an archive with an entry that its directory does not name."""
    body = zipped({"a": b"shown", "b": b"hidden"})
    start, end = body.index(b"PK\x01\x02"), body.rindex(b"PK\x05\x06")
    first = body[start : body.index(b"PK\x01\x02", start + 4)]
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, len(first), start, 0)
    assert end > start
    return body[:start] + first + tail


def encrypted() -> bytes:
    body = bytearray(zipped({"a": b"secret"}))
    body[6] |= 1
    body[body.index(b"PK\x01\x02") + 8] |= 1
    return bytes(body)


def tarred_beyond_its_end() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    return out.getvalue() + b"hidden" * 100


def nested_json(times: int) -> bytes:
    text = "x"
    for _ in range(times):
        text = json.dumps({"a": text, "b": "1"})
    return text.encode()


LAUGHS = b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><l>&b;</l>'
REFUSED: dict[str, tuple[Callable[[], bytes], Code]] = {
    "100 MB": (lambda: b"a,b\n" * (25 * _MB), Code.TOO_LARGE),
    "gzip bomb": (lambda: gzip.compress(b"0" * (64 * _MB)), Code.TOO_LARGE),
    "bzip2 bomb": (lambda: bz2.compress(b"0" * (64 * _MB)), Code.TOO_LARGE),
    "xz bomb": (lambda: lzma.compress(b"0" * (64 * _MB)), Code.TOO_LARGE),
    "zip bomb": (lambda: zipped({"a": b"0" * (64 * _MB)}), Code.TOO_LARGE),
    "overlapping zip": (overlapping, Code.MALFORMED),
    "zip with a hidden entry": (with_hidden_entry, Code.MALFORMED),
    "encrypted zip": (encrypted, Code.ENCRYPTED),
    "cut zip": (lambda: zipped({"a": b"b"})[:-8], Code.MALFORMED),
    "cut gzip": (lambda: gzip.compress(b"a" * 999)[:-9], Code.MALFORMED),
    "gzip with a tail": (lambda: gzip.compress(b"a") + b"tail", Code.MALFORMED),
    "tar with a tail": (tarred_beyond_its_end, Code.MALFORMED),
    "many streams": (lambda: gzip.compress(b"a") * 3_000, Code.TOO_MANY),
    "many members": (lambda: zipped({str(n): b"" for n in range(2_100)}), Code.TOO_MANY),
    "five gzips": (lambda: wrapped(b"a,b", 5, gzip.compress), Code.TOO_DEEP),
    "five zips": (lambda: wrapped(b"a", 5, lambda b: zipped({"a": b})), Code.TOO_DEEP),
    "five base64": (lambda: wrapped(b"hello world, hello", 5, base64.b64encode), Code.TOO_DEEP),
    "json in json in json": (lambda: nested_json(7), Code.TOO_DEEP),
    "deep lists": (lambda: b"[" * _MB, Code.TOO_DEEP),
    "deep objects": (lambda: b'{"a":' * 300 + b"1" + b"}" * 300, Code.TOO_DEEP),
    "deep elements": (lambda: b"<a>" * 9_999 + b"</a>" * 9_999, Code.TOO_DEEP),
    "billion laughs": (lambda: LAUGHS, Code.MALFORMED),
    "picture": (lambda: _PNG, Code.PICTURE),
    "picture in a zip": (lambda: zipped({"a.txt": b"a", "b": _PNG}), Code.PICTURE),
    "picture in json": (
        lambda: json.dumps({"a": base64.b64encode(_PNG).decode()}).encode(),
        Code.PICTURE,
    ),
    "pdf": (lambda: b"%PDF-1.7\n1 0 obj", Code.UNKNOWN_FORM),
    "old workbook": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + _NOISE, Code.UNKNOWN_FORM),
    "encrypted workbook": (
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
        Code.ENCRYPTED,
    ),
    "noise": (lambda: _NOISE, Code.UNKNOWN_FORM),
    "noise in base64": (lambda: base64.b64encode(_NOISE), Code.UNKNOWN_FORM),
    "noise in a cell": (
        lambda: b"a,b\n1," + base64.b64encode(_NOISE) + b"\n",
        Code.UNKNOWN_FORM,
    ),
}


@pytest.mark.parametrize(("make", "code"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_in_full_is_refused(make: Callable[[], bytes], code: Code) -> None:
    """Neither a part of it nor an empty reading: an error, and soon."""
    body = make()
    started_s = time.process_time()
    with pytest.raises(UnscannableError) as caught:
        read(body)

    assert caught.value.code is code
    assert time.process_time() - started_s < 5


# Each of these makes a careless pattern try every start against every end.
PATIENCE = {
    "blanks": b" " * 200_000 + b"x",
    "blanks between": b"x" + b" " * 200_000 + b"x",
    "brackets": b"(" * 200_000,
    "quotes": b"'" * 200_000,
    "double quotes": b'"' * 200_000,
    "percent signs": b"%" * 200_000,
    "ampersands": b"&#" * 100_000,
    "open tags": b"<a " * 70_000,
    "open attributes": b"<a x=" * 40_000,
    "long attribute": b'<a x="' + b"x " * 100_000,
    "equals signs": b"=A1=" * 50_000,
    "backslashes": b"\\u" * 100_000,
    "dashes": b"--a\r\n" * 40_000,
    "headers": b"Content-Type: a\r\n" * 12_000,
    "keys": b"k: v\n" * 40_000,
    "marks": b"\x1e\x1f" * 100_000,
    "letters": b"aA1_-" * 40_000 + b"!",
    "fields": b"a=b&" * 50_000,
}


@pytest.mark.parametrize("body", PATIENCE.values(), ids=PATIENCE)
def test_hostile_text_takes_time_in_proportion(body: bytes) -> None:
    """200 KB that match almost, everywhere: under two seconds, read or refused."""
    started_s = time.process_time()
    with contextlib.suppress(UnscannableError):
        read(body)
    assert time.process_time() - started_s < 2


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(rows=10), Code.TOO_MANY),
        (Limits(text_chars=100), Code.TOO_LARGE),
        (Limits(expanded_bytes=100), Code.TOO_LARGE),
        (Limits(depth=0), Code.TOO_DEEP),
        (Limits(body_bytes=10), Code.TOO_LARGE),
    ],
    ids=["rows", "text", "expanded", "depth", "body"],
)
def test_every_limit_closes(limits: Limits, code: Code) -> None:
    """A body within the defaults is refused under a smaller limit."""
    body = gzip.compress(b"\n".join(b"%d,%d,x" % (n, n * n) for n in range(100)))
    read(body)
    with pytest.raises(UnscannableError) as caught:
        read(body, limits=limits)

    assert caught.value.code is code


def test_the_time_closes() -> None:
    """A clock that runs past the limit ends the reading."""
    ticks = itertools.count(step=15.0)
    with pytest.raises(UnscannableError) as caught:
        read(gzip.compress(b"a,b"), clock=lambda: next(ticks))

    assert caught.value.code is Code.TOO_SLOW


def test_four_layers_are_read() -> None:
    """The limit is a limit, not a ban."""
    assert "hello" in read(wrapped(b"hello, you", 4, gzip.compress)).text


def test_the_error_says_nothing_of_the_body() -> None:
    """What leaves must not leave by way of a message."""
    with pytest.raises(CallError) as caught:
        read(gzip.compress(b"440106199001011234") + b"440106199001011234")

    assert str(caught.value) == "the body cannot be read: `malformed`"
    assert caught.value.__suppress_context__


ORDINARY = {
    "nothing": b"",
    "a number": b"42",
    "identity numbers": b"\n".join(b"44010619900101%04d" % n for n in range(60)),
    "codes": b"\n".join(b"91440101MA5ABC%04d" % n for n in range(60)),
    "digests": b"\n".join(hashlib.sha256(b"%d" % n).hexdigest().encode() for n in range(60)),
    "a sentence": b"the quick brown fox jumps over the lazy dog and then goes on to do it again",
    "western letters": "M\u00fcller;Stra\u00dfe 5;K\u00f6ln\nG\u00e9rard;Rue 1;Paris\n".encode(
        "latin-1"
    ),
    "a token": b"Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0",
    "a signature": b'{"data": 1, "sign": "' + base64.b64encode(_NOISE[:256]) + b'"}',
}


@pytest.mark.parametrize("body", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_bodies_are_not_refused(body: bytes) -> None:
    """What only looks a little like an encoding is read as it stands."""
    words = [word for word in body.split() if word.isalnum()]
    text = read(body).text
    assert all(word.decode() in text for word in words)


def test_the_limit_of_cells_of_the_process_stays_as_it_was() -> None:
    """Registers are read under it, in the same process."""
    before = csv.field_size_limit()
    read(b'name,note\n"' + b"a" * 200_000 + b'",b\n')
    assert csv.field_size_limit() == before
