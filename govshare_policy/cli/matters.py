# SPDX-License-Identifier: Apache-2.0
"""Lists of matters, turns and tables, as commands of ``govshare application``."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import typer

from govshare_policy.cli.output import LangOption, OutputOption
from govshare_policy.cli.workflow import (
    CONFIG,
    AsOfOption,
    CalendarOption,
    ConfigOption,
    day_of,
    matter_document,
    print_rows,
)
from govshare_policy.cli.workflow_desk import Reader, open_reader
from govshare_policy.deadline import load_calendar
from govshare_policy.workflow import Matter, MatterKind, Workflow, disputes
from govshare_policy.workflow.corrections import parties_text
from govshare_policy.workflow.overdue import Turn, turns

_TIMED: Final = (
    MatterKind.APPLICATION,
    MatterKind.REFERRAL,
    MatterKind.CORRECTION,
    MatterKind.CATALOGUE,
)


def list_command(
    *, config: ConfigOption = CONFIG, output: OutputOption = None, lang: LangOption = None
) -> None:
    """List applications and disputes with their state and the steps that are next.

    Example: govshare application list
    """
    with open_reader(config) as reader:
        rows = [
            matter_document(matter, reader.texts)
            for kind in (MatterKind.APPLICATION, MatterKind.REFERRAL, MatterKind.DISPUTE)
            for matter in reader.matters(kind)
        ]
    heads = {
        "matter": "事项",
        "about": "所涉申请",
        "department": "使用部门",
        "resource": "资源",
        "provider": "提供部门",
        "states": "状态",
        "next": "可办步骤",
    }
    print_rows("matters", rows, heads, output=output, lang=lang)


def overdue_command(
    *,
    as_of: AsOfOption = "",
    every: Annotated[bool, typer.Option("--all", help="Also what is not late yet.")] = False,
    calendar: CalendarOption = None,
    config: ConfigOption = CONFIG,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """List the steps that are late, by which clock, and whose turn it is.

    Example: govshare application overdue --as-of 2026-10-12 --all
    """
    day = day_of(as_of, "--as-of")
    with open_reader(config) as reader:
        matters = [matter for kind in _TIMED for matter in reader.matters(kind)]
        found = _turns(reader, matters, calendar=calendar, as_of=day)
    rows = [turn.to_document() for turn in found if every or turn.is_late]
    heads = {
        "matter": "事项",
        "stage": "步骤",
        "bodies": "应办单位",
        "due": "截止日",
        "status": "状态",
        "clause": "条款",
    }
    print_rows("turns", rows, heads, output=output, lang=lang)


def timed_documents(
    reader: Reader, kind: MatterKind, *, calendar: Path | None, as_of: date
) -> list[tuple[Matter, dict[str, object]]]:
    """Return the matters of *kind*, each as a document that says when its next step is due."""
    matters = reader.matters(kind)
    found = _turns(reader, matters, calendar=calendar, as_of=as_of)
    first = {turn.matter: turn for turn in reversed(found)}
    return [
        (matter, matter_document(matter, reader.texts) | _due(first.get(matter.id)))
        for matter in matters
    ]


def _turns(
    reader: Reader, matters: Sequence[Matter], *, calendar: Path | None, as_of: date
) -> tuple[Turn, ...]:
    return turns(
        matters,
        texts=reader.texts,
        register=reader.bundle.register,
        clocks=reader.clocks(),
        calendar=load_calendar(calendar),
        as_of=as_of,
    )


def _due(turn: Turn | None) -> dict[str, object]:
    if turn is None:
        return {"due": None, "status": ""}
    return {"due": turn.to_document()["due"], "status": turn.stage.status.value}


def procedure_command(
    *, config: ConfigOption = CONFIG, output: OutputOption = None, lang: LangOption = None
) -> None:
    """Print what the deployment's texts want of an application, a dispute and a correction.

    Example: govshare application procedure --output json
    """
    with open_reader(config) as reader:
        rows = [
            {
                "profile": text.profile,
                "statements": [cited.id for cited in text.statements],
                "escalation": disputes.chain_text(text, "same_level"),
                "escalation_cross_level": disputes.chain_text(text, "cross_level"),
                "correction_parties": parties_text(text),
                "forbidden_reasons": [cited.id for cited in text.forbidden_reasons],
            }
            for text in reader.texts
        ]
    heads = {
        "profile": "文本",
        "statements": "申请须写明",
        "escalation": "争议处理",
        "correction_parties": "校核告知",
        "forbidden_reasons": "不得作为拒绝理由",
    }
    print_rows("texts", rows, heads, output=output, lang=lang)


def steps_command(
    *, config: ConfigOption = CONFIG, output: OutputOption = None, lang: LangOption = None
) -> None:
    """Print the tables of steps that the deployment's texts allow, with clauses.

    Example: govshare application steps --output json
    """
    with open_reader(config) as reader:
        rows = [row for text in reader.texts for row in _rules(text)]
    heads = {
        "profile": "文本",
        "matter": "事项类别",
        "from": "状态",
        "step": "步骤",
        "by": "由谁",
        "role": "职责",
        "to": "转入",
        "clauses": "条款",
    }
    print_rows("steps", rows, heads, output=output, lang=lang)


def _rules(text: Workflow) -> list[dict[str, object]]:
    return [
        {
            "profile": text.profile,
            "id": rule.id,
            "matter": rule.matter.value,
            "routes": sorted(rule.routes),
            "from": list(rule.sources),
            "step": rule.step,
            "by": [party.value for party in rule.by],
            "role": rule.role.value,
            "to": rule.target,
            "clauses": list(rule.clauses),
            "wants": [want.value for want in rule.wants],
            "grants": rule.grants,
        }
        for rule in text.steps
    ]
