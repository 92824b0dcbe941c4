# SPDX-License-Identifier: Apache-2.0
"""Rows of a tree: JSON and XML.

A node is a scalar (``str``, ``bool``, ``None``), a list, or an object: a tuple of pairs, so that a
key that occurs twice hides nothing. A row is an object with what it holds in objects, and what
the objects around it hold: a record is not torn apart because its address is an object of its own.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from govshare_policy.egress.reading.dumps import listed_bytes
from govshare_policy.egress.reading.joins import joined_text
from govshare_policy.egress.reading.model import (
    CELL,
    ROW,
    Budget,
    Code,
    UnscannableError,
    join_rows,
    without_marks,
)
from govshare_policy.egress.reading.sideways import grid_text, numbered_groups, path_text
from govshare_policy.egress.reading.tables import MAX_MOLTEN, molten_text, table_text

# A record has no more fields than this; what is larger is a collection of records.
MAX_FIELDS: Final = 64
_MAX_INHERITED: Final = 32
_TICK_ROWS: Final = 4_096
_WINDOW: Final = 20
_MAX_CELL: Final = 3
_MAX_MOLTEN_ROWS: Final = 50_000
# Of the lists in one tree, so many are looked at for a key that they share.
_MAX_LISTS: Final = 16

Node = Any  # A recursive type of tuples, lists and scalars, decided by isinstance below.


def parse_json(text: str) -> Node:
    """Return the tree of *text*; numbers keep the digits they were written with.

    Raises:
        ValueError: If it is not JSON.
        UnscannableError: If it is nested too deep for the parser.
    """
    try:
        return json.loads(
            text, object_pairs_hook=tuple, parse_int=str, parse_float=str, parse_constant=str
        )
    except RecursionError:
        raise UnscannableError(Code.TOO_DEEP) from None


def json_text(text: str, *, budget: Budget) -> str | None:
    """Return the segments of JSON, one document or one a line; ``None`` if it is neither.

    Raises:
        UnscannableError: If it is nested too deep, or there are too many rows.
    """
    try:
        tree = parse_json(text)
        while isinstance(tree, str) and tree.lstrip()[:1] in {"{", "[", '"'}:
            tree = parse_json(tree)
        return tree_text(tree, budget=budget)
    except ValueError:
        pass
    try:
        # One list instead of one call a line: the parser is in C.
        lines = [line for line in text.splitlines() if line.strip()]
        return tree_text(parse_json(f"[{','.join(lines)}]"), budget=budget)
    except ValueError:
        return None


def tree_text(node: Node, *, budget: Budget) -> str:
    """Return the segments of the tree *node*.

    Raises:
        UnscannableError: If it is nested too deep, or there are too many rows.
    """
    walk = _Walk(budget)
    walk.visit(node, inherited=(), level=0)
    tables = [ROW.join(walk.rows[a:b]) for a, b in walk.lists] if len(walk.lists) > 1 else []
    return join_rows([*walk.rows, joined_text(tables)])


def _cells(values: Sequence[Node]) -> list[str]:
    """Return the scalars among *values* as cells."""
    return [
        value if isinstance(value, str) else "true"
        for value in values
        if value is not None and value is not False and not isinstance(value, (list, tuple))
    ]


def _is_scalars(node: Node) -> bool:
    """Tell whether *node* is a list of scalars only."""
    return isinstance(node, list) and not any(isinstance(item, (list, tuple)) for item in node)


def _is_cell(node: Node) -> bool:
    """Tell whether *node* is a scalar or an object of hardly more than one."""
    return not isinstance(node, (list, tuple)) or (
        isinstance(node, tuple)
        and len(node) <= _MAX_CELL
        and not any(isinstance(value, (list, tuple)) for _, value in node)
    )


class _Walk:
    """One walk over one tree. Collects rows; the shapes are the key sets it has met."""

    def __init__(self, budget: Budget) -> None:
        self.rows: list[str] = []
        self.lists: list[tuple[int, int]] = []
        self._budget = budget
        self._shapes: set[tuple[str, ...]] = set()
        self._chars = 0

    def emit(self, cells: Sequence[str]) -> None:
        """Add a row."""
        if not cells:
            return
        row = CELL.join(map(without_marks, cells))
        self.rows.append(row)
        self._chars += len(row)
        if len(self.rows) % _TICK_ROWS == 0:
            self._check()

    def _check(self) -> None:
        self._budget.tick()
        if len(self.rows) > self._budget.limits.rows:
            raise UnscannableError(Code.TOO_MANY)
        if self._chars > self._budget.limits.text_chars:
            raise UnscannableError(Code.TOO_LARGE)

    def visit(self, node: Node, *, inherited: tuple[str, ...], level: int) -> None:
        """Add the rows of *node*, which lies in objects that hold *inherited*."""
        if level > self._budget.limits.nesting:
            raise UnscannableError(Code.TOO_DEEP)
        if isinstance(node, tuple):
            self._visit_object(node, inherited=inherited, level=level)
        elif isinstance(node, list):
            self._visit_list(node, inherited=inherited, level=level)
        else:
            self.emit((*inherited, *_cells((node,))))

    def _visit_list(self, items: list[Node], *, inherited: tuple[str, ...], level: int) -> None:
        if _is_scalars(items):
            cells = _cells(items)
            for part in windows_of(cells):
                self.emit((*inherited, *part))
            if (body := listed_bytes(cells)) is not None:
                # As one cell, which is decoded like any other.
                self.emit((body.hex(),))
            return
        if len(items) > 1 and all(map(_is_scalars, items)):
            self.rows.append(table_text([_cells(item) for item in items]))
            self._check()
            return
        begin = len(self.rows)
        self._visit_items(items, inherited=inherited, level=level)
        if len(items) > 1 and type(items[0]) is tuple and len(self.lists) < _MAX_LISTS:
            self.lists.append((begin, len(self.rows)))
        self.rows += filter(None, [grid_text(items)])
        self._visit_cells(items, level=level)

    def _visit_items(self, items: list[Node], *, inherited: tuple[str, ...], level: int) -> None:
        for item in items:
            if type(item) is tuple:
                values = [value for _, value in item]
                if not any(isinstance(value, (list, tuple)) for value in values):
                    self._emit_flat(item, values, inherited=inherited)
                    continue
            self.visit(item, inherited=inherited, level=level + 1)

    def _visit_cells(self, items: list[Node], *, level: int) -> None:
        """Add the records of objects that are cells: lists of them, or with their place inside."""
        limit = self._budget.limits.nesting
        if type(items[0]) is tuple:
            width = len(list(_flatten(items[0], level=level, limit=limit)))
            if 1 < len(items) <= _MAX_MOLTEN_ROWS and width <= MAX_MOLTEN:
                rows = [_scalars_of(item, level=level, limit=limit) for item in items]
                self.rows += filter(None, [molten_text(rows) or path_text(rows)])
                self._check()
            return
        for item in items:
            if isinstance(item, list) and 1 < len(item) <= MAX_FIELDS and all(map(_is_cell, item)):
                cells = list(_flatten(item, level=level, limit=limit))
                if len(cells) <= MAX_FIELDS:
                    self.emit(cells)

    def _emit_flat(self, pairs: Node, values: list[Node], *, inherited: tuple[str, ...]) -> None:
        """Add the row of an object of scalars; new keys too, since a key may be data."""
        keys = tuple([key for key, _ in pairs])
        cells = [*inherited, *_cells(values)]
        if keys not in self._shapes:
            self._shapes.add(keys)
            cells += keys
        if len(values) > MAX_FIELDS:
            for key, value in pairs:
                self.emit((key, *_cells((value,))))
            for group in numbered_groups(keys):
                self.emit(_cells([values[at] for at in group]))
            return
        self.emit(cells)

    def _visit_object(self, pairs: Node, *, inherited: tuple[str, ...], level: int) -> None:
        values = [value for _, value in pairs]
        children = [(key, value) for key, value in pairs if isinstance(value, (list, tuple))]
        if not children:
            self._emit_flat(pairs, values, inherited=inherited)
            return
        flat = list(_flatten(pairs, level=level, limit=self._budget.limits.nesting))
        if len(flat) <= MAX_FIELDS:
            self.emit((*inherited, *flat))
        elif own := _cells(values):
            scalars = [pair for pair in pairs if not isinstance(pair[1], (list, tuple))]
            self._emit_flat(scalars, own, inherited=inherited)
        self._visit_columns(children)
        passed_on = (*inherited, *_cells(values))[:_MAX_INHERITED]
        objects = sum(isinstance(value, tuple) for _, value in children)
        for key, value in children:
            if isinstance(value, tuple):
                if objects > 1 or len(flat) > MAX_FIELDS:
                    self.visit(value, inherited=(*passed_on, key), level=level + 1)
                else:
                    self._visit_lists_of(value, inherited=passed_on, level=level + 1)
            elif not _is_scalars(value) or len(flat) > MAX_FIELDS:
                self.visit(value, inherited=passed_on, level=level + 1)

    def _visit_lists_of(self, pairs: Node, *, inherited: tuple[str, ...], level: int) -> None:
        """Add the rows inside an only child, whose own scalars are in its parent's row already."""
        if any(isinstance(value, (list, tuple)) for _, value in pairs):
            self.visit(pairs, inherited=inherited, level=level)

    def _visit_columns(self, children: list[tuple[str, Node]]) -> None:
        """Add the rows of lists, or of objects with the same keys, that stand side by side."""
        lists = [_cells(value) for _, value in children if _is_scalars(value) and len(value) > 1]
        by_length: dict[int, list[list[str]]] = {}
        for column in lists:
            by_length.setdefault(len(column), []).append(column)
        maps: dict[tuple[str, ...], list[list[str]]] = {}
        for _, value in children:
            if type(value) is tuple and len(value) > 1:
                column = _cells([item for _, item in value])
                if len(column) == len(value):
                    maps.setdefault(tuple(key for key, _ in value), []).append(column)
        for columns in (*by_length.values(), *maps.values()):
            if len(columns) > 1:
                for row in zip(*columns, strict=True):
                    self.emit(row)


