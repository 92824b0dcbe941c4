# SPDX-License-Identifier: Apache-2.0
"""What may be base64 or hexadecimal inside text: found by the kinds of its characters at once."""

from collections.abc import Iterator
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from govshare_policy.egress.reading.escapes import decode_base64, decode_hex
from govshare_policy.egress.reading.model import ROW, Budget, Code, UnscannableError
from govshare_policy.egress.reading.readable import is_readable

_PIECE: Final = 1 << 20
_BASE, _UPPER, _LOWER, _ALNUM, _OTHER, _PAD = 1, 2, 4, 8, 16, 32
_BEYOND: Final = 0x80
_MIN_BASE64: Final = 8
_MAX_PAD: Final = 2
_MIN_HEX: Final = 12
_PREFIX: Final = "0x"

_Ints = NDArray[np.int64]
_Marks = NDArray[np.uint8]


def encoded_runs(text: str, *, budget: Budget) -> Iterator[tuple[int, int, str, bytes]]:
    """Yield start, end, encoding and content of what is encoded inside *text*.

    Base64 is a run of its alphabet in which letters of both cases stand, hexadecimal a word of
    whole bytes.

    Raises:
        UnscannableError: If so much is encoded that is no known form that it might be anything.
    """
    for begin, piece in _pieces(text):
        codes = np.frombuffer(piece.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        # One more, which is none of them, so that every run has an end.
        marks = np.append(_table()[np.minimum(codes, _BEYOND)], np.uint8(0))
        for name, runs, decode in (
            ("base64", _base64(marks), decode_base64),
            ("hex", _hex(codes, marks), decode_hex),
        ):
            for start, end in runs:
                budget.tick()
                body = decode(piece[start:end])
                if body is None:
                    continue
                if is_readable(body):
                    yield begin + start, begin + end, name, body
                elif len(body) >= budget.limits.opaque_bytes:
                    raise UnscannableError(Code.UNKNOWN_FORM)


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Yield *text* in pieces that end between segments, and where each begins."""
    begin = 0
    while len(text) - begin > _PIECE:
        end = text.find(ROW, begin + _PIECE)
        if end < 0:
            break
        yield begin, text[begin:end]
        begin = end
    yield begin, text[begin:]


def _base64(marks: _Marks) -> list[tuple[int, int]]:
    """Return where the runs of base64 begin and end, padding included."""
    begins, ends, kinds = _runs(marks, _BASE, least=_MIN_BASE64)
    both = _UPPER | _LOWER
    chosen = ((kinds & both) == both) & ((marks[begins - 1] & _PAD) == 0)
    # Padding ends what it belongs to: neither a third sign nor a letter stands after it.
    begins, ends = begins[chosen], ends[chosen]
    last = marks.size - 1
    for _ in range(_MAX_PAD):
        ends = ends + ((marks[np.minimum(ends, last)] & _PAD) != 0)
    closed = (marks[np.minimum(ends, last)] & (_BASE | _PAD)) == 0
    return list(zip(begins[closed].tolist(), ends[closed].tolist(), strict=True))


def _hex(codes: NDArray[np.uint32], marks: _Marks) -> list[tuple[int, int]]:
    """Return where the words of hexadecimal begin and end."""
    begins, ends, kinds = _runs(marks, _ALNUM, least=_MIN_HEX)
    even = (ends - begins) % 2 == 0
    whole = even & ((kinds & _OTHER) == 0)
    spans = list(zip(begins[whole].tolist(), ends[whole].tolist(), strict=True))
    zero, sign = map(ord, _PREFIX)
    prefixed = even & (codes[begins] == zero) & (codes[begins + 1] == sign)
    prefixed &= ends - begins >= _MIN_HEX + len(_PREFIX)
    for start, end in zip(begins[prefixed].tolist(), ends[prefixed].tolist(), strict=True):
        if not (marks[start + len(_PREFIX) : end] & _OTHER).any():
            spans.append((start, end))
    return sorted(spans)


def _runs(marks: _Marks, kind: int, *, least: int) -> tuple[_Ints, _Ints, _Marks]:
    """Return begin, end and united marks of the runs of *kind* that are long enough."""
    inside = (marks & kind) != 0
    change = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    if inside[0]:
        change = np.append(0, change)
    begins, ends = change[::2], change[1::2]
    long = ends - begins >= least
    begins, ends = begins[long], ends[long]
    if not begins.size:
        return begins, ends, np.empty(0, dtype=np.uint8)
    bounds = np.stack((begins, ends), axis=1).ravel()
    return begins, ends, np.bitwise_or.reduceat(marks, bounds)[::2]


@cache
def _table() -> _Marks:
    """Return what each ASCII character is; all others are nothing."""
    table = np.zeros(_BEYOND + 1, dtype=np.uint8)
    for characters, mark in (
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", _BASE | _UPPER | _ALNUM),
        ("abcdefghijklmnopqrstuvwxyz", _BASE | _LOWER | _ALNUM),
        ("0123456789", _BASE | _ALNUM),
        ("+/_-", _BASE),
        ("=", _PAD),
        ("GHIJKLMNOPQRSTUVWXYZghijklmnopqrstuvwxyz", _OTHER),
    ):
        for character in characters:
            table[ord(character)] |= mark
    return table
