# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from govshare_policy import load_register
from govshare_policy.legal import Outcome
from govshare_policy.workflow import Actor, Inputs, Role, Want
from tests.unit.workflow.town import (
    DENG,
    HE,
    LI,
    NEED,
    REASON,
    SUN,
    WANG,
    XU,
    ZHAO,
    Town,
)

Make = Callable[..., Town]


@pytest.mark.parametrize("profile", ["henan-fengqiu", "henan-yanjin", "henan-hebi", "hubei"])
def test_a_refusal_has_a_specific_reason(town: Make, profile: str) -> None:
    here = town(profile)
    steps = [("accept", ZHAO)] if profile == "hubei" else []
    matter = here.run(steps)
    bare = here.take(matter, "refuse", SUN)

    assert bare.refusal is not None
    assert bare.refusal.code == "want_missing"
    assert here.take(matter, "refuse", SUN, REASON).refusal is None
    assert here.outcome() is Outcome.NEEDS_GRANT


def test_a_missing_paper_is_no_ground_to_refuse_or_decline_in_hubei(town: Make) -> None:
    """Scenario S43."""
    here = town("hubei")
    paper = Inputs(texts={Want.REASON: "未收到纸质申请"}, reason_code="no_paper_application")
    matter = here.run([])
    declined = here.take(matter, "decline", ZHAO, paper)
    here.take(matter, "accept", ZHAO)
    refused = here.take(matter, "refuse", SUN, paper)

    for answer in (declined, refused):
        assert answer.refusal is not None
        assert answer.refusal.code == "invalid_refusal"
        assert answer.clauses[0] == "HU-a22-02"
    assert here.take(matter, "approve", SUN).refusal is None, "nothing was decided by it"


@pytest.mark.parametrize(
    "said", ["未收到纸质申请", "纸 质 件未到", "ＰＡＰＥＲ form is wanting", "缺盖章的纸\u200b质件"]
)
def test_a_forbidden_ground_in_words_is_refused_whatever_its_code(said: str, town: Make) -> None:
    here = town("hubei")
    words = Inputs(texts={Want.REASON: said}, reason_code="other")
    matter = here.run([])
    declined = here.take(matter, "decline", ZHAO, words)
    here.take(matter, "accept", ZHAO)
    refused = here.take(matter, "refuse", SUN, words)

    for answer in (declined, refused):
        assert answer.refusal is not None
        assert (answer.refusal.code, answer.clauses[0]) == ("invalid_refusal", "HU-a22-02")
        assert said not in answer.refusal.text + answer.refusal.text_zh


@pytest.mark.parametrize("code", ["outside_duties", ""])
def test_a_refusal_states_its_reason_as_a_code_where_a_ground_is_forbidden(
    code: str, town: Make
) -> None:
    here = town("hubei")
    matter = here.run([("accept", ZHAO)])
    said = Inputs(texts={Want.REASON: "用途与职责不符"}, reason_code=code)
    answer = here.take(matter, "refuse", SUN, said)

    assert (answer.refusal.code if answer.refusal else "") == ("" if code else "want_missing")


def test_incomplete_material_in_words_is_refused_until_it_was_told_once(town: Make) -> None:
    here = town("national-809")
    words = Inputs(texts={Want.REASON: "申请材料不齐全"}, reason_code="other")
    first = here.take(here.run([("endorse", WANG)]), "clear_refusal", SUN, words)
    other = here.run([("endorse", WANG)])
    here.take(other, "supplement", HE, Inputs(texts={Want.MISSING: "场景说明"}))
    here.take(other, "complete", LI, Inputs(texts={Want.MATERIAL: "已补"}))

    assert first.refusal is not None
    assert (first.refusal.code, first.clauses) == ("invalid_refusal", ("NR-a21-04",))
    assert here.take(other, "clear_refusal", SUN, words).refusal is None


def test_the_other_texts_do_not_judge_that_reason(town: Make) -> None:
    here = town("henan-hebi")
    paper = Inputs(texts={Want.REASON: "未收到纸质申请"}, reason_code="no_paper_application")

    assert here.take(here.run([]), "refuse", SUN, paper).refusal is None


def test_a_declined_application_is_over(town: Make) -> None:
    here = town("hubei")
    matter = here.run([("decline", ZHAO)])

    assert here.take(matter, "accept", ZHAO).refusal is not None


