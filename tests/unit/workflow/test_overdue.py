# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from datetime import date

import pytest

from govshare_policy.deadline import Calendar, load_clocks
from govshare_policy.workflow import Actor, Inputs, MatterKind, Role, Want, corrections
from govshare_policy.workflow.corrections import Doubt
from govshare_policy.workflow.overdue import Turn, turns
from tests.unit.workflow.town import CYCLES, FINDING, SUN, WANG, XU, ZHAO, Town

Make = Callable[..., Town]
DUE = {
    "henan-fengqiu": ("2025-09-28", "FQ-3.2-06"),
    "henan-yanjin": ("2025-09-28", "YJ-3.2-06"),
    "jiangxi-pingxiang": ("2025-10-11", "PX-a16-03"),
    "henan-hebi": ("2025-10-11", "HB-a15-03"),
    "national-809": ("2025-10-11", "NR-a21-02"),
}


def waiting(here: Town, as_of: date) -> list[Turn]:
    with here.office() as office:
        kinds = (MatterKind.APPLICATION, MatterKind.CORRECTION)
        return list(
            turns(
                [matter for kind in kinds for matter in office.store.matters(kind)],
                texts=office.texts,
                register=office.bundle.register,
                clocks={text.profile: load_clocks(text.profile) for text in office.texts},
                calendar=Calendar(),
                as_of=as_of,
            )
        )


@pytest.mark.parametrize(("profile", "due"), DUE.items(), ids=DUE)
def test_the_provider_is_late_on_the_day_after_the_due_one(
    town: Make, profile: str, due: tuple[str, str]
) -> None:
    """The due dates of scenario S36."""
    here = town(profile)
    here.run([("endorse", WANG)] if profile == "national-809" else [])
    last = date.fromisoformat(due[0])
    (turn,) = waiting(here, last)
    (late,) = waiting(here, last.replace(day=last.day + 1))

    assert (turn.stage.due, turn.bodies, turn.is_late) == (last, ("D-NRB",), False)
    assert (late.is_late, late.days_left) == (True, -1)
    assert turn.to_document()["clause"] == due[1]


def test_in_hubei_three_clocks_run_one_after_another_for_three_bodies(town: Make) -> None:
    """Scenario S38."""
    here = town("hubei")
    seen = []

    def note() -> None:
        (turn,) = waiting(here, here.at.date())
        seen.append((turn.stage.stage.value, str(turn.stage.due), turn.bodies))

    matter = here.run([])
    note()
    here.at = here.at.replace(day=25, hour=9)
    here.take(matter, "accept", ZHAO)
    note()
    here.at = here.at.replace(month=10, day=15, hour=9)
    here.take(matter, "approve", SUN)
    note()
    here.take(matter, "notify", ZHAO)

    assert seen == [
        ("form_check", "2025-09-25", ("O-OPS",)),
        ("provider_answer", "2025-10-15", ("D-NRB",)),
        ("notice", "2025-10-16", ("O-OPS",)),
    ]
    assert waiting(here, here.at.date()) == [], "the text gives supply no date"


def test_an_extension_moves_the_due_day_and_cites_its_clause(town: Make) -> None:
    """Scenario S73."""
    here = town("national-809")
    matter = here.run([("endorse", WANG)])
    here.take(matter, "extend", XU, Inputs(texts={Want.REASON: "改造"}, days=10))
    (turn,) = waiting(here, date(2025, 10, 20))

    assert (str(turn.stage.due), turn.stage.clauses[0]) == ("2025-10-24", "NR-a21-03")


def test_what_was_granted_has_to_be_supplied(town: Make) -> None:
    here = town("national-809")
    here.run([step for step in CYCLES["national-809"] if step[0] != "supply"])
    (turn,) = waiting(here, date(2025, 9, 30))

    assert (turn.stage.stage.value, turn.stage.clauses) == ("supply", ("NR-a22-01",))


@pytest.mark.parametrize("profile", CYCLES)
def test_nothing_is_due_of_what_is_over(town: Make, profile: str) -> None:
    here = town(profile)
    here.run(CYCLES[profile])
    here.refused()

    assert waiting(here, date(2026, 3, 1)) == []


def test_a_declined_application_is_nobodys_turn(town: Make) -> None:
    here = town("hubei")
    matter = here.run([])
    reason = Inputs(texts={Want.REASON: "用途未列明"}, reason_code="unstated")
    here.take(matter, "decline", ZHAO, reason)

    assert waiting(here, date(2026, 3, 1)) == []


def test_the_answer_to_a_doubt_is_due_under_the_national_text(town: Make) -> None:
    here = town("national-809")
    user = Actor(body="D-HCB", person="qian", role=Role.OPERATE)
    with here.office() as office:
        corrections.raise_doubt(office, Doubt(resource="R08"), user, here.moment(), inputs=FINDING)
    (turn,) = waiting(here, date(2025, 10, 12))

    assert (turn.is_late, turn.bodies, turn.stage.clauses) == (True, ("D-CAB",), ("NR-a26-02",))


def test_a_resource_that_left_the_catalogue_keeps_nobody_waiting(town: Make) -> None:
    here = town("national-809")
    matter = here.run([("endorse", WANG)])
    path = here.data / "resources.tsv"
    rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [row for row in rows if not row.startswith("R12\t") and "\tR12\t" not in row]
    path.write_text("".join(kept), encoding="utf-8")
    grants = here.data / "grants.tsv"
    rows = grants.read_text(encoding="utf-8").splitlines(keepends=True)
    grants.write_text("".join(row for row in rows if "\tR12\t" not in row), encoding="utf-8")

    assert waiting(here, date(2026, 3, 1)) == []
    extended = here.take(matter, "extend", XU, Inputs(texts={Want.REASON: "x"}, days=5))
    assert extended.refusal is None, "without an entry there is no clock to be late by"
