# SPDX-License-Identifier: Apache-2.0
"""Whose text is asked on which day, and who is cited where two speak."""

from pathlib import Path

import pytest

from govshare_policy.decision import Decision, decide
from govshare_policy.legal import Outcome
from govshare_policy.policy import Bundle, Precedence, load_bundle
from govshare_policy.register import Register
from tests.county import county_register
from tests.unit.gathered import CONSENT, gather, load, plain_call

BEFORE = "2025-07-31T23:59:59+08:00"
FROM = "2025-07-31T16:00:00Z"  # 1 August in Shanghai


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Register:
    return county_register(tmp_path_factory.mktemp("county"))


def decided(bundle: Bundle, **change: object) -> Decision:
    return decide(plain_call(**change), gather(bundle.register, **change), bundle)


def strictest(register: Register, profile: str = "hubei") -> Bundle:
    return load_bundle(profile, register, precedence=Precedence.STRICTEST)


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


def test_a_single_text_chosen_by_name_answers_for_any_day(county: Register) -> None:
    bundle = load_bundle("national-809", county)

    assert decided(bundle, at=BEFORE).outcome is Outcome.ALLOW
    assert decided(bundle, at="2025-01-01T00:00:00+08:00").outcome is Outcome.ALLOW


@pytest.mark.parametrize(
    ("at", "profiles"),
    [(BEFORE, ["hubei"]), (FROM, ["hubei", "national-809"])],
    ids=["31 July", "1 August"],
)
def test_the_national_text_is_asked_from_the_day_it_is_in_force(
    at: str, profiles: list[str], county: Register
) -> None:
    decision = decided(strictest(county), at=at)

    assert decision.outcome is Outcome.ALLOW
    assert [ruling.profile for ruling in decision.rulings] == profiles


@pytest.mark.parametrize("profile", ["hubei", "national-809"])
def test_the_national_text_alone_answers_nothing_before_its_day(
    profile: str, county: Register
) -> None:
    bundle = load_bundle(profile, county, precedence=Precedence.NATIONAL)

    decision = decided(bundle, at=BEFORE)

    assert (decision.outcome, codes(decision)) == (Outcome.DENY, ["not_in_force"])
    assert decision.clauses == ("NR-a44-01",)
    assert [reason.clause for reason in decision.reasons] == ["NR-a44-01"]
    assert (decision.grant, decision.rulings, decision.fields) == (None, (), ())
    assert decided(bundle, at=FROM).outcome is Outcome.ALLOW


def test_a_local_text_is_asked_from_the_day_it_is_in_force(county: Register) -> None:
    """PX-a26-01: in force from the day of issue. Before it neither text says anything."""
    bundle = strictest(county, "jiangxi-pingxiang")
    before = decided(bundle, at="2017-03-26T23:59:59+08:00")
    on_the_day = decided(bundle, at="2017-03-27T00:00:00+08:00")

    assert (codes(before), before.rulings) == (["not_in_force"], ())
    assert before.clauses == ("PX-a26-01",)
    assert [ruling.profile for ruling in on_the_day.rulings] == ["jiangxi-pingxiang"]


def test_strictest_of_the_national_profile_is_the_national_text_while_in_force(
    county: Register,
) -> None:
    bundle = strictest(county, "national-809")

    assert len(bundle.texts) == 1
    assert codes(decided(bundle, at=BEFORE)) == ["not_in_force"]
    assert decided(bundle, at=FROM).outcome is Outcome.ALLOW


def test_where_both_texts_agree_both_are_cited_the_local_one_first(county: Register) -> None:
    decision = decided(strictest(county))
    local, national = decision.rulings

    assert (local.profile, national.profile) == ("hubei", "national-809")
    assert decision.clauses == (*local.clauses, *national.clauses)
    assert decision.reasons == (*local.reasons, *national.reasons)


def test_where_the_texts_differ_the_stricter_one_decides_and_alone_is_cited(
    tmp_path: Path,
) -> None:
    """Hubei bans onward provision, the national text allows it with consent: the ban stays."""
    register = load(tmp_path, consents=CONSENT | {"recipients": "O-BNK"})
    onward: dict[str, object] = {
        "action": "onward",
        "recipient": {"kind": "company", "id": "O-BNK"},
        "consent": "C1",
    }

    decision = decided(strictest(register), **onward)

    assert decided(load_bundle("national-809", register), **onward).outcome is Outcome.ALLOW
    assert decision.outcome is Outcome.DENY
    assert [r.outcome for r in decision.rulings] == [Outcome.DENY, Outcome.ALLOW]
    assert {clause.split("-")[0] for clause in decision.clauses} == {"HU"}


def test_the_stricter_text_is_cited_first_though_it_is_the_national_one(
    tmp_path: Path,
) -> None:
    """Hubei has no work secrets; the national text puts them out of scope."""
    register = load(tmp_path, resources={"resource_id": "R08", "classification": "work_secret"})

    decision = decided(strictest(register))

    assert decided(load_bundle("hubei", register)).outcome is Outcome.ALLOW
    assert decision.outcome is Outcome.OUT_OF_SCOPE
    assert [ruling.profile for ruling in decision.rulings] == ["national-809", "hubei"]
    assert decision.clauses[0].startswith("NR-")
