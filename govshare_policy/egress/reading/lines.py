# SPDX-License-Identifier: Apache-2.0
"""Rows of text whose shape is not known: lines, blocks of fields, prose.

Every line is given whole, so that nothing is lost to a wrong cut, and cut at whatever usually
parts fields. Where a record runs over several lines, they are put together: by their keys, by
blank lines, or as overlapping windows.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from govshare_policy.egress.reading.model import CELL, ROW, join_rows
from govshare_policy.egress.reading.sideways import numbered_groups

# A new record begins inside one line: tuples of SQL, objects of a script or of a printed list.
_JOINTS: Final = re.compile(
    r"(?<=[)\]}])[ \t]*,?[ \t]*"
    r"(?=(?:[A-Za-z_][\w.$]{0,60}+|i:\d{1,9}+;[aO]:[\w:\"]{1,60}+)?[(\[{])",
    re.ASCII,
)
_CUTS: Final = re.compile(
    r"""[\t,;|:="'`<>(){}\[\]\\^~│、\uff0c\uff1b\uff5c\uff1a\uff1d\uff08\uff09【】《》「」“”‘’。!?"""
    r"""\uff01\uff1f\u3000]+|\*{2,}+|&(?=[\w.%\[\]-]{1,60}+=)"""
    r"|(?<![A-Za-z]) +| +(?![A-Za-z])"
)
_SENTENCES: Final = re.compile(r"(?<=[。!?\uff01\uff1f;\uff1b\n])")
# One match a line, which may have no key.
_KEYED: Final = re.compile(
    r"""^(?:[ \t]*(?:[-*•+>#]+[ \t]+)?(?:\*\*|["'“【\[<])?"""
    r"""([^\W\d][^\n:=\uff1a"']{0,60}?)(?:\*\*|["'”】\]>])?[ \t]*(?:=>|[:=\uff1a\uff1d]))?"""
    r"[^\n]*+\n?",
    re.MULTILINE,
)
_DIVIDER: Final = re.compile(
    r"[-=*_#~+.\s]{3,}|(?i:BEGIN:\w+|END:\w+)|\[[^\]]*\]|\*\d{1,9}"
    r"|[-*=#]{1,60}+[ \[][^\n]{0,60}[-*=#]{2,}"
)
# What a divider begins with.
_DIVIDES: Final = frozenset("-=*_#~+.[BbEe") | frozenset(
    filter(str.isspace, map(chr, range(0x3001)))
)
_LEAD: Final = re.compile(r"^(?:(?:[-*•+>#]{1,9}+[ \t]++)++|[+>])", re.MULTILINE)
# A line that goes on in the next one; two such signs end a row of a typeset table.
_GOES_ON: Final = re.compile(r"(?<!\\)\\\r?\n[ \t]*+(?:\\(?=[ \t]))?")
_SIZES: Final = re.compile(r"^\$\d{1,9}\r?\n", re.MULTILINE)
_EMPTY: Final = re.compile(f"{CELL}{{2,}}")
_SAMPLE_CHARS: Final = 1 << 16
_LONG_LINE: Final = 400
_WINDOW_CHARS: Final = 200
# What is longer than windows overlap, and may be an encoding that is nothing in pieces.
_RUN: Final = re.compile(r"(?<![A-Za-z0-9+/_-])([A-Za-z0-9+/_-]{101,}+={0,2})")
_SHORT_LINE: Final = 60
_FEW_CUTS: Final = 2
_WINDOW_LINES: Final = 20
_MAX_BLOCK_LINES: Final = 80
_MAX_RECORD_LINES: Final = 32
_PERIOD_SAMPLE: Final = 400
_MIN_ALIKE: Final = 0.9
_DATED: Final = re.compile(r"[\d./:年月日 T-]+")
_MAX_LONE_BLOCK: Final = 64
# A key that stands so often is one: what it is said of need not be read together with it.
_RECURS: Final = 3
# What stands around a value and says nothing.
_EDGES: Final = "'\"`()[]{}<>,; "
# A segment of more cells is no one record any more.
_MAX_MERGED: Final = 64


def has_joints(text: str) -> bool:
    """Tell whether many a line of *text* has several tuples or objects in it."""
    sample = text[:_SAMPLE_CHARS]
    return len(_JOINTS.findall(sample)) * 2 > sample.count("\n")


