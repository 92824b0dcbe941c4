# SPDX-License-Identifier: Apache-2.0
"""What one text says, side by side with what another says: the words of ``policy diff``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from govshare_policy.catalogue.model import LintRule
from govshare_policy.deadline import Clock
from govshare_policy.deadline.model import CalendarDay, Limit, SameDay, Unnumbered, WorkingDays
from govshare_policy.decision import Decision
from govshare_policy.legal import Clause
from govshare_policy.policy import DutyRule
from govshare_policy.policy.pack import Pack, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one text says of something; empty where it is silent."""

    en: str = ""
    zh: str = ""
    clauses: tuple[str, ...] = ()

    def to_document(self) -> dict[str, object]:
        """Return it ready for JSON."""
        return {"text": self.en, "text_zh": self.zh, "clauses": list(self.clauses)}


SILENT: Final = Said()


def of_decision(decision: Decision) -> Said:
    """Return the outcome, with the fields released."""
    fields = f" ({', '.join(decision.fields)})" if decision.fields else ""
    return Said(
        en=f"{decision.outcome.value}{fields}",
        zh=f"{decision.outcome.value}{fields}",
        clauses=decision.clauses,
    )


def share_of(pack: Pack) -> dict[str, Said]:
    """Return what needs no grant, by what part of it may, the networks, and since when it holds."""
    open_share, networks = ", ".join(pack.open_share), ", ".join(pack.networks)
    item_share = pack.item_share.removeprefix(f"{pack.prefix}-")
    cited = (pack.item_share,) if pack.item_share else ()
    from_day = pack.in_force_from.isoformat() if pack.in_force_from else ""
    return {
        "open_share": Said(en=open_share or "none", zh=open_share or "无"),
        "item_share": Said(en=item_share or "none", zh=item_share or "无", clauses=cited),
        "networks": Said(en=networks, zh=networks),
        "in_force_from": Said(en=from_day or "not stated", zh=from_day or "未载明"),
    }


def scope_of(pack: Pack) -> dict[str, Said]:
    """Return the dimensions of a grant that the text binds."""
    return {
        dimension: Said(en="bound by the grant", zh="受授权约束", clauses=(clause,))
        for dimension, clause in pack.scope.items()
    }


def duties_of(pack: Pack) -> dict[str, Said]:
    """Return the duties of an allowed call, by code."""
    return {duty.code: _duty(duty) for duty in pack.duties}


def _duty(duty: DutyRule) -> Said:
    actions, shares = ", ".join(duty.action) or "*", ", ".join(duty.share) or "*"
    return Said(
        en=f"on {actions} of {shares}; value: {duty.value or '–'}",
        zh=f"适用：{actions}，{shares}；取值：{duty.value or '–'}",
        clauses=(duty.clause,),
    )


def kinds_of(pack: Pack) -> dict[str, Said]:
    """Return who or what belongs to each kind of findings that the rules name."""
    members: dict[str, list[str]] = {}
    for finding, reached in pack.policy.kinds.items():
        for kind in reached - {finding}:
            members.setdefault(kind, []).append(finding)
    return {
        kind: Said(en=(listed := ", ".join(sorted(names))), zh=listed)
        for kind, names in members.items()
    }


def columns_of(rule: Rule) -> dict[str, str]:
    """Return what a rule wants and answers, by column."""
    return {"outcome": rule.outcome.value, "reason": rule.reason, **rule.wants}


def of_rule(rule: Rule | None, keys: Sequence[str] | None = None) -> Said:
    """Return a rule, or those of its columns that *keys* names; silent where there is none."""
    if rule is None:
        return SILENT
    columns = columns_of(rule)
    shown = columns if keys is None else {key: columns.get(key, "*") for key in keys}
    text = ", ".join(f"{key}={value}" for key, value in shown.items())
    return Said(en=text, zh=text, clauses=rule.clauses)


def of_lint_rule(rule: LintRule) -> Said:
    """Return what a lint rule looks at and compares with."""
    parts = [f"{rule.severity.value}: {rule.check} {', '.join(rule.columns)}"]
    for word, conditions in (("when", rule.when), ("unless", rule.unless)):
        listed = "; ".join(f"{key} in {'|'.join(codes)}" for key, codes in conditions.items())
        parts += [f"{word} {listed}"] if listed else []
    parts += [f"values {', '.join(rule.values)}"] if rule.values else []
    text = ", ".join(parts)
    return Said(en=text, zh=text, clauses=rule.clauses)


def clocks_of(clocks: tuple[Clock, ...]) -> dict[str, Said]:
    """Return the clocks by kind, stage and share type."""
    return {
        f"{clock.kind}/{clock.stage}/{share}": _clock(clock)
        for clock in clocks
        for share in sorted(clock.shares)
    }


def _clock(clock: Clock) -> Said:
    english, chinese = _limit(clock.limit)
    starts = ", ".join(clock.starts)
    parties = f"{clock.actor or '–'} → {clock.recipient or '–'}"
    more = f" (+{clock.extension.working_days})" if clock.extension else ""
    return Said(
        en=f"{english}{more}{f' from {starts}' if starts else ''}; {parties}",
        zh=f"{chinese}{more}{f'，自 {starts} 起' if starts else ''}；{parties}",
        clauses=clock.clauses,
    )


def _limit(limit: Limit) -> tuple[str, str]:
    match limit:
        case WorkingDays(count=count):
            return f"{count} working days", f"{count}个工作日"
        case SameDay():
            return "the same day", "当日"
        case CalendarDay(month=month, day=day, inclusive=inclusive):
            word = "by" if inclusive else "before"
            return f"{word} {month:02}-{day:02}", f"{month}月{day}日{'' if inclusive else '前'}"
        case Unnumbered.PROMPTLY:
            return "promptly", "及时"
        case Unnumbered.CATALOGUE:
            return "as the catalogue says", "按目录规定"
        case Unnumbered.NONE:
            return "no limit", "无期限"


def by_number(pack: Pack) -> dict[str, Clause]:
    """Return the clauses by their ids without the prefix of the text."""
    return {ident.removeprefix(f"{pack.prefix}-"): said for ident, said in pack.clauses.items()}


def of_clause(clause: Clause) -> Said:
    """Return the paraphrases of a clause, with its parameter where it has one."""
    more = f" [{clause.parameter}]" if clause.parameter else ""
    return Said(en=clause.text_en + more, zh=clause.text_zh + more, clauses=(clause.id,))


def topics_of(pack: Pack) -> dict[str, Said]:
    """Return the topics that the text speaks of, with its clauses on each."""
    topics: dict[str, list[str]] = {}
    for clause in pack.clauses.values():
        topics.setdefault(clause.topic, []).append(clause.id)
    return {
        topic: Said(en=f"{len(ids)} clauses", zh=f"{len(ids)} 条", clauses=tuple(ids))
        for topic, ids in topics.items()
    }
