# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from govshare_policy.deadline import Calendar, load_clocks
from govshare_policy.errors import CallError
from govshare_policy.policy import Precedence
from govshare_policy.workflow import (
    Actor,
    Inputs,
    MatterKind,
    Role,
    StepAnswer,
    Want,
    applications,
    referrals,
)
from govshare_policy.workflow.overdue import turns
from tests.unit.workflow.town import CYCLES, FINDING, LI, NEED, WANG, ZHAO, Town

Make = Callable[..., Town]
BODIES = [
    {"dept_id": ident, "name_zh": name, "name_en": "platform", "subject_type": "gov_department"}
    for ident, name in (("P-LOW", "县级共享平台"), ("P-UP", "国家共享平台"))
]
PLATFORMS = {
    "departments.tsv": BODIES,
    "roles.tsv": [
        {"profile": profile, "role": role, "dept_id": body}
        for profile in ("hubei", "national-809", "henan-fengqiu")
        for role, body in (("lower_platform", "P-LOW"), ("national_platform", "P-UP"))
    ],
}
LOWER = Actor(body="P-LOW", person="tao", role=Role.OPERATE)
THERE = replace(NEED, resource="N-0815", channels=())


def refer(here: Town, upper: referrals.Upper = referrals.Upper.NATIONAL) -> StepAnswer:
    with here.office() as office:
        return referrals.refer(office, THERE, upper, LI, here.moment(), inputs=Inputs())


def hand_in(here: Town, department: str = "D-CAB", who: Actor = LOWER) -> StepAnswer:
    with here.office() as office:
        return applications.apply(office, NEED, who, here.moment(), department=department)


def stages(here: Town, as_of: date, kind: MatterKind) -> list[tuple[str, str, tuple[str, ...]]]:
    with here.office() as office:
        found = turns(
            office.store.matters(kind),
            texts=office.texts,
            register=office.bundle.register,
            clocks={text.profile: load_clocks(text.profile) for text in office.texts},
            calendar=Calendar(),
            as_of=as_of,
        )
    return [(turn.stage.stage.value, turn.stage.status.value, turn.bodies) for turn in found]


def test_an_application_to_the_national_platform_is_passed_on_and_answered(town: Make) -> None:
    here = town("hubei", change=PLATFORMS)
    matter = refer(here).matter
    forwarded = here.take(matter, "accept", ZHAO)
    answered = here.take(matter, "answer", ZHAO, FINDING, granted=True)
    told = here.take(matter, "notify", ZHAO)

    assert [row["bodies"] for row in forwarded.told] == ["P-UP"]
    assert answered.more["granted"] is True
    assert (told.told[0]["bodies"], told.states) == ("D-CAB", {"hubei": "notified"})
    assert [record["outcome"] for record in here.records()] == ["taken"] * 4


def test_each_step_on_the_way_to_another_platform_has_its_clock(town: Make) -> None:
    here = town("hubei", change=PLATFORMS)
    matter = refer(here).matter
    checking = stages(here, date(2025, 9, 26), MatterKind.REFERRAL)
    here.take(matter, "accept", ZHAO)
    waiting = stages(here, date(2025, 9, 26), MatterKind.REFERRAL)
    here.take(matter, "answer", ZHAO, FINDING, granted=False)
    telling = stages(here, date(2025, 9, 24), MatterKind.REFERRAL)

    assert checking == [("form_check", "late", ("O-OPS",))]
    assert waiting == [("provider_answer", "open", ("P-UP",))]
    assert telling == [("notice", "late", ("O-OPS",))]


@pytest.mark.parametrize(("days", "late"), [(1, False), (30, True)])
def test_pressing_says_whether_the_answer_is_late(town: Make, days: int, late: bool) -> None:  # noqa: FBT001
    here = town("hubei", change=PLATFORMS)
    here_too, abroad = here.run([("accept", ZHAO)]), refer(here).matter
    here.take(abroad, "accept", ZHAO)
    here.at += timedelta(days=days)
    pressed = [here.take(matter, "press", ZHAO) for matter in (here_too, abroad)]

    assert [(answer.more["due"], answer.more["late"]) for answer in pressed] == [
        ("2025-10-11", late),
        ("2025-10-11", late),
    ]
    assert [answer.told[0]["bodies"] for answer in pressed] == ["D-NRB", "P-UP"]
    assert here.take(abroad, "press", ZHAO).refusal is None, "as often as it takes"


def test_a_lower_platform_hands_in_for_its_department_and_the_grant_is_the_departments(
    town: Make,
) -> None:
    here = town("hubei", change=PLATFORMS)
    handed = hand_in(here)
    checking = stages(here, date(2025, 9, 26), MatterKind.APPLICATION)
    for step, who in CYCLES["hubei"]:
        assert here.take(handed.matter, step, who).refusal is None

    assert handed.more["handed_in_by"] == "P-LOW"
    assert checking == [("form_check", "late", ("O-OPS",))]
    assert here.matter(handed.matter).department == "D-CAB"
    assert here.outcome().value == "allow"


def test_under_two_texts_the_head_of_the_department_still_consents(town: Make) -> None:
    here = town("hubei", Precedence.STRICTEST, change=PLATFORMS)
    handed = hand_in(here)
    own = here.take(handed.matter, "endorse", replace(LOWER, role=Role.MANAGE, person="yan"))
    head = here.take(handed.matter, "endorse", WANG)

    assert handed.states == {"hubei": "submitted", "national-809": "drafted"}
    assert own.refusal is not None
    assert own.refusal.code == "not_your_step"
    assert head.refusal is None


def test_no_one_else_applies_for_another_department(town: Make) -> None:
    here = town("hubei", change=PLATFORMS)
    stranger = hand_in(here, who=replace(ZHAO, person="x"))
    elsewhere = hand_in(town("henan-fengqiu", change=PLATFORMS))

    for answer in (stranger, elsewhere):
        assert answer.refusal is not None
        assert answer.refusal.code == "not_your_step"
    with pytest.raises(CallError, match="no such department"):
        hand_in(here, department="D-XXX")


def test_what_is_not_stated_or_no_code_goes_to_no_platform(town: Make) -> None:
    here = town("hubei")
    with here.office() as office:
        bare = replace(THERE, texts={}, purposes=())
        answer = referrals.refer(
            office, bare, referrals.Upper.NATIONAL, LI, here.moment(), inputs=Inputs()
        )
        with pytest.raises(CallError, match="by its code there"):
            referrals.refer(
                office,
                replace(THERE, resource="两 个"),
                referrals.Upper.NATIONAL,
                LI,
                here.moment(),
                inputs=Inputs(),
            )

    assert answer.refusal is not None
    assert (answer.refusal.code, answer.clauses) == ("statement_missing", ("HU-a13-01",))


def test_a_platform_that_nobody_registered_is_named_by_its_role(town: Make) -> None:
    here = town("hubei")
    matter = refer(here, referrals.Upper.PROVINCIAL).matter
    forwarded = here.take(matter, "accept", ZHAO)

    (told,) = forwarded.told
    assert (told["to"], told["bodies"]) == ("provincial_platform", "")


def test_an_answer_says_what_was_found(town: Make) -> None:
    here = town("hubei")
    matter = refer(here).matter
    here.take(matter, "accept", ZHAO)
    bare = here.take(matter, "answer", ZHAO, Inputs(texts={Want.FINDING: " "}), granted=True)

    assert bare.refusal is not None
    assert bare.refusal.code == "want_missing"
