# SPDX-License-Identifier: Apache-2.0
"""How much one connection may ask for, and how long it may be silent."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The bounds of one server.

    Attributes:
        streams: Calls under way, on one connection and on all together.
        message_bytes: The largest message, packed or unpacked.
        gzip: Whether messages may come packed. Answers never leave packed.
        metadata_bytes: All header fields of one call, as HTTP/2 counts them.
        held_bytes: Of messages that are not handed on yet, on one connection.
        window_bytes: What one stream may send ahead of whoever reads it.
        queued_bytes: What one stream has ready to leave before its servicer has to wait.
        hello_s: Within this, a new connection has to begin to speak HTTP/2.
        keepalive_s: After so long without a byte, the peer is asked whether it is there.
        keepalive_timeout_s: After so long without an answer to that, it is gone.
        idle_s: After so long without a call, the connection is closed.
    """

    streams: int = 2560
    message_bytes: int = 16 << 20
    gzip: bool = False
    metadata_bytes: int = 16 << 10
    held_bytes: int = 64 << 20
    window_bytes: int = 256 << 10
    queued_bytes: int = 64 << 10
    hello_s: float = 10.0
    keepalive_s: float = 60.0
    keepalive_timeout_s: float = 20.0
    idle_s: float = 1800.0


USUAL: Final = Settings()
