# SPDX-License-Identifier: Apache-2.0
"""Bodies of gRPC: messages one behind another, each with its length before it."""

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from multidict import CIMultiDictProxy

from govshare_policy.errors import GovshareError
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.upstream import Fault, UpstreamError

MEDIA_TYPE: Final = "application/grpc"
_PREFIX_BYTES: Final = 5
# Given whether a message is too large or else cannot be read, whose fault that is.
_Blame: TypeAlias = Callable[[bool], GovshareError]


def is_grpc(headers: CIMultiDictProxy[str]) -> bool:
    """Tell whether *headers* announce messages of gRPC."""
    media = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return media == MEDIA_TYPE or media.startswith(f"{MEDIA_TYPE}+")


def frame(message: bytes) -> bytes:
    """Return *message* as it stands in a body, not compressed."""
    return len(message).to_bytes(_PREFIX_BYTES) + message


class Frames:
    """Takes a body apart into its messages."""

    def __init__(self, most: int, blame: _Blame) -> None:
        self._most = most
        self._blame = blame
        self._rest = b""

    @classmethod
    def asked(cls, most: int) -> "Frames":
        """Return one for what a caller sends, in messages of at most *most* bytes."""
        return cls(
            most, lambda is_size: RefusedError(Cause.TOO_LARGE if is_size else Cause.BAD_BODY)
        )

    @classmethod
    def answered(cls, most: int) -> "Frames":
        """Return one for what an API sends, in messages of at most *most* bytes."""
        return cls(most, lambda is_size: _too_large(most) if is_size else _unreadable())

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the messages that are whole now.

        Raises:
            RefusedError: If one that a caller sends is compressed or too large.
            UpstreamError: If one that an API sends is.
        """
        self._rest += data
        while len(self._rest) >= _PREFIX_BYTES:
            size = int.from_bytes(self._rest[1:_PREFIX_BYTES])
            if self._rest[0] or size > self._most:
                raise self._blame(not self._rest[0])
            end = _PREFIX_BYTES + size
            if len(self._rest) < end:
                return
            message, self._rest = self._rest[_PREFIX_BYTES:end], self._rest[end:]
            yield message

    def verify_empty(self) -> None:
        """Return only if nothing of a message is left.

        Raises:
            RefusedError: If a part of one is, from a caller.
            UpstreamError: If a part of one is, from an API.
        """
        if self._rest:
            raise self._blame(False)  # noqa: FBT003


def _too_large(most: int) -> UpstreamError:
    return UpstreamError(Fault.TOO_LARGE, f"the department's answer is larger than {most} bytes")


def _unreadable() -> UpstreamError:
    return UpstreamError(
        Fault.UNREADABLE, "the department's answer is compressed, or was cut off in a message"
    )
