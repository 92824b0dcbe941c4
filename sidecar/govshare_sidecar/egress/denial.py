# SPDX-License-Identifier: Apache-2.0
"""What is said to whoever may not pass something on: the clause, the receipts, what to do."""

import json
from collections.abc import Iterable
from typing import Final

from aiohttp import web

from govshare_policy.egress.onward import evidence_of
from govshare_policy.egress.verdict import Verdict
from govshare_policy.gate import Answer
from govshare_sidecar.problem import denial

UNSCANNABLE: Final = "urn:govshare:problem:unscannable"
_REMEDY: Final = {
    "zh": "请接收方自行申请，或取得提供部门的同意（文本允许时）；"
    "如系本部门原有数据，请先登记自有数据",
    "en": "have the recipient apply itself, or obtain the provider's consent where the text knows "
    "one; if these are data of your own, register your own holdings",
}
ONWARD: Final = "urn:govshare:problem:onward"
_MOST: Final = 20


def onward_denial(
    answer: Answer, others: Iterable[Answer], verdict: Verdict, *, language: str
) -> web.Response:
    """Return the problem that a refusal to pass something on is.

    Args:
        answer: The recorded denial that decides.
        others: Further recorded answers about the same document.
        verdict: What was recognised; its receipts, field names and counts are shown.
        language: ``zh`` or ``en``.
    """
    plain = denial(answer, language=language)
    if not isinstance(plain.body, bytes):
        raise TypeError("a response made here holds bytes")
    document = json.loads(plain.body)
    document |= _words(verdict, str(document["detail"]), chinese=language == "zh")
    document["recognised"] = {
        "causes": [cause.value for cause in verdict.causes],
        "records": verdict.rows,
        "releases": verdict.releases,
        "evidence": [dict(evidence_of(one)) for one in verdict.evidence[:_MOST]],
    }
    if verdict.code:
        document["recognised"]["code"] = verdict.code
    document["remedies"] = dict(_REMEDY)
    further = [one.record_id for one in others if one is not answer]
    if further:
        document["further"] = [f"urn:uuid:{record}" for record in further[:_MOST]]
    body = json.dumps(document, ensure_ascii=False).encode()
    headers = {k: v for k, v in plain.headers.items() if k.lower() != "content-length"}
    return web.Response(status=plain.status, body=body, headers=headers)


def _words(verdict: Verdict, detail: str, *, chinese: bool) -> dict[str, str]:
    if verdict.code:
        return {
            "type": UNSCANNABLE,
            "title": "无法检查的内容不予外传" if chinese else "what cannot be read may not leave",
            "detail": (
                f"内容无法检查（`{verdict.code}`）；请以可读格式发送，"
                "或由审批人将该目的地和格式列入许可清单"
                if chinese
                else f"the content cannot be read (`{verdict.code}`); send it in a form that can, "
                "or ask the approver to allow that form for the destination"
            ),
        }
    receipts = ", ".join(f"`{one.receipt}`" for one in verdict.evidence[:3])
    more = verdict.releases - min(3, len(verdict.evidence))
    if chinese:
        seen = f"内容含有 {verdict.rows} 条共享取得的记录（回执 {receipts}"
        seen += f" 等 {verdict.releases} 份）" if more > 0 else "）"
        said = f"{seen}；{detail}；{_REMEDY['zh']}"
        return {"type": ONWARD, "title": "共享取得的数据不得外传", "detail": said}
    seen = f"it holds {verdict.rows} obtained records (receipts {receipts}"
    seen += f" and {more} more)" if more > 0 else ")"
    return {
        "type": ONWARD,
        "title": "obtained data may not be passed on",
        "detail": f"{seen}; {detail}; {_REMEDY['en']}",
    }
