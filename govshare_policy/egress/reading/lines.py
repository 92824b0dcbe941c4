# SPDX-License-Identifier: Apache-2.0
"""Rows of text whose shape is not known: lines, blocks of fields, prose.

Every line is given whole, so that nothing is lost to a wrong cut, and cut at whatever usually
parts fields. Where a record runs over several lines, they are put together: by their keys, by
blank lines, or as overlapping windows.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from govshare_policy.egress.reading.model import CELL, ROW, join_rows

# A new record begins inside one line: tuples of SQL, objects of a script.
_JOINTS: Final = re.compile(r"(?<=[)\]}])[ \t]*,?[ \t]*(?=[(\[{])")
_CUTS: Final = re.compile(
    r"""[\t,;|:="'`<>(){}\[\]\\^~│、,;:|()【】《》「」“”‘’。!?\u3000]+"""
    r"|(?<![A-Za-z]) +| +(?![A-Za-z])"
)
_SENTENCES: Final = re.compile(r"(?<=[。!?!?;;\n])")
_KEYED: Final = re.compile(
    r"""^[ \t]*(?:[-*•+>#]+[ \t]+)?["'“【\[<]?"""
    r"""([^\W\d][^\n:=:"']{0,60}?)["'”】\]>]?[ \t]*(?:=>|[:=:])""",
    re.MULTILINE,
)
_DIVIDER: Final = re.compile(r"[-=*_#~+.\s]{3,}|(?i:BEGIN:\w+|END:\w+)|\[[^\]]*\]")
_EMPTY: Final = re.compile(f"{CELL}{{2,}}")
_SAMPLE_CHARS: Final = 1 << 16
_LONG_LINE: Final = 400
_WINDOW_CHARS: Final = 200
_SHORT_LINE: Final = 60
_FEW_CUTS: Final = 2
_WINDOW_LINES: Final = 20
_MAX_BLOCK_LINES: Final = 80
_MAX_LONE_BLOCK: Final = 64


def has_joints(text: str) -> bool:
    """Tell whether a line of *text* has several tuples or objects in it."""
    return _JOINTS.search(text, 0, _SAMPLE_CHARS) is not None


def lines_text(text: str) -> str:
    """Return the segments of text of unknown shape."""
    lines = [line for line in _JOINTS.sub("\n", text).splitlines() if line.strip()]
    if not lines:
        return ""
    lines = [piece for line in lines for piece in _shorten(line)]
    cut = _cut(lines)
    keys = [match.group(1).strip() if (match := _KEYED.match(line)) else "" for line in lines]
    if not _is_spread(lines, cut, keys):
        return ROW.join(map(_joined, lines, cut))
    return join_rows(
        ROW.join(CELL.join(map(_joined, lines[a:b], cut[a:b])) for a, b in spans)
        for spans in _groupings(text, lines, keys)
    )


def _joined(line: str, cut: str) -> str:
    """Return a line whole and in pieces."""
    return line if line == cut else f"{line}{CELL}{cut}"


def _cut(lines: Sequence[str]) -> list[str]:
    """Return *lines* in pieces, each still one string."""
    cut = _EMPTY.sub(CELL, _CUTS.sub(CELL, "\n".join(lines)))
    return [part.strip(CELL) for part in cut.split("\n")]


def _shorten(line: str) -> Iterator[str]:
    """Yield *line*, or overlapping pieces of it: a page without line breaks is not one record."""
    if len(line) <= _LONG_LINE:
        yield line.strip()
        return
    step = _WINDOW_CHARS // 2
    sentences = [part for part in _SENTENCES.split(line) if part.strip()]
    for first, second in zip(sentences, [*sentences[1:], ""], strict=True):
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
    if pieces[len(pieces) // 2] > _FEW_CUTS and sum(map(bool, keys)) * 2 < len(lines):
        return False
    lengths = sorted(map(len, lines))
    return lengths[len(lengths) // 2] <= _SHORT_LINE and lengths[len(lengths) * 9 // 10] <= (
        2 * _SHORT_LINE
    )


def _groupings(text: str, lines: Sequence[str], keys: Sequence[str]) -> list[list[tuple[int, int]]]:
    """Return one or two ways to put *lines* together, as half-open ranges."""
    keyed = sum(map(bool, keys))
    ways = []
    if keyed * 2 >= len(lines) and (keyed <= _MAX_LONE_BLOCK or len(set(keys)) * 2 <= keyed):
        ways.append(_by_key(lines, keys))
    blocks = _by_divider(text, lines)
    if 1 < len(blocks) < len(lines) and blocks not in ways:
        ways.append(blocks)
    return ways or [_by_window(len(lines))]


def _by_key(lines: Sequence[str], keys: Sequence[str]) -> list[tuple[int, int]]:
    """Return ranges that begin where a key comes back, or a divider stands."""
    starts = [0]
    seen: set[str] = set()
    for index, key in enumerate(keys):
        is_divider = _DIVIDER.fullmatch(lines[index]) is not None
        if key in seen or is_divider or index - starts[-1] >= _MAX_BLOCK_LINES:
            seen.clear()
            starts.append(index)
        if key:
            seen.add(key)
    return _ranges(starts, len(lines))


def _by_divider(text: str, lines: Sequence[str]) -> list[tuple[int, int]]:
    """Return ranges that blank lines part."""
    starts = []
    index = 0
    for block in re.split(r"\n[ \t\r]*\n", text):
        starts.append(index)
        index += sum(1 for line in _JOINTS.sub("\n", block).splitlines() if line.strip())
    if index != len(lines) or len(starts) == 1:
        return []
    return [
        (start, min(start + _MAX_BLOCK_LINES, b))
        for a, b in _ranges(starts, len(lines))
        for start in range(a, b, _MAX_BLOCK_LINES)
    ]


def _by_window(count: int) -> list[tuple[int, int]]:
    """Return overlapping ranges over *count* lines."""
    step = _WINDOW_LINES // 2
    return [
        (start, min(count, start + _WINDOW_LINES)) for start in range(0, max(1, count - step), step)
    ]


def _ranges(starts: Sequence[int], end: int) -> list[tuple[int, int]]:
    """Return the ranges between *starts* that are not empty."""
    return [(a, b) for a, b in zip(starts, [*starts[1:], end], strict=True) if a < b]