def without_leads(text: str) -> str:
    """Return *text* without the marks of lists, quotations or changes, if most lines have one."""
    sample = text[:_SAMPLE_CHARS]
    if len(_LEAD.findall(sample)) * 2 > sample.count("\n") + 1:
        return _LEAD.sub("", text)
    return text


def without_breaks(text: str) -> str:
    """Return *text* with the lines put together that go on after a backslash."""
    return _GOES_ON.sub("", text) if "\\" in text else text


def lines_text(text: str, *, beside: Sequence[str] = ()) -> str:
    """Return the segments of text of unknown shape, and those of other readings *beside* them.

    Where each line is a row of another reading too, the two are one segment.
    """
    if text.startswith("*") and "\n$" in text:
        text = _SIZES.sub("", text)
    lines, starts = _laid_out(_JOINTS.sub("\n", text))
    if not lines:
        return join_rows(beside)
    cut = _cut(lines)
    keys = list(map(str.strip, _KEYED.findall("\n".join(lines))))
    if len(lines) > 3 and (groups := numbered_groups(lines)):  # noqa: PLR2004 - two records
        beside = [*beside, ROW.join(CELL.join(map(cut.__getitem__, group)) for group in groups)]
    if not _is_spread(lines, cut, keys):
        rows = list(map(_joined, lines, cut))
        apart = [reading for reading in beside if reading and not _merge(rows, lines, reading)]
        return join_rows([*apart, *rows])
    groupings = _groupings(lines, starts, keys)
    counts = Counter(keys)
    often = {key for key, count in counts.items() if key and count >= _RECURS}
    both = [
        piece if key in often and piece.count(CELL) == 1 else _joined(line, piece)
        for line, piece, key in zip(lines, cut, keys, strict=True)
    ]
    ways = (
        ROW.join(CELL.join(map(both.__getitem__, group)) for group in groups)
        for groups in groupings
    )
    return join_rows([*beside, *ways])


def _merge(rows: list[str], lines: Sequence[str], reading: str) -> bool:
    """Put the rows of another *reading* of *lines* into *rows*, if it has one for each line.

    What else it has, as its columns, stands at the end.
    """
    others = reading.split(ROW)
    if len(others) < len(lines):
        return False
    merged = []
    for row, line, other in zip(rows, lines, others, strict=False):
        cells = other.split(CELL)
        if cells[0] not in line or cells[-1] not in line:
            return False
        every = dict.fromkeys(row.split(CELL))
        # Most cells are pieces of the line as they are.
        more = [cell for cell in cells if cell not in every and cell.strip(_EDGES) not in every]
        if more:
            bare = {cell.strip(_EDGES) for cell in every}
            every.update(dict.fromkeys(cell for cell in more if cell.strip(_EDGES) not in bare))
        if len(every) > _MAX_MERGED:
            return False
        merged.append(CELL.join(every))
    rows[:] = [*merged, *rows[len(lines) :], *others[len(lines) :]]
    return True


def _laid_out(text: str) -> tuple[list[str], list[int]]:
    """Return the lines of *text* that are not blank, and where blank lines and rules part them."""
    lines: list[str] = []
    starts = [0]
    for line in text.splitlines():
        bare = line.strip()
        if not bare or (line[0] in _DIVIDES and _DIVIDER.fullmatch(line)):
            starts.append(len(lines))
        if len(line) > _LONG_LINE:
            lines += _shorten(line)
        elif bare:
            lines.append(bare)
    return lines, sorted({start for start in starts if start < len(lines)})


def _joined(line: str, cut: str) -> str:
    """Return a line whole and in pieces."""
    return line if line == cut else f"{line}{CELL}{cut}"


def _cut(lines: Sequence[str]) -> list[str]:
    """Return *lines* in pieces, each still one string."""
    cut = _EMPTY.sub(CELL, _CUTS.sub(CELL, without_leads("\n".join(lines))))
    return [part.strip(CELL) for part in cut.split("\n")]


def _shorten(line: str) -> Iterator[str]:
    """Yield *line*, which is long, or overlapping pieces of it: a page is not one record."""
    parts = _RUN.split(line)
    if sum(map(len, parts[::2])) <= _LONG_LINE:
        yield line.strip()
        return
    yield from parts[1::2]
    line = " ".join(parts[::2]).strip()
    step = _WINDOW_CHARS // 2
    sentences = [part for part in _SENTENCES.split(line) if part.strip()]
    for first, second in zip(sentences, [*sentences, ""][1:], strict=True):
        pair = first + second
        if len(pair) <= _LONG_LINE:
            yield pair
        elif len(first) <= _LONG_LINE:
            yield first + second[:step]
        else:
            for start in range(0, max(1, len(first) - step), step):
                yield first[start : start + _WINDOW_CHARS]


