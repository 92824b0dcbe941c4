# SPDX-License-Identifier: Apache-2.0
"""Read the procedures of a text from its ``workflow.toml``, more strictly than TOML does."""

import tomllib
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from govshare_policy.crypto import sm3
from govshare_policy.deadline import Event
from govshare_policy.errors import PolicyError
from govshare_policy.policy import Pack, packs_directory
from govshare_policy.policy.plain import decode_plain
from govshare_policy.workflow.grounds import bare
from govshare_policy.workflow.model import (
    Cited,
    Level,
    MatterKind,
    Named,
    Party,
    Role,
    StepRule,
    Tell,
    Want,
    Workflow,
)
from govshare_policy.workflow.table import FILE, KEYS, Table

NEW: Final = "new"
BETWEEN: Final = ("same_level", "cross_level")
T = TypeVar("T")


def load_workflow(pack: Pack, *, packs: Path | None = None) -> Workflow:
    """Return the procedures of the text that *pack* is.

    Args:
        pack: The text; its clause registry is what may be cited.
        packs: The directory of the packs; by default the one that came with the library.

    Raises:
        PolicyError: If the file cannot be read or is wrong; names the table, its number and the
            key.
    """
    path = (packs or packs_directory()) / pack.profile / FILE
    try:
        return parse_workflow(path.read_bytes(), profile=pack.profile, clauses=pack.clauses)
    except OSError as error:
        raise PolicyError(f"{pack.profile}/{FILE}: cannot be read ({error.strerror})") from None
    except PolicyError as error:
        raise PolicyError(f"{pack.profile}/{error}") from None


def parse_workflow(data: bytes, *, profile: str, clauses: Collection[str]) -> Workflow:
    """Return the procedures in the bytes of a ``workflow.toml``.

    Raises:
        PolicyError: If anything in it is not what it has to be.
    """
    try:
        document = tomllib.loads(decode_plain(FILE, data))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{FILE}: {error}") from None
    for name, tables in document.items():
        if name not in KEYS:
            raise PolicyError(f"{FILE}: unknown table `{name}`")
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise PolicyError(f"{FILE}: `{name}` is not a list of tables")

    def read(name: str, build: Callable[[Table], T]) -> tuple[T, ...]:
        tables = document.get(name, [])
        readers = [Table(name, number, t, clauses) for number, t in enumerate(tables, 1)]
        _check_distinct(readers)
        return tuple(build(reader) for reader in readers)

    levels = read("level", _level)
    steps = read("step", _step)
    return Workflow(
        profile=profile,
        roles=read("role", _role),
        statements=read("statement", _cited),
        steps=(*steps, *_dispute_steps(levels)),
        forbidden_reasons=read("forbidden_reason", partial(_ground, steps)),
        subjects=read("subject", _cited),
        levels=levels,
        closed=read("closed", _cited),
        silent=read("silent", _cited),
        notes=read("note", _cited),
        digest=sm3(data),
    )


def _role(table: Table) -> Named:
    return Named(
        id=table.name("id"),
        party=table.one_of("party", Party),
        named=table.text("named"),
        clauses=table.cited(),
    )


def _cited(table: Table) -> Cited:
    matter = MatterKind.APPLICATION
    return Cited(
        id=table.id,
        clauses=table.cited(),
        matter=table.one_of("matter", MatterKind) if table.has("matter") else matter,
        route=table.name("route"),
        steps=table.texts("steps"),
        unless=table.name("unless"),
        words=tuple(bare(word) for word in table.texts("words")),
    )


def _ground(steps: Sequence[StepRule], table: Table) -> Cited:
    """Return a forbidden reason, which only steps that state their reason twice can be held to."""
    ground = _cited(table)
    rules = [rule for rule in steps if rule.matter is MatterKind.APPLICATION]
    if not all(ground.words):
        table.refuse("words", "an item has no letter")
    for name in ground.steps:
        named = [rule for rule in rules if rule.step == name]
        if not named or not all({Want.REASON, Want.REASON_CODE} <= set(r.wants) for r in named):
            table.refuse("steps", f"`{name}` is no step that wants `reason` and `reason_code`")
    if ground.unless and ground.unless not in {rule.step for rule in rules}:
        table.refuse("unless", f"no step `{ground.unless}`")
    return ground


def _step(table: Table) -> StepRule:
    matter = table.one_of("matter", MatterKind)
    if matter is MatterKind.DISPUTE:
        table.refuse("matter", "the steps of a dispute follow from its levels")
    return StepRule(
        id=table.name("id"),
        step=table.name("step", table.id),
        matter=matter,
        routes=frozenset(table.texts("routes")),
        sources=table.texts("from"),
        target=table.name("to"),
        by=table.codes("by", Party),
        role=table.one_of("role", Role),
        clauses=table.cited(),
        stamps=table.codes("stamps", Event),
        wants=table.codes("wants", Want),
        tells=table.tells(),
        grants=table.flag("grants"),
    )


def _level(table: Table) -> Level:
    between = table.text("between")
    if between not in ("", *BETWEEN):
        table.refuse("between", f"not one of {', '.join(BETWEEN)}")
    return Level(
        id=table.id,
        clauses=table.cited(),
        between=between,
        raised_by=table.codes("raised_by", Party),
        settled_by=table.codes("settled_by", Party),
    )


def _dispute_steps(levels: tuple[Level, ...]) -> Iterator[StepRule]:
    """Yield the steps of a dispute: up the chain one level at a time, settled at any of them."""
    for between in BETWEEN:
        before = NEW
        for level in (level for level in levels if level.between in ("", between)):
            raising = before == NEW
            shared = {"matter": MatterKind.DISPUTE, "routes": frozenset((between,))}
            yield StepRule(
                **shared,  # type: ignore[arg-type]
                id=f"{between}:{level.id}",
                step="raise" if raising else "escalate",
                sources=(before,),
                target=level.id,
                by=level.raised_by,
                role=Role.OPERATE,
                clauses=level.clauses,
                wants=(Want.REASON,) if raising else (),
                tells=tuple(
                    Tell(to=party, act="convene", clause=level.clauses[0])
                    for party in dict.fromkeys((*level.settled_by[:1], Party.USER, Party.PROVIDER))
                ),
            )
            yield StepRule(
                **shared,  # type: ignore[arg-type]
                id=f"{between}:{level.id}:settle",
                step="settle",
                sources=(level.id,),
                target="settled",
                by=level.settled_by,
                role=Role.MANAGE,
                clauses=level.clauses,
                wants=(Want.FINDING,),
                tells=tuple(
                    Tell(to=party, act="result", clause=level.clauses[0])
                    for party in (Party.USER, Party.PROVIDER)
                ),
            )
            before = level.id


def _check_distinct(tables: list[Table]) -> None:
    for number, table in enumerate(tables):
        if table.id in (other.id for other in tables[:number]):
            table.refuse("id", "stands twice")
