# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from govshare_policy import load_register
from govshare_policy.errors import CallError, ConfigError, VerificationError
from govshare_policy.workflow import Actor, MatterKind, Role
from govshare_policy.workflow.model import Party
from govshare_policy.workflow.parties import parties_of
from tests.unit.workflow.town import CYCLES, HE, LI, NEED, SUN, WANG, XU, ZHAO, Town

Make = Callable[..., Town]


@pytest.mark.parametrize("profile", CYCLES)
def test_nobody_takes_anothers_step_on_their_own_application(town: Make, profile: str) -> None:
    """Every step of the other sides is refused to the applicant, whatever its role."""
    here = town(profile)
    matter = here.run([])
    for step, who in CYCLES[profile]:
        if who.body != "D-CAB":
            own = here.take(matter, step, Actor(body="D-CAB", person="new", role=who.role))
            assert own.refusal is not None
            assert own.refusal.code == "own_application"
            assert own.clauses
        assert here.take(matter, step, who).refusal is None


def test_a_person_acts_for_one_side_only(town: Make) -> None:
    here = town("henan-fengqiu")
    matter = here.run([])
    answer = here.take(matter, "approve", replace(SUN, person=LI.person))

    assert answer.refusal is not None
    assert (answer.refusal.code, answer.clauses[0]) == ("same_person", "FQ-3.2-06")


def test_a_person_has_one_role_in_a_matter(town: Make) -> None:
    """The head who consents is not the one who wrote the application."""
    here = town("national-809")
    answer = here.take(here.run([]), "endorse", replace(WANG, person=LI.person))

    assert answer.refusal is not None
    assert (answer.refusal.code, answer.clauses) == ("same_person", ("NR-a20-01",))


@pytest.mark.parametrize(
    "who",
    [
        replace(SUN, role=Role.AUDIT),
        replace(SUN, role=Role.OPERATE),
        XU,
        ZHAO,
        Actor(body="D-EDU", person="gao", role=Role.MANAGE),
    ],
    ids=lambda who: f"{who.body}-{who.role}",
)
def test_only_the_one_whose_step_it_is_takes_it(town: Make, who: Actor) -> None:
    here = town("henan-fengqiu")
    answer = here.take(here.run([]), "approve", who)

    assert answer.refusal is not None
    assert (answer.refusal.code, answer.clauses[0]) == ("not_your_step", "FQ-3.2-06")


def test_a_refused_step_is_recorded_and_changes_nothing(town: Make) -> None:
    here = town("henan-fengqiu")
    matter = here.run([])
    before = here.matter(matter)
    here.take(matter, "approve", XU)

    record = here.records()[-1]
    assert (record["outcome"], record["code"], record["matter"]) == (
        "refused",
        "not_your_step",
        matter,
    )
    assert here.matter(matter) == before


def test_the_person_of_a_record_can_be_shown_and_no_other(town: Make) -> None:
    here = town("henan-fengqiu")
    here.run([])
    record = here.records()[-1]
    with here.office() as office:
        office.salts.verify(record["id"], "person", "li", record["commitments"]["person"])
        with pytest.raises(VerificationError):
            office.salts.verify(record["id"], "person", "he", record["commitments"]["person"])


@pytest.mark.parametrize(
    ("who", "fault"),
    [(replace(HE, body="D-XXX"), "register of departments"), (replace(HE, person=" "), "person")],
)
def test_an_actor_that_is_nobody_is_bad_input(town: Make, who: Actor, fault: str) -> None:
    here = town("henan-fengqiu")

    with pytest.raises(CallError, match=fault):
        here.apply(replace(NEED, systems=()), who)


def test_no_step_is_dated_before_the_last_one(town: Make) -> None:
    here = town("henan-fengqiu")
    matter = here.run([])
    here.at -= timedelta(days=1)

    with pytest.raises(CallError, match="before the last"):
        here.take(matter, "approve", SUN)


def test_no_step_is_taken_in_a_matter_that_is_not_there(town: Make) -> None:
    here = town("henan-fengqiu")
    with pytest.raises(CallError, match="no matter"):
        here.take("APP-2025-0009", "approve", SUN)


def test_a_store_is_of_one_profile_and_one_log(town: Make) -> None:
    here = town("henan-fengqiu")
    here.run([])
    here.profile = "hubei"

    with pytest.raises(ConfigError, match="of the profile"):
        here.apply()


def test_an_applicant_is_nothing_else_and_who_opens_a_change_keeps_its_parts(town: Make) -> None:
    """The bureau is the competent authority, and applies for data like any department."""
    here = town("henan-fengqiu")
    register = load_register(here.data)
    with here.office() as office:
        applied, changed = (
            office.new_matter(
                kind,
                here.moment(),
                texts=office.texts,
                department="D-DATA",
                provider="D-DATA" if kind is MatterKind.CATALOGUE else "D-NRB",
                resource="R05",
            )
            for kind in (MatterKind.APPLICATION, MatterKind.CATALOGUE)
        )

    assert parties_of(applied, "D-DATA", "henan-fengqiu", register) == {Party.USER}
    assert parties_of(changed, "D-DATA", "henan-fengqiu", register) == {
        Party.USER,
        Party.PROVIDER,
        Party.COMPETENT_AUTHORITY,
    }