def _is_spread(lines: Sequence[str], cut: Sequence[str], keys: Sequence[str]) -> bool:
    """Tell whether a record is likely to run over several of these lines."""
    if len(lines) == 1:
        return False
    pieces = sorted(line.count(CELL) for line in cut)
    are_keyed = sum(map(bool, keys)) * 2 >= len(lines)
    if pieces[len(pieces) // 2] > _FEW_CUTS and not are_keyed:
        return False
    lengths = sorted(map(len, lines))
    if lengths[len(lengths) // 2] > _SHORT_LINE:
        return False
    # Fields that come back may have remarks among them, however long.
    comes_back = are_keyed and len(set(keys)) * 2 <= len(lines)
    return comes_back or lengths[len(lengths) * 9 // 10] <= 2 * _SHORT_LINE


def _groupings(
    lines: Sequence[str], starts: Sequence[int], keys: Sequence[str]
) -> list[list[range]]:
    """Return one or two ways to put *lines* together, as their numbers."""
    count = len(lines)
    keyed = sum(map(bool, keys))
    ways = []
    if keyed * 2 >= count and (keyed <= _MAX_LONE_BLOCK or len(set(keys)) * 2 <= keyed):
        ways.append(_by_key(lines, keys))
        if len(set(keys) - {""}) == 1:
            # What stands in every other line names no field, but who speaks, or when.
            ways.append(_by_window(range(count)))
    blocks = _ranges(starts, count)
    if 1 < len(blocks) < count:
        whole = [part for block in blocks for part in _by_window(block)]
        if whole not in ways:
            ways.append(whole)
        length = len(blocks[0])
        are_few = len(blocks) <= _MAX_LONE_BLOCK and keyed * 2 < count
        if are_few and all(len(block) == length for block in blocks[1:]):
            # Columns may stand below one another as well as records.
            ways.append([range(at, count, length) for at in range(length)])
    if ways:
        return ways
    ways.append(_by_window(range(count)))
    period = _period(lines)
    if period is not None and period > _WINDOW_LINES // 2:
        # Wherever the first record begins, it lies inside one of these.
        starts = range(0, count, period)
        ways.append([range(at, min(count, at + 2 * period - 1)) for at in starts])
    return ways


def _by_key(lines: Sequence[str], keys: Sequence[str]) -> list[range]:
    """Return ranges that begin where a key comes back, or a divider stands."""
    starts = [0]
    seen: set[str] = set()
    for index, key in enumerate(keys):
        line = lines[index]
        divides = line[0] in _DIVIDES and _DIVIDER.fullmatch(line)
        if key in seen or divides or index - starts[-1] >= _MAX_BLOCK_LINES:
            seen.clear()
            starts.append(index)
        if key:
            seen.add(key)
    return _ranges(starts, len(lines))


def _by_window(lines: range) -> list[range]:
    """Return overlapping runs of *lines*, or all of them if a record may be so long."""
    if len(lines) <= _MAX_RECORD_LINES:
        return [lines]
    step = _WINDOW_LINES // 2
    return [lines[at : at + _WINDOW_LINES] for at in range(0, len(lines) - step, step)]


def _period(lines: Sequence[str]) -> int | None:
    """Return after how many lines their shapes come back, or ``None`` if they do not."""
    shapes = list(map(_shape, lines[:_PERIOD_SAMPLE]))
    for period in range(2, min(_MAX_BLOCK_LINES, len(shapes) // 2) + 1):
        pairs = list(zip(shapes, shapes[period:], strict=False))
        alike = sum(one == other for one, other in pairs)
        if alike >= _MIN_ALIKE * len(pairs) and len(set(shapes[:period])) > 1:
            return period
    return None


def _shape(line: str) -> str:
    """Return what kind of value *line* looks like."""
    line = line.strip()
    if line.isdecimal():
        return f"{len(line)}"
    if _DATED.fullmatch(line):
        return "date"
    if line.isascii():
        return "ascii"
    return "word" if line.isalpha() else "text"


def _ranges(starts: Sequence[int], end: int) -> list[range]:
    """Return the ranges between *starts* that are not empty."""
    return [range(a, b) for a, b in zip(starts, [*starts[1:], end], strict=True) if a < b]
