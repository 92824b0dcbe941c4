# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from typing import Any

import pytest

from govshare_policy.errors import CallError
from govshare_policy.legal import Outcome
from govshare_policy.workflow import Actor, Role, StepAnswer, corrections
from govshare_policy.workflow.corrections import Doubt
from tests.unit.workflow.town import CYCLES, FINDING, WANG, Town

Make = Callable[..., Town]
USER = Actor(body="D-HCB", person="qian", role=Role.OPERATE)
PROVIDER = Actor(body="D-CAB", person="li", role=Role.OPERATE)
DOUBT = Doubt(resource="R08", fields=("marital_status",), grant="G01")
CALL: dict[str, Any] = {
    "department": "D-HCB",
    "system": "SYS-HCB-PRH",
    "resource": "R08",
    "fields": ["marital_status"],
    "grant": "G01",
}


def raised(here: Town, doubt: Doubt = DOUBT, who: Actor = USER) -> StepAnswer:
    with here.office() as office:
        return corrections.raise_doubt(office, doubt, who, here.moment(), inputs=FINDING)


@pytest.mark.parametrize("profile", CYCLES)
def test_an_open_doubt_changes_no_answer(town: Make, profile: str) -> None:
    here = town(profile)
    before = here.outcome(**CALL)
    assert raised(here).refusal is None

    assert before is here.outcome(**CALL) is Outcome.ALLOW


@pytest.mark.parametrize(
    ("profile", "clause"),
    [
        ("henan-fengqiu", "FQ-3.2-10"),
        ("henan-yanjin", "YJ-3.2-10"),
        ("jiangxi-pingxiang", "PX-a18-03"),
        ("henan-hebi", "HB-a18-07"),
        ("hubei", "HU-a23-03"),
    ],
)
def test_a_ticket_says_that_the_citizen_is_served_meanwhile(
    town: Make, profile: str, clause: str
) -> None:
    citizen = raised(town(profile)).more["citizen"]

    assert citizen["clauses"] == [clause]
    assert "照常办理" in citizen["text_zh"]


def test_the_national_text_says_nothing_of_the_citizen(town: Make) -> None:
    assert raised(town("national-809")).more["citizen"] == {}


@pytest.mark.parametrize("profile", CYCLES)
def test_the_provider_answers_with_what_was_found(town: Make, profile: str) -> None:
    here = town(profile)
    ticket = raised(here).matter
    bare = here.take(ticket, "answer", PROVIDER, corrected=True)
    by_user = here.take(ticket, "answer", USER, FINDING, corrected=True)
    by_head = here.take(ticket, "answer", WANG, FINDING, corrected=True)
    answer = here.take(ticket, "answer", PROVIDER, FINDING, corrected=True)

    assert [a.refusal.code for a in (bare, by_user, by_head) if a.refusal] == [
        "want_missing",
        "own_application",
        "not_your_step",
    ]
    assert (answer.refusal, answer.more["corrected"]) == (None, True)


@pytest.mark.parametrize(
    ("doubt", "fault"),
    [
        (Doubt(resource="R99"), "no such resource"),
        (Doubt(resource="R08", fields=("shoe_size",)), "not in the catalogue"),
        (Doubt(resource="R08", grant="G02"), "not one of this department"),
        (Doubt(resource="R08", grant="G99"), "not one of this department"),
    ],
)
def test_a_doubt_about_something_unknown_is_bad_input(town: Make, doubt: Doubt, fault: str) -> None:
    with pytest.raises(CallError, match=fault):
        raised(town("hubei"), doubt)
