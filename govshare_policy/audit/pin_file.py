# SPDX-License-Identifier: Apache-2.0
"""A pin in a file of two blocks, written in turn: one write and one sync move it.

A commit waits for its pin. Replacing a file would take two syncs and the journal of the file
system; writing over the older of two blocks takes one, and the newer is whole whatever happens
meanwhile. docs/spec/audit-log.md, "Writers", has the layout.
"""

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from govshare_policy.audit.disk import Disk
from govshare_policy.audit.pin import Mark, Worn
from govshare_policy.crypto import sm3
from govshare_policy.errors import AuditError, VerificationError

# What a disk writes whole or not at all is no larger, so that one block can tear and no other.
BLOCK_BYTES: Final = 4096
_BLOCKS: Final = 2
_HEAD: Final = b"govshare-pin/v3\n"
_BLOCK: Final = re.compile(
    rb"(govshare-pin/v3\n(0|[1-9][0-9]{0,18})\n(govshare-pin/v[12]\n[^\0]+\n))"
    rb"([0-9a-f]{64})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What a file holds: *mark*, as its *turn*-th content; -1 in a file of the older form.

    ``is_worn`` tells that the other block is neither whole nor one that was never written.
    """

    mark: Mark
    turn: int
    is_worn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePin:
    """A mark in a file; put it on another disk than the log.

    Two writers of one pin file are kept apart by the lock of the log, not by this class.
    """

    path: Path
    disk: Disk = Disk()  # noqa: RUF009 - it has no state
    # The last turn that is known to be on the disk, because it was synced here.
    _synced: list[int] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.name

    def load(self) -> Mark | None:
        """Return the mark in the file, or none if there is no file."""
        state = self._read()
        return None if state is None else state.mark

    def load_worn(self) -> tuple[Worn, ...]:
        """Return the mark that is left if one block is not whole, and nothing if both are."""
        state = self._read()
        return (Worn(name=self.name, mark=state.mark),) if state and state.is_worn else ()

    def advance(self, old: Mark | None, new: Mark) -> None:
        """Write over the older block, if the newer holds *old*.

        The newer block has to be on the disk for that. Of what another process wrote, or failed
        to sync, nobody here knows; so the first move replaces the file.
        """
        state = self._read()
        if (None if state is None else state.mark) != old:
            raise AuditError(f"the pin `{self.name}` was moved by another writer")
        if old is not None:
            old.verify_next(new, name=self.name)
        is_synced = state is not None and self._synced == [state.turn]
        turn = state.turn + 1 if state is not None and is_synced else 0
        self._synced.clear()
        try:
            if turn == 0:
                self.disk.replace(self.path, _block(new, turn).ljust(_BLOCKS * BLOCK_BYTES, b"\n"))
            else:
                self._write(_block(new, turn), turn % _BLOCKS * BLOCK_BYTES)
        except OSError as error:
            raise AuditError(f"the pin `{self.name}` cannot be written") from error
        self._synced.append(turn)

    def close(self) -> None:
        """Do nothing: no file is kept open."""

    def _read(self) -> _State | None:
        before = None
        while (data := self._data()) is not None:
            try:
                return _state(data)
            except VerificationError:
                # A writer may have been at it between the one block and the other.
                if data == before:
                    raise
            before = data
        return None

    def _data(self) -> bytes | None:
        # By its name each time: a file that was put in its place must not go unseen.
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AuditError(f"the pin `{self.name}` cannot be read") from error
        try:
            return os.read(fd, _BLOCKS * BLOCK_BYTES + 1)
        except OSError as error:
            raise AuditError(f"the pin `{self.name}` cannot be read") from error
        finally:
            os.close(fd)

    def _write(self, block: bytes, offset: int) -> None:
        fd = self.disk.open(self.path)
        try:
            self.disk.write_all(fd, block, offset)
            self.disk.datasync(fd)
        finally:
            self.disk.close(fd)


def _block(mark: Mark, turn: int) -> bytes:
    """Return the block that holds *mark*; 4,096 bytes."""
    text = _HEAD + f"{turn}\n".encode() + mark.to_bytes()
    return (text + f"{sm3(text).hex()}\n".encode()).ljust(BLOCK_BYTES, b"\n")


def _state(data: bytes) -> _State:
    """Return what the bytes of a pin file say.

    One block that is not whole is, as a rule, one whose writing a crash broke off: its mark was
    never acknowledged. Whether it is, the log tells. Of two such blocks nothing is known.

    Raises:
        VerificationError: If *data* is no pin.
    """
    if not data.startswith(_HEAD) and len(data) != _BLOCKS * BLOCK_BYTES:
        return _State(mark=Mark.from_bytes(data), turn=-1)
    if len(data) != _BLOCKS * BLOCK_BYTES:
        raise VerificationError("the pin is not of two blocks")
    whole = [
        state
        for at in range(_BLOCKS)
        if (state := _whole(data[at * BLOCK_BYTES : (at + 1) * BLOCK_BYTES], at)) is not None
    ]
    if not whole:
        raise VerificationError("neither block of the pin is whole")
    if len(whole) == _BLOCKS and abs(whole[0].turn - whole[1].turn) != 1:
        raise VerificationError("the blocks of the pin do not follow each other")
    last = max(whole, key=lambda state: state.turn)
    # The first content comes with an empty block beside it.
    is_new = last.turn == 0 and data[BLOCK_BYTES:] == b"\n" * BLOCK_BYTES
    return replace(last, is_worn=len(whole) < _BLOCKS and not is_new)


def _whole(block: bytes, at: int) -> _State | None:
    """Return what *block* says, if it is whole and stands in its place."""
    match = _BLOCK.fullmatch(block.rstrip(b"\n"))
    if match is None or sm3(match[1]).hex().encode() != match[4]:
        return None
    turn = int(match[2])
    if turn % _BLOCKS != at:
        raise VerificationError("a block of the pin stands in the place of the other")
    return _State(mark=Mark.from_bytes(match[3]), turn=turn)