def test_incomplete_material_is_told_once_and_refused_only_after_that(town: Make) -> None:
    here = town("national-809")
    matter = here.run([("endorse", WANG), ("clear_refusal", SUN)])
    incomplete = Inputs(texts={Want.REASON: "材料不全"}, reason_code="incomplete_material")
    first = here.take(matter, "refuse", SUN, incomplete)

    other = here.run([("endorse", WANG)])
    missing = Inputs(texts={Want.MISSING: "场景说明；期限"})
    assert here.take(other, "supplement", HE, missing).refusal is None
    assert here.take(other, "clear_refusal", SUN, REASON).refusal is not None
    material = Inputs(texts={Want.MATERIAL: "已补"})
    assert here.take(other, "complete", LI, material).refusal is None
    again = here.take(other, "supplement", HE, missing)
    assert here.take(other, "clear_refusal", SUN, REASON).refusal is None

    assert first.refusal is not None
    assert (first.refusal.code, first.clauses) == ("invalid_refusal", ("NR-a21-04",))
    assert again.refusal is not None
    assert again.clauses == ("NR-a21-04",)
    assert here.take(other, "refuse", SUN, incomplete).refusal is None


def test_the_authority_extends_in_time_and_by_ten_working_days_at_most(town: Make) -> None:
    here = town("national-809")
    matter = here.run([("endorse", WANG)])

    def more(days: int) -> Inputs:
        return Inputs(texts={Want.REASON: "系统改造"}, days=days)

    too_long = here.take(matter, "extend", XU, more(11))
    by_provider = here.take(matter, "extend", SUN, more(5))
    extended = here.take(matter, "extend", XU, more(10))
    twice = here.take(matter, "extend", XU, more(1))

    assert too_long.refusal is not None
    assert too_long.refusal.code == "too_long"
    assert by_provider.refusal is not None
    assert by_provider.clauses == ("NR-a21-03",)
    assert {told["to"] for told in extended.told} == {"user", "provider"}
    assert twice.refusal is not None


def test_time_that_is_over_is_not_extended(town: Make) -> None:
    here = town("national-809")
    matter = here.run([("endorse", WANG)])
    here.at = here.at.replace(month=10, day=13)
    late = here.take(matter, "extend", XU, Inputs(texts={Want.REASON: "迟"}, days=5))

    assert late.refusal is not None
    assert (late.refusal.code, "2025-10-11" in late.refusal.text) == ("already_late", True)


def test_a_local_text_knows_no_extension(town: Make) -> None:
    here = town("henan-fengqiu")
    answer = here.take(here.run([]), "extend", XU, Inputs(texts={Want.REASON: "忙"}, days=5))

    assert answer.refusal is not None
    assert (answer.refusal.code, answer.clauses) == ("no_such_step", ("FQ-3.2-06",))


@pytest.mark.parametrize(
    ("profile", "builder"), [("henan-fengqiu", "city"), ("henan-yanjin", "county")]
)
def test_an_approval_authorises_the_platform_builder_at_the_same_time(
    town: Make, profile: str, builder: str
) -> None:
    here = town(profile)
    answer = here.take(here.run([]), "approve", SUN)
    prefix = {"henan-fengqiu": "FQ", "henan-yanjin": "YJ"}[profile]

    assert {
        "to": f"{builder}_platform_builder",
        "act": "release_authorization",
        "clause": f"{prefix}-3.2-08",
        "bodies": "O-OPS",
    } in answer.told


@pytest.mark.parametrize("profile", ["jiangxi-pingxiang", "henan-hebi"])
def test_what_is_not_shared_is_negotiated_and_signed_by_both_sides(
    town: Make, profile: str
) -> None:
    here = town(profile, change={"grants.tsv": []})
    user = Actor(body="D-EMG", person="luo", role=Role.OPERATE)
    chief = Actor(body="D-EMG", person="ma", role=Role.MANAGE)
    need = replace(
        NEED,
        resource="R31",
        fields=("project_code",),
        systems=("SYS-EMG-CMD",),
        purposes=("business_collaboration",),
    )
    matter = here.run([("approve", DENG)], need, user)
    call: dict[str, Any] = {
        "department": "D-EMG",
        "system": "SYS-EMG-CMD",
        "resource": "R31",
        "fields": ["project_code"],
        "purpose": "business_collaboration",
    }
    grants = load_register(here.data).grants
    assert f"G-{matter}" not in grants, "one side alone agrees on nothing"
    assert here.take(matter, "sign", chief).refusal is None

    assert here.outcome(**call, grant=f"G-{matter}") is Outcome.ALLOW


def test_a_registered_agreement_comes_with_the_negotiated_grant(town: Make) -> None:
    agreement = {
        "agreement_id": "AG-1",
        "kind": "negotiated",
        "resource_id": "R31",
        "provider": "D-DRC",
        "user_dept": "D-EMG",
        "channel": "",
        "network": "",
        "valid_from": "2025-01-01",
        "valid_to": "2025-12-31",
    }
    here = town("henan-hebi", change={"agreements.tsv": [agreement]})
    user = Actor(body="D-TRA", person="tan", role=Role.OPERATE)
    chief = Actor(body="D-TRA", person="fu", role=Role.MANAGE)
    need = replace(NEED, resource="R31", fields=("project_code",), systems=())
    matter = here.run([("approve", DENG), ("sign", chief)], need, user)

    agreements = load_register(here.data).agreements
    assert agreements is not None
    assert f"A-{matter}" in {row.id for row in agreements}
