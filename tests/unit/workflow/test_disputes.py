# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from dataclasses import replace

import pytest

from govshare_policy.errors import CallError
from govshare_policy.legal import Outcome
from govshare_policy.workflow import Actor, Inputs, StepAnswer, Want, disputes
from tests.unit.workflow.town import (
    CYCLES,
    DENG,
    FINDING,
    LI,
    NEED,
    REASON,
    SUN,
    XU,
    ZHOU,
    Town,
)

Make = Callable[..., Town]
WHY = Inputs(texts={Want.REASON: "履职确需"})
# Who settles a dispute at the first instance.
CONVENER = {
    "henan-fengqiu": XU,
    "henan-yanjin": XU,
    "jiangxi-pingxiang": SUN,
    "henan-hebi": SUN,
    "hubei": ZHOU,
    "national-809": SUN,
}
# Who settles it after that.
ABOVE = dict.fromkeys(CONVENER, XU) | {"jiangxi-pingxiang": DENG}


def dispute(
    here: Town,
    matter: str,
    who: Actor = LI,
    about: str = "result",
    between: str = "same_level",
    why: Inputs = WHY,
) -> StepAnswer:
    with here.office() as office:
        found = office.store.matter(matter)
        return disputes.dispute(
            office, found, who, here.moment(), about=about, between=between, inputs=why
        )


@pytest.mark.parametrize("profile", CYCLES)
def test_a_dispute_climbs_one_instance_at_a_time_to_the_last(town: Make, profile: str) -> None:
    here = town(profile)
    answer = dispute(here, here.refused())
    levels, seen = answer.more["chain"].split(">"), [answer.more["level"]]
    while (higher := here.take(answer.matter, "escalate", LI)).refusal is None:
        seen.append(higher.more["level"])

    assert seen == levels
    assert higher.refusal.code == "not_now"


@pytest.mark.parametrize("profile", CYCLES)
def test_a_dispute_that_the_user_wins_is_decided_anew(town: Make, profile: str) -> None:
    here = town(profile)
    matter = here.refused()
    answer = dispute(here, matter)
    settled = here.take(answer.matter, "settle", CONVENER[profile], FINDING, reopens=True)
    again = [s for s in CYCLES[profile] if s[0] in ("clear_approval", "approve")]
    for step, who in again:
        assert here.take(matter, step, who).refusal is None

    assert settled.refusal is None
    assert here.outcome() is Outcome.ALLOW


@pytest.mark.parametrize("profile", CYCLES)
def test_a_dispute_that_the_user_loses_changes_nothing(town: Make, profile: str) -> None:
    here = town(profile)
    matter = here.refused()
    before = here.matter(matter).states
    answer = dispute(here, matter)
    here.take(answer.matter, "escalate", LI)
    settled = here.take(answer.matter, "settle", ABOVE[profile], FINDING, reopens=False)

    assert (settled.refusal, settled.more["result"]) == (None, "stands")
    assert here.matter(matter).states == before


def test_between_levels_the_common_superior_is_asked(town: Make) -> None:
    here = town("national-809")
    answer = dispute(here, here.refused(), between="cross_level")

    assert answer.more["chain"] == "bilateral>common_superior>same_level_government"


def test_one_dispute_at_a_time(town: Make) -> None:
    here = town("henan-hebi")
    matter = here.refused()
    first = dispute(here, matter)
    second = dispute(here, matter)

    assert second.refusal is not None
    assert first.matter in second.refusal.text


def test_a_result_is_disputed_once_there_is_one(town: Make) -> None:
    here = town("henan-fengqiu")
    answer = dispute(here, here.run([]))

    assert answer.refusal is not None
    assert (answer.refusal.code, answer.clauses) == ("not_answered", ("FQ-3.2-11",))
    assert dispute(here, here.run([]), about="conditions").refusal is None


def test_pingxiang_and_hebi_negotiate_about_what_was_not_shared_alone(town: Make) -> None:
    here = town("jiangxi-pingxiang")
    answer = dispute(here, here.refused(), about="conditions")

    assert answer.refusal is not None
    assert (answer.refusal.code, answer.clauses) == ("not_a_subject", ("PX-a16-06",))


def test_nobody_else_raises_or_settles_a_dispute(town: Make) -> None:
    here = town("henan-fengqiu")
    matter = here.refused()
    stranger = dispute(here, matter, Actor(body="D-EDU", person="gao", role=LI.role))
    answer = dispute(here, matter)
    by_provider = here.take(answer.matter, "settle", SUN, FINDING, reopens=False)
    silent = here.take(answer.matter, "settle", XU, reopens=False)

    assert stranger.refusal is not None
    assert stranger.refusal.code == "not_your_step"
    assert by_provider.refusal is not None
    assert by_provider.refusal.code == "not_your_step"
    assert silent.refusal is not None
    assert silent.refusal.code == "want_missing"


def test_a_grant_that_is_decided_anew_and_refused_ends(town: Make) -> None:
    here = town("henan-fengqiu")
    matter = here.run([("approve", SUN)])
    answer = dispute(here, matter, about="conditions")
    here.take(answer.matter, "settle", XU, FINDING, reopens=True)
    assert here.outcome() is Outcome.ALLOW, "it stands until it is decided anew"
    here.take(matter, "refuse", SUN, REASON)

    assert here.outcome() is Outcome.NEEDS_GRANT


def test_an_application_over_another_matter_is_no_dispute(town: Make) -> None:
    here = town("henan-fengqiu")
    answer = dispute(here, here.refused())

    with pytest.raises(CallError, match="about an application"):
        dispute(here, answer.matter)


def test_what_is_still_negotiated_is_not_decided_anew(town: Make) -> None:
    """A dispute over a negotiation under way ends with the negotiation going on."""
    here = town("henan-hebi")
    need = replace(NEED, resource="R31", fields=("project_code",))
    matter = here.run([], need)
    answer = dispute(here, matter)
    anew = here.take(answer.matter, "settle", DENG, FINDING, reopens=True)
    as_is = here.take(answer.matter, "settle", DENG, FINDING, reopens=False)

    assert anew.refusal is not None
    assert (anew.refusal.code, as_is.refusal) == ("not_now", None)
    assert dispute(here, matter).refusal is None, "the first one is over"
