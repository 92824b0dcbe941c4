# SPDX-License-Identifier: Apache-2.0
"""The functions behind the steps that do more than move a matter, as the commands call them."""

import inspect
from collections.abc import Callable
from typing import Any

from govshare_policy.deadline import Calendar, load_clocks
from govshare_policy.workflow import (
    MatterKind,
    Office,
    StepAnswer,
    applications,
    conflicts,
    corrections,
    demand,
    disputes,
    entries,
    permissions,
    referrals,
    services,
)
from govshare_policy.workflow.needs import Narrowed

Act = Callable[..., StepAnswer]

_ACTS: dict[tuple[MatterKind, str], Act] = {
    (MatterKind.APPLICATION, "approve"): applications.decide,
    (MatterKind.APPLICATION, "sign"): applications.decide,
    (MatterKind.APPLICATION, "refuse"): applications.refuse,
    (MatterKind.APPLICATION, "extend"): applications.extend,
    (MatterKind.APPLICATION, "press"): referrals.press,
    (MatterKind.REFERRAL, "press"): referrals.press,
    (MatterKind.REFERRAL, "answer"): referrals.answer_referral,
    (MatterKind.DISPUTE, "escalate"): disputes.escalate,
    (MatterKind.DISPUTE, "settle"): disputes.settle,
    (MatterKind.CORRECTION, "answer"): corrections.answer_doubt,
    (MatterKind.CONSENT, ""): permissions.answer_consent,
    (MatterKind.SUSPENSION, ""): permissions.conclude_suspension,
    (MatterKind.NEED, "list"): demand.list_need,
    (MatterKind.CATALOGUE, "publish"): entries.publish_change,
    (MatterKind.CATALOGUE, ""): entries.advance,
    (MatterKind.SERVICE_CHANGE, ""): services.advance_change,
    (MatterKind.JOINT_VERIFICATION, "verify"): conflicts.verify_conflict,
    (MatterKind.JOINT_VERIFICATION, "conclude"): conflicts.conclude_conflict,
}
_OF_ANY_STEP = (
    permissions.conclude_suspension,
    permissions.answer_consent,
    entries.advance,
    services.advance_change,
)


def act_of(
    kind: MatterKind, step: str, more: dict[str, Any], office: Office
) -> tuple[Act, dict[str, Any]]:
    """Return the function behind a step, and what it takes besides *more*."""
    act = _ACTS.get((kind, step)) or _ACTS.get((kind, "")) or applications.step
    clocks = {text.profile: load_clocks(text.profile) for text in office.texts}
    if act in _OF_ANY_STEP:
        more = {**more, "step": step}
    elif act is applications.step:
        more = {**more, "name": step}
    elif act is applications.decide:
        more = {"step": step} | ({"narrowed": Narrowed(**more)} if more else {})
    elif act is applications.extend:
        more = {**more, "clocks": clocks, "calendar": Calendar()}
    elif act is referrals.press:
        more = {"yardstick": referrals.Yardstick(clocks=clocks, calendar=Calendar())}
    return act, more


def takes_inputs(act: Act) -> bool:
    """Whether the step that *act* takes may come with something."""
    return "inputs" in inspect.signature(act).parameters
