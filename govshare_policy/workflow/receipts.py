# SPDX-License-Identifier: Apache-2.0
"""Receipt: what the platform finds wrong with data it gets, told to the provider as a ticket."""

from collections.abc import Sequence
from typing import Final

from govshare_policy.errors import CallError
from govshare_policy.workflow.answer import StepAnswer
from govshare_policy.workflow.delivery import Finding
from govshare_policy.workflow.model import RECEIPT, Actor, MatterKind, Workflow
from govshare_policy.workflow.office import Office
from govshare_policy.workflow.wish import Moment, Plan, Wish

_STEP: Final = "tell_defects"


def tell_defects(
    office: Office, resource: str, findings: Sequence[Finding], actor: Actor, moment: Moment
) -> StepAnswer:
    """Open a correction that the provider has to answer, for the defects of a delivery.

    Texts that know no check on receipt take no part in it, so their clocks do not run for it.

    Raises:
        CallError: If the resource is unknown, or nothing was found.
    """
    entry = office.bundle.register.resources.get(resource)
    if entry is None:
        raise CallError("the catalogue has no such resource")
    if not findings:
        raise CallError("a delivery without defects needs no correction")
    items = sorted({finding.item for finding in findings if finding.item})
    document = {"fields": items, "defects": [finding.to_document() for finding in findings]}
    matter = office.new_matter(
        MatterKind.CORRECTION,
        moment,
        texts=[text for text in office.in_force(moment) if _knows(text)],
        department=actor.body,
        provider=entry.provider,
        resource=entry.id,
        route=RECEIPT,
        content={**document, "grant": ""},
    )
    return office.take(
        Wish(
            matter=matter,
            step=_STEP,
            actor=actor,
            moment=moment,
            opens=True,
            plan=lambda _: Plan(shown=document),
        )
    )


def _knows(text: Workflow) -> bool:
    return any(rule.step == _STEP for rule in text.rules(MatterKind.CORRECTION, RECEIPT))
