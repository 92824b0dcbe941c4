# SPDX-License-Identifier: Apache-2.0
"""Read what a text says of violations (``rectification.toml``), strictly."""

import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from govshare_policy.crypto import sm3
from govshare_policy.deadline.model import StageName
from govshare_policy.errors import PolicyError
from govshare_policy.policy import load_pack, packs_directory
from govshare_policy.policy.plain import decode_plain
from govshare_policy.policy.texts import parse_texts
from govshare_policy.supervision.model import (
    NEW,
    Incident,
    Need,
    ProceedingKind,
    Side,
    Sights,
    Silence,
    StepRule,
    Supervision,
    Violation,
)
from govshare_policy.supervision.table import Table
from govshare_policy.workflow import Role

FILE: Final = "rectification.toml"
_PATH: Final = re.compile(r"[a-z_]+/[a-z_-]+")
_SAID: Final = ("id", "clauses", "zh", "en")
_SIGHTS: Final = ("lint", "late", "reasons", "endings", "refused_steps")
_FLAGS: Final = ("stale", "doubts", "suspensions", "disposals")
# table -> (keys that must be there, keys that may be)
_KEYS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "violation": (
        (*_SAID, "side", "mend_zh", "mend_en", "unseen_zh", "unseen_en"),
        (*_SIGHTS, *_FLAGS, "signs_only", "see"),
    ),
    "incident": ((*_SAID, "reasons"), ("recipients",)),
    "step": (
        ("id", "clauses", "step", "kind", "from", "to", "by", "role"),
        ("violations", "needs", "tells", "overdue"),
    ),
    "silent": (("id", "kind", "zh", "en"), ("clauses",)),
}
# tables that stand once: the keys that they may have
_ONCE: Final = {"catalogue": ("harmless",), "released_in_sum": ("clauses",)}

T = TypeVar("T")


def load_supervision(profile: str, *, packs: Path | None = None) -> Supervision:
    """Return what the text *profile* says of violations.

    Args:
        profile: A profile id, such as ``hubei``.
        packs: The directory of the packs; by default the one that came with the library.

    Raises:
        PolicyError: If the profile is unknown or a file of its pack is wrong; names the table,
            its number and the key.
    """
    directory = packs or packs_directory()
    pack = load_pack(profile, packs=packs)
    try:
        data = (directory / profile / FILE).read_bytes()
        reasons = parse_texts((directory / "common" / "reasons.toml").read_bytes())
    except OSError as error:
        raise PolicyError(f"{profile}/{FILE}: cannot be read ({error.strerror})") from None
    try:
        tables = parse_supervision(data, clauses=pack.clauses, reasons=reasons)
    except PolicyError as error:
        raise PolicyError(f"{profile}/{error}") from None
    return Supervision(
        profile=profile,
        name_zh=pack.name_zh,
        name_en=pack.name_en,
        digest=sm3(data),
        **tables,
    )


def parse_supervision(
    data: bytes, *, clauses: Collection[str], reasons: Collection[str]
) -> dict[str, Any]:
    """Return the tables in the bytes of a ``rectification.toml``, by their names in the value.

    Args:
        data: The file.
        clauses: The clause registry of the text.
        reasons: The reason codes that an answer may give.

    Raises:
        PolicyError: If anything in it is not what it has to be.
    """
    document = _document(data)

    def read(name: str, build: Callable[[Table], T]) -> tuple[T, ...]:
        tables = document.get(name, [])
        if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
            raise PolicyError(f"{FILE}: `{name}` is not a list of tables")
        readers = [
            Table(f"{FILE} {name} {n}", one, keys=_KEYS[name], clauses=clauses, reasons=reasons)
            for n, one in enumerate(tables, 1)
        ]
        for number, reader in enumerate(readers):
            if reader.id in (other.id for other in readers[:number]):
                reader.refuse("id", "stands twice")
        return tuple(build(reader) for reader in readers)

    def once(name: str) -> Table:
        table = document.get(name, {})
        if not isinstance(table, dict):
            raise PolicyError(f"{FILE}: `{name}` is not a table")
        keys = ((), _ONCE[name])
        return Table(f"{FILE} {name}", table, keys=keys, clauses=clauses, reasons=reasons)

    violations = read("violation", _violation)
    _check_once(violations)
    steps = read("step", _step)
    _check_steps(steps, violations)
    return {
        "violations": violations,
        "incidents": read("incident", _incident),
        "steps": steps,
        "silences": read("silent", _silence),
        "harmless": frozenset(once("catalogue").texts("harmless")),
        "sum_clauses": once("released_in_sum").cited(),
    }


