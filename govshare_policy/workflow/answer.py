# SPDX-License-Identifier: Apache-2.0
"""What became of a step that somebody wanted to take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from govshare_policy.workflow.model import MatterKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a step was not taken. An answer, not an error.

    Attributes:
        clauses: The provisions it rests on, the deciding one first.
    """

    code: str
    clauses: tuple[str, ...]
    text: str
    text_zh: str

    @classmethod
    def said(
        cls,
        code: str,
        clauses: Sequence[str],
        sentence: tuple[str, str],
        mentions: Mapping[str, str],
    ) -> Self:
        """Return the refusal *code* in the words of *sentence*, English and Chinese.

        Args:
            code: What a program tells refusals apart by.
            clauses: Those that it rests on; one that stands twice is cited once.
            sentence: With the names of *mentions* in braces.
            mentions: Names of the tables; an empty one is a dash.
        """
        english, chinese = sentence
        values = {key: value or "–" for key, value in mentions.items()}
        return cls(
            code=code,
            clauses=tuple(dict.fromkeys(clauses)),
            text=english.format(**values),
            text_zh=chinese.format(**values),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAnswer:
    """What became of a step that somebody wanted to take.

    Attributes:
        matter: Its id; empty where none was opened.
        refusal: Why it was not taken, if it was not.
        record: The number of the audit record that says so.
    """

    matter: str
    kind: MatterKind
    step: str
    step_id: str
    record: int
    clauses: tuple[str, ...]
    states: Mapping[str, str]
    told: tuple[Mapping[str, str], ...] = ()
    refusal: Refusal | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    def to_document(self) -> dict[str, object]:
        """Return the answer, ready for JSON."""
        document: dict[str, object] = {
            "outcome": "taken" if self.refusal is None else "refused",
            "matter": self.matter,
            "kind": self.kind.value,
            "step": self.step,
            "clauses": list(self.clauses),
            "states": dict(self.states),
            "told": [dict(told) for told in self.told],
            "record": {"id": self.step_id, "index": self.record},
        }
        if self.refusal is not None:
            document["code"] = self.refusal.code
            document["text"] = self.refusal.text
            document["text_zh"] = self.refusal.text_zh
        return document | dict(self.more)
