# SPDX-License-Identifier: Apache-2.0
"""One body, from bytes to segments: every layer and every form, until only cells are left."""

import re
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from xml.parsers import expat

from govshare_policy.egress.reading.alphabets import layer_of
from govshare_policy.egress.reading.archives import (
    is_tar,
    is_zip,
    names_of,
    tar_members,
    zip_members,
)
from govshare_policy.egress.reading.blocks import blocks_of
from govshare_policy.egress.reading.charset import decode_text, is_utf8
from govshare_policy.egress.reading.encoded import encoded_runs
from govshare_policy.egress.reading.escapes import form_text, unescape
from govshare_policy.egress.reading.forms import is_rich_text, refuse_unreadable
from govshare_policy.egress.reading.inlays import NESTED, as_inline, inlaid, unescape_around
from govshare_policy.egress.reading.joins import joined_text
from govshare_policy.egress.reading.lines import lines_text
from govshare_policy.egress.reading.mail import is_message, parts_of
from govshare_policy.egress.reading.markup import has_tags, html_text, is_html, parse_xml
from govshare_policy.egress.reading.model import (
    CELL,
    ROW,
    Budget,
    Code,
    Limits,
    Reading,
    UnscannableError,
    join_rows,
    without_marks,
)
from govshare_policy.egress.reading.office import (
    aside_text,
    body_text,
    frame_text,
    is_body,
    part_text,
)
from govshare_policy.egress.reading.packed import is_zlib, packing_of, unpack, unpack_bare
from govshare_policy.egress.reading.plain import plain_text
from govshare_policy.egress.reading.readable import is_meant
from govshare_policy.egress.reading.rich import rich_text
from govshare_policy.egress.reading.sheets import SHARED, is_sheet, sheet_texts
from govshare_policy.egress.reading.tree import json_text, parse_json, tree_text

_DEFAULT: Final = Limits()
_BY_CHANCE: Final = frozenset({Code.MALFORMED, Code.UNKNOWN_FORM})
_HAS_FIELDS: Final = re.compile(r"[\",:]")
_FOLDED: Final = re.compile(r"\r?\n[ \t]")


