# SPDX-License-Identifier: Apache-2.0
"""Escapes and encodings of text inside text."""

import binascii
import html
import quopri
import re
import sys
from collections import Counter
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import Final
from urllib.parse import parse_qsl, unquote_to_bytes

from govshare_policy.egress.reading.charset import is_text
from govshare_policy.egress.reading.dumps import dumped
from govshare_policy.egress.reading.model import (
    CELL,
    ROW,
    Code,
    UnscannableError,
    without_marks,
)
from govshare_policy.egress.reading.readable import is_readable

_UNICODE: Final = re.compile(
    r"(?:\\{1,2}(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[ux]\{[0-9A-Fa-f]{1,6}\}|U[0-9A-Fa-f]{8}))++"
)
_UNIT: Final = re.compile(
    r"\\{1,2}(?:u([0-9A-Fa-f]{4})|[ux]\{([0-9A-Fa-f]{1,6})\}|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2}))"
)
# As a browser's ``escape`` writes it, as tables of characters do, and where backslashes were lost.
_PERCENT_UNITS: Final = re.compile(r"%u[0-9A-Fa-f]{4}(?:%u[0-9A-Fa-f]{4})*+")
_POINTS: Final = re.compile(r"U\+[0-9A-Fa-f]{4,6}(?:[ ,]?U\+[0-9A-Fa-f]{4,6})*+")
_BARE_PAIR: Final = re.compile(r"u[4-9][0-9a-f]{3}u[4-9][0-9a-f]{3}")
_BARE: Final = re.compile(r"u[4-9a-f][0-9a-f]{3}")
_OTHER_UNIT: Final = re.compile(r"(?:%u|U\+|u)([0-9A-Fa-f]{4,6})")
_OCTAL: Final = re.compile(r"(?:\\{1,2}[0-3][0-7]{2}){2,}+")
_ENTITY: Final = re.compile(r"&(?:#\d{1,7};?+|#[xX][0-9A-Fa-f]{1,6};?+|[A-Za-z]{2,31};)")
_WORD: Final = re.compile(
    r"=\?[\w-]{2,20}\?[bBqQ]\?[^?\s]{1,200}+\?=(?:\s*+=\?[\w-]{2,20}\?[bBqQ]\?[^?\s]{1,200}+\?=)*+"
)
_PERCENT: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})++")
_QUOTED: Final = re.compile(r"(?:=[0-9A-F]{2}(?:=\r?\n)?){2,}+")
_FORM: Final = re.compile(r"[^\s&=]{1,200}+=[^\s&]*+(?:&[^\s&=]{1,200}+=[^\s&]*+)*+\s*+")
_WHOLE_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]++={0,2}")
_WHOLE_HEX: Final = re.compile(r"(?:0x)?(?:[0-9a-fA-F]{2})++")
_LONG: Final = 100
_LONG_BASE64: Final = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{100,}+={0,2}")
_DENSE: Final = 0.3
_ALL: Final = 0.9
_SAMPLE_CHARS: Final = 1 << 14
_MIN_WHOLE: Final = 16
_PAIR: Final = 2
BLOCK_LINES: Final = frozenset({60, 64, 72, 76})
"""Characters in a line of base64 that is broken into lines."""
_HEX_DIGITS: Final = 16
_MAX_FORM: Final = 32
_NUMBER: Final = re.compile(r"[0-9]+")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")


def whole_layer(text: str, *, opaque_bytes: int) -> tuple[str, bytes] | None:
    """Return what *text* is an encoding of as a whole, and the name of the encoding.

    Raises:
        UnscannableError: If it is an encoding of *opaque_bytes* or more that are no known form.
    """
    sample = text[:_SAMPLE_CHARS]
    is_whole = not sample.lstrip().startswith("<") and not _FORM.fullmatch(sample)
    if "%" in sample and is_whole and _is_dense(_PERCENT, sample):
        return "percent", unquote_to_bytes(text)
    if "&" in sample and _is_dense(_ENTITY, sample, share=_ALL):
        return "entities", html.unescape(text).encode(errors="replace")
    if "\\" in sample and _is_dense(_UNICODE, sample, share=_ALL):
        return "escapes", unescape_units(text).encode(errors="replace")
    if "=" in sample and _is_dense(_QUOTED, sample):
        return "quoted-printable", quopri.decodestring(text.encode(errors="replace"))
    if (body := dumped(text)) is not None:
        return "dump", body
    return _whole_encoding(text, opaque_bytes=opaque_bytes)


def _is_dense(pattern: re.Pattern[str], sample: str, *, share: float = _DENSE) -> bool:
    """Tell whether the matches of *pattern* make up much of *sample*."""
    return sum(map(len, pattern.findall(sample))) > share * len(sample)


def _whole_encoding(text: str, *, opaque_bytes: int) -> tuple[str, bytes] | None:
    """Return *text* decoded from hexadecimal or base64, if that is all it is."""
    words = text[:_SAMPLE_CHARS].split()
    if not _is_block(words):
        return None
    packed = "".join(text.split())
    for name, pattern, decode in (
        ("hex", _WHOLE_HEX, decode_hex),
        ("base64", _WHOLE_BASE64, decode_base64),
    ):
        if pattern.fullmatch(packed):
            body = decode(packed)
            if body is not None and is_readable(body):
                return name, body
    # Lines of another length, or each with an end of its own, are a list of numbers, digests or
    # tokens, which need not mean anything.
    is_block = len(words) == 1 or len(words[0]) in BLOCK_LINES
    is_block &= not any(word.endswith("=") for word in words[:-1])
    if is_block and len(packed) >= opaque_bytes and len(set(packed)) > _HEX_DIGITS:
        raise UnscannableError(Code.UNKNOWN_FORM)
    return None


