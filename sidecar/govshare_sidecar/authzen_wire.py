# SPDX-License-Identifier: Apache-2.0
"""Between the messages of the OpenID Authorization API 1.0 and our values; pure.

The subject's id is the system, the action's name the action, the resource's id the resource, and
the context holds the other keys of a call. Members that the standard knows and we
have no use for (types, properties) say nothing; neither do unknown ones outside the
context, as the standard asks. In the context an unknown key is refused: what is said there
belongs to the call, and might be what restricts it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from govshare_policy.call import Call, call_from_document, parse_object
from govshare_policy.errors import CallError
from govshare_policy.gate import Answer
from govshare_policy.legal import Effect
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.status import detail_zh, http_status_of, retry_after_s, status_of

EVALUATION: Final = "/access/v1/evaluation"
EVALUATIONS: Final = "/access/v1/evaluations"
DISCOVERY: Final = "/.well-known/authzen-configuration"
MEDIA_TYPE: Final = "application/json"
_PARTS: Final = ("subject", "action", "resource", "context")
# What the subject, the action and the resource say, and the context therefore may not.
_SAID_ELSEWHERE: Final = ("system", "action", "resource")


class Semantic(StrEnum):
    """How far the evaluations of one request are carried."""

    EXECUTE_ALL = "execute_all"
    DENY_ON_FIRST_DENY = "deny_on_first_deny"
    PERMIT_ON_FIRST_PERMIT = "permit_on_first_permit"

    def is_settled_by(self, *, permitted: bool) -> bool:
        """Tell whether nothing more is evaluated after a decision."""
        last = {self.DENY_ON_FIRST_DENY: False, self.PERMIT_ON_FIRST_PERMIT: True}
        return last.get(self) is permitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluations:
    """Several questions in one request; each is parsed for itself."""

    semantic: Semantic
    items: Sequence[Mapping[str, object]]


def parse_evaluation(document: Mapping[str, object]) -> Call:
    """Return the call that one evaluation states.

    Raises:
        CallError: If it lacks a member that the standard requires, or one has the wrong type, or
            what it states is not of the shape of a call.
    """
    subject = _member(document, "subject", ("type", "id"))
    action = _member(document, "action", ("name",))
    resource = _member(document, "resource", ("type", "id"))
    context = _object(document.get("context", {}), "context")
    for key in _SAID_ELSEWHERE:
        if key in context:
            raise _bad(f"`context` holds `{key}`, which is said elsewhere in an evaluation")
    stated = {"system": subject["id"], "action": action["name"], "resource": resource["id"]}
    return call_from_document({**context, **stated}, on_the_wire=True)


def parse_evaluations(document: Mapping[str, object], *, most: int) -> Evaluations | None:
    """Return the evaluations in *document*, defaults filled in; ``None`` if it is a single one.

    What an evaluation says of the subject, the action, the resource or the context takes the
    place of the default as a whole.

    Raises:
        RefusedError: If there are more than *most*, or the list or the options have a wrong type.
    """
    listed = document.get("evaluations", [])
    if not isinstance(listed, list):
        raise _bad("`evaluations` is a list of evaluations")
    if len(listed) > most:
        raise _bad(f"a request holds at most {most} evaluations")
    semantic = _semantic(_object(document.get("options", {}), "options"))
    if not listed:
        return None
    defaults = {key: document[key] for key in _PARTS if key in document}
    items = [{**defaults, **_object(item, "evaluations[]")} for item in listed]
    return Evaluations(semantic=semantic, items=items)


def parse_document(data: bytes) -> dict[str, object]:
    """Return the JSON object in *data*, read strictly.

    Raises:
        CallError: If it is none, or has more than 64 KiB.
    """
    return parse_object(data)


def answer_to_decision(answer: Answer) -> dict[str, object]:
    """Return *answer* as a decision of the standard; its context is the whole answer.

    Whoever asked has to release nothing but ``context.fields``, under ``context.duties``.
    """
    context = answer.to_document()
    if answer.receipt is not None:
        context["receipt"] = {
            "record_id": answer.record_id,
            "log_index": answer.receipt.index,
            "text": answer.receipt.to_text(),
        }
    return {"decision": answer.decision.effect is Effect.ALLOW, "context": context}


def error_to_decision(error: CallError) -> dict[str, object]:
    """Return the decision on one evaluation of several that could not be made."""
    said: dict[str, object] = {
        "status": http_status_of(error).value,
        "reason": status_of(error).reason,
        "message": str(error),
        "message_zh": detail_zh(error),
    }
    if said["status"] == HTTPStatus.SERVICE_UNAVAILABLE:
        said["retry_after_s"] = retry_after_s(error)
    return {"decision": False, "context": {"error": said}}


def discovery(url: str) -> dict[str, object]:
    """Return the discovery document of the decision point at *url*."""
    return {
        "policy_decision_point": url,
        "access_evaluation_endpoint": f"{url}{EVALUATION}",
        "access_evaluations_endpoint": f"{url}{EVALUATIONS}",
    }


def _member(document: Mapping[str, object], key: str, required: Sequence[str]) -> dict[str, str]:
    if key not in document:
        raise _bad(f"the evaluation has no `{key}`")
    member = _object(document[key], key)
    texts = {}
    for name in required:
        text = member.get(name)
        if not isinstance(text, str):
            raise _bad(f"`{key}.{name}` is a string, and has to be there")
        texts[name] = text
    # Left empty, a claim is none: the certificate alone would say who asks.
    if key == "subject" and not texts["id"]:
        raise _bad("`subject.id` names the system that asks")
    _object(member.get("properties", {}), f"{key}.properties")
    return texts


def _semantic(options: Mapping[str, object]) -> Semantic:
    try:
        return Semantic(str(options.get("evaluations_semantic", Semantic.EXECUTE_ALL)))
    except ValueError:
        names = ", ".join(f"`{semantic.value}`" for semantic in Semantic)
        raise _bad(f"`options.evaluations_semantic` is one of {names}") from None


def _object(value: object, name: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _bad(f"`{name}` is an object")
    return value


def _bad(message: str) -> RefusedError:
    return RefusedError(Cause.BAD_CALL, message)