def _document(data: bytes) -> dict[str, Any]:
    try:
        document = tomllib.loads(decode_plain(FILE, data))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{FILE}: {error}") from None
    for name in document:
        if name not in (*_KEYS, *_ONCE):
            raise PolicyError(f"{FILE}: unknown key `{name}`")
    return document


def _violation(table: Table) -> Violation:
    return Violation(
        id=table.id,
        clauses=table.cited(),
        see=table.cited("see"),
        side=table.one_of("side", Side),
        text_en=table.text("en"),
        text_zh=table.text("zh"),
        mend_en=table.text("mend_en"),
        mend_zh=table.text("mend_zh"),
        unseen_en=table.text("unseen_en"),
        unseen_zh=table.text("unseen_zh"),
        sights=Sights(
            lint=table.names("lint"),
            late=table.codes("late", StageName),
            reasons=table.reason_codes(),
            endings=table.endings(),
            refused_steps=table.names("refused_steps", _PATH),
            **{flag: table.flag(flag) for flag in _FLAGS},
        ),
        signs_only=table.flag("signs_only"),
    )


def _incident(table: Table) -> Incident:
    return Incident(
        id=table.id,
        clauses=table.cited(),
        text_en=table.text("en"),
        text_zh=table.text("zh"),
        reasons=table.reason_codes(),
        recipients=table.recipients(),
    )


def _step(table: Table) -> StepRule:
    return StepRule(
        id=table.id,
        step=table.name("step"),
        kind=table.one_of("kind", ProceedingKind),
        sources=table.texts("from"),
        target=table.name("to"),
        by=table.names("by"),
        role=table.one_of("role", Role),
        clauses=table.cited(),
        violations=table.names("violations"),
        needs=table.codes("needs", Need),
        tells=table.tells(),
        overdue=table.flag("overdue"),
    )


def _silence(table: Table) -> Silence:
    return Silence(
        id=table.id,
        kind=table.one_of("kind", ProceedingKind),
        clauses=table.cited(),
        text_en=table.text("en"),
        text_zh=table.text("zh"),
    )


def _check_once(violations: tuple[Violation, ...]) -> None:
    """Refuse what two violations claim: each thing seen belongs to one of them."""
    for sight in (*_SIGHTS, *_FLAGS):
        seen: set[object] = set()
        for violation in violations:
            value = getattr(violation.sights, sight)
            for item in (sight,) * value if isinstance(value, bool) else value:
                if item in seen:
                    fault = f"`{item}` of `{violation.id}` is claimed by another violation"
                    raise PolicyError(f"{FILE}: {fault}")
                seen.add(item)


def _check_steps(steps: tuple[StepRule, ...], violations: tuple[Violation, ...]) -> None:
    """Refuse steps that nothing leads to, and those of violations that are not there."""
    known = {violation.id for violation in violations}
    for rule in steps:
        if not set(rule.violations) <= known:
            raise PolicyError(f"{FILE}: step `{rule.id}` names a violation that is not there")
        reached = {NEW} | {other.target for other in steps if other.kind is rule.kind}
        if not set(rule.sources) <= reached:
            raise PolicyError(f"{FILE}: step `{rule.id}` starts in a state that no step leads to")
