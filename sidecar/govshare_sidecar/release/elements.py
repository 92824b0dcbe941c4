# SPDX-License-Identifier: Apache-2.0
"""The release of exactly the granted elements out of XML.

What leaves is written anew while expat reads: the elements on the path to the records, the
records, and in them the elements and attributes that are released fields, whole. Comments,
processing instructions and everything else stay. A document type ends the reading, so there are
no entities but the five of XML itself, and nothing is ever fetched.
"""

from collections.abc import Collection, Mapping, Sequence
from html import escape
from typing import Final, Never
from xml.parsers import expat

from govshare_policy.crypto import sm3
from govshare_sidecar.release.released import MAX_DEPTH, Released
from govshare_sidecar.upstream import Fault, UpstreamError

_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
# What a reader would turn into something else if it stood there as it is.
_IN_TEXT: Final = str.maketrans({"\r": "&#13;"})
_IN_ATTRIBUTE: Final = str.maketrans({"\r": "&#13;", "\n": "&#10;", "\t": "&#9;"})


def release_elements(body: bytes, fields: Collection[str], *, records: Sequence[str]) -> Released:
    """Return *body* with nothing in it but *fields* of the elements at *records*.

    Args:
        body: An XML document in UTF-8 without namespaces.
        fields: Names of elements and attributes of the records; one that is there several times
            leaves as often.
        records: Names from the root element to the records, at least one; all but the last stand
            there once.

    Raises:
        UpstreamError: If it is no such document. Nothing of it may leave.
    """
    reader = _Reader(frozenset(fields), tuple(records))
    # Whatever it is told, expat takes what looks like UTF-16 for that.
    if b"\x00" in body:
        raise _unreadable("is not XML in UTF-8")
    try:
        reader.read(body)
    except expat.ExpatError:
        raise _unreadable("is not XML in UTF-8") from None
    built = reader.built()
    return Released(body=built, rows=reader.rows, digest=sm3(built))


class _Reader:
    """Reads one document and writes the other."""

    def __init__(self, fields: frozenset[str], records: tuple[str, ...]) -> None:
        self.rows = 0
        self._fields = fields
        self._records = records
        self._written = [_HEAD]
        # Owned by the callbacks: names of the open elements, and how many of them, from the root,
        # are on the path; within a released field everything is written.
        self._open: list[str] = []
        self._on_path = 0
        self._released_at = 0
        self._seen: set[int] = set()

    def read(self, body: bytes) -> None:
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.XmlDeclHandler = _declared
        parser.StartDoctypeDeclHandler = _document_type
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.Parse(body, True)  # noqa: FBT003  expat's own signature

    def built(self) -> bytes:
        """Return what was written.

        Raises:
            UpstreamError: If the way to the records was not all there.
        """
        if len(self._seen) < len(self._records) - 1:
            raise _unreadable("has no records where they belong")
        return "".join(self._written).encode()

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        _verify_plain(name, attributes)
        depth = len(self._open) + 1
        if depth > MAX_DEPTH:
            raise _unreadable(f"is nested deeper than {MAX_DEPTH} levels")
        self._open.append(name)
        if self._released_at:
            self._write(name, attributes)
        elif self._on_path < depth - 1:
            return  # inside an element that stays
        elif depth <= len(self._records):
            self._step(name, attributes, depth)
        elif name in self._fields:
            self._released_at = depth
            self._write(name, attributes)

    def _step(self, name: str, attributes: Mapping[str, str], depth: int) -> None:
        """Take one step on the path, or leave an element beside it out."""
        if name != self._records[depth - 1]:
            if depth == 1:
                raise _unreadable("has another root element than the route says")
            return
        self._on_path = depth
        if depth == len(self._records):
            self.rows += 1
            self._write(name, {key: attributes[key] for key in attributes if key in self._fields})
            return
        if depth in self._seen:
            raise _unreadable("has two places where the records may be")
        self._seen.add(depth)
        self._write(name, {})

    def _end(self, name: str) -> None:
        depth = len(self._open)
        self._open.pop()
        if self._released_at or self._on_path == depth:
            self._written.append(f"</{name}>")
        if self._released_at == depth:
            self._released_at = 0
        elif self._on_path == depth:
            self._on_path -= 1

    def _text(self, text: str) -> None:
        if self._released_at:
            self._written.append(escape(text).translate(_IN_TEXT))
        elif self._on_path == len(self._open) and text.strip(" \t\r\n"):
            raise _unreadable("has text where records or their fields belong")

    def _write(self, name: str, attributes: Mapping[str, str]) -> None:
        more = "".join(
            f' {key}="{escape(value).translate(_IN_ATTRIBUTE)}"'
            for key, value in attributes.items()
        )
        self._written.append(f"<{name}{more}>")


def _verify_plain(name: str, attributes: Mapping[str, str]) -> None:
    # The same name may mean two things under two namespaces, and two names the same.
    if ":" in name or any(":" in key or key == "xmlns" for key in attributes):
        raise _unreadable("uses namespaces")


def _declared(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() != "utf-8":
        raise _unreadable("declares another encoding than UTF-8")


def _document_type(*_: object) -> Never:
    raise _unreadable("has a document type")


def _unreadable(complaint: str) -> UpstreamError:
    return UpstreamError(Fault.UNREADABLE, f"the department's answer {complaint}")
