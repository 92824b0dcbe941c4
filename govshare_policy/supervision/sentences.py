# SPDX-License-Identifier: Apache-2.0
"""What is said when a step of supervision is not taken, in both languages."""

from collections.abc import Sequence
from typing import Final

from govshare_policy.workflow import Refusal

SENTENCES: Final = {
    "no_such_step": (
        "the text has no step `{step}` for this",
        "文本对此没有步骤“{step}”",
    ),
    "not_now": (
        "`{step}` cannot be taken while the proceeding is `{state}`",
        "事项处于“{state}”状态，不能进行“{step}”",
    ),
    "not_your_step": (
        "`{step}` is for {parties} to take, in the role `{role}`",
        "“{step}”应由 {parties} 以“{role}”职责办理",
    ),
    "nobody_named": (
        "`roles.tsv` names no body for {parties}, who take `{step}` under this text",
        "roles.tsv 未登记本文本中办理“{step}”的 {parties}",
    ),
    "own_notice": (
        "no body gives notice to itself or closes its own notice",
        "任何单位不得向自己发出整改通知或办结自己的整改",
    ),
    "same_person": (
        "this person has already acted in the proceeding for another body or in another role",
        "该人员已在本事项中代表其他单位或以其他职责办理过步骤",
    ),
    "need_missing": (
        "`{step}` has to come with: {names}",
        "“{step}”须同时提供：{names}",
    ),
    "until_before_notice": (
        "the day to put it right by is before the day of the step",
        "整改期限早于本步骤之日",
    ),
    "not_overdue": (
        "the time to put it right runs until {until}; nothing is reported before it is over",
        "整改期限至 {until}，期满前不上报",
    ),
    "grant_in_force": (
        "the grant is in force, so its data are still needed",
        "授权仍在有效期内，其数据尚需使用",
    ),
}


def refusal(code: str, clauses: Sequence[str], **mentions: str) -> Refusal:
    """Return the refusal *code* with the clauses it rests on."""
    return Refusal.said(code, clauses, SENTENCES[code], mentions)