def _is_block(words: list[str]) -> bool:
    """Tell whether *words* are lines of one encoded block, or pairs of hexadecimal digits."""
    if len(words) == 1:
        return len(words[0]) >= _MIN_WHOLE and _WHOLE_BASE64.fullmatch(words[0]) is not None
    lengths = set(map(len, words[:-1]))
    if len(lengths) != 1 or not all(map(_WHOLE_BASE64.fullmatch, words)):
        return False
    length = lengths.pop()
    return length >= _MIN_WHOLE or (length == _PAIR and len(words) >= _MIN_WHOLE // _PAIR)


def decode_hex(text: str) -> bytes | None:
    """Return *text* decoded, or ``None`` if it is not hexadecimal."""
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        return None


def decode_base64(text: str) -> bytes | None:
    """Return *text* decoded, in either alphabet, padded or not; ``None`` if it is not base64."""
    bare = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return binascii.a2b_base64(bare + "=" * (-len(bare) % 4))
    except binascii.Error:
        return None


def has_document(line: str) -> bool:
    """Tell whether *line* has something long in it that base64 makes readable."""
    if len(line) < _LONG:
        return False
    bodies = (decode_base64(match.group()) for match in _LONG_BASE64.finditer(line))
    return any(body is not None and is_readable(body) for body in bodies)


def unescape(text: str) -> str:
    """Return *text* with escapes, entities and percent signs resolved where they stand."""
    if "\\" in text:
        text = _UNICODE.sub(lambda match: unescape_units(match.group()), text)
        text = _OCTAL.sub(lambda match: _octal(match.group()), text)
    if "u" in text and _BARE_PAIR.search(text):
        text = _BARE.sub(_other_units, text)
    if "U+" in text:
        text = _POINTS.sub(_other_units, text)
    if "&" in text:
        text = _ENTITY.sub(lambda match: without_marks(html.unescape(match.group())), text)
    if "%" in text:
        text = _PERCENT_UNITS.sub(_other_units, text)
        text = _PERCENT.sub(lambda match: _decoded(match, match.group()), text)
    if "=" in text:
        text = _WORD.sub(_words, text)
        text = _QUOTED.sub(lambda match: _decoded(match, match.group().replace("=", "%")), text)
    return text


def _other_units(match: re.Match[str]) -> str:
    """Return what units of another notation than a backslash's stand for."""
    numbers = (int(digits, 16) for digits in _OTHER_UNIT.findall(match.group()))
    text = "".join(chr(number) for number in numbers if number <= sys.maxunicode)
    return without_marks(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))


def _words(match: re.Match[str]) -> str:
    """Return the encoded words of a header, which may part a character, as they are read."""
    try:
        text = str(make_header(decode_header(match.group())))
    except (HeaderParseError, LookupError, ValueError):
        return match.group()
    return without_marks(text)


def _octal(run: str) -> str:
    """Return what bytes in octal stand for, or *run* if that is no text."""
    body = bytes(int(digits, 8) for digits in run.split("\\") if digits)
    if body.isascii():
        return run
    return next((text for name in ("utf-8", "gb18030") if (text := _text(body, name))), run)


def _text(body: bytes, charset: str) -> str | None:
    """Return *body* decoded as *charset*, or ``None`` if it is not that."""
    try:
        return without_marks(body.decode(charset))
    except UnicodeDecodeError:
        return None


def _decoded(match: re.Match[str], escaped: str) -> str:
    """Return what percent signs stand for, or the match if that is no text."""
    body = unquote_to_bytes(escaped)
    texts = (_text(body, name) for name in ("utf-8", "gb18030"))
    return next((text for text in texts if text is not None), match.group())


def unescape_units(text: str) -> str:
    r"""Return *text* with ``\uXXXX``, ``\u{X}`` and runs of ``\xXX`` resolved."""

    def one(match: re.Match[str]) -> str:
        number = int(match.group(match.lastindex or 0), 16)
        return chr(number) if number <= sys.maxunicode else match.group()

    out = _UNIT.sub(one, text)
    if _SURROGATES.search(out):
        out = out.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if "\\x" in text:
        out = _from_bytes(out)
    return without_marks(out)


def _from_bytes(text: str) -> str:
    """Return *text* whose characters are bytes, decoded; unchanged if they are not."""
    try:
        return text.encode("latin-1").decode()
    except ValueError:
        return text


def form_text(text: str) -> str | None:
    """Return the segments of a form in a URL's encoding, or ``None`` if it is not one.

    A form is one record, unless it has many fields and their names are numbered or come back.
    """
    if not _FORM.fullmatch(text):
        return None
    charset = "utf-8" if is_text(unquote_to_bytes(text)) else "gb18030"
    try:
        pairs = parse_qsl(
            text.strip(), keep_blank_values=True, encoding=charset, max_num_fields=10_000
        )
    except ValueError:
        raise UnscannableError(Code.TOO_MANY) from None
    # One pair may be no form at all: a padded token ends with such a sign.
    records: dict[str, list[str]] = {"": [text.strip()]} if len(pairs) == 1 else {}
    seen: Counter[str] = Counter()
    for name, value in pairs:
        number = _NUMBER.search(name)
        record = "" if len(pairs) <= _MAX_FORM else number.group() if number else str(seen[name])
        seen[name] += 1
        records.setdefault(record, []).extend(filter(None, (without_marks(value), name)))
    return ROW.join(CELL.join(map(without_marks, cells)) for cells in records.values())
