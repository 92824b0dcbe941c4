# SPDX-License-Identifier: Apache-2.0
"""Read ``law.toml`` of a pack: which text it is, what it binds, and what it obliges to."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from govshare_policy.errors import PolicyError
from govshare_policy.legal import Clause
from govshare_policy.policy.plain import decode_plain

DIMENSIONS: Final = ("field", "purpose", "channel", "system", "certificate")
SHARES: Final = ("unconditional", "controlled", "conditional")
NETWORKS: Final = ("extranet", "intranet")
DUTY_VALUES: Final = (
    "",
    "purpose",
    "system",
    "provider",
    "usage_requirements",
    "three_years_on",
)
_LAW_KEYS = frozenset(
    (
        "profile",
        "prefix",
        "level",
        "document",
        "name_zh",
        "name_en",
        "in_force_from",
        "in_force_clause",
        "silence",
        "open_share",
        "item_share",
        "networks",
        "scope",
        "duty",
    )
)
_LAW_OPTIONAL = frozenset(("in_force_from", "in_force_clause", "item_share", "duty", "scope"))
_LAW_LISTS = frozenset(("networks", "open_share"))


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyRule:
    """A duty that a text attaches to an allowed call; empty *share* and *action* mean any."""

    code: str
    clause: str
    value: str
    share: tuple[str, ...]
    action: tuple[str, ...]


def text_of(files: Mapping[str, bytes], name: str) -> str:
    """Return a file of the pack as text; raise :exc:`PolicyError` if it is none."""
    if name not in files:
        raise PolicyError(f"{name}: missing from the pack")
    return decode_plain(name, files[name])


def law_of(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the tables of ``law.toml``; raise :exc:`PolicyError` if a key is wrong."""
    try:
        law = tomllib.loads(text_of(files, "law.toml"))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"law.toml: {error}") from None
    unknown = sorted(set(law) - _LAW_KEYS)
    if unknown:
        raise PolicyError(f"law.toml: unknown key `{unknown[0]}`")
    for key in sorted(_LAW_KEYS - _LAW_OPTIONAL):
        if key not in law:
            raise PolicyError(f"law.toml: `{key}` is missing")
        if key not in _LAW_LISTS and not isinstance(law[key], str):
            raise PolicyError(f"law.toml: `{key}` is not a text")
    if ("in_force_from" in law) is not ("in_force_clause" in law):
        raise PolicyError("law.toml: `in_force_from` and `in_force_clause` stand together")
    return law


def known_clause(clause: str, clauses: Mapping[str, Clause], file: str) -> str:
    """Return *clause*, which the registry of the text has; raise :exc:`PolicyError` if not."""
    if clause not in clauses:
        raise PolicyError(f"{file}: `{clause}` is not in the clause registry of this text")
    return clause


def one_of(table: Mapping[str, Any], key: str, codes: tuple[str, ...], default: str = "") -> str:
    """Return the code under *key*; raise :exc:`PolicyError` if it is none of *codes*."""
    value = table.get(key, default)
    if value not in codes:
        raise PolicyError(f"law.toml: `{key}` is not one of {', '.join(codes)}")
    return str(value)


def codes_of(table: Mapping[str, Any], key: str, codes: tuple[str, ...]) -> tuple[str, ...]:
    """Return the list under *key*; raise :exc:`PolicyError` if one of it is none of *codes*."""
    values = table.get(key, [])
    if not isinstance(values, list) or not all(value in codes for value in values):
        raise PolicyError(f"law.toml: `{key}` is a list of {', '.join(codes)}")
    return tuple(values)


def date_of(value: object) -> date | None:
    """Return the day that *value* states, if any; raise :exc:`PolicyError` if it is none."""
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise PolicyError("law.toml: `in_force_from` is not a date") from None


def scope_of(law: Mapping[str, Any], clauses: Mapping[str, Clause]) -> dict[str, str]:
    """Return dimension to clause; raise :exc:`PolicyError` if one of them is unknown."""
    scope = law.get("scope", {})
    if not isinstance(scope, dict):
        raise PolicyError("law.toml: [scope] is a table of dimensions and clauses")
    for dimension, clause in scope.items():
        if dimension not in DIMENSIONS:
            raise PolicyError(f"law.toml: `{dimension}` in [scope] is not a dimension of a grant")
        known_clause(str(clause), clauses, "law.toml")
    return scope


def duties_of(law: Mapping[str, Any], clauses: Mapping[str, Clause]) -> tuple[DutyRule, ...]:
    """Return the duties of the text; raise :exc:`PolicyError` if one is wrong."""
    duties = law.get("duty", [])
    if not isinstance(duties, list) or not all(isinstance(duty, dict) for duty in duties):
        raise PolicyError("law.toml: [[duty]] is a list of tables")
    return tuple(_duty(table, clauses) for table in duties)


def _duty(table: Mapping[str, Any], clauses: Mapping[str, Clause]) -> DutyRule:
    unknown = sorted(set(table) - {"code", "clause", "value", "share", "action"})
    if unknown or not {"code", "clause"} <= set(table):
        raise PolicyError("law.toml: a duty has `code` and `clause`, and may have value and when")
    return DutyRule(
        code=str(table["code"]),
        clause=known_clause(str(table["clause"]), clauses, "law.toml"),
        value=one_of(table, "value", DUTY_VALUES),
        share=codes_of(table, "share", SHARES),
        action=codes_of(table, "action", ("read", "onward")),
    )
