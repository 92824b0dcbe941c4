# SPDX-License-Identifier: Apache-2.0
"""What every form of answer releases, and how its end is told."""

from dataclasses import dataclass
from typing import Final

MAX_DEPTH: Final = 64
# What became of an allowed call, as its outcome says.
RELEASED: Final = "released"
CALLER_LEFT: Final = "caller_left"
BROKEN_OFF: Final = "broken_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What may leave.

    Attributes:
        body: In the form of the answer that it was built from.
        rows: How many records it holds.
        digest: SM3 of the body; 32 bytes.
        records: SM3 of each record in canonical spelling; 32 bytes each.
    """

    body: bytes
    rows: int
    digest: bytes
    records: bytes = b""
