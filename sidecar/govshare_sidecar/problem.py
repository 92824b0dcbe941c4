# SPDX-License-Identifier: Apache-2.0
"""Answers to people: ``application/problem+json`` in the language they read (RFC 9457)."""

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from aiohttp import web

from govshare_policy.errors import GovshareError
from govshare_policy.gate import Answer
from govshare_policy.legal import Outcome
from govshare_sidecar.status import detail_zh, http_status_of, retry_after_s, status_of

MEDIA_TYPE: Final = "application/problem+json"
COMMON_HEADERS: Final[Mapping[str, str]] = {"Cache-Control": "no-store", "Server": "govshare"}
_KIND: Final = "urn:govshare:problem:"
_DEFAULT: Final = "zh"
_TITLES: Final[Mapping[Outcome, tuple[str, str]]] = {
    Outcome.DENY: ("the call is denied", "不予提供"),
    Outcome.DENY_NEGOTIABLE: ("the call is denied; it may be negotiated", "不予提供，可协商"),
    Outcome.NEEDS_GRANT: ("the call needs a grant of the provider", "须经提供部门授权"),
    Outcome.NEEDS_PLATFORM_AUTHORIZATION: (
        "the call needs the authorisation of the platform",
        "须经共享平台授权",
    ),
    Outcome.SUSPENDED: ("the right to share is suspended", "共享权限已暂停"),
    Outcome.OUT_OF_SCOPE: ("the data are outside this gateway", "不属于本网关提供范围"),
}


def language_of(accept: str) -> str:
    """Return ``zh`` or ``en``, whichever the ``Accept-Language`` value *accept* prefers."""
    best, weight = _DEFAULT, 0.0
    for part in accept.split(","):
        tag, _, parameter = part.strip().partition(";")
        primary = tag.strip().lower().split("-")[0]
        quality = _quality(parameter.strip())
        if primary in ("zh", "en") and quality > weight:
            best, weight = primary, quality
    return best


def denial(answer: Answer, *, language: str) -> web.Response:
    """Return the problem that a recorded denial is, with answer and receipt in it."""
    decision = answer.decision
    english, chinese = _TITLES[decision.outcome]
    reason = decision.reasons[0]
    said, remedy = (
        (reason.text_zh, reason.remedy_zh) if language == "zh" else (reason.text, reason.remedy)
    )
    join = "；" if language == "zh" else "; "
    document = {
        "type": f"{_KIND}{decision.outcome.value}",
        "title": chinese if language == "zh" else english,
        "status": HTTPStatus.FORBIDDEN.value,
        "detail": f"{said}{join}{remedy}" if remedy else said,
        "instance": f"urn:uuid:{answer.record_id}",
        **answer.to_document(),
        **_receipt(answer),
    }
    return _response(document, language=language, headers=record_headers(answer))


def trouble(
    error: GovshareError,
    *,
    language: str,
    answer: Answer | None = None,
    headers: Iterable[tuple[str, str]] = (),
) -> web.Response:
    """Return the problem that *error* is; *answer* where the call had been allowed before it."""
    status = status_of(error)
    code = http_status_of(error)
    document: dict[str, object] = {
        "type": f"{_KIND}{status.reason.lower()}",
        "title": status.title_zh if language == "zh" else status.title,
        "status": code.value,
        "detail": detail_zh(error) if language == "zh" else str(error),
    }
    more = dict(headers)
    if delay_s := retry_after_s(error):
        more["Retry-After"] = str(delay_s)
    if answer is not None:
        document["instance"] = f"urn:uuid:{answer.record_id}"
        document |= _receipt(answer)
        more.update(record_headers(answer))
    return _response(document, language=language, headers=more)


def record_headers(answer: Answer) -> dict[str, str]:
    """Return the headers that say where *answer* was recorded."""
    headers = {"Govshare-Record": answer.record_id}
    if answer.receipt is not None:
        headers["Govshare-Log-Index"] = str(answer.receipt.index)
    return headers


def release_headers(answer: Answer) -> dict[str, str]:
    """Return the headers beside released data: what, where, on what basis, with what duties."""
    return {
        **COMMON_HEADERS,
        **record_headers(answer),
        "Govshare-Resource": quote(answer.resource, safe=""),
        "Govshare-Grants": ", ".join(quote(one.id, safe="") for one in answer.decision.grants),
        "Govshare-Clauses": ", ".join(answer.decision.clauses),
        "Govshare-Duties": ", ".join(
            f"{duty.code}={quote(duty.value, safe='')}" if duty.value else duty.code
            for duty in answer.duties
        ),
    }


def _receipt(answer: Answer) -> dict[str, str]:
    return {} if answer.receipt is None else {"receipt": answer.receipt.to_text()}


def _response(
    document: Mapping[str, object], *, language: str, headers: Mapping[str, str]
) -> web.Response:
    return web.Response(
        status=int(str(document["status"])),
        body=json.dumps(document, ensure_ascii=False).encode(),
        headers={
            "Content-Type": MEDIA_TYPE,
            "Content-Language": "zh-CN" if language == "zh" else "en",
            "Vary": "Accept-Language",
            **COMMON_HEADERS,
            **headers,
        },
    )


def _quality(parameter: str) -> float:
    if not parameter.startswith("q="):
        return 1.0
    try:
        return float(parameter[2:])
    except ValueError:
        return 0.0
