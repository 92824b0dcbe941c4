# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from govshare_policy import load_register
from govshare_policy.deadline import Calendar, load_clocks
from govshare_policy.errors import CallError, FactError
from govshare_policy.policy import Precedence
from govshare_policy.workflow import Inputs, MatterKind, Role, StepAnswer, entries
from govshare_policy.workflow.overdue import turns
from tests.unit.workflow.town import DENG, HE, SUN, XU, Town

Make = Callable[..., Town]
DAILY = {"update_cycle": "每日"}
CLERK = replace(XU, person="feng", role=Role.OPERATE)


def propose(here: Town, cells: dict[str, str] | None = None, **more: Any) -> StepAnswer:  # noqa: ANN401
    who = more.pop("who", HE)
    proposal = entries.Proposal(resource="R12", cells=cells or DAILY)
    with here.office() as office:
        return entries.propose(
            office, replace(proposal, **more), who, here.moment(), inputs=Inputs()
        )


def entry(here: Town, resource: str = "R12") -> dict[str, str]:
    found = load_register(here.data).resources.get(resource)
    return dict(found.more) if found else {}


def test_an_entry_is_rewritten_when_it_is_published_and_not_before(town: Make) -> None:
    here = town("hubei")
    before = entry(here)
    matter = propose(here).matter
    proposed = entry(here)
    published = here.take(matter, "publish", SUN)

    assert proposed == before
    assert published.refusal is None
    assert entry(here) == before | DAILY | {"updated_on": "2025-09-22"}
    (edit,) = here.records()[-1]["edits"]
    assert (edit["file"], edit["key"], edit["act"]) == ("resources.tsv", "R12", "set")


def test_a_filing_date_is_set_by_the_step_that_files_and_a_review_by_the_one_that_asks(
    town: Make,
) -> None:
    filed, reviewed = town("henan-hebi"), town("national-809")
    filed.take(propose(filed).matter, "publish", SUN)
    matter = propose(reviewed).matter
    reviewed.take(matter, "endorse", SUN)
    reviewed.at += timedelta(days=1)
    reviewed.take(matter, "approve", XU)
    reviewed.take(matter, "publish", CLERK)

    assert (entry(filed)["filed_on"], entry(filed)["review_requested_on"]) == (
        "2025-09-22",
        "2025-06-20",
    )
    # The entry counts as updated when the department has done its part, not when it is announced.
    assert {entry(reviewed)[key] for key in ("updated_on", "review_requested_on")} == {"2025-09-22"}
    assert entry(reviewed)["filed_on"] == "2025-06-20"


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ({}, "at least one column"),
        ({"updated_on": "2025-09-22"}, "`updated_on` is set by the steps"),
        ({"filed_on": "2025-09-22"}, "`filed_on` is set by the steps"),
        ({"basis_verified_by": "D-DRC"}, "`basis_verified_by` is set by the steps"),
        ({"provider": "D-CAB"}, "`provider` is set by the steps"),
        ({"colour": "red"}, "none of the catalogue"),
        ({"name_zh": "不动产\t权属"}, "`name_zh` holds control characters"),
        ({"name_zh": "名" * 4001}, "`name_zh` holds control characters, or more than 4000"),
    ],
)
def test_what_a_provider_may_not_set_is_bad_input(cells: dict[str, str], fault: str) -> None:
    with pytest.raises(CallError, match=fault):
        entries.Proposal(resource="R12", cells=cells)


def test_a_catalogue_that_would_not_load_is_refused_when_it_is_proposed(town: Make) -> None:
    here = town("hubei")
    with pytest.raises(FactError, match=r"resources\.tsv line \d+ column `share_type`"):
        propose(here, {"share_type": "secret"})
    with pytest.raises(FactError, match=r"grants\.tsv line \d+ column `fields`"):
        propose(here, {"items": "location"})  # a grant is for other items

    with here.office() as office:
        assert office.store.matters(MatterKind.CATALOGUE) == ()


def test_a_new_entry_is_of_the_body_that_proposes_it(town: Make) -> None:
    here = town("hubei")
    cells = {
        "name_zh": "宗地信息",
        "share_type": "unconditional",
        "share_scope": "ALL",
        "share_method": "api",
        "parameter_controlled": "N",
        "items": "parcel_no,area",
        "is_secret": "N",
    }
    with pytest.raises(CallError, match="no such resource"):
        propose(here, cells, resource="R90")
    with pytest.raises(CallError, match="of this id already"):
        propose(here, cells, is_new=True)
    matter = propose(here, cells, resource="R90", is_new=True).matter
    assert here.take(matter, "publish", SUN).refusal is None

    assert (entry(here, "R90")["provider"], entry(here, "R90")["items"]) == (
        "D-NRB",
        "parcel_no,area",
    )


