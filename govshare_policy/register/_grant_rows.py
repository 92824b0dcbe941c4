# SPDX-License-Identifier: Apache-2.0
"""Read ``grants.tsv``: a million rows, most of whose cells stand in many of them.

What a cell says is worked out when it is first met, by the row that has it; rows share the result.
"""

from array import array
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeVar

from govshare_policy.register._columns import COLUMNS
from govshare_policy.register._table import Row, is_code, read_cells
from govshare_policy.register.model import (
    GRANTED_BY,
    CatalogueEntry,
    Department,
    Grant,
    Period,
    System,
)

T = TypeVar("T")
K = TypeVar("K")
GRANTS: Final = "grants.tsv"
# The cells of which a grant is made, in the order in which they are looked at.
_CELLS: Final = (
    *("grant_id", "resource_id", "fields", "user_dept", "systems", "purposes", "channels"),
    *("valid_from", "valid_to", "granted_by", "daily_quota", "daily_subjects", "cert_spki"),
    "reply_ref",
)


class GrantReader:
    """Reads the rows of one file against the other registers."""

    def __init__(
        self,
        *,
        departments: Mapping[str, Department],
        systems: Mapping[str, System],
        resources: Mapping[str, CatalogueEntry],
    ) -> None:
        self._departments = departments
        self._systems = systems
        self._resources = resources
        self._lines = array("L")
        self._at: tuple[int, list[str], list[str]] = 0, [], []  # the row that is being read
        self._entries: dict[str, CatalogueEntry] = {}
        self._fields: dict[tuple[str, str], tuple[str, ...]] = {}
        self._users: dict[str, str] = {}
        self._of_user: dict[tuple[str, str], tuple[str, ...]] = {}
        self._purposes: dict[str, tuple[str, ...]] = {}
        self._channels: dict[str, tuple[str, ...]] = {}
        self._periods: dict[tuple[str, str], Period] = {}
        self._grantors: dict[str, str] = {}
        self._quotas: dict[str, int | None] = {}
        self._subjects: dict[str, int | None] = {}

    def read(self, data: bytes) -> dict[str, Grant]:
        """Return the grants in *data*, in the order of the rows.

        Raises:
            FactError: If a cell is wrong or an id stands twice.
        """
        required, optional = COLUMNS[GRANTS]
        rows = read_cells(GRANTS, data, required=required, optional=optional)
        _, header = next(rows)
        width = len(header)
        # A column that the file does not have is an empty cell behind the last.
        places = [header.index(name) if name in header else width for name in _CELLS]
        grants: dict[str, Grant] = {}
        for line, cells in rows:
            cells.append("")
            self._at = line, header, cells
            ident = cells[places[0]]
            if not is_code(ident) or ident in grants:
                self._row().code("grant_id")
                self._row().refuse("grant_id", f"`{ident}` stands twice")
            grants[ident] = self._grant([cells[place] for place in places])
            self._lines.append(line)
        return grants

    def side_by_side(
        self, grants: Mapping[str, Grant], grants_of: Mapping[tuple[str, str], tuple[Grant, ...]]
    ) -> Iterator[tuple[Grant, Row]]:
        """Yield the grants that are not the only one of a department and resource, with rows."""
        for grant, line in zip(grants.values(), self._lines, strict=True):
            if len(grants_of[grant.department, grant.resource]) > 1:
                yield grant, Row(file=GRANTS, line=line, cells={})

    def _grant(self, cells: list[str]) -> Grant:
        ident, resource, fields, user, systems, purposes, channels, *rest = cells
        start, end, grantor, quota, subjects, spki, reply = rest
        # Looked up here, and worked out elsewhere only where it is new: this is done for every row.
        once = self._once
        entry = self._entries.get(resource) or once(self._entries, resource, self._entry)
        listed = entry.id, fields
        found = self._fields.get(listed) or once(self._fields, listed, self._fields_of)
        department = self._users.get(user) or once(self._users, user, self._user)
        own, days = (department, systems), (start, end)
        return Grant(
            id=ident,
            resource=entry.id,
            department=department,
            systems=self._of_user.get(own) or once(self._of_user, own, self._systems_of),
            purposes=self._purposes.get(purposes) or once(self._purposes, purposes, _purposes),
            fields=found,
            channels=self._channels.get(channels) or once(self._channels, channels, _channels),
            period=self._periods.get(days) or once(self._periods, days, period_of),
            granted_by=self._grantors.get(grantor) or once(self._grantors, grantor, _grantor),
            daily_quota=once(self._quotas, quota, _quota) if quota else None,
            daily_subjects=once(self._subjects, subjects, _subjects) if subjects else None,
            spki=self._row().digest("cert_spki") if spki else None,
            reply=reply,
        )

    def _once(self, known: dict[K, T], cell: K, work_out: Callable[[Row], T]) -> T:
        """Return what *cell* says; the first row that has it works it out."""
        found = known.get(cell)
        if found is None:
            found = known[cell] = work_out(self._row())
        return found

    def _row(self) -> Row:
        line, header, cells = self._at
        return Row(file=GRANTS, line=line, cells=dict(zip(header, cells, strict=False)))

    def _entry(self, row: Row) -> CatalogueEntry:
        ident = row.known("resource_id", row.code("resource_id"), self._resources, "resource")
        return self._resources[ident]

    def _fields_of(self, row: Row) -> tuple[str, ...]:
        entry, fields = self._entry(row), row.codes("fields", ",|")
        for name in fields:
            row.known("fields", name, entry.items, "field in the catalogue entry")
        return fields

    def _user(self, row: Row) -> str:
        ident = row.known("user_dept", row.code("user_dept"), self._departments, "department")
        return self._departments[ident].id

    def _systems_of(self, row: Row) -> tuple[str, ...]:
        department, systems = self._user(row), row.codes("systems")
        for system in systems:
            row.known("systems", system, self._systems, "system")
            if self._systems[system].department != department:
                row.refuse("systems", f"`{system}` is a system of another department")
        return tuple([self._systems[system].id for system in systems])


def period_of(row: Row) -> Period:
    """Return the days from ``valid_from`` to ``valid_to``.

    Raises:
        FactError: If one is no date, or they are the wrong way round.
    """
    start, end = row.day("valid_from"), row.day("valid_to")
    if end < start:
        row.refuse("valid_to", "earlier than valid_from")
    return Period(valid_from=start, valid_to=end)


def _purposes(row: Row) -> tuple[str, ...]:
    return row.codes("purposes")


def _channels(row: Row) -> tuple[str, ...]:
    return row.codes("channels")


def _grantor(row: Row) -> str:
    return row.one_of("granted_by", GRANTED_BY)


def _quota(row: Row) -> int | None:
    return row.number_or_none("daily_quota", "calls a day")


def _subjects(row: Row) -> int | None:
    return row.number_or_none("daily_subjects", "subjects a day")
