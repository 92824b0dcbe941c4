# SPDX-License-Identifier: Apache-2.0
"""Evaluations of the Authorization API are calls of the interface, and nothing else."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.call import Action
from govshare_policy.errors import CallError
from govshare_sidecar.authzen_wire import (
    Evaluations,
    Semantic,
    error_to_decision,
    parse_evaluation,
    parse_evaluations,
)
from govshare_sidecar.refusal import Cause, RefusedError

CONTEXT: Mapping[str, object] = {
    "fields": ["id_no"],
    "purpose": "data_verification",
    "grant": "G01",
    "derived": True,
    "recipient": {"kind": "company", "id": "C1"},
}
DOCUMENT: Mapping[str, object] = {
    "subject": {"type": "system", "id": "SYS-A"},
    "action": {"name": "onward"},
    "resource": {"type": "resource", "id": "R08"},
    "context": CONTEXT,
}


def test_every_member_lands_where_the_interface_puts_it() -> None:
    call = parse_evaluation(DOCUMENT)

    assert (call.system, call.action, call.resource) == ("SYS-A", Action.ONWARD, "R08")
    assert (call.fields, call.purpose, call.grant) == (("id_no",), "data_verification", "G01")
    assert call.derived
    assert call.recipient is not None
    assert call.recipient.id == "C1"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from([*DOCUMENT, "id", "type", "name"]), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
@settings(max_examples=60)
def test_whatever_is_said_is_a_call_or_a_call_error(value: object) -> None:
    for key in DOCUMENT:
        try:
            call = parse_evaluation({**DOCUMENT, key: value})
        except CallError:
            continue
        assert call.system
        assert call.resource is not None


@pytest.mark.parametrize("key", ["system", "action", "resource"])
def test_the_context_does_not_say_again_what_is_said_elsewhere(key: str) -> None:
    with pytest.raises(RefusedError, match=f"`context` holds `{key}`"):
        parse_evaluation({**DOCUMENT, "context": {**CONTEXT, key: "x"}})


def test_the_claims_of_the_context_are_kept_for_whoever_holds_them_against_the_evidence() -> None:
    claims = {"department": "D-A", "network": "intranet", "at": "2026-01-05T09:00:00+08:00"}
    call = parse_evaluation({**DOCUMENT, "context": {**CONTEXT, **claims}})

    assert (call.department, call.network) == ("D-A", "intranet")
    assert call.at is not None


def test_a_member_of_an_evaluation_takes_the_place_of_the_whole_default() -> None:
    several = parse_evaluations({**DOCUMENT, "evaluations": [{}, {"context": {}}]}, most=2)

    assert isinstance(several, Evaluations)
    assert several.semantic is Semantic.EXECUTE_ALL
    assert several.items[0]["context"] == CONTEXT
    assert several.items[1]["context"] == {}


@pytest.mark.parametrize("document", [{}, {"evaluations": []}])
def test_no_evaluations_are_a_single_one(document: Mapping[str, object]) -> None:
    assert parse_evaluations(document, most=1) is None


@pytest.mark.parametrize(
    "options", [[], {"evaluations_semantic": "none"}, {"evaluations_semantic": None}]
)
def test_options_that_cannot_be_met_are_refused(options: object) -> None:
    with pytest.raises(RefusedError):
        parse_evaluations({"evaluations": [{}], "options": options}, most=1)


def test_more_evaluations_than_a_batch_holds_are_refused() -> None:
    with pytest.raises(RefusedError, match="at most 2 evaluations"):
        parse_evaluations({"evaluations": [{}] * 3}, most=2)


@pytest.mark.parametrize(
    ("semantic", "permitted", "settled"),
    [
        (Semantic.EXECUTE_ALL, True, False),
        (Semantic.EXECUTE_ALL, False, False),
        (Semantic.DENY_ON_FIRST_DENY, True, False),
        (Semantic.DENY_ON_FIRST_DENY, False, True),
        (Semantic.PERMIT_ON_FIRST_PERMIT, True, True),
        (Semantic.PERMIT_ON_FIRST_PERMIT, False, False),
    ],
)
def test_a_semantic_is_settled_by_the_decision_that_it_names(
    semantic: Semantic, *, permitted: bool, settled: bool
) -> None:
    assert semantic.is_settled_by(permitted=permitted) is settled


def test_an_error_is_a_denial_that_says_who_must_act_in_both_languages() -> None:
    decision = error_to_decision(RefusedError(Cause.BUSY))

    assert decision["decision"] is False
    assert decision["context"] == {
        "error": {
            "status": 503,
            "reason": "BUSY",
            "message": "the gateway is full, or this certificate has too much under way; "
            "ask again shortly",
            "message_zh": "网关已满，或本证书同时进行的调用过多；请稍后再试",
            "retry_after_s": 1,
        }
    }
