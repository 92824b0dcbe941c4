# SPDX-License-Identifier: Apache-2.0
"""What was obtained as XML, in the shape that JSON of the same would have.

A document type ends the reading, so there are no entities but the five of XML itself, and nothing
is ever fetched.
"""

from typing import Any, Final, Never
from xml.parsers import expat

from govshare_policy.errors import CallError

_MAX_DEPTH: Final = 64
_TEXT: Final = "text"


def tree_of(body: bytes) -> dict[str, Any]:
    """Return the XML document *body* as nested objects; an element that repeats is a list.

    An element without attributes and elements is its text. Attributes stand beside the elements
    within, and text between those under ``text``; where one name is given twice, all are there.

    Raises:
        CallError: If it is no such document in UTF-8, or is nested too deeply.
    """
    reader = _Reader()
    # Whatever it is told, expat takes what looks like UTF-16 for that.
    if b"\x00" in body:
        raise CallError("the data are not XML in UTF-8")
    try:
        reader.read(body)
    except expat.ExpatError:
        raise CallError("the data are not XML in UTF-8") from None
    return reader.root


class _Reader:
    def __init__(self) -> None:
        self.root: dict[str, Any] = {}
        # Owned by the callbacks: the open elements, the document itself first.
        self._open: list[dict[str, Any]] = [self.root]
        self._texts: list[list[str]] = [[]]

    def read(self, body: bytes) -> None:
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.XmlDeclHandler = _declared
        parser.StartDoctypeDeclHandler = _document_type
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.Parse(body, True)  # noqa: FBT003  expat's own signature

    def _start(self, _: str, attributes: dict[str, str]) -> None:
        if len(self._open) > _MAX_DEPTH:
            raise CallError("the data are nested too deeply")
        self._open.append(dict(attributes))
        self._texts.append([])

    def _end(self, name: str) -> None:
        element, text = self._open.pop(), "".join(self._texts.pop()).strip()
        if element and text:
            _put(element, _TEXT, text)
        _put(self._open[-1], name, element or text)

    def _text(self, text: str) -> None:
        self._texts[-1].append(text)


def _put(element: dict[str, Any], name: str, value: dict[str, Any] | str) -> None:
    if name not in element:
        element[name] = value
    elif isinstance(element[name], list):
        element[name].append(value)
    else:
        element[name] = [element[name], value]


def _declared(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() != "utf-8":
        raise CallError("the data declare another encoding than UTF-8")


def _document_type(*_: object) -> Never:
    raise CallError("the data have a document type")
