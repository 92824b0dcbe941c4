# SPDX-License-Identifier: Apache-2.0
"""Text that a program read in a western character set and wrote in UTF-8: read once more."""

import re
from functools import partial
from typing import Final

_SAMPLE_CHARS: Final = 1 << 13
_MIN_RUNS: Final = 4
# What Windows-1252 has in place of the controls of ISO 8859-1, by the byte that it is.
_BYTES: Final = {
    ord(character): byte
    for byte in range(0x80, 0xA0)
    if (character := bytes([byte]).decode("cp1252", "ignore"))
}
_OTHERS: Final = re.escape("".join(map(chr, _BYTES)))
_RUN: Final = re.compile(f"[\x80-\xff{_OTHERS}]{{2,}}+")
_LETTERS: Final = re.compile(r"[\u4e00-\u9fff]")
# Letters of GBK may have a second byte of ASCII.
_PAIRS: Final = re.compile(f"(?:[\x81-\xfe{_OTHERS}][@-~\x80-\xfe{_OTHERS}])+")


def regained(text: str) -> str | None:
    """Return *text* with its garbled runs as they were meant, or ``None`` if it has none."""
    if text.isascii() or len(_RUN.findall(text, 0, _SAMPLE_CHARS)) < _MIN_RUNS:
        return None
    for pattern, charset in ((_RUN, "utf-8"), (_PAIRS, "gb18030")):
        found = pattern.sub(partial(_decoded, charset), text)
        if len(_LETTERS.findall(found)) >= _MIN_RUNS + len(_LETTERS.findall(text)):
            return found
    return None


def _decoded(charset: str, match: re.Match[str]) -> str:
    """Return what a run was before, or the run if it is not that."""
    run = match.group()
    try:
        return run.translate(_BYTES).encode("latin-1").decode(charset)
    except UnicodeError:
        return run
