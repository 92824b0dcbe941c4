# SPDX-License-Identifier: Apache-2.0
"""The cases shipped with the packs, and the sample county they are answered in."""

import csv
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any, Final

import yaml

from govshare_policy.call import Call, call_from_document
from govshare_policy.cli.init import grants_text
from govshare_policy.errors import PolicyError
from govshare_policy.policy.faults import Cases
from govshare_policy.register import Register, load_register

# The day on which the cases are answered; the grants of the sample are dated around it.
DAY: Final = date(2025, 9, 22)
# What a case differs from: the housing bureau verifies a marriage under grant G01.
PLAIN: Final[Mapping[str, object]] = {
    "id": "case",
    "at": f"{DAY}T10:00:00+08:00",
    "action": "read",
    "department": "D-HCB",
    "system": "SYS-HCB-PRH",
    "resource": "R08",
    "fields": ["id_no", "marital_status"],
    "purpose": "data_verification",
    "grant": "G01",
}
CASE_FILES: Final = ("calls", "catalogue", "deadlines", "workflow")
_KEYS: Final = {
    "departments.tsv": "dept_id",
    "systems.tsv": "system_id",
    "resources.tsv": "resource_id",
    "grants.tsv": "grant_id",
}
# The same loader in C where libyaml is there: a pack has some thousand lines of cases.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_COPIED: Final = ("departments.tsv", "systems.tsv", "resources.tsv", "roles.tsv")

Change = Mapping[str, Sequence[Mapping[str, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCase:
    """One call of ``common/calls.yaml``, and what it changes in the county first."""

    name: str
    call: Call
    change: Change


def load_calls(packs: Path) -> tuple[CallCase, ...]:
    """Return the calls that every pack has an answer for, in the order of the file.

    Raises:
        PolicyError: If the file is wrong.
        CallError: If a case is no call.
    """
    return tuple(
        CallCase(
            name=name,
            call=call_from_document({**PLAIN, **case.get("call", {})}),
            change=case.get("change", {}),
        )
        for name, case in load_common(packs, "calls").items()
    )


def load_common(packs: Path, kind: str) -> dict[str, Mapping[str, Any]]:
    """Return what every pack is asked, by the name of the case; none if there is no such file.

    Raises:
        PolicyError: If the file is wrong.
    """
    path = packs / "common" / f"{kind}.yaml"
    return _load(path) if kind == "calls" or path.exists() else {}


def load_expected(packs: Path, profile: str) -> dict[str, dict[str, object]]:
    """Return what the text of *profile* says of each call, by the name of the case.

    Raises:
        PolicyError: If the file is wrong or an answer in it incomplete.
    """
    table = load_cases(packs, profile, "calls")
    for name, case in table.items():
        if set(case) | {"fields"} != {"outcome", "clauses", "rules", "fields"}:
            raise PolicyError(f"{profile}/cases/calls.yaml: `{name}` has no whole answer")
    return {name: {"fields": [], **case} for name, case in table.items()}


def load_cases(packs: Path, profile: str, kind: str) -> dict[str, Mapping[str, Any]]:
    """Return the cases of one kind that came with a pack, by name; none if it has no such file.

    Raises:
        PolicyError: If the file is wrong.
    """
    path = packs / profile / "cases" / f"{kind}.yaml"
    return _load(path) if kind == "calls" or path.exists() else {}


def cases_of(packs: Path, profiles: Sequence[str]) -> Cases:
    """Return every case of *profiles*, each with the words in its answer.

    Clauses, rules and lint rules are among the words; so a case can be looked up by any of them.
    """
    cases: dict[tuple[str, str], frozenset[str]] = {}
    for profile in profiles:
        for kind in CASE_FILES:
            for name, case in load_cases(packs, profile, kind).items():
                cases[profile, f"{kind}:{name}"] = frozenset(_words(case))
    return cases


@contextmanager
def county() -> Iterator["County"]:
    """Open the sample county as of :data:`DAY`; its files are gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="govshare-county-") as directory:
        yield County(Path(directory))


class County:
    """The sample county, ready to be changed as a case says."""

    def __init__(self, directory: Path) -> None:
        self._base = directory / "plain"
        self._changed = directory / "changed"
        self._base.mkdir()
        sample = resources.files("govshare_policy.cli.sample")
        for name in _COPIED:
            (self._base / name).write_bytes((sample / name).read_bytes())
        (self._base / "grants.tsv").write_text(grants_text(DAY), encoding="utf-8")
        self._plain = load_register(self._base)

    def register(self, change: Change | None = None) -> Register:
        """Return the county's registers, changed first where *change* says so."""
        return load_register(self.directory(change)) if change else self._plain

    def directory(self, change: Change | None = None) -> Path:
        """Return the county's data directory, changed first; good until the next change."""
        if not change:
            return self._base
        shutil.rmtree(self._changed, ignore_errors=True)
        shutil.copytree(self._base, self._changed)
        for name, rows in change.items():
            _set_rows(self._changed / name, rows, key=_KEYS.get(name, ""))
        return self._changed


def _set_rows(path: Path, rows: Sequence[Mapping[str, str]], *, key: str) -> None:
    """Change the rows of *path* that *rows* name by *key*, and add the others."""
    table: list[dict[str, str]] = []
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            table = list(csv.DictReader(file, delimiter="\t"))
    for row in rows:
        old = next((line for line in table if key and line[key] == row[key]), None)
        if old is None:
            table.append(dict(row))
        else:
            old.update(row)
    columns = list(dict.fromkeys(column for line in table for column in line))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, delimiter="\t", restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)


def _load(path: Path) -> dict[str, Mapping[str, Any]]:
    name = f"{path.parent.parent.name}/{path.parent.name}/{path.name}"
    if path.parent.name == "common":
        name = f"common/{path.name}"
    try:
        table = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506  both are safe
    except (OSError, UnicodeDecodeError):
        raise PolicyError(f"{name}: the file cannot be read as UTF-8 text") from None
    except yaml.YAMLError as error:
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        line = f" line {mark.line + 1} column {mark.column + 1}" if mark else ""
        raise PolicyError(f"{name}{line}: not YAML") from None
    if not isinstance(table, dict) or not all(isinstance(case, dict) for case in table.values()):
        raise PolicyError(f"{name}: not cases by name")
    return table


def _words(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield str(key)
            yield from _words(member)
    elif isinstance(value, list):
        for member in value:
            yield from _words(member)
    else:
        yield str(value)
