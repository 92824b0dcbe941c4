# SPDX-License-Identifier: Apache-2.0
"""What is said when a step is not taken, in both languages. Mentions names of the tables only."""

from collections.abc import Sequence
from typing import Final

from govshare_policy.workflow.answer import Refusal

SENTENCES: Final = {
    "no_application_needed": (
        "no application is needed: the platform hands this resource out to every department",
        "无需申请：该资源由平台直接提供给各部门",
    ),
    "cannot_be_granted": (
        "no grant could make this use lawful: {why}",
        "任何授权都不能使该使用合法：{why}",
    ),
    "grantors_differ": (
        "no one grant satisfies all: apply to `provider` and to `platform_operator` apart",
        "单一授权无法满足全部要求：请向 provider 与 platform_operator 分别申请",
    ),
    "own_resource": (
        "a department does not apply for a resource that it provides itself",
        "部门无需申请自己提供的资源",
    ),
    "statement_missing": (
        "the application has to state: {names}",
        "申请须写明：{names}",
    ),
    "closed": (
        "the text has no consent that would lift this limit",
        "文本没有可以解除该限制的同意程序",
    ),
    "no_such_step": (
        "the text has no step `{step}` for this",
        "文本对此没有步骤“{step}”",
    ),
    "not_now": (
        "`{step}` cannot be taken while the matter is `{state}`; now: {next}",
        "事项处于“{state}”状态，不能进行“{step}”；现在可以：{next}",
    ),
    "not_your_step": (
        "`{step}` is for {parties} to take, in the role `{role}`",
        "“{step}”应由 {parties} 以“{role}”职责办理",
    ),
    "own_application": (
        "nobody decides or checks their own application: the body is the applicant",
        "任何部门不得审批或检查自己的申请",
    ),
    "same_person": (
        "this person has already acted in the matter for another body or in another role",
        "该人员已在本事项中代表其他单位或以其他职责办理过步骤",
    ),
    "want_missing": (
        "`{step}` has to come with: {names}",
        "“{step}”须同时提供：{names}",
    ),
    "invalid_refusal": (
        "`{reason}` is no ground to refuse or delay",
        "“{reason}”不能成为拒绝或拖延办理的理由",
    ),
    "wider_than_applied": (
        "a grant covers no more than was applied for: {names}",
        "授权不得超出申请范围：{names}",
    ),
    "already_late": (
        "the time is over since {due}, so it is not extended any more",
        "期限已于 {due} 届满，不能再延期",
    ),
    "too_long": (
        "the most is {most} working days",
        "最长为 {most} 个工作日",
    ),
    "not_a_subject": (
        "a dispute under this text is about: {names}",
        "该文本规定的争议事项为：{names}",
    ),
    "not_answered": (
        "there is no result yet to disagree with",
        "申请尚未答复，无结果可争议",
    ),
    "under_change": (
        "a change of this entry is open already: `{id}`",
        "该目录项已有未办结的变更：{id}",
    ),
    "not_all_verified": (
        "the platform and every provider verify before it is concluded; still to come: {names}",
        "平台和各提供部门均核实后方可办结；尚未核实：{names}",
    ),
    "wider_than_granted": (
        "a change of the service gives no more than the grant does: {names}",
        "服务变更不得超出原授权范围：{names}",
    ),
    "under_dispute": (
        "a dispute about the matter is open already: `{id}`",
        "该事项已有未了结的争议：{id}",
    ),
}


def refusal(code: str, clauses: Sequence[str], **mentions: str) -> Refusal:
    """Return the refusal *code* with the clauses it rests on."""
    return Refusal.said(code, clauses, SENTENCES[code], mentions)
