# SPDX-License-Identifier: Apache-2.0
"""The values in a call document, each parsed strictly: what comes out has its type and its form."""

import re
import unicodedata
from datetime import datetime
from typing import Final

from govshare_policy.errors import CallError

MAX_TEXT: Final = 256
MAX_FIELDS: Final = 512
MAX_PARTIES: Final = 16
YEARS: Final = range(1970, 3000)
ALL_FIELDS: Final = ("*",)
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)")
# One key: no list of them, no pattern, nothing that an API might read as several.
_ONE_SUBJECT: Final = re.compile(r"[^\s*?%,;|&]+")


def read_text(key: str, value: object) -> str:
    """Return *value* in normal form, a text of at most 256 characters and no control character.

    Raises:
        CallError: If it is none.
    """
    if not isinstance(value, str):
        raise CallError(f"`{key}` is a string")
    if len(value) > MAX_TEXT:
        raise CallError(f"`{key}` is at most {MAX_TEXT} characters")
    if value.isascii() and value.isprintable():
        return value  # then it holds no control character, and is its own normal form
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in value):
        raise CallError(f"`{key}` holds a control character")
    return unicodedata.normalize("NFC", value)


def read_flag(key: str, value: object) -> bool:
    """Return *value*, a truth value.

    Raises:
        CallError: If it is none.
    """
    if not isinstance(value, bool):
        raise CallError(f"`{key}` is true or false")
    return value


def read_fields(value: object) -> tuple[str, ...]:
    """Return the names of fields in the list *value*, each once; ``*`` stands alone.

    Raises:
        CallError: If it is no such list.
    """
    if not isinstance(value, list):
        raise CallError("`fields` is a list of field names")
    if len(value) > MAX_FIELDS:
        raise CallError(f"`fields` names at most {MAX_FIELDS} fields")
    names = tuple(read_text("fields[]", name) for name in value)
    if len(set(names)) != len(names):
        raise CallError("`fields` names a field twice")
    if "*" in names and names != ALL_FIELDS:
        raise CallError("`*` stands alone in `fields`")
    return names


def read_parties(key: str, value: object) -> tuple[str, ...]:
    """Return the parties in the list *value*, each once and none empty.

    Raises:
        CallError: If it is no such list.
    """
    if not isinstance(value, list):
        raise CallError(f"`{key}` is a list of departments and systems")
    if len(value) > MAX_PARTIES:
        raise CallError(f"`{key}` names at most {MAX_PARTIES} parties")
    names = tuple(read_text(f"{key}[]", name) for name in value)
    if "" in names or len(set(names)) != len(names):
        raise CallError(f"`{key}` names each party once, and none of them is empty")
    return names


def read_instant(value: object) -> datetime:
    """Return the instant that *value* states, with its offset.

    Raises:
        CallError: If it states none.
    """
    text = read_text("at", value)
    if not _INSTANT.fullmatch(text):
        raise CallError("`at` is an instant with an offset, such as 2026-01-05T09:30:00+08:00")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise CallError("`at` names a date or time that does not exist") from None
    # Time zones and periods are reckoned with it, and the calendar must not end on the way.
    if at.year not in YEARS:
        raise CallError(f"`at` is in a year from {YEARS.start} to {YEARS.stop - 1}")
    return at


def parse_subject(value: object) -> str:
    """Return the one subject that *value* names.

    Raises:
        CallError: If it names none, several, or whatever fits a pattern.
    """
    key = read_text("subject", value)
    if not _ONE_SUBJECT.fullmatch(key):
        raise CallError("`subject` is exactly one key: not empty, no list and no pattern")
    return key
