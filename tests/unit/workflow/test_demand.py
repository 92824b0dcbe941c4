# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable

import pytest

from govshare_policy.errors import CallError
from govshare_policy.workflow import MatterKind, StepAnswer, demand
from tests.unit.workflow.town import LI, SUN, XU, Town

Make = Callable[..., Town]


def state(here: Town, data: str = "学区划分", provider: str = "") -> StepAnswer:
    need = demand.StatedNeed(data=data, purposes=("admin_basis",), provider=provider)
    with here.office() as office:
        return demand.state_need(office, need, LI, here.moment())


def listed(here: Town) -> list[tuple[str, str, str, str]]:
    with here.office() as office:
        lines = demand.demand_list(
            office.store.matters(MatterKind.APPLICATION), office.store.matters(MatterKind.NEED)
        )
    rows = [line.to_document() for line in lines]
    keys = ("provider", "resource", "data", "standing")
    return [(str(r[keys[0]]), str(r[keys[1]]), str(r[keys[2]]), str(r[keys[3]])) for r in rows]


def test_the_list_holds_what_was_applied_for_and_what_no_entry_meets(town: Make) -> None:
    here = town("henan-fengqiu")
    here.refused()
    here.run([])
    here.run([("approve", SUN)])
    need = state(here).matter
    before = listed(here)
    here.take(need, "list", XU, provider="D-EDU")

    applied = [("D-NRB", "R12", "", standing) for standing in ("refused", "open", "granted")]
    assert before == [("", "", "学区划分", "stated"), *applied]
    assert listed(here) == [("D-EDU", "", "学区划分", "listed"), *applied]


def test_the_authority_tells_the_body_that_is_to_supply(town: Make) -> None:
    here = town("henan-yanjin")
    answer = here.take(state(here, provider="D-EDU").matter, "list", XU)

    assert answer.refusal is None
    assert [(told["to"], told["bodies"]) for told in answer.told] == [
        ("provider", "D-EDU"),
        ("user", "D-CAB"),
    ]


def test_a_need_is_committed_to_and_not_recorded(town: Make) -> None:
    here = town("henan-fengqiu")
    state(here)
    (record,) = here.records()

    assert "学区" not in str(record)
    assert set(record["commitments"]) == {"person", "data"}


@pytest.mark.parametrize("profile", ["hubei", "henan-hebi", "jiangxi-pingxiang", "national-809"])
def test_no_other_text_has_a_list_of_needs(town: Make, profile: str) -> None:
    answer = state(town(profile))

    assert answer.refusal is not None
    assert answer.refusal.code == "no_such_step"


def test_a_need_says_what_for_and_names_bodies_of_the_register(town: Make) -> None:
    here = town("henan-fengqiu")
    matter = state(here).matter
    with pytest.raises(CallError, match="which data, and for which purpose"):
        demand.StatedNeed(data=" ", purposes=("admin_basis",))
    with pytest.raises(CallError, match="at most 4000"):
        demand.StatedNeed(data="学" * 4001, purposes=("admin_basis",))
    with pytest.raises(CallError, match="no such department"):
        state(here, provider="D-XXX")
    with pytest.raises(CallError, match="no such department"):
        here.take(matter, "list", XU, provider="D-XXX")
    with pytest.raises(CallError, match="name the body"):
        here.take(matter, "list", XU)
