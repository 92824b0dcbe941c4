# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable

import pytest

from govshare_policy.errors import CallError
from govshare_policy.workflow import Actor, Inputs, Role, StepAnswer, conflicts
from tests.unit.workflow.town import FINDING, HE, LI, SUN, ZHAO, ZHOU, Town

Make = Callable[..., Town]
GAO = Actor(body="D-EDU", person="gao", role=Role.OPERATE)
BOTH = conflicts.Conflict(resources=("R12", "R36"), fields=("owner_name",))


def raised(
    here: Town, who: Actor = GAO, conflict: conflicts.Conflict = BOTH, inputs: Inputs = FINDING
) -> StepAnswer:
    with here.office() as office:
        return conflicts.raise_conflict(office, conflict, who, here.moment(), inputs=inputs)


@pytest.mark.parametrize("who", [GAO, HE, LI, ZHAO], ids=lambda who: who.body)
def test_anybody_may_say_that_data_conflict(town: Make, who: Actor) -> None:
    answer = raised(town("hubei"), who)

    assert (answer.refusal, answer.clauses) == (None, ("HU-a17-03",))
    assert [(told["to"], told["bodies"]) for told in answer.told] == [
        ("platform_operator", "O-OPS"),
        ("provider", "D-NRB|D-CAB"),
    ]


def test_it_is_concluded_when_the_platform_and_every_provider_have_verified(town: Make) -> None:
    here = town("hubei")
    matter = raised(here, HE).matter
    waited = []
    for who in (HE, LI, ZHAO):
        early = here.take(matter, "conclude", ZHOU, FINDING, stands="R12")
        assert early.refusal is not None
        assert early.refusal.code == "not_all_verified"
        waited.append(early.refusal.text.rpartition(": ")[2])
        assert here.take(matter, "verify", who, FINDING).refusal is None
    done = here.take(matter, "conclude", ZHOU, FINDING, stands="R12")

    assert waited == ["D-NRB, D-CAB, platform_operator", "D-CAB, platform_operator", waited[2]]
    assert waited[2] == "platform_operator"
    assert (done.refusal, done.more["stands"]) == (None, "R12")


def test_nobody_else_verifies_or_concludes(town: Make) -> None:
    here = town("hubei")
    matter = raised(here).matter
    answers = [
        here.take(matter, "verify", GAO, FINDING),
        here.take(matter, "conclude", SUN, FINDING, stands="R12"),
    ]

    assert {a.refusal.code for a in answers if a.refusal} == {"not_your_step"}
    assert len([a for a in answers if a.refusal]) == 2


def test_what_stands_is_a_reference_and_no_finding_is_recorded(town: Make) -> None:
    here = town("hubei")
    matter = raised(here).matter
    for who in (HE, LI, ZHAO):
        here.take(matter, "verify", who, FINDING)
    here.take(matter, "conclude", ZHOU, FINDING, stands="")
    records = here.records()

    assert "核对" not in str(records)
    assert [record["stated"] for record in records[1:]] == [{}, {}, {}, {"stands": ""}]


@pytest.mark.parametrize(
    ("conflict", "fault"),
    [
        (conflicts.Conflict(resources=("R12", "R99")), "no such resource"),
        (conflicts.Conflict(resources=("R12", "R04")), "two providers at least"),
        (conflicts.Conflict(resources=("R12", "R36"), fields=("phone",)), "in none of"),
    ],
)
def test_a_conflict_is_between_known_data_of_two_providers(
    town: Make, conflict: conflicts.Conflict, fault: str
) -> None:
    with pytest.raises(CallError, match=fault):
        raised(town("hubei"), conflict=conflict)


def test_what_stands_is_one_of_those_that_conflict(town: Make) -> None:
    here = town("hubei")
    matter = raised(here).matter

    with pytest.raises(CallError, match="none of those that conflict"):
        here.take(matter, "conclude", ZHOU, FINDING, stands="R01")


def test_no_other_text_has_it(town: Make) -> None:
    answer = raised(town("henan-hebi"))

    assert answer.refusal is not None
    assert answer.refusal.code == "no_such_step"