def read(
    body: bytes,
    *,
    content_type: str = "",
    name: str = "",
    limits: Limits = _DEFAULT,
    clock: Callable[[], float] = time.monotonic,
) -> Reading:
    """Read *body*, whatever its labels say it is.

    Args:
        body: What is about to leave.
        content_type: The header, if there was one. A hint only.
        name: Of the file, if it has one; read like the rest.
        limits: What it may cost.
        clock: Seconds that only grow.

    Raises:
        UnscannableError: If any part of it cannot be read. Then nothing of it may pass.
    """
    if len(body) > limits.body_bytes:
        raise UnscannableError(Code.TOO_LARGE)
    budget = Budget(limits=limits, clock=clock, started_s=clock())
    reader = _Reader(budget=budget)
    try:
        text = join_rows([reader.bytes_text(body, depth=0, label=content_type), reader.name(name)])
    except (RecursionError, MemoryError):
        raise UnscannableError(Code.TOO_DEEP) from None
    return Reading(text=text, layers=tuple(budget.layers))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Reads one body; layers call back into it."""

    budget: Budget

    def name(self, name: str) -> str:
        """Return the segment of a file's name."""
        return lines_text(without_marks(name)) if name else ""

    def bytes_text(self, body: bytes, *, depth: int, label: str = "") -> str:
        """Return the segments of *body*."""
        if packing := packing_of(body):
            depth = self.budget.enter(packing, depth=depth)
            return self.bytes_text(unpack(body, budget=self.budget), depth=depth)
        if is_zip(body):
            return self._zip(body, depth=depth)
        if is_tar(body):
            depth = self.budget.enter("tar", depth=depth)
            return self._members(tar_members(body, budget=self.budget), depth=depth)
        refuse_unreadable(body)
        if is_rich_text(body):
            depth = self.budget.enter("rtf", depth=depth)
            found = rich_text(body, budget=self.budget)
            return self.budget.take(self._open_cells(found, depth=depth))
        if is_message(body, label):
            return self._message(body, label, depth=depth)
        return self._bare(body, depth=depth, label=label) if body.strip() else ""

    def _bare(self, body: bytes, *, depth: int, label: str) -> str:
        """Return the segments of *body*, which begins like text, or like nothing known."""
        charset = label.lower().rpartition("charset=")[2].strip("\"' ;") if "=" in label else ""
        texts = (
            ()
            if is_zlib(body) and not is_utf8(body)
            else decode_text(body, budget=self.budget, label=charset)
        )
        if texts:
            return join_rows(self.text_text(text, depth=depth) for text in texts)
        bare = unpack_bare(body, budget=self.budget)
        if bare is None:
            raise UnscannableError(Code.UNKNOWN_FORM)
        depth = self.budget.enter(bare[0], depth=depth)
        return self.bytes_text(bare[1], depth=depth)

    def text_text(self, text: str, *, depth: int) -> str:
        """Return the segments of *text*."""
        text = without_marks(text)
        if layer := layer_of(text, opaque_bytes=self.budget.limits.opaque_bytes):
            found = self._decoded(*layer, depth=depth)
            if found is not None and len(text) >= self.budget.limits.opaque_bytes:
                return found
            # A digest or a code may be all there is, and decode by chance.
            return join_rows([found or "", self._plain(text, depth=depth)])
        return self._plain(text, depth=depth)

    def _plain(self, text: str, *, depth: int) -> str:
        """Return the segments of *text* that is no encoding as a whole."""
        blocks: list[str] = []
        if (found := self._tree(text)) is None:
            text = self._without_blocks(text, blocks, depth=depth)
            found = self._form(text)
        opened = self._open_cells(found, depth=depth, source=text)
        return join_rows([self.budget.take(opened), *blocks])

    def _decoded(self, name: str, body: bytes, *, depth: int) -> str | None:
        """Return the segments of what text was decoded to, or ``None`` if that was by chance.

        Digests and tokens decode too, and now and then begin like something.
        """
        depth = self.budget.enter(name, depth=depth)
        self.budget.expand(len(body))
        try:
            return self.bytes_text(body, depth=depth)
        except UnscannableError as error:
            is_small = len(body) < self.budget.limits.opaque_bytes
            if error.code in _BY_CHANCE and is_small and not is_meant(body):
                return None
            raise

    def _without_blocks(self, text: str, segments: list[str], *, depth: int) -> str:
        """Return *text* without the encoded blocks in it, whose *segments* grow."""
        rest, at = list[str](), 0
        for start, end, name, body in sorted(blocks_of(text, budget=self.budget)):
            found = self._decoded(name, body, depth=depth)
            if found is not None and start >= at:
                segments.append(found)
                rest.append(text[at:start])
                at = end
        return "".join([*rest, text[at:]])

    def _tree(self, text: str) -> str | None:
        """Return the segments of JSON or XML, or ``None`` if *text* is neither."""
        if (head := text.lstrip("\ufeff \t\r\n")[:1]) in {"{", "[", '"'}:
            return json_text(text.lstrip("\ufeff"), budget=self.budget)
        if head == "<":
            with suppress(expat.ExpatError):
                tree = parse_xml(text.lstrip("\ufeff"), budget=self.budget)
                return tree_text(tree, budget=self.budget)
        return None

    def _form(self, text: str) -> str:
        """Return the segments of *text*, which is no tree, in the form it has."""
        if is_html(text) or text.lstrip("\ufeff \t\r\n").startswith("<"):
            return html_text(text, budget=self.budget)
        if (form := form_text(text)) is not None:
            return form
        if "BEGIN:V" in text:
            text = _FOLDED.sub("", text)
        return plain_text(unescape(text))

    def _open_cells(self, text: str, *, depth: int, source: str = "") -> str:
        """Return *text*, the reading of *source*, with what is encoded in its cells beside it."""
        text = unescape_around(text)
        ends: list[int] = []
        inlays: list[tuple[int, str]] = []
        extras: list[str] = []
        for start, end, inner in self._inner_texts(text, depth=depth, source=source, taken=ends):
            ends += [start, end]
            if (inline := as_inline(inner)) is None:
                extras.append(inner)
            elif inline:
                inlays.append((end, inline))
        return inlaid(text, inlays, extras)

    def _inner_texts(
        self, text: str, *, depth: int, source: str, taken: list[int]
    ) -> Iterator[tuple[int, int, str]]:
        """Yield start, end and segments of what is nested or encoded in *text*."""
        for match in NESTED.finditer(text):
            inner = match.group()
            if inner == source or not inner.strip():
                continue
            if (segments := self._nested(inner, depth=depth)) is not None:
                yield match.start(), match.end(), segments
        spans = list(taken)
        for start, end, name, body in encoded_runs(text, budget=self.budget):
            # An odd place among starts and ends is inside of something that was read already.
            if bisect_right(spans, start) % 2 == 0:
                segments = self._decoded(name, body, depth=depth)
                if segments is not None:
                    yield start, end, segments

    def _nested(self, cell: str, *, depth: int) -> str | None:
        """Return the segments of a cell that is a document, or ``None`` if it is none."""
        if "\n" in cell.strip():
            return self.text_text(cell, depth=depth)
        if cell.lstrip().startswith("<"):
            if not has_tags(cell):
                return None
            return self.text_text(cell, depth=self.budget.enter("markup", depth=depth))
        if not _HAS_FIELDS.search(cell):
            return None
        try:
            tree = parse_json(cell)
        except ValueError:
            return None
        inside = self.budget.enter("json", depth=depth)
        return self._open_cells(tree_text(tree, budget=self.budget), depth=inside)

    def _zip(self, body: bytes, *, depth: int) -> str:
        """Return the segments of a ZIP archive, or of the office file that it is."""
        members = zip_members(body, budget=self.budget)
        names = set(names_of(members))
        is_office = "[Content_Types].xml" in names or {"mimetype", "content.xml"} <= names
        depth = self.budget.enter("office" if is_office else "zip", depth=depth)
        return self._members(members, depth=depth, is_office=is_office)

    def _members(self, members: dict[str, bytes], *, depth: int, is_office: bool = False) -> str:
        """Return the segments of the members of an archive, and of their names."""
        texts = [lines_text(without_marks("\n".join(names_of(members))))]
        sheets: dict[str, str] = {}
        for key, body in members.items():
            name = key.partition("/")[2]
            if is_office and (flat := frame_text(name, body, budget=self.budget)) is not None:
                texts.append(self.budget.take(self._open_cells(flat, depth=depth)))
            elif is_office and name.startswith("xl/") and name.endswith(".xml"):
                sheets[name] = part_text(body, budget=self.budget)
            elif is_office and is_body(name):
                found = body_text(part_text(body, budget=self.budget), budget=self.budget)
                texts.append(self.budget.take(self._open_cells(found, depth=depth)))
            elif is_office and (aside := aside_text(name, body)) is not None:
                texts.append(self.budget.take(aside))
            else:
                texts.append(self.bytes_text(body, depth=depth))
        texts += [
            self.budget.take(self._open_cells(found, depth=depth))
            for found in sheet_texts(sheets, budget=self.budget)
        ]
        texts += [
            self.text_text(text, depth=depth)
            for name, text in sheets.items()
            if not is_sheet(name) and name not in SHARED
        ]
        return join_rows([*texts, joined_text(texts)])

    def _message(self, body: bytes, label: str, *, depth: int) -> str:
        """Return the segments of a message; its short parts are the fields of one form."""
        depth = self.budget.enter("multipart", depth=depth)
        fields: list[str] = []
        texts: list[str] = []
        for part in parts_of(body, label, budget=self.budget):
            texts.append(lines_text(without_marks(unescape(part.headers))))
            text = self.bytes_text(part.body, depth=depth, label=part.content_type)
            if text and ROW not in text:
                fields.append(text)
            texts.append(text)
        return join_rows([*texts, CELL.join(fields)])
