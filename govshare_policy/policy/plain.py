# SPDX-License-Identifier: Apache-2.0
"""The bytes of a pack file as text: UTF-8 and nothing before it."""

import codecs
from typing import Final

from govshare_policy.errors import PolicyError

_MARKS: Final = {
    codecs.BOM_UTF8: "begins with a byte order mark; save it as UTF-8 without one",
    codecs.BOM_UTF16_LE: "is UTF-16; save it as UTF-8",
    codecs.BOM_UTF16_BE: "is UTF-16; save it as UTF-8",
}


def decode_plain(name: str, data: bytes) -> str:
    """Return *data*, the content of the file *name*, as text.

    A mark that editors put before a text is refused, so that two packs of one revision are the
    same bytes; left in, it would be taken for part of the first word.

    Raises:
        PolicyError: If it is not UTF-8, or a byte order mark stands before it.
    """
    for mark, fault in _MARKS.items():
        if data.startswith(mark):
            raise PolicyError(f"{name}: {fault}")
    try:
        return data.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        raise PolicyError(f"{name}: not valid UTF-8 at byte {error.start}") from None
