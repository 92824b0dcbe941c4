# SPDX-License-Identifier: Apache-2.0
"""What a reason may mention: registered names only, nothing the caller made up."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from govshare_policy.facts import Candidate, Facts
from govshare_policy.register import CatalogueEntry, Grant


class Mentions(Mapping[str, str]):
    """The values of the placeholders in reasons.toml, each looked up when a sentence has it."""

    __slots__ = ("candidate", "facts")

    def __init__(self, facts: Facts | None, candidate: Candidate | None) -> None:
        self.facts = facts
        self.candidate = candidate

    def __getitem__(self, name: str) -> str:
        return _VALUES[name](self)

    def __iter__(self) -> Iterator[str]:
        return iter(_VALUES)

    def __len__(self) -> int:
        return len(_VALUES)

    @property
    def entry(self) -> CatalogueEntry | None:
        """The resource asked for, where the catalogue has it."""
        return self.facts.entry if self.facts is not None else None

    @property
    def grant(self) -> Grant | None:
        """The grant looked at, where there was one."""
        return self.candidate.grant if self.candidate is not None else None


def _provider(said: Mentions, otherwise: str) -> str:
    return said.entry.provider if said.entry is not None else otherwise


def _department(said: Mentions) -> str:
    department = said.facts.department if said.facts is not None else None
    return department.id if department is not None else ""


def _department_zh(said: Mentions) -> str:
    department = said.facts.department if said.facts is not None else None
    return department.name_zh if department is not None else ""


def _system(said: Mentions) -> str:
    system = said.facts.system if said.facts is not None else None
    return system.id if system is not None else ""


def _fields(said: Mentions) -> str:
    grant, entry = said.grant, said.entry
    return _listed(grant.fields if grant is not None else entry.items if entry is not None else ())


def _consented(said: Mentions) -> str:
    consent = said.facts.consent if said.facts is not None else None
    return _listed(consent.purposes if consent is not None else ())


def _granted(value: Callable[[Grant], str], otherwise: str) -> Callable[[Mentions], str]:
    return lambda said: otherwise if said.grant is None else value(said.grant)


def _listed(values: Sequence[str]) -> str:
    return ", ".join(values) if values else _NOTHING


_NOTHING: Final = "–"
_VALUES: Final[Mapping[str, Callable[[Mentions], str]]] = {
    "resource": lambda said: said.entry.id if said.entry is not None else "",
    "provider": lambda said: _provider(said, "the department that holds them"),
    "provider_zh": lambda said: _provider(said, "数据持有部门"),
    "department": _department,
    "department_zh": _department_zh,
    "system": _system,
    "methods": lambda said: _listed(said.entry.share_method if said.entry is not None else ()),
    "grant": _granted(lambda grant: grant.id, ""),
    "fields": _fields,
    "purposes": _granted(lambda grant: _listed(grant.purposes), _NOTHING),
    "channels": _granted(lambda grant: _listed(grant.channels), _NOTHING),
    "systems": _granted(lambda grant: _listed(grant.systems), _NOTHING),
    "consented": _consented,
    "valid_from": _granted(lambda grant: grant.period.valid_from.isoformat(), ""),
    "valid_to": _granted(lambda grant: grant.period.valid_to.isoformat(), ""),
    "quota": _granted(lambda grant: str(grant.daily_quota), ""),
}
