# SPDX-License-Identifier: Apache-2.0
"""The tables of all texts, walked at random without any disk."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy import load_register
from govshare_policy.policy import load_pack, profiles
from govshare_policy.register import Register
from govshare_policy.workflow import (
    Actor,
    Inputs,
    Matter,
    MatterKind,
    Role,
    Want,
    Workflow,
    load_workflow,
)
from govshare_policy.workflow.answer import Refusal
from govshare_policy.workflow.machine import Move, is_over, move
from govshare_policy.workflow.model import Party, Taken
from govshare_policy.workflow.parties import person_key
from govshare_policy.workflow.rules import NEW
from tests.county import COUNTY
from tests.unit.workflow.town import MONDAY, PEOPLE

# Written from the texts: what has to have happened before a grant, in this order, and who did it.
REQUIRED: dict[tuple[str, str], list[tuple[str, str, Role]]] = {
    ("henan-fengqiu", "provider"): [("approve", "D-NRB", Role.MANAGE)],
    ("henan-yanjin", "provider"): [("approve", "D-NRB", Role.MANAGE)],
    ("jiangxi-pingxiang", "provider"): [("approve", "D-NRB", Role.MANAGE)],
    ("jiangxi-pingxiang", "negotiated_agreement"): [
        ("approve", "D-NRB", Role.MANAGE),
        ("sign", "D-CAB", Role.MANAGE),
    ],
    ("henan-hebi", "provider"): [("approve", "D-NRB", Role.MANAGE)],
    ("henan-hebi", "negotiated_agreement"): [
        ("approve", "D-NRB", Role.MANAGE),
        ("sign", "D-CAB", Role.MANAGE),
    ],
    ("hubei", "provider"): [("accept", "O-OPS", Role.OPERATE), ("approve", "D-NRB", Role.MANAGE)],
    ("hubei", "platform_operator"): [
        ("accept", "O-OPS", Role.OPERATE),
        ("approve", "O-OPS", Role.MANAGE),
    ],
    ("national-809", "provider"): [
        ("endorse", "D-CAB", Role.MANAGE),
        ("clear_approval", "D-NRB", Role.MANAGE),
        ("approve", "D-NRB", Role.MANAGE),
    ],
}
ROUTES: dict[tuple[tuple[str, ...], str], list[list[tuple[str, str, Role]]]] = {
    **{((profile,), route): [steps] for (profile, route), steps in REQUIRED.items()},
    **{
        ((profile, "national-809"), "provider"): [
            REQUIRED[profile, "provider"],
            REQUIRED["national-809", "provider"],
        ]
        for profile in profiles()
        if profile != "national-809"
    },
}
# The head may change their mind until the answer is given; pressing is done as often as it takes.
REPEATED = {"clear_approval", "clear_refusal", "press"}
STRANGERS = (
    Actor(body="D-EDU", person="gao", role=Role.MANAGE),
    replace(PEOPLE[0], role=Role.AUDIT),
)
EVERYTHING = Inputs(
    texts=dict.fromkeys((Want.REASON, Want.MISSING, Want.MATERIAL, Want.FINDING), "x"),
    reason_code="outside_duties",
    days=5,
    flags=frozenset((Want.WRITTEN, Want.NEGOTIATED)),
)


@cache
def workflow(profile: str) -> Workflow:
    return load_workflow(load_pack(profile))


@cache
def register() -> Register:
    return load_register(COUNTY)


def application(texts: Sequence[str], route: str) -> Matter:
    return Matter(
        id="APP-2025-0001",
        kind=MatterKind.APPLICATION,
        route=route,
        department="D-CAB",
        provider="D-NRB",
        resource="R12",
        states=dict.fromkeys(texts, NEW),
        stamps={},
        content={},
        salt=bytes(32),
    )


def after(matter: Matter, step: str, actor: Actor, moved: Move) -> Matter:
    taken = Taken(
        id=step,
        step=step,
        at=MONDAY,
        body=actor.body,
        person=person_key(matter, actor.person),
        role=actor.role,
        record=0,
        detail={},
    )
    return replace(matter, states=moved.states, steps=(*matter.steps, taken))


def known_steps(texts: Sequence[str]) -> list[str]:
    rules = (rule for name in texts for rule in workflow(name).steps)
    return sorted({rule.step for rule in rules if rule.matter is MatterKind.APPLICATION})


def tried(matter: Matter, step: str, actor: Actor, texts: Sequence[Workflow]) -> Move | Refusal:
    return move(matter, step, actor, texts=texts, register=register(), inputs=EVERYTHING)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_sequence_of_steps_reaches_a_grant_without_every_step_the_text_requires(
    data: st.DataObject,
) -> None:
    """Whoever tries whatever in whichever order, under one text or two."""
    names, route = data.draw(st.sampled_from(sorted(ROUTES)))
    texts = [workflow(name) for name in names]
    attempts = [(step, who) for step in known_steps(names) for who in (*PEOPLE, *STRANGERS)]
    matter, granted = application(names, route), 0
    done: list[tuple[str, str, Role]] = []
    for _ in range(data.draw(st.integers(1, 9))):
        # Mostly what the tables allow, so that walks get somewhere; now and then anything at all.
        allowed = [a for a in attempts if isinstance(tried(matter, *a, texts), Move)]
        step, actor = data.draw(st.sampled_from((*allowed, *allowed, *allowed, *attempts[:3])))
        moved = tried(matter, step, actor, texts)
        if isinstance(moved, Refusal):
            assert moved.clauses or moved.code == "no_such_step"
            continue
        matter = after(matter, step, actor, moved)
        done.append((step, actor.body, actor.role))
        granted += moved.grants

    assert granted <= 1
    if granted:
        for required in ROUTES[names, route]:
            positions = [done.index(step) for step in [("apply", "D-CAB", Role.OPERATE), *required]]
            assert positions == sorted(positions)
    once = [step for step, _, _ in done if step not in REPEATED]
    assert len(once) == len(set(once)), "no step is possible twice"


@pytest.mark.parametrize(("names", "route"), ROUTES, ids=str)
def test_the_required_steps_in_their_order_reach_the_grant(
    names: tuple[str, ...], route: str
) -> None:
    texts = [workflow(name) for name in names]
    steps = dict.fromkeys(step for required in ROUTES[names, route] for step in required)
    # Under two texts what one wants alone comes before what both take together.
    ordered = sorted(steps, key=lambda step: step[0] == "approve")
    if route == "negotiated_agreement":
        ordered = list(steps)
    matter, grants = application(names, route), []
    for step, body, role in [("apply", "D-CAB", Role.OPERATE), *ordered]:
        actor = next(who for who in PEOPLE if (who.body, who.role) == (body, role))
        moved = move(matter, step, actor, texts=texts, register=register(), inputs=EVERYTHING)
        assert isinstance(moved, Move), moved
        matter = after(matter, step, actor, moved)
        grants.append(moved.grants)

    assert grants == [False] * (len(grants) - 1) + [True]


@pytest.mark.parametrize("profile", profiles())
def test_every_state_of_a_table_can_be_reached_and_every_step_taken(profile: str) -> None:
    text = workflow(profile)
    groups = {(rule.matter, route) for rule in text.steps for route in (rule.routes or {""})}
    for kind, route in groups:
        rules = text.rules(kind, route)
        reached = {NEW}
        for _ in rules:
            reached |= {rule.target for rule in rules if reached & set(rule.sources)}
        assert {state for rule in rules for state in rule.sources} <= reached
        assert any(NEW in rule.sources for rule in rules)


@pytest.mark.parametrize("profile", profiles())
def test_a_step_that_two_texts_know_asks_for_the_same_role_in_both(profile: str) -> None:
    """Otherwise a deployment under both could never take it."""
    national = workflow("national-809")
    steps = [rule for rule in workflow(profile).steps if rule.matter is not MatterKind.DISPUTE]
    pairs = [(rule, route) for rule in steps for route in rule.routes or {""}]
    for rule, route in pairs:
        for other in national.rules(rule.matter, route):
            if other.step == rule.step:
                assert other.role is rule.role
                assert set(other.by) & set(rule.by)


def test_a_settlement_is_no_ones_step() -> None:
    """Nobody reopens an application by hand."""
    matter = replace(
        application(("henan-fengqiu",), "provider"), states={"henan-fengqiu": "refused"}
    )
    texts = [workflow("henan-fengqiu")]
    for actor in PEOPLE:
        moved = move(matter, "reopen", actor, texts=texts, register=register(), inputs=EVERYTHING)
        assert isinstance(moved, Refusal)
    settled = move(matter, "reopen", None, texts=texts, register=register(), inputs=Inputs())

    assert isinstance(settled, Move)
    assert is_over(matter, texts)
    rules = workflow("henan-fengqiu").rules(MatterKind.APPLICATION, "provider")
    assert any(rule.by == (Party.SETTLEMENT,) for rule in rules)
