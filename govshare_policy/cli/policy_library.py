# SPDX-License-Identifier: Apache-2.0
"""What ``govshare policy show`` and ``coverage`` know: from a clause to its lines, and back."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from govshare_policy.cli.cases import cases_of
from govshare_policy.errors import CallError
from govshare_policy.policy.encodings import Encoding, Reference
from govshare_policy.policy.faults import Cases
from govshare_policy.policy.pack import Pack, Rule
from govshare_policy.policy.registry import Disposition, Registry, Status, load_registry


class Library:
    """The registry, the packs it was loaded from, and their cases."""

    def __init__(self, packs: Path) -> None:
        self.packs = packs
        self.registry: Registry = load_registry(packs)
        self.cases: Cases = cases_of(packs, tuple(self.registry.packs))

    def pack(self, profile: str) -> Pack:
        """Return the pack of *profile*; raise :exc:`CallError` if there is none."""
        if profile not in self.registry.packs:
            raise CallError(f"unknown profile; there are {', '.join(self.registry.packs)}")
        return self.registry.packs[profile]

    def clause(self, clause: str) -> dict[str, object]:
        """Return all that is known of *clause*, ready for JSON."""
        registry = self.registry
        if clause not in registry.clauses or clause not in registry.dispositions:
            raise CallError("there is no such clause; `govshare policy coverage` lists them all")
        said, home = registry.clauses[clause], registry.homes[clause]
        disposition = registry.dispositions[clause]
        return {
            "clause": clause,
            "profile": home,
            "document": said.document,
            "article": said.article,
            "actor": said.actor,
            "topic": said.topic,
            "text": said.text_en,
            "text_zh": said.text_zh,
            "parameter": said.parameter,
            "disposition": disposition.kind.value,
            "status": registry.status(disposition).value,
            "by": [row for ref in disposition.by for row in self._places(home, clause, ref)],
            "cases": self._cases_of(home, disposition),
            "tests": list(disposition.tests),
            "reason": disposition.reason_en,
            "reason_zh": disposition.reason_zh,
        }

    def rule(self, ident: str) -> dict[str, object]:
        """Return all that is known of the rule *ident*, ready for JSON."""
        found = [
            (profile, rule)
            for profile, pack in self.registry.packs.items()
            for rule in pack.rules
            if rule.id == ident
        ]
        if not found:
            raise CallError("there is no such rule; `govshare policy show --profile` lists them")
        profile, rule = found[0]
        return {
            **self._rule(profile, rule),
            "wants": dict(rule.wants),
            "clauses": [self._paraphrased(clause) for clause in rule.clauses],
            "cases": sorted(
                name
                for (home, name), words in self.cases.items()
                if home == profile and ident in words
            ),
        }

    def profile(self, profile: str) -> dict[str, object]:
        """Return one pack: which text it is and its rules in the order of checking."""
        pack = self.pack(profile)
        return {
            "profile": profile,
            "level": pack.level,
            "document": pack.document,
            "name": pack.name_en,
            "name_zh": pack.name_zh,
            "in_force_from": pack.in_force_from.isoformat() if pack.in_force_from else None,
            "open_share": list(pack.open_share),
            "networks": list(pack.networks),
            "scope": dict(pack.scope),
            "duties": [{"code": duty.code, "clause": duty.clause} for duty in pack.duties],
            "rules": [
                self._rule(profile, rule) | {"clauses": list(rule.clauses)} for rule in pack.rules
            ],
        }

    def coverage(self, profile: str | None) -> dict[str, object]:
        """Return every clause with its disposition, and the counts per pack."""
        if profile is not None:
            self.pack(profile)
        rows = [row for row in self._rows() if profile in (None, row["profile"])]
        counts: dict[str, dict[str, dict[str, int]]] = {}
        for row in rows:
            home = counts.setdefault(str(row["profile"]), {})
            kind = home.setdefault(str(row["disposition"]), dict.fromkeys(Status, 0))
            kind[str(row["status"])] += 1
        return {"clauses": rows, "counts": counts, "total": len(rows)}

    def _rows(self) -> Iterator[dict[str, object]]:
        for clause, home in self.registry.homes.items():
            disposition = self.registry.dispositions.get(clause)
            row: dict[str, object] = {"clause": clause, "profile": home}
            if disposition is None:
                row |= {"disposition": "none", "status": Status.PLANNED.value}
                yield row | {"by": [], "tests": []}
                continue
            yield row | {
                "disposition": disposition.kind.value,
                "status": self.registry.status(disposition).value,
                "by": [str(reference) for reference in disposition.by],
                "tests": list(disposition.tests),
            }

    def _rule(self, profile: str, rule: Rule) -> dict[str, object]:
        return {
            "rule": rule.id,
            "profile": profile,
            "file": self._file(f"{profile}/policy.csv"),
            "line": rule.line,
            "outcome": rule.outcome.value,
            "effect": rule.outcome.effect.value,
            "reason": rule.reason,
        }

    def _paraphrased(self, clause: str) -> dict[str, str]:
        said = self.registry.clauses[clause]
        return {"clause": clause, "text": said.text_en, "text_zh": said.text_zh}

    def _places(self, home: str, clause: str, ref: Reference) -> Iterator[dict[str, object]]:
        places: Sequence[Encoding] = self.registry.places(home, ref)
        citing = [place for place in places if clause in place.clauses]
        for place in citing or places:
            yield {"by": str(ref), "file": self._file(place.file), "line": place.line}
        if ref.kind == "part":
            part = self.registry.parts[ref.name]
            yield {
                "by": str(ref),
                "status": "built" if part.where else "planned",
                "file": part.where,
                "text": part.text_en,
                "text_zh": part.text_zh,
            }
        elif not places:
            yield {"by": str(ref)}

    def _file(self, file: str) -> str:
        return f"{self.packs.name}/{file}"

    def _cases_of(self, home: str, disposition: Disposition) -> list[str]:
        named = {reference.name for reference in disposition.by if reference.kind == "rule"}
        said = [name for (where, name), words in self.cases.items() if where == home]
        words = {name: self.cases[home, name] for name in said}
        citing = [name for name in said if disposition.clause in words[name]]
        return citing or [name for name in said if named & words[name]]
