# SPDX-License-Identifier: Apache-2.0
"""Bytes to text, whatever character set the label names or hides."""

import codecs
import re
from typing import Final

from govshare_policy.egress.reading.garbled import regained
from govshare_policy.egress.reading.model import Budget

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SETS: Final = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "gb18030", "big5hkscs")
# Nearly every byte is a letter in it: the last to be tried.
_WESTERN: Final = "cp1252"
_SAMPLE_BYTES: Final = 1 << 16
_ORDINARY: Final = re.compile(
    r"[\t\n\r\f\x1b -~\u00a0-\u024f\u2000-\u206f\u2200-\u22ff\u2460-\u259f"
    r"\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]"
)
_COMMON: Final = re.compile(
    r"[\t\n\r -~\u3001\u3002\uff01-\uff5e]"
    r"|[的一是不了在人有我他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生省市县区路号男女]"
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
# Letters in seven bits: as valid ASCII they would pass for text that says nothing.
_SEVEN_BIT: Final = (
    ("hz", re.compile(r"~\{[!-w][!-~]")),
    ("iso2022_jp_2", re.compile(r"\x1b\$")),
    ("utf_7", re.compile(r"\+[A-Za-z0-9+/]{3,200}+(?![A-Za-z0-9+/=])")),
)
_MIN_ORDINARY: Final = 0.95
_CLOSE: Final = 0.02
_MAX_CONTROL: Final = 0.01


def decode_text(body: bytes, *, budget: Budget, label: str = "") -> tuple[str, ...]:
    """Return the text of *body*: two readings if two sets fit as well, or none."""
    for mark, name in _MARKS:
        if body.startswith(mark):
            body = body[len(mark) :]
            text = _try(body, name)
            if text is not None:
                return (text,)
            # Some tools put the mark in front of what they then do not convert.
            break
    text = _try(body, "utf-8")
    if text is not None and _is_plain(text):
        if (meant := regained(text)) is not None:
            budget.layers["garbled"] = None
            return (text, meant)
        return (text, *_seven_bit(body, text, budget=budget))
    names = _candidates(body, label) or [_WESTERN]
    for name in names:
        budget.layers[name] = None
    texts = [text for name in names if (text := _try(body, name)) is not None]
    return tuple(text for text in texts if _is_plain(text) and _is_ordinary(text))


def _seven_bit(body: bytes, text: str, *, budget: Budget) -> list[str]:
    """Return what ASCII *text* says in sets that write all letters in seven bits."""
    if not text.isascii():
        return []
    found = []
    for name, shape in _SEVEN_BIT:
        if shape.search(text) and (other := _try(body, name)) is not None:
            letters = [char for char in other[:_SAMPLE_BYTES] if not char.isascii()]
            if letters and _is_ordinary("".join(letters)):
                budget.layers[name] = None
                found.append(other)
    return found


def is_utf8(body: bytes) -> bool:
    """Tell whether *body* is UTF-8."""
    return _try(body, "utf-8") is not None


def is_text(body: bytes) -> bool:
    """Tell whether *body* is text in UTF-8 or one of the character sets known here."""
    text = _try(body, "utf-8")
    if text is not None:
        return _is_plain(text)
    texts = (_try(body, name) for name in _candidates(body, ""))
    return any(text is not None and _is_plain(text) for text in texts)


def _is_plain(text: str) -> bool:
    """Tell whether *text* has hardly any control characters."""
    return len(_CONTROL.findall(text[:_SAMPLE_BYTES])) <= _MAX_CONTROL * len(text[:_SAMPLE_BYTES])


def _is_ordinary(text: str) -> bool:
    """Tell whether *text* is of letters that are in use."""
    sample = text[:_SAMPLE_BYTES]
    return len(_ORDINARY.findall(sample)) >= _MIN_ORDINARY * len(sample)


def _try(body: bytes, name: str) -> str | None:
    """Return *body* decoded as *name*, or ``None`` if it is not that."""
    try:
        return body.decode(name)
    except (UnicodeDecodeError, LookupError):
        return None


def _candidates(body: bytes, label: str) -> list[str]:
    """Return the one or two character sets that fit *body* best."""
    sample = body[:_SAMPLE_BYTES]
    if len(body) > _SAMPLE_BYTES:
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    scores = []
    for name in dict.fromkeys((*_SETS, *_known(label))):
        # A sample may end inside a character; all else counts against the character set.
        text = sample.decode(name, errors="replace")
        if not text:
            continue
        ordinary = len(_ORDINARY.findall(text)) / len(text)
        if ordinary >= _MIN_ORDINARY:
            scores.append((ordinary + len(_COMMON.findall(text)) / len(text), name))
    scores.sort(reverse=True)
    return [name for score, name in scores[:2] if score >= scores[0][0] - _CLOSE]


def _known(label: str) -> tuple[str, ...]:
    """Return the codec for the *label* of a header, if there is one that makes text."""
    try:
        info = codecs.lookup(label) if label else None
    except LookupError:
        return ()
    return (info.name,) if info is not None and _makes_text(info.name) else ()


def _makes_text(name: str) -> bool:
    """Tell whether the codec *name* is for text: ``zlib`` and others are codecs too."""
    try:
        "".encode(name)
    except LookupError:
        return False
    return True
