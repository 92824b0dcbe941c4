# SPDX-License-Identifier: Apache-2.0
"""Load one pack: a text of law as Casbin lines, its clauses, and what it binds and obliges."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from govshare_policy.errors import PolicyError
from govshare_policy.legal import Clause, Effect, Outcome
from govshare_policy.policy._casbin import CasbinModel, CasbinPolicy
from govshare_policy.policy._law import (
    NETWORKS,
    SHARES,
    DutyRule,
    codes_of,
    date_of,
    duties_of,
    known_clause,
    law_of,
    one_of,
    scope_of,
    text_of,
)
from govshare_policy.policy.clauses import parse_clauses
from govshare_policy.policy.texts import ReasonTexts

_NAME = re.compile(r"[a-z][a-z0-9_]*(-[a-z0-9_]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One ``p`` line: which findings it wants and what it answers.

    Attributes:
        clauses: The provisions it rests on, the deciding one first; never empty.
        line: Its line number in the file, from 1.
    """

    id: str
    clauses: tuple[str, ...]
    outcome: Outcome
    reason: str
    wants: Mapping[str, str]
    line: int

    def misses(
        self, found: Mapping[str, str], kinds: Mapping[str, frozenset[str]]
    ) -> dict[str, str]:
        """Return the columns in which *found* is not what the rule wants, and what it wants."""
        return {
            column: wanted
            for column, wanted in self.wants.items()
            if wanted != found[column] and wanted not in kinds.get(found[column], ())
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """One text of law, ready to be asked.

    Attributes:
        scope: Dimension of a grant to the clause by which the text binds it.
        in_force_clause: The clause that says from which day; empty where no day is stated.
        silence: The clause cited where no rule speaks.
        open_share: Kinds of share that need no grant, so that no grant narrows them.
        item_share: The clause by which part of a conditional resource may be open to all; empty
            where the text knows no share type but that of the whole.
        networks: The networks that the platform of the text runs on.
    """

    profile: str
    prefix: str
    level: str
    document: str
    name_zh: str
    name_en: str
    in_force_from: date | None
    in_force_clause: str
    silence: str
    open_share: tuple[str, ...]
    item_share: str
    networks: tuple[str, ...]
    scope: Mapping[str, str]
    duties: tuple[DutyRule, ...]
    rules: tuple[Rule, ...]
    clauses: Mapping[str, Clause]
    policy: CasbinPolicy

    def in_force(self, day: date) -> bool:
        """Whether the text is in force on *day*, as far as it says."""
        return self.in_force_from is None or self.in_force_from <= day


def parse_pack(
    files: Mapping[str, bytes],
    *,
    model: CasbinModel,
    findings: Mapping[str, frozenset[str]],
    texts: ReasonTexts,
) -> Pack:
    """Return the pack in *files* (``law.toml``, ``policy.csv``, ``clauses.tsv``).

    Raises:
        PolicyError: If anything in it is not what it has to be; names file, line and column.
    """
    law = law_of(files)
    prefix = str(law["prefix"])
    clauses = parse_clauses(text_of(files, "clauses.tsv"), prefixes=(prefix,))
    reader = _PolicyReader(model, findings, clauses, texts)
    rules, roles, lines = reader.read(text_of(files, "policy.csv"))
    scope = scope_of(law, clauses)
    return Pack(
        profile=str(law["profile"]),
        prefix=prefix,
        level=one_of(law, "level", ("local", "national")),
        document=str(law["document"]),
        name_zh=str(law["name_zh"]),
        name_en=str(law["name_en"]),
        in_force_from=date_of(law.get("in_force_from")),
        in_force_clause=known_clause(str(law["in_force_clause"]), clauses, "law.toml")
        if "in_force_clause" in law
        else "",
        silence=known_clause(str(law["silence"]), clauses, "law.toml"),
        open_share=codes_of(law, "open_share", SHARES),
        item_share=known_clause(str(law["item_share"]), clauses, "law.toml")
        if "item_share" in law
        else "",
        networks=codes_of(law, "networks", NETWORKS),
        scope=scope,
        duties=duties_of(law, clauses),
        rules=rules,
        clauses=clauses,
        policy=CasbinPolicy(model, lines, roles),
    )


def _wrong_effect(word: str, outcome: Outcome) -> str:
    right = f"the effect of outcome `{outcome}` is `{outcome.effect}`"
    return right if word in set(Effect) else f"`{word}` is not an effect; {right}"


class _PolicyReader:
    """Reads ``policy.csv`` more strictly than any Casbin does, and says where a fault stands."""

    def __init__(
        self,
        model: CasbinModel,
        findings: Mapping[str, frozenset[str]],
        clauses: Mapping[str, Clause],
        texts: ReasonTexts,
    ) -> None:
        self._columns = model.policy
        self._findings = findings
        self._clauses = clauses
        self._texts = texts
        self._kinds: dict[tuple[str, str], int] = {}  # kind and column to the first line
        self._line = 0

    def read(
        self, text: str
    ) -> tuple[tuple[Rule, ...], tuple[tuple[str, str], ...], list[list[str]]]:
        rules: list[Rule] = []
        roles: list[tuple[str, str]] = []
        lines: list[list[str]] = []
        values = frozenset().union(*self._findings.values())
        for self._line, raw in enumerate(text.split("\n"), 1):
            if not raw.strip() or raw.startswith("#"):
                continue
            cells = [cell.strip(" ") for cell in raw.split(",")]
            kind, rest = cells[0], cells[1:]
            if kind == "g":
                roles.append(self._role(rest, values, roles))
            elif kind == "p":
                rules.append(self._rule(rest, {rule.id for rule in rules}))
                lines.append(rest)
            else:
                self._refuse(1, "a line starts with `p` or `g`")
        self._check_kinds(roles)
        if not any(rule.outcome is Outcome.ALLOW for rule in rules):
            raise PolicyError("policy.csv: no rule allows anything")
        return tuple(rules), tuple(roles), lines

    def _refuse(self, column: int, fault: str) -> None:
        raise PolicyError(f"policy.csv line {self._line} column {column}: {fault}")

    def _role(
        self, rest: list[str], values: frozenset[str], roles: list[tuple[str, str]]
    ) -> tuple[str, str]:
        if len(rest) != 2:  # noqa: PLR2004
            self._refuse(min(len(rest), 2) + 2, "a `g` line has a finding and a kind")
        member, role = rest
        if member not in values:
            self._refuse(2, f"`{member}` is not a finding")
        if not _NAME.fullmatch(role) or (role in values):
            self._refuse(3, "a kind is a new lower-case name")
        if (member, role) in roles:
            self._refuse(2, "the line stands twice")
        return member, role

    def _rule(self, rest: list[str], seen: set[str]) -> Rule:
        if len(rest) != len(self._columns):
            self._refuse(
                min(len(rest), len(self._columns)) + 2,
                f"{len(rest)} values where the model defines {len(self._columns)}",
            )
        cells = dict(zip(self._columns, rest, strict=True))
        if not _NAME.fullmatch(cells["rule"]):
            self._refuse(2, "a rule id is lower-case words joined by hyphens")
        if cells["rule"] in seen:
            self._refuse(2, f"the rule `{cells['rule']}` stands twice")
        cited = tuple(cells["clauses"].split("|"))
        for clause in cited:
            if clause not in self._clauses:
                self._refuse(3, f"`{clause}` is not in the clause registry of this text")
        if cells["outcome"] not in set(Outcome):
            self._refuse(4, f"`{cells['outcome']}` is not an outcome")
        outcome = Outcome(cells["outcome"])
        if cells["eft"] != outcome.effect.value:
            self._refuse(len(self._columns) + 1, _wrong_effect(cells["eft"], outcome))
        if cells["reason"] not in self._texts:
            self._refuse(5, f"`{cells['reason']}` has no text in reasons.toml")
        return Rule(
            id=cells["rule"],
            clauses=cited,
            outcome=outcome,
            reason=cells["reason"],
            wants=self._wants(cells),
            line=self._line,
        )

    def _wants(self, cells: Mapping[str, str]) -> dict[str, str]:
        wants: dict[str, str] = {}
        for number, column in enumerate(self._columns, 2):
            if column not in self._findings or cells[column] == "*":
                continue
            value = cells[column]
            if value not in self._findings[column]:
                if not _NAME.fullmatch(value):
                    self._refuse(number, "neither a finding nor a kind of findings")
                self._kinds.setdefault((value, column), self._line)
            wants[column] = value
        return wants

    def _check_kinds(self, roles: list[tuple[str, str]]) -> None:
        members: dict[str, set[str]] = {}
        for member, kind in roles:
            members.setdefault(kind, set()).add(member)
        for (kind, column), line in self._kinds.items():
            self._line = line
            number = self._columns.index(column) + 2
            if kind not in members:
                self._refuse(
                    number, f"`{kind}` is neither a finding nor a kind that a `g` line defines"
                )
            if not members[kind] & self._findings[column]:
                # The rule would never match, and if it refuses, never refuse.
                self._refuse(number, f"no finding of `{column}` is of the kind `{kind}`")
        for kind in sorted(set(members) - {kind for kind, _ in self._kinds}):
            raise PolicyError(f"policy.csv: no rule names the kind `{kind}`")
