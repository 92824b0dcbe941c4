# SPDX-License-Identifier: Apache-2.0
"""Messages of gRPC on a stream of HTTP/2: a flag, four bytes of length, and the message.

Source:
    gRPC over HTTP2, "Length-Prefixed-Message" and "Compression".
"""

import zlib
from typing import Final

from grpc import StatusCode

from govshare_policy.errors import CallError

PREFIX_BYTES: Final = 5
_PLAIN, _PACKED = 0, 1
_GZIP_BITS: Final = 16 + zlib.MAX_WBITS


class WireError(CallError):
    """The caller must act: what it sent is no call of gRPC, or too large for one.

    Attributes:
        code: How the call ends.
        status: Of HTTP; not 200 only for what does not speak gRPC at all.
    """

    def __init__(self, code: StatusCode, message: str, *, status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def framed(message: bytes) -> bytes:
    """Return *message* as it stands on a stream, unpacked."""
    return b"\0" + len(message).to_bytes(4) + message


class Messages:
    """Takes the messages out of what arrives, one by one, as they are asked for.

    What arrives is kept as it is, so that it takes the room of its bytes, however it is cut.
    """

    __slots__ = ("_buffer", "_most", "_packed", "_size", "fault")

    def __init__(self, *, most: int, packed: bool) -> None:
        """Begin with nothing.

        Args:
            most: Bytes in one message.
            packed: Whether the caller has said that messages may be packed with gzip.
        """
        self._buffer = bytearray()
        self._most = most
        self._packed = packed
        # Of the first message, with its prefix; 0 until that has arrived.
        self._size = 0
        # Why nothing more can be taken.
        self.fault: WireError | None = None

    def __len__(self) -> int:
        """Return how many bytes wait here."""
        return len(self._buffer)

    @property
    def is_ready(self) -> bool:
        """Whether a whole message waits."""
        return 0 < self._size <= len(self._buffer)

    @property
    def has_more(self) -> bool:
        """Whether more than one message has begun."""
        return 0 < self._size < len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Add what arrived; :attr:`fault` says if the first message can be none."""
        self._buffer += data
        if not self._size:
            self._measure()

    def take(self) -> bytes | None:
        """Return the first message, unpacked; ``None`` while it is not whole.

        Raises:
            WireError: If it cannot be unpacked.
        """
        size = self._size
        if not 0 < size <= len(self._buffer):
            return None
        is_packed = self._buffer[0] == _PACKED
        message = bytes(memoryview(self._buffer)[PREFIX_BYTES:size])
        del self._buffer[:size]
        self._size = 0
        self._measure()
        return _unpacked(message, most=self._most) if is_packed else message

    def verify_ended(self) -> None:
        """Return only if nothing is left over.

        Raises:
            WireError: If the last message is not whole.
        """
        if self._buffer and not self.is_ready:
            raise WireError(StatusCode.INTERNAL, "the last message is cut short")

    def _measure(self) -> None:
        """Read the prefix of the first message, as soon as it is there."""
        if len(self._buffer) < PREFIX_BYTES:
            return
        flag, size = self._buffer[0], int.from_bytes(self._buffer[1:PREFIX_BYTES])
        if flag != _PLAIN and not (flag == _PACKED and self._packed):
            message = "a message is packed in a way that was not said"
            self.fault = WireError(StatusCode.INTERNAL, message)
        elif size > self._most:
            self.fault = _too_large(self._most)
        else:
            self._size = PREFIX_BYTES + size


def _unpacked(message: bytes, *, most: int) -> bytes:
    """Return *message* unpacked; no more of it is than *most* bytes."""
    unpacker = zlib.decompressobj(_GZIP_BITS)
    try:
        plain = unpacker.decompress(message, most + 1)
    except zlib.error:
        raise WireError(StatusCode.INTERNAL, "a message cannot be unpacked") from None
    if len(plain) > most:
        raise _too_large(most)
    if not unpacker.eof or unpacker.unused_data:
        raise WireError(StatusCode.INTERNAL, "a message cannot be unpacked")
    return plain


def _too_large(most: int) -> WireError:
    return WireError(StatusCode.RESOURCE_EXHAUSTED, f"a message is larger than {most} bytes")