def _scalars_of(node: Node, *, level: int, limit: int) -> list[str]:
    """Return the scalars of an object, soon if it holds nothing else."""
    if type(node) is tuple:
        values = [value for _, value in node]
        if not any(isinstance(value, (list, tuple)) for value in values):
            return _cells(values)
    return list(_flatten(node, level=level, limit=limit))


def _flatten(node: Node, *, level: int, limit: int) -> Iterator[str]:
    """Yield the scalars of *node*, at most one more than a record may have."""
    left = MAX_FIELDS + 1
    stack = [(node, level)]
    while stack and left:
        item, depth = stack.pop()
        if depth > limit:
            raise UnscannableError(Code.TOO_DEEP)
        if isinstance(item, tuple):
            stack.extend((value, depth + 1) for _, value in reversed(item))
        elif isinstance(item, list):
            # A long list is not worth looking at beyond what a record may have.
            stack.extend((value, depth + 1) for value in reversed(item[: MAX_FIELDS + 1]))
        else:
            for cell in _cells((item,)):
                left -= 1
                yield cell


def windows_of(cells: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield *cells* in overlapping runs: a flat list may be records laid end to end."""
    if len(cells) <= _WINDOW:
        yield cells
        return
    step = _WINDOW // 2
    for start in range(0, len(cells) - step, step):
        yield cells[start : start + _WINDOW]
