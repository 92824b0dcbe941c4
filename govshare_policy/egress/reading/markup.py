# SPDX-License-Identifier: Apache-2.0
"""XML to a tree, and HTML to tables and lines. No entity is ever defined, expanded or fetched."""

import html
import re
from collections import Counter
from typing import Final
from xml.parsers import expat

from govshare_policy.egress.reading.escapes import unescape
from govshare_policy.egress.reading.lines import lines_text
from govshare_policy.egress.reading.model import (
    CELL,
    ROW,
    Budget,
    Code,
    UnscannableError,
    join_rows,
    without_marks,
)
from govshare_policy.egress.reading.tables import table_text
from govshare_policy.egress.reading.tree import Node, windows_of

_FEED_CHARS: Final = 1 << 20
_TAG: Final = re.compile(r"<(/?)([A-Za-z][\w:.-]*)([^<>]*)>")
_DECLARATION: Final = re.compile(r"<[!?][^<>]*+>")
_ATTRIBUTE: Final = re.compile(r"""([\w:.@-]+)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'<>]++))""")
_MUTE: Final = frozenset(
    {"class", "style", "rel", "width", "height", "colspan", "rowspan", "align"}
)
_DATA: Final = re.compile(r"\d{6}|[^\x00-\x7f]")
_INLINE: Final = frozenset(
    {
        "a",
        "b",
        "i",
        "u",
        "em",
        "strong",
        "font",
        "mark",
        "sup",
        "sub",
        "small",
        "wbr",
        "bdi",
        "code",
    }
)
_BLOCKS: Final = frozenset({"form", "fieldset", "dl", "ul", "ol", "article", "section", "hr"})
_TABLE_TAG: Final = re.compile(
    r"<(?:html|body|table|tr|td|div|p|li|form|input|span|!doctype html)\b", re.IGNORECASE
)


def is_html(text: str) -> bool:
    """Tell whether *text* has tags of HTML in its first part."""
    return _TABLE_TAG.search(text, 0, 1 << 14) is not None


def has_tags(text: str) -> bool:
    """Tell whether *text* has a tag of any kind."""
    return _TAG.search(text) is not None


class _Builder:
    """Builds the tree of one document. Owns its stack: name, pairs, pieces of text."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._stack: list[tuple[str, list[tuple[str, Node]], list[str]]] = [("", [], [])]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Open an element."""
        if len(self._stack) > self._budget.limits.nesting:
            raise UnscannableError(Code.TOO_DEEP)
        self._stack.append((name, list(attributes.items()), []))

    def end(self, _name: str) -> None:
        """Close an element."""
        name, pairs, pieces = self._stack.pop()
        self._stack[-1][1].append((name, _close(pairs, pieces)))

    def text(self, data: str) -> None:
        """Add text."""
        self._stack[-1][2].append(data)

    def comment(self, data: str) -> None:
        """Add a comment as one more field."""
        self._stack[-1][1].append(("#comment", data))

    def instruction(self, target: str, data: str) -> None:
        """Add a processing instruction as one more field."""
        self._stack[-1][1].append((target, data))

    def root(self) -> Node:
        """Return the tree."""
        _, pairs, pieces = self._stack[0]
        return _close(pairs, pieces)


def _close(pairs: list[tuple[str, Node]], pieces: list[str]) -> Node:
    """Return the node of an element; objects that share a name become a list."""
    text = "".join(pieces).strip()
    if not pairs:
        return text
    if text:
        pairs.append(("#text", text))
    counts = Counter(name for name, value in pairs if isinstance(value, tuple))
    if all(count == 1 for count in counts.values()):
        return tuple(pairs)
    lists: dict[str, list[Node]] = {}
    merged: list[tuple[str, Node]] = []
    for name, value in pairs:
        if isinstance(value, tuple) and counts[name] > 1:
            if name not in lists:
                merged.append((name, lists.setdefault(name, [])))
            lists[name].append(value)
        else:
            merged.append((name, value))
    return tuple(merged)


def refuse_entity(*_arguments: object) -> None:
    """Refuse a document that defines entities."""
    raise UnscannableError(Code.MALFORMED)


