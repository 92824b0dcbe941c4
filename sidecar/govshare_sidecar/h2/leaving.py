# SPDX-License-Identifier: Apache-2.0
"""What is to leave on one stream of HTTP/2."""

from collections import deque
from ctypes import memmove

from govshare_sidecar.h2 import _nghttp2 as ng


class Leaving:
    """An answer under way: its messages in pieces, and in the end its trailers."""

    __slots__ = ("chunks", "is_deferred", "is_full", "offset", "size", "trailers")

    def __init__(self) -> None:
        self.chunks: deque[bytes] = deque()
        self.offset = 0
        self.size = 0
        self.trailers: ng.Pairs | None = None
        self.is_deferred = False
        self.is_full = False

    def copy(self, target: int, room: int) -> int:
        """Copy up to *room* bytes to the address *target*; return how many."""
        done = 0
        while done < room and self.chunks:
            chunk = self.chunks[0]
            part = chunk[self.offset : self.offset + room - done] if self.offset else chunk
            count = min(len(part), room - done)
            memmove(target + done, part, count)
            done += count
            self.offset += count
            if self.offset == len(chunk):
                self.chunks.popleft()
                self.offset = 0
        self.size -= done
        return done