def test_one_person_does_not_propose_and_publish(town: Make) -> None:
    here = town("hubei")
    answer = here.take(propose(here).matter, "publish", replace(SUN, person=HE.person))

    assert answer.refusal is not None
    assert (answer.refusal.code, answer.refusal.clauses) == ("same_person", ("HU-a06-04",))


def test_the_authority_reviews_its_own_entries_by_other_people(town: Make) -> None:
    """The text names nobody else; managing and operating stay apart."""
    here = town("national-809")
    matter = propose(here, resource="R05", who=CLERK).matter
    steps = [
        here.take(matter, "endorse", XU),
        here.take(matter, "approve", XU),
        here.take(matter, "publish", XU),
        here.take(matter, "publish", replace(XU, role=Role.OPERATE)),
        here.take(matter, "publish", CLERK),
    ]

    codes = [answer.refusal and answer.refusal.code for answer in steps]
    assert codes == [None, None, "not_your_step", "same_person", None]
    assert entry(here, "R05")["update_cycle"] == "每日"


def test_a_basis_that_was_verified_and_stays_is_not_verified_again(town: Make) -> None:
    here = town("jiangxi-pingxiang")
    stays = propose(here).matter
    plain = here.take(stays, "publish", SUN)
    changes = propose(here, {"legal_basis_level": "law"}).matter
    early = here.take(changes, "publish", SUN)
    here.take(changes, "verify", DENG)
    verified = here.take(changes, "publish", SUN)

    assert (plain.refusal, verified.refusal) == (None, None)
    assert early.refusal is not None
    assert early.refusal.code == "not_now"
    assert (entry(here)["legal_basis_level"], entry(here)["basis_verified_by"]) == ("law", "D-DRC")


def test_what_was_verified_is_taken_back_with_the_share_type_that_rested_on_it(town: Make) -> None:
    here = town("jiangxi-pingxiang")
    here.take(propose(here, {"share_type": "unconditional"}).matter, "publish", SUN)

    assert "basis_verified_by" not in entry(here)


def test_under_two_texts_an_entry_waits_for_both(town: Make) -> None:
    """Whichever text is content last writes it."""
    here = town("hubei", Precedence.STRICTEST)
    matter = propose(here).matter
    steps = [("publish", SUN), ("endorse", SUN), ("approve", XU), ("publish", CLERK)]
    cycles = []
    for step, who in steps:
        answer = here.take(matter, step, who)
        assert answer.refusal is None, answer
        cycles.append(entry(here)["update_cycle"])

    assert cycles == ["实时", "实时", "实时", "每日"]
    assert here.matter(matter).states == {"hubei": "published", "national-809": "announced"}


def test_an_entry_that_changed_hands_meanwhile_is_not_written(town: Make) -> None:
    here = town("hubei")
    matter = propose(here).matter
    path = here.data / "resources.tsv"
    lines = path.read_text(encoding="utf-8").split("\n")
    moved = [line.replace("D-NRB", "D-HCB") if line.startswith("R12\t") else line for line in lines]
    path.write_text("\n".join(moved), encoding="utf-8")

    with pytest.raises(FactError, match="changed hands"):
        here.take(matter, "publish", SUN)
    assert entry(here)["update_cycle"] == "实时"


def test_a_second_change_waits_for_the_first(town: Make) -> None:
    here = town("hubei")
    first = propose(here).matter
    second = propose(here, {"format": "数据库"})
    here.take(first, "publish", SUN)

    assert second.refusal is not None
    assert (second.refusal.code, second.refusal.clauses) == ("under_change", ("HU-a06-04",))
    assert first in second.refusal.text
    assert propose(here, {"format": "数据库"}).refusal is None


def test_an_update_is_due_as_the_text_counts_from_the_change_of_law(town: Make) -> None:
    here = town("national-809")
    matter = propose(here, changed_on=date(2025, 9, 15)).matter

    def due() -> list[tuple[str, str | None]]:
        with here.office() as office:
            found = turns(
                office.store.matters(MatterKind.CATALOGUE),
                texts=office.texts,
                register=office.bundle.register,
                clocks={"national-809": load_clocks("national-809")},
                calendar=Calendar(),
                as_of=date(2025, 9, 23),
            )
        return [(turn.stage.stage.value, str(turn.stage.due)) for turn in found]

    updating = due()
    here.take(matter, "endorse", SUN)
    reviewing = due()

    # Ten working days, of which Sunday 28 September is one; then two for the authority.
    assert updating == [("catalogue_update", "2025-09-28")]
    assert reviewing == [("catalogue_review", "2025-09-24")]
