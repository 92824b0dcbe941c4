# SPDX-License-Identifier: Apache-2.0
"""Finding the records about a person whom the auditor names, by the salts of the commitments.

The log names no person. A record commits to a value under a salt, and whoever has the salt store
can tell whether a record speaks of a value that he was told.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from govshare_policy.audit.salttree import day_of
from govshare_policy.errors import CallError, VerificationError

_OUTCOME: Final = "outcome"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Person:
    """A person as a record may name one.

    Attributes:
        name: Of the commitment: ``operator``, ``recipient``.
        value: Personal: it goes into no message, and is not shown.
    """

    name: str
    value: str


class Commitments(Protocol):
    """The salt store, as far as an auditor needs it; :class:`~govshare_policy.audit.SaltStore`."""

    def verify(self, record_id: str, name: str, value: str, committed: str) -> None:
        """Return only if the record committed to *value*; raise :exc:`VerificationError` if not."""
        ...

    def erased_by(self, what: str) -> str:
        """Return the record by which a record's or a day's salts were erased, if they were."""
        ...


class Sought:
    """Compares records with the persons sought.

    Attributes:
        erased: How many records name somebody and cannot be compared, their salt being erased.
    """

    def __init__(self, persons: tuple[Person, ...], salts: Commitments) -> None:
        """Compare by *salts*."""
        self._persons = persons
        self._salts = salts
        self.erased = 0

    def is_about(self, record: Mapping[str, Any]) -> bool:
        """Tell whether *record* committed to one of the persons.

        Raises:
            AuditError: If the salts cannot be read.
        """
        committed = record.get("commitments")
        # The salt of an outcome is that of its decision.
        ident = record.get("decision" if record.get("phase") == _OUTCOME else "id")
        if not isinstance(committed, Mapping) or not isinstance(ident, str):
            return False
        named = [person for person in self._persons if isinstance(committed.get(person.name), str)]
        if any(self._committed(ident, person, committed[person.name]) for person in named):
            return True
        self.erased += bool(named) and self._is_erased(ident)
        return False

    def _committed(self, ident: str, person: Person, committed: str) -> bool:
        try:
            self._salts.verify(ident, person.name, person.value, committed)
        except VerificationError:
            return False
        return True

    def _is_erased(self, ident: str) -> bool:
        try:
            day = day_of(ident).isoformat()
        except VerificationError:
            return False
        return bool(self._salts.erased_by(ident) or self._salts.erased_by(day))


def parse_person(text: str, *, read_value: Callable[[], str]) -> Person:
    """Return the person that ``NAME=VALUE`` says; the value ``-`` is asked of *read_value*.

    Raises:
        CallError: If *text* has another form.
    """
    name, _, value = text.partition("=")
    value = read_value() if value == "-" else value
    if not name or not value:
        raise CallError("--person takes NAME=VALUE, such as operator=-, where - asks for the value")
    return Person(name=name, value=value)