def new_parser() -> expat.XMLParserType:
    """Return a parser that refuses entities."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.EntityDeclHandler = refuse_entity
    return parser


def feed(parser: expat.XMLParserType, text: str, *, budget: Budget) -> None:
    """Parse *text* in pieces, with an eye on the time.

    Raises:
        expat.ExpatError: If it is not XML.
    """
    for start in range(0, len(text), _FEED_CHARS):
        parser.Parse(text[start : start + _FEED_CHARS], False)  # noqa: FBT003 - takes no keyword
        budget.tick()
    parser.Parse("", True)  # noqa: FBT003


def parse_xml(text: str, *, budget: Budget) -> Node:
    """Return the tree of *text*.

    Raises:
        expat.ExpatError: If it is not XML.
        UnscannableError: If it defines entities or is nested too deep.
    """
    builder = _Builder(budget)
    parser = new_parser()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.CommentHandler = builder.comment
    parser.ProcessingInstructionHandler = builder.instruction
    try:
        feed(parser, text.lstrip(), budget=budget)
    except UnscannableError as error:
        if error.code is not Code.TOO_DEEP:
            raise
        # Elements that nobody closes are not deep, but no XML: a parser that builds nothing knows.
        feed(new_parser(), text.lstrip(), budget=budget)
        raise
    return builder.root()


def flat_text(text: str, *, budget: Budget) -> str:
    """Return the segments of XML that is no table or tree of records: all it says, in order.

    Raises:
        expat.ExpatError: If it is not XML.
        UnscannableError: If it defines entities.
    """
    cells: list[str] = []
    parser = new_parser()
    parser.StartElementHandler = lambda _, attributes: cells.extend(attributes.values())
    parser.CharacterDataHandler = cells.append
    parser.CommentHandler = cells.append
    parser.ProcessingInstructionHandler = lambda target, data: cells.extend((target, data))
    feed(parser, text.lstrip(), budget=budget)
    filled = [without_marks(cell) for cell in cells if cell.strip()]
    return ROW.join(CELL.join(part) for part in windows_of(filled))


def html_text(text: str, *, budget: Budget) -> str:
    """Return the segments of HTML, or of anything else with tags in it."""
    if "<pre" not in text:
        text = text.replace("\r", " ").replace("\n", " ")
    text = text.replace("<!--", "\n").replace("-->", "\n")
    pieces = _TAG.split(_DECLARATION.sub("\n", text))
    budget.tick()
    out = [pieces[0]]
    in_row = False
    for index in range(1, len(pieces), 4):
        slash, name, attributes, after = pieces[index : index + 4]
        tag = name.lower().rpartition(":")[2]
        if tag == "tr":
            in_row = not slash
            out.append("\n")
        elif in_row and tag in {"td", "th"}:
            out.append(CELL)
        elif tag in _BLOCKS and not in_row:
            out.append("\n\f\n")
        elif tag not in _INLINE:
            out.append(" " if in_row else "\n")
        if "=" in attributes:
            end = CELL if in_row else "\n"
            out.extend(f"{value}{end}" for value in _values(attributes))
        out.append(after)
    return _lay_out(html.unescape("".join(out)).split("\n"))


def _values(attributes: str) -> list[str]:
    """Return the attribute values that may be data."""
    found = _ATTRIBUTE.findall(attributes)
    values = [
        value
        for name, *values in found
        if (value := "".join(values)) and (name.lower() not in _MUTE or _DATA.search(value))
    ]
    # A quotation mark too many, and what follows is no attribute any more.
    rest = _ATTRIBUTE.sub(" ", attributes)
    values += [rest.strip(" /")] if _DATA.search(rest) else []
    # A document in a link is nothing in pieces.
    return [unescape(value) if value.startswith("data:") else value for value in values]


def _lay_out(lines: list[str]) -> str:
    """Return the segments of lines, those with cells as tables."""
    parts: list[str] = []
    prose: list[str] = []
    table: list[list[str]] = []
    for line in lines:
        cells = [cell.strip() for cell in line.split(CELL)]
        if len(cells) > 1:
            table.append([cell for cell in cells[1:] if cell] if not cells[0] else cells)
        elif cells[0] or "\f" in line:
            prose.append(cells[0])
            if table and cells[0]:
                parts.append(table_text(table))
                table = []
    if table:
        parts.append(table_text(table))
    return join_rows([*parts, lines_text("\n".join(prose))])
