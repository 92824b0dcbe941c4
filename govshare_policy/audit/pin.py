# SPDX-License-Identifier: Apache-2.0
"""Pins: how far a log has come, remembered where a restored backup of the log does not reach."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol, Self, runtime_checkable

from govshare_policy.audit.checkpoint import check_name
from govshare_policy.audit.merkle import HASH_BYTES
from govshare_policy.errors import AuditError, VerificationError

MAX_TIME: Final = 253402300799  # the last second of the year 9999
_STATE: Final = rb"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([0-9a-f]{64})\n"
_TEXT: Final = re.compile(
    rb"govshare-pin/v1\n" + _STATE + rb"|govshare-pin/v2\n" + _STATE + rb"(0|[1-9][0-9]{0,11})\n",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A state of a log, as a pin remembers it.

    Attributes:
        origin: The name of the log.
        size: Number of records.
        root: Root hash; 32 bytes.
        time: Of the signature of that state, in Unix seconds; none in a pin that did not keep it.
    """

    origin: str
    size: int
    root: bytes
    time: int | None = None

    def __post_init__(self) -> None:
        check_name(self.origin)
        if self.size < 0 or len(self.root) != HASH_BYTES:
            raise ValueError("a mark has a size and a root of 32 bytes")

    def verify_next(self, new: "Mark", *, name: str) -> None:
        """Return only if *new* may follow this mark in the pin *name*.

        Raises:
            AuditError: If it is of another log, or shorter.
        """
        if new.origin != self.origin or new.size < self.size:
            raise AuditError(f"the pin `{name}` never goes back")

    def to_bytes(self) -> bytes:
        """Return the mark as five lines, or as four if its time is not known."""
        version, time = ("v1", "") if self.time is None else ("v2", f"{self.time}\n")
        state = f"{self.origin}\n{self.size}\n{self.root.hex()}\n"
        return f"govshare-pin/{version}\n{state}{time}".encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return the mark that *data* spells.

        Raises:
            VerificationError: If *data* is not a mark.
        """
        match = _TEXT.fullmatch(data)
        if match is None:
            raise VerificationError("the pin is not the four or five lines of a mark")
        old, new, time = match.groups()[:3], match.groups()[3:6], match.group(7)
        origin, size, root = old if time is None else new
        if int(time or 0) > MAX_TIME:
            raise VerificationError("the time in the pin is not in the calendar")
        return cls(
            origin=origin.decode("ascii", "replace"),
            size=int(size),
            root=bytes.fromhex(root.decode()),
            time=None if time is None else int(time),
        )


class Pin(Protocol):
    """Remembers the highest state of one log."""

    def load(self) -> Mark | None:
        """Return the mark, or none if nothing was ever remembered.

        Raises:
            AuditError: If the mark cannot be read. That is not the same as none.
        """
        ...

    def advance(self, old: Mark | None, new: Mark) -> None:
        """Replace *old* by *new*, if *old* is what is remembered, and return once that is kept.

        Raises:
            AuditError: If something else is remembered, or *new* could not be kept.
        """
        ...


class OpenPin(Pin, Protocol):
    """A pin that may hold a connection, or be behind, until it is closed."""

    @property
    def name(self) -> str:
        """What messages call it; no secret."""
        ...

    def close(self) -> None:
        """Finish what is under way and let go of the store. A second time does nothing.

        Raises:
            AuditError: If the store does not hold the last mark.
        """
        ...


@runtime_checkable
class PinGroup(Protocol):
    """What has more than one mark."""

    def load_all(self) -> tuple[Mark | None, ...]:
        """Return the mark of each pin, or none where nothing was ever remembered.

        Raises:
            AuditError: If one of them cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Worn:
    """A pin whose store lost something, and what is left in it.

    Attributes:
        name: Of the pin.
        mark: What counts, for want of what was lost: the mark before it, or the last after all.
    """

    name: str
    mark: Mark


@runtime_checkable
class Wearing(Protocol):
    """A pin that can tell that its store lost something."""

    def load_worn(self) -> tuple[Worn, ...]:
        """Return what has lost something; as a rule nothing.

        Raises:
            AuditError: If a mark cannot be read.
        """
        ...


def load_worn(pin: Pin | None) -> tuple[Worn, ...]:
    """Return what has lost something of *pin* and of the pins within it.

    Raises:
        AuditError: If a mark cannot be read.
    """
    if pin is None:
        return ()
    return pin.load_worn() if isinstance(pin, Wearing) else ()


def load_marks(pin: Pin | None) -> tuple[Mark | None, ...]:
    """Return every mark that *pin* holds; a log has to have gone through all of them.

    Raises:
        AuditError: If one of them cannot be read.
    """
    if pin is None:
        return ()
    return pin.load_all() if isinstance(pin, PinGroup) else (pin.load(),)


def furthest(marks: Iterable[Mark | None]) -> Mark | None:
    """Return the mark of the longest log, or none if there is no mark."""
    there = [mark for mark in marks if mark is not None]
    return max(there, key=lambda mark: (mark.size, mark.time or 0), default=None)
