# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a log on disk, and where."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from govshare_policy.errors import VerificationError


class Damage(StrEnum):
    """The rule of docs/spec/audit-log.md that a log breaks."""

    MANIFEST = "manifest"
    SEGMENT = "segment"
    FRAME = "frame"
    TORN_TAIL = "torn_tail"
    ORDER = "order"
    NOTE = "note"
    ROOT = "root"
    SIGNATURE = "signature"
    CLOCK = "clock"
    CHECKPOINT = "checkpoint"
    STRAY = "stray"
    SHORT = "short"
    FORK = "fork"
    WITNESS = "witness"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A place in a log.

    Attributes:
        file: Name under the directory of the log, with ``/``.
        offset: In bytes, of the frame or line that is wrong; 0 for a whole file.
        what: What is wrong there: one sentence without a full stop.
    """

    file: str
    offset: int
    what: str


class LogDamageError(VerificationError):
    """A log on disk is not what its keys vouch for, or not whole.

    Attributes:
        kind: The rule it breaks.
        part: Where.
        index: The first record that is not vouched for; none where no record is concerned.
    """

    def __init__(self, kind: Damage, part: Part, index: int | None = None) -> None:
        record = "" if index is None else f"; the first bad record is {index}"
        super().__init__(f"{part.what}, in `{part.file}` at byte {part.offset}{record}")
        self.kind = kind
        self.part = part
        self.index = index


@contextmanager
def blame(kind: Damage, file: str, *, offset: int = 0, index: int | None = None) -> Iterator[None]:
    """Give what is found to be wrong in the block its kind and its place.

    Raises:
        LogDamageError: In place of a :exc:`VerificationError`, or of a missing file.
    """
    try:
        yield
    except FileNotFoundError:
        what = "the file is missing"
    except VerificationError as error:
        what = str(error)
    else:
        return
    raise LogDamageError(kind, Part(file=file, offset=offset, what=what), index)
