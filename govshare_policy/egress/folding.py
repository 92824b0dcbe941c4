# SPDX-License-Identifier: Apache-2.0
"""One way of writing for whole documents: width, case, script and invisible characters.

What is done a character at a time is one table of the size of Unicode, applied by numpy.
U+001E and U+001F, which part segments and cells, come through untouched.

Source:
    UAX 15 (NFKC), UAX 44; the character tables of OpenCC.
"""

import sys
import unicodedata
from functools import cache
from typing import Final

import numpy as np
import opencc
from numpy.typing import NDArray

from govshare_policy.crypto import sm3

_CJK: Final = ((0x2E80, 0x2FE0), (0x3400, 0xA000), (0xF900, 0xFB00), (0x20000, 0x32400))
# Simplified as on the mainland, and the variants of Taiwan and Hong Kong that it leaves alone.
_SCHEMES: Final = ("t2s", "tw2s", "hk2s")
_DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2e3a\u2e3b\u30a0"
_DOTS: Final = "\u2022\u2027\u22c5\u30fb\u2e31\u2e33\u0387\u16eb"
# Filtered out of the text; no character has this number.
_GONE: Final = 0xFFFFFFFF
# Sorting marks into order takes the square of their number, so long runs are cut beforehand.
_MAX_MARKS: Final = 8
_ROUNDS: Final = 4
# Below this a look at each character costs less than a call into numpy.
_SHORT: Final = 200
# Blocks of ordinary text, besides Chinese characters: most of it stands for itself alone.
_ORDINARY: Final = ((0x00, 0x180), (0x2010, 0x2060), (0x3000, 0x3030), (0xFF01, 0xFF5F))
_HAN: Final = (0x4E00, 0xA000)


def fold(text: str) -> str:
    """Return *text* in its one way of writing, which is the same for a part and for the whole.

    NFKC, case folded, simplified characters, ASCII digits and dashes, nothing invisible. Folding
    twice changes nothing more.
    """
    if text.isascii():
        return text.lower()
    if len(text) < _SHORT and _stable().issuperset(text):
        return text
    alone = _alone()[_codes(text)]
    if int(alone.max()) != _GONE:
        return alone.tobytes().decode("utf-32-le", "surrogatepass")
    return _fold_fully(text)


@cache
def fold_id() -> bytes:
    """Return what tells this way of folding from any other; 8 bytes.

    Tags that were made under another one are not found, so an index refuses to be read.
    """
    return sm3(unicodedata.unidata_version.encode() + _table().tobytes())[:8]


@cache
def _stable() -> frozenset[str]:
    """Return the characters of Chinese text that stay as they are, wherever they stand."""
    table = _table()
    same = (code for code in range(0x4E00, 0xA000) if table[code] == code)
    return frozenset(map(chr, same)) | {chr(code) for code in range(0x80) if not 65 <= code <= 90}  # noqa: PLR2004


@cache
def _alone() -> NDArray[np.uint32]:
    """Return what each character becomes that becomes one, the same whatever stands beside it.

    All others are :data:`_GONE`.
    """
    table = _table()
    alone = np.full(table.size, _GONE, dtype=np.uint32)
    han = np.arange(*_HAN, dtype=np.uint32)
    becomes = table[han]
    fixed = (becomes >= _HAN[0]) & (becomes < _HAN[1])
    fixed[fixed] = table[becomes[fixed]] == becomes[fixed]
    alone[han[fixed]] = becomes[fixed]
    for code in (code for span in _ORDINARY for code in range(*span)):
        folded = _fold_fully(chr(code))
        if _is_starter(folded):
            alone[code] = ord(folded)
    return alone


def _is_starter(folded: str) -> bool:
    """Return whether *folded* is one character that combines with none before it."""
    return len(folded) == 1 and unicodedata.combining(folded) == 0


def _fold_fully(text: str) -> str:
    for _ in range(_ROUNDS):
        folded = _fold_once(text)
        if folded == text:
            break
        text = folded
    return text


def _fold_once(text: str) -> str:
    text = _without_long_marks(text)
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)
    mapped = _table()[_codes(text.casefold())]
    if (gone := mapped == _GONE).any():
        mapped = mapped[~gone]
    return mapped.tobytes().decode("utf-32-le", "surrogatepass")


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def _without_long_marks(text: str) -> str:
    """Return *text* with at most eight combining marks in a row."""
    codes = _codes(text)
    marks = _marks()[codes]
    if int(marks.sum()) <= _MAX_MARKS:
        return text
    run = marks.copy()
    for back in range(1, _MAX_MARKS + 1):
        run[back:] &= marks[:-back]
        run[:back] = False
    return codes[~run].tobytes().decode("utf-32-le", "surrogatepass") if run.any() else text


@cache
def _marks() -> NDArray[np.bool_]:
    """Return for each character whether it is a combining mark once it is decomposed."""
    marks = np.zeros(sys.maxunicode + 1, dtype=bool)
    for code in range(0x300, 0x20000):
        parts = unicodedata.normalize("NFKD", chr(code)) if not _plain(code) else ""
        marks[code] = bool(parts) and unicodedata.combining(parts[0]) != 0
    return marks


def _plain(code: int) -> bool:
    """Return whether *code* is in a large block of characters that combine with nothing."""
    return 0x3400 <= code < 0xA000 or 0xAC00 <= code < 0xF900 or code >= 0x20000  # noqa: PLR2004


@cache
def _table() -> NDArray[np.uint32]:
    """Return what each character becomes after NFKC and case folding."""
    table = np.arange(sys.maxunicode + 1, dtype=np.uint32)
    for code in range(0x80, 0x20000):
        if _plain(code):
            continue
        character = chr(code)
        kind = unicodedata.category(character)
        if kind == "Nd":
            table[code] = ord("0") + unicodedata.digit(character)
        elif kind in {"Cf", "Mn", "Me"} and (kind == "Cf" or unicodedata.combining(character)):
            table[code] = _GONE
    table[0xFE00:0xFE10] = table[0xE0000:0xE01F0] = table[0x034F] = table[0x3164] = _GONE
    for replaced, by in ((_DASHES, "-"), (_DOTS, "·")):
        table[_codes(replaced)] = ord(by)
    _simplify(table)
    return table


def _simplify(table: NDArray[np.uint32]) -> None:
    """Let every variant of a Chinese character become one of them."""
    codes = np.concatenate([np.arange(*span, dtype=np.uint32) for span in _CJK])
    # A line each: phrases are not looked at, because a cut piece of text would not have them.
    lines = "\n".join(map(chr, codes.tolist()))
    for scheme in _SCHEMES:
        simple = opencc.OpenCC(scheme).convert(lines).split("\n")
        step = np.arange(table.size, dtype=np.uint32)
        step[codes] = [
            ord(new) if len(new) == 1 else old for new, old in zip(simple, codes, strict=True)
        ]
        kept = table != _GONE
        table[kept] = step[table[kept]]
