# SPDX-License-Identifier: Apache-2.0
from functools import cache

import pytest

from govshare_policy import load_register
from govshare_policy.policy import load_pack, profiles
from govshare_policy.register import Register
from govshare_policy.workflow import Role, Workflow, load_workflow
from govshare_policy.workflow.model import Party
from govshare_policy.workflow.roles import competences
from tests.county import COUNTY


@cache
def register() -> Register:
    return load_register(COUNTY)


@cache
def workflow(profile: str) -> Workflow:
    return load_workflow(load_pack(profile))


@pytest.mark.parametrize("profile", profiles())
def test_every_step_is_shown_for_every_party_that_may_take_it(profile: str) -> None:
    text = workflow(profile)
    shown = {(c.party, c.rule.id) for c in competences((text,), register()) if c.rule}

    assert shown == {
        (party, rule.id) for rule in text.steps for party in rule.by if party != Party.SETTLEMENT
    }


@pytest.mark.parametrize("profile", profiles())
def test_whoever_audits_takes_no_step(profile: str) -> None:
    assert {rule.role for rule in workflow(profile).steps} == {Role.OPERATE, Role.MANAGE}


@pytest.mark.parametrize(
    ("profile", "party", "body", "named", "clause"),
    [
        ("henan-fengqiu", "competent_authority", "D-DATA", "县政务服务和大数据管理局", "FQ-2-02"),
        ("henan-yanjin", "competent_authority", "D-DATA", "县政务服务和大数据管理局", "YJ-2-02"),
        ("jiangxi-pingxiang", "competent_authority", "D-DRC", "市发改委", "PX-a04-02"),
        ("henan-hebi", "competent_authority", "D-DATA", "市智慧城市管理办公室", "HB-a04-02"),
        ("hubei", "competent_authority", "D-DATA", "省数字政府建设领导小组办公室", "HU-a05-02"),
        ("hubei", "platform_operator", "O-OPS", "省大数据管理机构", "HU-a05-03"),
    ],
)
def test_a_body_has_the_role_that_the_text_names_it_for(
    profile: str, party: str, body: str, named: str, clause: str
) -> None:
    found = [c for c in competences((workflow(profile),), register()) if c.party == party]

    assert found
    assert {(c.bodies, c.named, c.naming) for c in found} == {((body,), named, (clause,))}


def test_the_sides_of_a_matter_are_named_by_each_matter() -> None:
    found = competences((workflow("hubei"),), register())

    assert {c.bodies for c in found if c.party in (Party.USER, Party.PROVIDER)} == {()}


def test_a_role_that_nobody_holds_here_is_shown_without_a_body() -> None:
    found = competences((workflow("hubei"),), register())

    assert {c.bodies for c in found if c.party is Party.LOWER_PLATFORM} == {()}
