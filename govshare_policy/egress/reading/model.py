# SPDX-License-Identifier: Apache-2.0
"""What a reading is, what it may cost, and why a body cannot be read."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from govshare_policy.errors import CallError

ROW: Final = "\x1e"
CELL: Final = "\x1f"
_MIN_RATIO_BYTES: Final = 1 << 20
_BLANK: Final = {ord(ROW): " ", ord(CELL): " "}


class Code(StrEnum):
    """Why a body cannot be read; the list is closed."""

    ENCRYPTED = "encrypted"
    MALFORMED = "malformed"
    PICTURE = "picture"
    TOO_DEEP = "too_deep"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    TOO_SLOW = "too_slow"
    UNKNOWN_FORM = "unknown_form"


class UnscannableError(CallError):
    """The caller must act: what leaves cannot be read, so it cannot be shown to be harmless.

    Attributes:
        code: Why; never anything of the body.
    """

    def __init__(self, code: Code) -> None:
        super().__init__(f"the body cannot be read: `{code}`")
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What reading one body may cost. Beyond any of these it is unscannable.

    Attributes:
        depth: Layers that may lie in one another.
        body_bytes: Of the body as it came.
        expanded_bytes: Of all layers together.
        ratio: Of a layer to what it was packed in, once it has passed 1 MiB.
        members: Of all archives together.
        rows: Of the reading.
        text_chars: Of the reading.
        nesting: Of objects, lists or elements in one another.
        opaque_bytes: Of an encoded cell that is neither text nor any known form.
        seconds: Of work.
    """

    depth: int = 4
    body_bytes: int = 32 << 20
    expanded_bytes: int = 128 << 20
    ratio: int = 250
    members: int = 2_000
    rows: int = 4_000_000
    text_chars: int = 256 << 20
    nesting: int = 100
    opaque_bytes: int = 4_096
    seconds: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a body says, whatever it was wrapped in.

    Attributes:
        text: Segments parted by U+001E, their cells by U+001F; neither occurs in a cell.
        layers: What was taken off, in the order it was met, each once.
    """

    text: str
    layers: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Budget:
    """What is left to spend on one body. Owned by one reading, in one thread."""

    limits: Limits
    clock: Callable[[], float]
    started_s: float
    expanded_bytes: int = 0
    members: int = 0
    rows: int = 0
    text_chars: int = 0
    layers: dict[str, None] = field(default_factory=dict)

    def tick(self) -> None:
        """Raise :exc:`UnscannableError` if the time is up."""
        if self.clock() - self.started_s > self.limits.seconds:
            raise UnscannableError(Code.TOO_SLOW)

    def enter(self, layer: str, *, depth: int) -> int:
        """Return the depth inside *layer*, or raise :exc:`UnscannableError` if it is too deep."""
        self.tick()
        self.layers[layer] = None
        if depth >= self.limits.depth:
            raise UnscannableError(Code.TOO_DEEP)
        return depth + 1

    def expand(self, count: int) -> None:
        """Spend *count* expanded bytes."""
        self.expanded_bytes += count
        if self.expanded_bytes > self.limits.expanded_bytes:
            raise UnscannableError(Code.TOO_LARGE)
        self.tick()

    def check_ratio(self, packed: int, *, expanded: int) -> None:
        """Raise :exc:`UnscannableError` if *expanded* bytes are too many for *packed* ones."""
        if expanded > _MIN_RATIO_BYTES and expanded > packed * self.limits.ratio:
            raise UnscannableError(Code.TOO_LARGE)

    def add_member(self) -> None:
        """Spend one member of an archive or part of a message."""
        self.members += 1
        if self.members > self.limits.members:
            raise UnscannableError(Code.TOO_MANY)
        self.tick()

    def take(self, text: str) -> str:
        """Return *text* after spending its segments and characters."""
        self.rows += text.count(ROW) + 1
        self.text_chars += len(text)
        if self.rows > self.limits.rows:
            raise UnscannableError(Code.TOO_MANY)
        if self.text_chars > self.limits.text_chars:
            raise UnscannableError(Code.TOO_LARGE)
        self.tick()
        return text


def without_marks(text: str) -> str:
    """Return *text* with no separator of rows or cells in it."""
    if ROW in text or CELL in text:
        return text.translate(_BLANK)
    return text


def join_rows(parts: Iterable[str]) -> str:
    """Return the segments of all *parts* that are not empty."""
    return ROW.join(part for part in parts if part)
