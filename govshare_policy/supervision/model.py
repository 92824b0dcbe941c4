# SPDX-License-Identifier: Apache-2.0
"""What a text calls a violation, who answers for it, and the steps that put it right."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from govshare_policy.deadline.model import StageName
from govshare_policy.workflow import Role

NEW: Final = "new"
# Every rule of the catalogue that no violation names.
ALL_OTHERS: Final = "*"


class Side(StrEnum):
    """Whose violation it is."""

    PROVIDER = "provider"
    USER = "user"
    ANYBODY = "anybody"


class ProceedingKind(StrEnum):
    """What a proceeding is about; the prefix of its ids is :attr:`prefix`."""

    RECTIFICATION = "rectification"
    DISPOSAL = "disposal"

    @property
    def prefix(self) -> str:
        """Three letters that the ids of such proceedings begin with."""
        return {"rectification": "REC", "disposal": "DSP"}[self.value]


class Need(StrEnum):
    """What a step has to come with."""

    REASON = "reason"
    UNTIL = "until"
    WAY = "way"


# How a fetch may end when the provider did not answer as it had to (docs/spec/audit-log.md).
ENDINGS: Final = (
    "upstream_unreachable",
    "upstream_timeout",
    "upstream_error",
    "upstream_too_large",
    "upstream_unreadable",
)
# Parties that follow from the proceeding itself; every other one is a role of ``roles.tsv``.
TOLD: Final = "told"
PROVIDER: Final = "provider"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sights:
    """Where the product looks for one kind of violation; all empty where it cannot see any.

    Attributes:
        lint: Rules of ``catalogue.toml``; :data:`ALL_OTHERS` stands for those nobody names.
        late: Stages of applications and corrections that were not finished in time.
        reasons: Reason codes of refused calls, which show an attempt.
        endings: Statuses of fetches that the provider did not answer as it had to.
        refused_steps: Steps of procedures, as ``kind/step``, that somebody tried without right.
        stale: Whether data older than the entry's own cycle are looked for.
        doubts: Whether correction tickets count.
        suspensions: Whether rights suspended by a body of the text count.
        disposals: Whether data kept after the end of a grant count.
    """

    lint: tuple[str, ...] = ()
    late: tuple[StageName, ...] = ()
    reasons: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()
    refused_steps: tuple[str, ...] = ()
    stale: bool = False
    doubts: bool = False
    suspensions: bool = False
    disposals: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One item of the text's list.

    Attributes:
        clauses: Those that list it; never empty.
        see: What it violates, where the list does not say so itself.
        mend_en: What mends it.
        unseen_en: What of it nothing here can show, and why.
        signs_only: Whether all that can be seen is a sign, because the act itself is out of sight.
    """

    id: str
    clauses: tuple[str, ...]
    see: tuple[str, ...]
    side: Side
    text_en: str
    text_zh: str
    mend_en: str
    mend_zh: str
    unseen_en: str
    unseen_zh: str
    sights: Sights
    signs_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One of the categories that the text makes the user answer for.

    Attributes:
        recipients: Kinds of recipients it is limited to; empty means all and none.
    """

    id: str
    clauses: tuple[str, ...]
    text_en: str
    text_zh: str
    reasons: tuple[str, ...]
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """Who has to be told of a step: a role of ``roles.tsv``, or the body that the notice is to."""

    to: str
    act: str
    clause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRule:
    """One allowed step.

    Attributes:
        by: Who takes it: roles of ``roles.tsv``, or ``told`` or ``provider``.
        violations: Those it is limited to; empty means all.
        overdue: Whether it may only be taken once the day that the notice set is over.
    """

    id: str
    step: str
    kind: ProceedingKind
    sources: tuple[str, ...]
    target: str
    by: tuple[str, ...]
    role: Role
    clauses: tuple[str, ...]
    violations: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    tells: tuple[Tell, ...] = ()
    overdue: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """What the text does not know, with the clause that comes nearest, if one does."""

    id: str
    kind: ProceedingKind
    clauses: tuple[str, ...]
    text_en: str
    text_zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervision:
    """What one text says of violations.

    Attributes:
        harmless: Rules of the catalogue whose findings are no violation.
        sum_clauses: The provisions that want an eye on what is released in sum.
        digest: SM3 of the file; 32 bytes.
    """

    profile: str
    name_zh: str
    name_en: str
    violations: tuple[Violation, ...]
    incidents: tuple[Incident, ...]
    steps: tuple[StepRule, ...]
    silences: tuple[Silence, ...]
    harmless: frozenset[str]
    sum_clauses: tuple[str, ...]
    digest: bytes

    def violation(self, ident: str) -> Violation | None:
        """Return the violation *ident*, if the text lists it."""
        return next((one for one in self.violations if one.id == ident), None)

    def incident(self, reasons: tuple[str, ...], recipient: str) -> Incident | None:
        """Return the category of a refused call; the first reason that one names decides.

        Args:
            reasons: The reason codes of the record, the deciding one first.
            recipient: The kind of recipient that the call named; empty for none.
        """
        # What is limited to some recipients says more than what is not.
        ordered = sorted(self.incidents, key=lambda one: not one.recipients)
        for reason in reasons:
            for one in ordered:
                if reason in one.reasons and (not one.recipients or recipient in one.recipients):
                    return one
        return None
