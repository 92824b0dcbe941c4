# SPDX-License-Identifier: Apache-2.0
"""The bytes of a record: one JSON object in one possible spelling.

The stored bytes are the leaf input, so nobody ever has to serialise a record again to check it.
The profile is RFC 8785 (JCS) without the parts on which implementations differ: no floats, no
nulls, no keys that sort differently in UTF-8 and UTF-16.
"""

import json
import os
import re
import unicodedata
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from govshare_policy.errors import AuditError, VerificationError

MAX_RECORD_BYTES: Final = 60 * 1024
MIN_RECORD_BYTES: Final = 2
MAX_DEPTH: Final = 16
_MAX_INT: Final = 2**53 - 1
_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# No object is within itself: how deep a record may nest is looked at first.
_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False
)


# Random bytes to come, drawn for many ids at once: each draw lets other threads go first, and a
# loop that makes thousands of ids would wait for them as often. A forked process draws its own.
_ID_BYTES: Final = 10
_DRAWN: Final = 256
_random: Final[deque[bytes]] = deque()
os.register_at_fork(after_in_child=_random.clear)


def encode_record(record: Mapping[str, object]) -> bytes:
    """Return the canonical bytes of *record*; 2 to 61,440 bytes.

    Raises:
        AuditError: If *record* is outside the profile. The message names the path of the key, and
            never the value.

    Source:
        RFC 8785, restricted as docs/spec/audit-log.md, "Records", says.
    """
    # One look that says no more than yes is enough for almost every record. Whatever it does not
    # know goes through the whole check, which has the last word and names the place.
    if not (all(map(is_key, record)) and _is_plain(record.values(), depth=1)):
        _check_object(record, path="", depth=1)
    text = _ENCODER.encode(dict(record))
    if not (text.isascii() or _is_normal(text)):
        _check_object(record, path="", depth=1)
    data = text.encode()
    if len(data) > MAX_RECORD_BYTES:
        raise AuditError(f"the record has {len(data)} bytes, the most is {MAX_RECORD_BYTES}")
    return data


def parse_record(data: bytes) -> dict[str, Any]:
    """Return the record that :func:`encode_record` spells as *data*, byte for byte.

    Raises:
        VerificationError: If *data* is not the canonical spelling of a record.
    """
    if len(data) > MAX_RECORD_BYTES:
        raise VerificationError(f"the record is longer than {MAX_RECORD_BYTES} bytes")
    try:
        record = json.loads(data.decode())
    except (ValueError, RecursionError):
        # The cause would quote the bytes of the record.
        raise VerificationError("the record is not json") from None
    if not isinstance(record, dict):
        raise VerificationError("the record is not a json object")
    try:
        spelling = encode_record(record)
    except AuditError as error:
        raise VerificationError(str(error)) from None
    # Duplicate keys, spaces, other escapes and the like cannot survive this comparison.
    if spelling != data:
        raise VerificationError("the record is not in its canonical spelling")
    return record


def format_time(at: datetime) -> str:
    """Return the instant *at* as records write it: UTC, microseconds, ``Z``; 27 characters."""
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    text = at.astimezone(UTC).isoformat(timespec="microseconds")
    return f"{text.removesuffix('+00:00')}Z"


def new_record_id(at: datetime) -> str:
    """Return a fresh UUIDv7 for a record made at *at*; 36 characters.

    Source:
        RFC 9562 §5.7.
    """
    millis = int(at.timestamp() * 1000) & (2**48 - 1)
    random = int.from_bytes(_draw())
    value = millis << 80 | 7 << 76 | (random >> 68) << 64 | 2 << 62 | random & (2**62 - 1)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _draw() -> bytes:
    """Return random bytes that nobody else gets, whichever thread asks."""
    while True:
        try:
            return _random.popleft()
        except IndexError:
            drawn = os.urandom(_ID_BYTES * _DRAWN)
            _random.extend(drawn[at : at + _ID_BYTES] for at in range(0, len(drawn), _ID_BYTES))


@lru_cache(maxsize=1024)
def is_key(key: object) -> bool:
    """Tell whether *key* may name a member of a record."""
    return isinstance(key, str) and _KEY.fullmatch(key) is not None


def _is_plain(members: Iterable[object], *, depth: int) -> bool:
    """Tell whether *members* hold nothing but what has a spelling, texts aside."""
    for member in members:
        kind = type(member)
        if kind is str or kind is bool:
            continue
        if isinstance(member, int):
            if not -_MAX_INT <= member <= _MAX_INT:
                return False
        elif depth == MAX_DEPTH:
            return False
        elif isinstance(member, dict):
            if not (all(map(is_key, member)) and _is_plain(member.values(), depth=depth + 1)):
                return False
        elif not (isinstance(member, list) and _is_plain(member, depth=depth + 1)):
            return False
    return True


def _is_normal(text: str) -> bool:
    """Tell whether every text in the spelling *text* is in normal form C, and whole.

    Each stands between quotes, which combine with nothing, so what is wrong with one of them is
    wrong with all of it. (The letter of an escape may combine with what follows it: then this
    says no to a text that is right.)
    """
    return unicodedata.is_normalized("NFC", text) and _SURROGATE.search(text) is None


def _check_object(value: Mapping[Any, object], *, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise AuditError(f"the record nests deeper than {MAX_DEPTH} levels at `{path}`")
    for key, member in value.items():
        if not isinstance(key, str) or _KEY.fullmatch(key) is None:
            raise AuditError(f"a key under `{path or '.'}` is not lower_snake ascii")
        _check_value(member, path=f"{path}.{key}" if path else key, depth=depth)


def _check_value(value: object, *, path: str, depth: int) -> None:
    if isinstance(value, str):
        _check_text(value, path=path)
    elif isinstance(value, int):
        if not -_MAX_INT <= value <= _MAX_INT:
            raise AuditError(f"the integer at `{path}` does not fit in 53 bits")
    elif isinstance(value, dict):
        _check_object(value, path=path, depth=depth + 1)
    elif isinstance(value, list | tuple):
        if depth >= MAX_DEPTH:
            raise AuditError(f"the record nests deeper than {MAX_DEPTH} levels at `{path}`")
        for index, member in enumerate(value):
            _check_value(member, path=f"{path}[{index}]", depth=depth + 1)
    else:
        kind = type(value).__name__
        raise AuditError(f"the value at `{path}` is of type `{kind}`, which has no spelling")


def _check_text(value: str, *, path: str) -> None:
    if value.isascii():
        return
    if not unicodedata.is_normalized("NFC", value):
        raise AuditError(f"the text at `{path}` is not in normal form C")
    if _SURROGATE.search(value):
        raise AuditError(f"the text at `{path}` holds half a surrogate pair")
