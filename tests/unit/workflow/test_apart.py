# SPDX-License-Identifier: Apache-2.0
"""Two texts that name different grantors are applied under one by one (docs/adr/0009)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from govshare_policy import load_register
from govshare_policy.errors import CallError
from govshare_policy.legal import Outcome
from govshare_policy.policy import Precedence
from govshare_policy.workflow import Actor, Role
from govshare_policy.workflow.services import ServiceChange, propose_change
from tests.unit.workflow.town import NEED, REASON, WANG, ZHAO, ZHOU, Town

Make = Callable[..., Town]
OPEN = replace(NEED, resource="R03", fields=("uscc", "entity_name"))
MSA = Actor(body="D-MSA", person="hu", role=Role.MANAGE)
CLERK = Actor(body="D-MSA", person="lu", role=Role.OPERATE)


def test_two_texts_with_different_grantors_are_applied_under_one_by_one(town: Make) -> None:
    """Each application asks and follows one text alone, and a call rests on both grants."""
    here = town("hubei", Precedence.STRICTEST)
    platform = replace(OPEN, grantor="platform_operator", texts={"reason": "核对企业信息"})
    ours = here.run([("accept", ZHAO), ("approve", ZHOU)], platform)
    half = here.outcome(resource="R03", fields=["uscc"])
    steps = [("endorse", WANG), ("clear_approval", MSA), ("approve", MSA)]
    theirs = here.run(steps, replace(OPEN, grantor="provider"))

    assert half is Outcome.NEEDS_GRANT
    assert here.outcome(resource="R03", fields=["uscc"]) is Outcome.ALLOW
    grants = load_register(here.data).grants
    assert [grants[f"G-{one}"].granted_by for one in (ours, theirs)] == [
        "platform_operator",
        "provider",
    ]
    with here.office() as office:
        states = [set(office.store.matter(one).states) for one in (ours, theirs)]
    assert states == [{"hubei"}, {"national-809"}]


@pytest.mark.parametrize("grantor", ["provider", "platform_operator"])
def test_an_application_to_one_of_two_grantors_states_what_its_text_wants(
    town: Make, grantor: str
) -> None:
    here = town("hubei", Precedence.STRICTEST)
    answer = here.apply(replace(OPEN, grantor=grantor, texts={}))

    assert answer.refusal is not None
    assert answer.refusal.code == "statement_missing"
    assert {clause[:2] for clause in answer.clauses} == {
        {"provider": "NR", "platform_operator": "HU"}[grantor]
    }


def test_a_grantor_without_power_is_not_applied_to(town: Make) -> None:
    """Naming it does not give it any."""
    answer = town("hubei").apply(replace(NEED, grantor="platform_operator"))

    assert answer.refusal is not None
    assert answer.refusal.code == "cannot_be_granted"
    assert answer.clauses[0] == "HU-a11-02"
    with pytest.raises(CallError, match="applied to apart"):
        replace(NEED, grantor="negotiated_agreement")


@pytest.mark.parametrize(
    ("fields", "code"), [(("uscc",), None), (("legal_rep",), "wider_than_granted")]
)
def test_each_of_two_grants_goes_on_for_the_text_that_it_was_given_under(
    town: Make, fields: tuple[str, ...], code: str | None
) -> None:
    """That the other text wants a grant of another body is no reason against changing it."""
    here = town("hubei", Precedence.STRICTEST)
    asked = replace(OPEN, grantor="platform_operator")
    matter = here.run([("accept", ZHAO), ("approve", ZHOU)], asked)
    change = ServiceChange(grant=f"G-{matter}", fields=fields)
    with here.office() as office:
        answer = propose_change(office, change, CLERK, here.moment(), inputs=REASON)

    assert (answer.refusal and answer.refusal.code) == code
