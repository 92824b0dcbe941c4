# SPDX-License-Identifier: Apache-2.0
"""Records that differ from each other in a few texts, spelled but for these.

Most of a decision record follows from who asks for what under which policy. What does so is
checked and spelled once; the id, the time and the commitments of each record are filled in.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Final, Self

from govshare_policy.audit.record import MAX_RECORD_BYTES, encode_record, is_key
from govshare_policy.errors import AuditError

_MARK_BYTES: Final = 16
# What is spelled as it stands, in the way of almost every text.
_PLAIN: Final = re.compile(r"[ !#-\[\]-~]*", re.ASCII)


class RecordForm:
    """The spelling of a record with blanks in it."""

    __slots__ = ("_names", "_parts")

    def __init__(self, parts: Sequence[bytes], names: Sequence[str]) -> None:
        """Take the spelling apart already; :meth:`of` takes it apart."""
        self._parts = tuple(parts)
        self._names = tuple(names)

    @classmethod
    def of(cls, record: Mapping[str, object], blanks: Sequence[tuple[str, ...]]) -> Self:
        """Return the form of *record*.

        Args:
            record: A whole one; what stands in its blanks does not matter.
            blanks: Where they are: the keys on the way to each, all of them of objects. A blank
                goes by its keys with dots between them.

        Raises:
            AuditError: If *record* has no canonical spelling, or there is no such member.
        """
        marks = {secrets.token_hex(_MARK_BYTES): keys for keys in blanks}
        marked: Mapping[str, object] = record
        for mark, keys in marks.items():
            marked = _with(marked, keys, mark)
        found = re.compile(b'"(' + b"|".join(mark.encode() for mark in marks) + b')"')
        parts = found.split(encode_record(marked))
        names = [".".join(marks[mark.decode()]) for mark in parts[1::2]]
        return cls(parts[::2], names)

    def fill(self, values: Mapping[str, str | Mapping[str, str]]) -> bytes:
        """Return the bytes that :func:`encode_record` gives to the record with *values* in it.

        Args:
            values: By the names of the blanks: texts, and objects of texts.

        Raises:
            AuditError: If one of them has no spelling, or the record is too long.
        """
        spelled = [self._parts[0]]
        # One value for each blank, in an object of its own, is spelled as it is in any other.
        for name, part in zip(self._names, self._parts[1:], strict=True):
            spelled += (_spelled(values[name]), part)
        data = b"".join(spelled)
        if len(data) > MAX_RECORD_BYTES:
            raise AuditError(f"the record has {len(data)} bytes, the most is {MAX_RECORD_BYTES}")
        return data


def _with(record: Mapping[str, object], keys: Sequence[str], value: str) -> dict[str, object]:
    """Return a copy of *record* with *value* at the end of *keys*."""
    key, *rest = keys
    if key not in record:
        raise AuditError(f"the record has no member `{key}`")
    inner = record[key]
    if not rest:
        return {**record, key: value}
    if not isinstance(inner, dict):
        raise AuditError(f"the member `{key}` of the record is no object")
    return {**record, key: _with(inner, rest, value)}


def _spelled(value: str | Mapping[str, str]) -> bytes:
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) is not None:
            return b'"%b"' % value.encode()
    elif _PLAIN.fullmatch("".join(value.values())) is not None and all(map(is_key, value)):
        members = [f'"{key}":"{value[key]}"' for key in sorted(value)]
        return b"{%b}" % ",".join(members).encode()
    # `{"v":` and `}` stand around it.
    return encode_record({"v": value if isinstance(value, str) else dict(value)})[5:-1]
