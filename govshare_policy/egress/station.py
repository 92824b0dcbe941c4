# SPDX-License-Identifier: Apache-2.0
"""The onward guard of one department, out of its directory: what it looks for, and where it keeps.

What is registered goes under the newest key; what is scanned is held against all of them.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from govshare_policy.crypto import PublicKey, load_public_key
from govshare_policy.egress.accumulator import Accumulator
from govshare_policy.egress.guard import Envelope, Guard
from govshare_policy.egress.holdings import Holdings, load_holdings
from govshare_policy.egress.index import Index, Registered
from govshare_policy.egress.keys import DepartmentKey
from govshare_policy.egress.onward import strictest
from govshare_policy.egress.place import Place
from govshare_policy.egress.reading import Limits
from govshare_policy.egress.register import ReleasedRows
from govshare_policy.egress.scan import Scanner
from govshare_policy.egress.tags import Tagger
from govshare_policy.egress.verdict import Verdict
from govshare_policy.errors import ConfigError


class Station:
    """A guard that is open, in one process. Close it, or use ``with``."""

    def __init__(
        self, place: Place, guards: tuple[Guard, ...], key: DepartmentKey, stack: ExitStack
    ) -> None:
        self._place = place
        self._guards = guards
        self._key = key
        self._stack = stack
        self._signer: PublicKey | None = None
        if place.holdings_key is not None:
            self._signer = load_public_key(place.holdings_key)
        self._holdings: Holdings | None = None

    @classmethod
    def open(cls, place: Place, *, limits: Limits | None = None) -> Self:
        """Open the guard at *place*; an index that is not there yet is made.

        Raises:
            ConfigError: If a key or a file cannot be used.
            VerificationError: If an index is damaged.
        """
        keys = place.load()
        with ExitStack() as stack:
            guards = []
            for key in keys:
                index = stack.enter_context(_open_index(place.index(key), key))
                day = place.directory / f"day-{key.epoch}.sqlite"
                guards.append(
                    Guard(
                        scanner=Scanner(index=index, tagger=Tagger(key)),
                        accumulator=Accumulator(path=day),
                        limits=limits or Limits(),
                    )
                )
            return cls(place, tuple(guards), keys[-1], stack.pop_all())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the indexes."""
        self._stack.close()

    def scan(self, parts: Sequence[tuple[bytes, str]], envelope: Envelope) -> Verdict:
        """Return what is to happen with a document of *parts*: bytes and media type each.

        Raises:
            ConfigError: If an index or the accumulator cannot be used. The caller must deny.
            VerificationError: If an index is damaged. The caller must deny.
        """
        return strictest(
            guard.scan(body, _about(envelope, content_type))
            for body, content_type in parts
            for guard in self._guards
        )

    def register(self, release: ReleasedRows) -> Registered:
        """Put *release* into the newest index; it is on the disk when this returns.

        Raises:
            AuditError: If it is not on the disk. The release must not go out.
            VerificationError: If the index or the holdings are damaged. Likewise.
            ConfigError: If they cannot be read. Likewise.
        """
        index = self._guards[-1].scanner.index
        return index.register(release, holdings=self._held())

    def lapse(self, now: datetime) -> int:
        """Forget the releases whose duties have ended; return how many.

        Raises:
            AuditError: If this did not reach the disk.
        """
        return sum(guard.scanner.index.lapse(now) for guard in self._guards)

    def _held(self) -> Holdings | None:
        """Return the register of own holdings as it is now, if there is one."""
        directory = self._place.holdings(self._key)
        if self._signer is None or not directory.is_dir():
            return None
        count = len(list(directory.glob("*.statement")))
        if self._holdings is None or len(self._holdings.statements) != count:
            self._holdings = load_holdings(directory, key=self._key, public=self._signer)
        return self._holdings


def _open_index(directory: Path, key: DepartmentKey) -> Index:
    if directory.exists():
        return Index.open(directory, "write", key=key)
    try:
        return Index.create(directory, key=key)
    except ConfigError:
        # Another process was faster.
        return Index.open(directory, "write", key=key)


def _about(envelope: Envelope, content_type: str) -> Envelope:
    return Envelope(
        caller=envelope.caller,
        destination=envelope.destination,
        at=envelope.at,
        content_type=content_type,
        name=envelope.name,
        allowed=envelope.allowed,
    )
