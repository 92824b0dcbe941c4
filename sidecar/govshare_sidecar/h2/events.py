# SPDX-License-Identifier: Apache-2.0
"""What happens on a connection of HTTP/2."""

from typing import NamedTuple, TypeAlias

from govshare_policy.errors import CallError


class Head(NamedTuple):
    """A block of header fields has arrived."""

    stream: int
    fields: list[tuple[bytes, bytes]]
    is_whole: bool
    ends: bool


class Data(NamedTuple):
    """A part of a body has arrived."""

    stream: int
    data: bytes


class End(NamedTuple):
    """The caller sends nothing more."""

    stream: int


class Closed(NamedTuple):
    """The stream is over, well or not."""

    stream: int


class Drained(NamedTuple):
    """So much has left that more may be put on the stream."""

    stream: int


class Heard(NamedTuple):
    """The peer has answered a ping; *stream* is 0, the connection."""

    stream: int


Event: TypeAlias = Head | Data | End | Closed | Drained | Heard


class PeerError(CallError):
    """The caller must act: it does not keep to HTTP/2, or asks for too much of it."""
