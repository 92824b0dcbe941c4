# SPDX-License-Identifier: Apache-2.0
"""Heartbeats of a guard: signed, numbered and chained, so that a guard that was off leaves a gap.

A heartbeat is a text that ends with a signature line::

    govshare-heartbeat/v1
    guard D-HCB/egress-1
    sequence 17
    at 2026-01-05T01:02:03.000000Z
    previous 64 hexadecimal digits
    index 64 hexadecimal digits
    count denied 3
    count scanned 1024

    (signature in base64)

``previous`` is SM3 of the heartbeat before, with its signature. Who signs a number twice is caught.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, Self

from govshare_policy.audit import format_time
from govshare_policy.crypto import DEFAULT_ID, PublicKey, Signer, sign_checked, sm3, verify
from govshare_policy.errors import VerificationError

FORMAT: Final = "govshare-heartbeat/v1"
DIGEST_BYTES: Final = 32
MAX_BYTES: Final = 4096
NONE_BEFORE: Final = bytes(DIGEST_BYTES)
_MAX_COUNT: Final = 2**53 - 1
_GUARD: Final = re.compile(r"[!-~]{1,128}")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_TEXT: Final = re.compile(
    rf"{FORMAT}\nguard ([!-~]{{1,128}})\nsequence (0|[1-9][0-9]{{0,15}})\n"
    r"at (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)\nprevious ([0-9a-f]{64})\n"
    r"index ([0-9a-f]{64})\n((?:count [a-z][a-z0-9_]{0,31} (?:0|[1-9][0-9]{0,15})\n)*)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """That a guard was on, and with which index.

    Attributes:
        guard: Which one: department and name.
        sequence: From 0, without a gap.
        at: By the clock of the guard.
        previous: SM3 of the signed heartbeat before; 32 bytes, zeros for the first.
        index: Digest of what it looks for; 32 bytes.
        counts: What it has done so far, by name.
    """

    guard: str
    sequence: int
    at: datetime
    previous: bytes
    index: bytes
    counts: Mapping[str, int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", MappingProxyType(dict(sorted(self.counts.items()))))
        if _GUARD.fullmatch(self.guard) is None:
            raise ValueError("a guard is named by 1 to 128 visible ascii characters")
        if {len(self.previous), len(self.index)} != {DIGEST_BYTES}:
            raise ValueError("a digest has 32 bytes")
        numbers = (self.sequence, *self.counts.values())
        if not all(0 <= number <= _MAX_COUNT for number in numbers):
            raise ValueError("a number of a heartbeat is not negative and fits in 53 bits")
        if any(_NAME.fullmatch(name) is None for name in self.counts):
            raise ValueError("what is counted has a lower_snake ascii name")

    def to_text(self) -> str:
        """Return the lines that are signed."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield FORMAT
        yield f"guard {self.guard}"
        yield f"sequence {self.sequence}"
        yield f"at {format_time(self.at)}"
        yield f"previous {self.previous.hex()}"
        yield f"index {self.index.hex()}"
        for name, count in self.counts.items():
            yield f"count {name} {count}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the heartbeat that *text* spells.

        Raises:
            VerificationError: If it is not the one spelling of a heartbeat.
        """
        found = _TEXT.fullmatch(text)
        if found is None:
            raise VerificationError(f"the text is no heartbeat of format `{FORMAT}`")
        guard, sequence, at, previous, index, counts = found.groups()
        words = [line.split(" ") for line in counts.splitlines()]
        try:
            beat = cls(
                guard=guard,
                sequence=int(sequence),
                at=datetime.strptime(at, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC),
                previous=bytes.fromhex(previous),
                index=bytes.fromhex(index),
                counts={name: int(count) for _, name, count in words},
            )
        except ValueError:
            raise VerificationError("a time or a number of the heartbeat is none") from None
        if beat.to_text() != text:
            raise VerificationError("the heartbeat is not in its one spelling")
        return beat


def sign_heartbeat(beat: Heartbeat, signer: Signer) -> bytes:
    """Return *beat* with the signature of its guard.

    Raises:
        ConfigError: If the key cannot sign.
        SignatureError: If it signs wrongly.
    """
    text = beat.to_text()
    signature = sign_checked(signer, text.encode(), signer_id=DEFAULT_ID)
    return f"{text}\n{base64.b64encode(signature).decode()}\n".encode()


def verify_heartbeat(data: bytes, public: PublicKey) -> Heartbeat:
    """Return the heartbeat in *data*, once its guard is known to have signed it.

    Raises:
        VerificationError: If it is malformed.
        SignatureError: If *public* did not sign it.
    """
    try:
        text, _, tail = data[:MAX_BYTES].decode("ascii").partition("\n\n")
        signature = base64.b64decode(tail.removesuffix("\n"), validate=True)
    except (UnicodeDecodeError, binascii.Error, ValueError):
        raise VerificationError("the heartbeat has no signature line") from None
    if f"{text}\n\n{base64.b64encode(signature).decode()}\n".encode() != data:
        raise VerificationError("the heartbeat has no signature line")
    verify(public, f"{text}\n".encode(), signature, signer_id=DEFAULT_ID)
    return Heartbeat.from_text(f"{text}\n")


def next_heartbeat(
    before: bytes, *, guard: str, at: datetime, index: bytes, counts: Mapping[str, int]
) -> Heartbeat:
    """Return what follows the signed heartbeat *before*; the first where that is empty.

    Raises:
        VerificationError: If *before* is no heartbeat of *guard*.
    """
    sequence, previous = 0, NONE_BEFORE
    if before:
        text = before.decode("ascii", "replace").partition("\n\n")[0]
        last = Heartbeat.from_text(f"{text}\n")
        if last.guard != guard:
            raise VerificationError("the heartbeat before is of another guard")
        sequence, previous = last.sequence + 1, sm3(before)
    return Heartbeat(
        guard=guard, sequence=sequence, at=at, previous=previous, index=index, counts=counts
    )
