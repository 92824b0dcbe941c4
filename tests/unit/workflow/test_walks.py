# SPDX-License-Identifier: Apache-2.0
"""Changes of entries and of services, walked at random: nothing takes effect before its time."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.policy import profiles
from govshare_policy.workflow import Actor, Matter, MatterKind, Role, Workflow
from govshare_policy.workflow.machine import Move
from govshare_policy.workflow.rules import NEW
from tests.unit.workflow.test_machine import after, tried, workflow
from tests.unit.workflow.town import DENG, HE, LI, SUN, WANG, XU, ZHAO, ZHOU

CLERK = replace(XU, person="feng", role=Role.OPERATE)
PEOPLE = (LI, WANG, HE, SUN, ZHAO, ZHOU, XU, CLERK, DENG)
Step = tuple[str, str, Role]
OWN: list[Step] = [("propose", "D-NRB", Role.OPERATE), ("publish", "D-NRB", Role.MANAGE)]
VERIFIED = [OWN[0], ("verify", "D-DRC", Role.MANAGE), OWN[1]]
NATION: list[Step] = [
    ("propose", "D-NRB", Role.OPERATE),
    ("endorse", "D-NRB", Role.MANAGE),
    ("approve", "D-DATA", Role.MANAGE),
    ("announce", "D-DATA", Role.OPERATE),
]
# Written from the texts: what has to have happened before an entry is rewritten, in this order.
REQUIRED: dict[tuple[str, str], list[Step]] = {
    **{
        (profile, route): OWN
        for profile in profiles()
        for route in ("plain", "basis")
        if profile != "national-809"
    },
    ("jiangxi-pingxiang", "basis"): VERIFIED,
    ("national-809", "plain"): NATION,
    ("national-809", "basis"): NATION,
}
WALKS = [
    *(((profile,), route) for profile, route in REQUIRED),
    *(
        ((profile, "national-809"), route)
        for profile, route in REQUIRED
        if profile != "national-809"
    ),
]


def matter_of(kind: MatterKind, names: Sequence[str], route: str) -> Matter:
    return Matter(
        id=f"{kind.prefix}-2025-0001",
        kind=kind,
        route=route,
        department="D-NRB" if kind is MatterKind.CATALOGUE else "D-CAB",
        provider="D-NRB",
        resource="R12",
        states=dict.fromkeys(names, NEW),
        stamps={},
        content={},
        salt=bytes(32),
    )


def walked(
    data: st.DataObject, matter: Matter, texts: Sequence[Workflow]
) -> tuple[list[Step], list[int]]:
    """Return the steps that were taken, and after which of them something took effect."""
    names = sorted({r.step for text in texts for r in text.rules(matter.kind, matter.route)})
    attempts: list[tuple[str, Actor]] = [(step, who) for step in names for who in PEOPLE]
    done: list[Step] = []
    effects: list[int] = []
    for _ in range(data.draw(st.integers(1, 8))):
        allowed = [a for a in attempts if isinstance(tried(matter, *a, texts), Move)]
        step, actor = data.draw(st.sampled_from((*allowed, *allowed, *attempts[:2])))
        moved = tried(matter, step, actor, texts)
        if isinstance(moved, Move):
            matter = after(matter, step, actor, moved)
            done.append((step, actor.body, actor.role))
            effects += [len(done)] * moved.grants
    return done, effects


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_no_sequence_of_steps_rewrites_an_entry_without_every_step_the_text_requires(
    data: st.DataObject,
) -> None:
    names, route = data.draw(st.sampled_from(WALKS))
    matter = matter_of(MatterKind.CATALOGUE, names, route)
    done, effects = walked(data, matter, [workflow(name) for name in names])

    assert len(effects) <= 1
    if effects:
        for name in names:
            positions = [done[: effects[0]].index(step) for step in REQUIRED[name, route]]
            assert positions == sorted(positions)
    assert len({step for step, _, _ in done}) == len(done), "no step is possible twice"


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_no_sequence_of_steps_changes_a_service_without_agreement_and_filing(
    data: st.DataObject,
) -> None:
    matter = matter_of(MatterKind.SERVICE_CHANGE, ["national-809"], "")
    done, effects = walked(data, matter, [workflow("national-809")])
    required = [
        ("propose", "D-NRB", Role.OPERATE),
        ("agree", "D-CAB", Role.MANAGE),
        ("file", "D-NRB", Role.MANAGE),
    ]

    assert effects in ([], [3])
    if effects:
        assert done == required


@pytest.mark.parametrize(("names", "route"), WALKS, ids=str)
def test_the_required_steps_in_their_order_rewrite_the_entry(
    names: tuple[str, ...], route: str
) -> None:
    texts = [workflow(name) for name in names]
    ordered = dict.fromkeys(step for name in names for step in REQUIRED[name, route])
    matter, effects = matter_of(MatterKind.CATALOGUE, names, route), []
    for step, body, role in ordered:
        actor = next(who for who in PEOPLE if (who.body, who.role) == (body, role))
        moved = tried(matter, step, actor, texts)
        assert isinstance(moved, Move), moved
        matter = after(matter, step, actor, moved)
        effects.append(moved.grants)

    assert effects == [False] * (len(effects) - 1) + [True]
