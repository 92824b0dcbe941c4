# SPDX-License-Identifier: Apache-2.0
"""Load a data directory into a :class:`Register`, or refuse it whole."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeVar

from govshare_policy.errors import FactError
from govshare_policy.register import model
from govshare_policy.register._appointments import check_appointments
from govshare_policy.register._columns import COLUMNS, REQUIRED_FILES
from govshare_policy.register._entries import entry_of
from govshare_policy.register._grant_rows import GRANTS, GrantReader, period_of
from govshare_policy.register._grants import refuse_contradictions
from govshare_policy.register._renewed import with_changed_grants
from govshare_policy.register._table import Row, read_bytes, read_rows
from govshare_policy.register.digest import digest_of
from govshare_policy.register.model import Grant, Register, grouped

T = TypeVar("T")

PROFILES: Final = (
    "henan-fengqiu",
    "henan-yanjin",
    "jiangxi-pingxiang",
    "henan-hebi",
    "hubei",
    "national-809",
)


def load_register(directory: Path, *, before: Register | None = None) -> Register:
    """Load every file of a data directory.

    Args:
        directory: The directory.
        before: What was loaded from it earlier. Where only some rows of ``grants.tsv`` that stand
            together changed, the rest is taken over; the result is the same.

    Raises:
        FactError: If a file, column, code, date or reference is wrong; the message names file,
            line and column, and nothing of the directory is used.
    """
    files = _read_all(directory)
    renewed = with_changed_grants(before, files) if before is not None else None
    return renewed or _Loader(files).load()


def _read_all(directory: Path) -> dict[str, bytes]:
    if directory.is_file():
        raise FactError(f"`{directory.name}` is a file; --data takes the directory of registers")
    if not directory.is_dir():
        raise FactError(f"the data directory `{directory.name}` does not exist")
    files: dict[str, bytes] = {}
    for path in sorted(directory.iterdir()):
        if path.name.startswith(".") or path.suffix == ".md":
            continue
        if path.name not in COLUMNS:
            raise FactError(f"{path.name}: not a file of a data directory")
        files[path.name] = read_bytes(path)
    for name in REQUIRED_FILES:
        if name not in files:
            raise FactError(f"{name}: missing from the data directory")
    return files


class _Loader:
    """Loads the files in an order in which every reference can be checked."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._departments: dict[str, model.Department] = {}
        self._systems: dict[str, model.System] = {}
        self._resources: dict[str, model.CatalogueEntry] = {}
        self._holders: dict[bytes, str] = {}

    def load(self) -> Register:
        self._departments = self._keyed("departments.tsv", "dept_id", _department)
        self._systems = self._keyed("systems.tsv", "system_id", self._system)
        self._resources = self._keyed("resources.tsv", "resource_id", self._entry)
        self._check_references_of_entries()
        grants, grants_of = self._grants()
        register = Register(
            departments=self._departments,
            systems=self._systems,
            resources=self._resources,
            grants=grants,
            grants_of=grants_of,
            consents=self._keyed("consents.tsv", "consent_id", self._consent),
            approvals=tuple(self._keyed("approvals.tsv", "approval_id", self._approval).values()),
            agreements=self._agreements(),
            suspensions=grouped(
                self._keyed("suspensions.tsv", "suspension_id", self._suspension).values(),
                lambda s: s.department,
            ),
            roles=frozenset(self._role(row) for row in self._rows("roles.tsv")),
            certificates=grouped(
                [self._certificate(row) for row in self._rows("certificates.tsv")],
                lambda c: c.spki,
            ),
            platform=self._platform(),
            digest=digest_of(self._files),
        )
        register.sources.update(self._files)
        return register

    def _grants(self) -> tuple[dict[str, Grant], dict[tuple[str, str], tuple[Grant, ...]]]:
        reader = GrantReader(
            departments=self._departments, systems=self._systems, resources=self._resources
        )
        grants = reader.read(self._files[GRANTS])
        grants_of = grouped(grants.values(), lambda g: (g.department, g.resource))
        refuse_contradictions(reader.side_by_side(grants, grants_of))
        return grants, grants_of

    def _rows(self, name: str) -> Iterator[Row]:
        if name in self._files:
            required, optional = COLUMNS[name]
            yield from read_rows(name, self._files[name], required=required, optional=optional)

    def _keyed(self, name: str, key: str, build: Callable[[Row, str], T]) -> dict[str, T]:
        table: dict[str, T] = {}
        for row in self._rows(name):
            ident = row.code(key)
            if ident in table:
                row.refuse(key, f"`{ident}` stands twice")
            table[ident] = build(row, ident)
        return table

    def _system(self, row: Row, ident: str) -> model.System:
        return model.System(
            id=ident,
            name_zh=row.text("name_zh"),
            department=self._department_of(row, "dept_id"),
            intermediary=row.flag("intermediary", empty=False),
            envelope=row.flag("envelope", empty=False),
        )

    def _entry(self, row: Row, ident: str) -> model.CatalogueEntry:
        return entry_of(row, ident, self._departments)

    def _check_references_of_entries(self) -> None:
        for row in self._rows("resources.tsv"):
            if row.text("upstream"):
                row.known("upstream", row.text("upstream"), self._resources, "resource")

    def _consent(self, row: Row, ident: str) -> model.Consent:
        return model.Consent(
            id=ident,
            kind=row.one_of("kind", model.CONSENT_KINDS),
            resource=self._entry_of(row).id,
            provider=self._department_of(row, "provider"),
            department=self._department_of(row, "user_dept"),
            recipients=row.codes("recipients"),
            purposes=row.codes("purposes"),
            written=row.flag("written"),
            commercial=row.flag("commercial"),
            period=period_of(row),
        )

    def _approval(self, row: Row, ident: str) -> model.Approval:
        row.one_of("kind", frozenset(("offline_exchange",)))
        return model.Approval(
            id=ident,
            resource=self._entry_of(row).id,
            department=self._department_of(row, "user_dept"),
            approved_by=row.code("approved_by"),
            period=period_of(row),
        )

    def _agreements(self) -> tuple[model.Agreement, ...] | None:
        if "agreements.tsv" not in self._files:
            return None
        return tuple(self._keyed("agreements.tsv", "agreement_id", self._agreement).values())

    def _agreement(self, row: Row, ident: str) -> model.Agreement:
        return model.Agreement(
            id=ident,
            kind=row.one_of("kind", frozenset(("negotiated", "secrecy"))),
            resource=self._entry_of(row).id,
            provider=self._department_of(row, "provider"),
            department=self._department_of(row, "user_dept"),
            channel=row.text("channel"),
            network=row.text("network"),
            period=period_of(row),
        )

    def _suspension(self, row: Row, ident: str) -> model.Suspension:
        resource = row.text("resource_id")
        if resource != "*":
            row.known("resource_id", resource, self._resources, "resource")
        recorded, lifted = row.day("recorded_on"), row.day_or_none("lifted_on")
        if lifted is not None and lifted < recorded:
            row.refuse("lifted_on", "earlier than recorded_on")
        return model.Suspension(
            id=ident,
            department=self._department_of(row, "user_dept"),
            resource=resource,
            recorded_on=recorded,
            lifted_on=lifted,
        )

    def _role(self, row: Row) -> tuple[str, str, str]:
        profile = row.one_of("profile", frozenset(PROFILES))
        return profile, row.code("role"), self._department_of(row, "dept_id")

    def _certificate(self, row: Row) -> model.Certificate:
        period = period_of(row)
        system = row.known("system_id", row.code("system_id"), self._systems, "system")
        spki = row.digest("spki")
        if self._holders.setdefault(spki, system) != system:
            row.refuse("spki", "the key is registered for another system too")
        return model.Certificate(
            system=system,
            spki=spki,
            valid_from=period.valid_from,
            valid_to=period.valid_to,
            revoked_on=row.day_or_none("revoked_on"),
        )

    def _platform(self) -> dict[str, str]:
        settings: dict[str, str] = {}
        keys = frozenset(("crypto", "auth", "mlps_level"))
        for row in self._rows("platform.tsv"):
            key = row.one_of("key", keys)
            if key in settings:
                row.refuse("key", f"`{key}` stands twice")
            settings[key] = row.text("value")
        return settings

    def _department_of(self, row: Row, column: str) -> str:
        return row.known(column, row.code(column), self._departments, "department")

    def _entry_of(self, row: Row) -> model.CatalogueEntry:
        ident = row.known("resource_id", row.code("resource_id"), self._resources, "resource")
        return self._resources[ident]


def _department(row: Row, ident: str) -> model.Department:
    check_appointments(row)
    return model.Department(
        id=ident,
        name_zh=row.text("name_zh"),
        name_en=row.text("name_en"),
        subject_type=row.code("subject_type"),
    )
