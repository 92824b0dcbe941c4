# SPDX-License-Identifier: Apache-2.0
"""What an exported event says of a record: who did what to what, taken from whatever it holds.

An outcome record says only what became of a decision, so the callers of allowed calls wait on the
disk until their outcomes come.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from govshare_policy.inspection.traits import SURROGATE, load_object, microseconds
from govshare_policy.report.waiting import TemporaryStore

UNKNOWN: Final = "unknown"
_SCHEMA: Final = """
    CREATE TABLE asked (
        id TEXT PRIMARY KEY, department TEXT, system TEXT, certificate TEXT, network TEXT,
        resource TEXT, action TEXT
    ) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asked for what; empty where a record does not say."""

    department: str = ""
    system: str = ""
    certificate: str = ""
    network: str = ""
    resource: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One record to export.

    Attributes:
        origin: The name of the log.
        number: Of the record in it.
        data: Its bytes.
        record: What they spell; empty if no object.
        at_us: Its instant in microseconds since 1970; that of the record before, if it has none.
        asked: Of a decision its own; of an outcome, that of its decision.
    """

    origin: str
    number: int
    data: bytes
    record: Mapping[str, Any]
    at_us: int
    asked: Asked

    def word(self, path: str) -> str:
        """Return the text at *path*, whose dots go into objects; empty if there is none."""
        return word_at(self.record, path)

    def first(self, key: str) -> str:
        """Return the first text of the list at *key*; empty if there is none."""
        found = self.record.get(key)
        return found[0] if isinstance(found, list) and found and isinstance(found[0], str) else ""

    @property
    def phase(self) -> str:
        """The phase of the record."""
        return self.word("phase")

    @property
    def ident(self) -> str:
        """The id of the record; its place in the log if it has none."""
        return self.word("id") or f"{self.origin}#{self.number}"


class Subjects:
    """Makes subjects of records, which have to come in their order, all of them."""

    def __init__(self, origin: str, created: str) -> None:
        """Begin before the first record of the log *origin*."""
        self._origin = origin
        self._at_us = microseconds(created) or 0
        self._store = TemporaryStore(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._store.__exit__(kind, error, trace)

    def take(self, number: int, data: bytes) -> Subject:
        """Return the subject of record *number*.

        Raises:
            AuditError: If there is no room for what waits.
        """
        record = load_object(data)
        at_us = microseconds(record.get("t"))
        self._at_us = self._at_us if at_us is None else at_us
        asked = _asked(record)
        if word_at(record, "phase") == "decision":
            self._keep(record, asked)
        elif word_at(record, "phase") == "outcome":
            asked = self._found(word_at(record, "decision"))
        return Subject(
            origin=self._origin,
            number=number,
            data=data,
            record=record,
            at_us=self._at_us,
            asked=asked,
        )

    def _keep(self, record: Mapping[str, Any], asked: Asked) -> None:
        if word_at(record, "effect") != "allow":
            return  # it has no outcome
        self._store.run(
            "INSERT OR REPLACE INTO asked VALUES (?, ?, ?, ?, ?, ?, ?)",
            word_at(record, "id"),
            asked.department,
            asked.system,
            asked.certificate,
            asked.network,
            asked.resource,
            asked.action,
        )

    def _found(self, ident: str) -> Asked:
        for row in self._store.run("DELETE FROM asked WHERE id = ? RETURNING *", ident):
            _, department, system, certificate, network, resource, action = row
            return Asked(
                department=department,
                system=system,
                certificate=certificate,
                network=network,
                resource=resource,
                action=action,
            )
        return Asked()


def word_at(record: Mapping[str, Any], path: str) -> str:
    """Return the text at *path* of *record*; empty if there is none."""
    value: object = record
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    # Half a surrogate pair, which JSON can spell, is no text.
    return value if isinstance(value, str) and not SURROGATE.search(value) else ""


def _asked(record: Mapping[str, Any]) -> Asked:
    return Asked(
        department=word_at(record, "department"),
        system=word_at(record, "system"),
        certificate=word_at(record, "certificate"),
        network=word_at(record, "network"),
        resource=word_at(record, "call.resource") or word_at(record, "resource"),
        action=word_at(record, "call.action"),
    )
