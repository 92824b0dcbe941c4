# SPDX-License-Identifier: Apache-2.0
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from govshare_policy.decision import decide
from govshare_policy.errors import ObligationError
from govshare_policy.legal import Duty
from govshare_policy.obligations import oblige
from govshare_policy.policy import Bundle, Precedence, load_bundle
from govshare_policy.register import Register
from tests.county import county_register
from tests.unit.gathered import gather, load, plain_call
from tests.unit.mutated import mutated_bundle, swap


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Register:
    return county_register(tmp_path_factory.mktemp("county"))


def duties(bundle: Bundle, **change: object) -> tuple[Duty, ...]:
    call, facts = plain_call(**change), gather(bundle.register, **change)
    return oblige(decide(call, facts, bundle), call, facts, bundle)


def by_code(given: tuple[Duty, ...]) -> Mapping[str, str]:
    return {duty.code: duty.value for duty in given}


def test_a_denial_obliges_to_nothing(county: Register) -> None:
    assert duties(load_bundle("hubei", county), purpose="marketing") == ()


def test_a_duty_says_what_the_facts_say(county: Register) -> None:
    given = by_code(duties(load_bundle("hubei", county)))

    assert given["purpose_only"] == "data_verification"
    assert given["system_only"] == "SYS-HCB-PRH"
    assert given["no_onward"] == ""
    assert given["usage_requirements"] == "仅限申请用途，不得转给第三方"
    assert given["valid_until"] == "2026-12-31"


def test_every_duty_cites_a_clause_of_the_text_it_follows_from(county: Register) -> None:
    bundle = load_bundle("hubei", county)

    for duty in duties(bundle):
        assert duty.clause in bundle.texts[0].pack.clauses


def test_the_provider_is_told_only_of_what_the_platform_authorised(county: Register) -> None:
    """Hubei: the result of a direct authorisation goes to the provider as well."""
    direct: dict[str, object] = {
        "department": "D-HRS",
        "system": "SYS-HRS-JOB",
        "resource": "R03",
        "fields": ["uscc"],
        "grant": "G06",
    }
    bundle = load_bundle("hubei", county)

    assert by_code(duties(bundle, **direct))["notify_provider"] == "D-MSA"
    assert "notify_provider" not in by_code(duties(bundle))


@pytest.mark.parametrize("grant", ["", "G06"])
def test_what_is_open_to_all_ends_with_no_grant(tmp_path: Path, grant: str) -> None:
    """Fengqiu hands it out by itself (FQ-3.2-04): a grant that is over obliges to nothing."""
    over = {"grant_id": "G06", "valid_to": "2025-08-31", "daily_quota": "5"}
    bundle = load_bundle("henan-fengqiu", county_register(tmp_path, {"grants.tsv": [over]}))
    given = by_code(
        duties(
            bundle,
            department="D-HRS",
            system="SYS-HRS-JOB",
            resource="R03",
            fields=["uscc"],
            grant=grant,
        )
    )

    assert "no_onward" in given
    assert not {"valid_until", "daily_quota"} & set(given)


def test_two_texts_oblige_to_the_union_of_their_duties(county: Register) -> None:
    hubei = duties(load_bundle("hubei", county))
    national = duties(load_bundle("national-809", county))
    both = duties(load_bundle("hubei", county, precedence=Precedence.STRICTEST))

    wanted = {(duty.code, duty.value) for duty in (*hubei, *national)}
    assert {(duty.code, duty.value) for duty in both} == wanted
    assert len(both) == len(wanted)
    assert both[: len(hubei)] == hubei  # a duty of both texts cites the local one


def test_a_text_that_is_not_in_force_obliges_to_nothing(county: Register) -> None:
    at = "2025-07-31T12:00:00+08:00"
    bundle = load_bundle("hubei", county, precedence=Precedence.STRICTEST)

    assert duties(bundle, at=at) == duties(load_bundle("hubei", county), at=at)


def test_an_onward_call_has_the_duties_of_onward_calls_only(tmp_path: Path) -> None:
    consent = {
        "consent_id": "C1",
        "kind": "onward",
        "resource_id": "R08",
        "provider": "D-CAB",
        "user_dept": "D-HCB",
        "recipients": "O-BNK",
        "purposes": "",
        "written": "Y",
        "commercial": "N",
        "valid_from": "2025-01-01",
        "valid_to": "2025-12-31",
    }
    bundle = load_bundle("national-809", load(tmp_path, consents=consent))

    given = by_code(
        duties(
            bundle,
            action="onward",
            consent="C1",
            recipient={"kind": "company", "id": "O-BNK"},
        )
    )

    assert given["retain_until"] == "2028-09-22"
    assert "purpose_only" not in given
    assert "no_onward" not in given


def test_a_quota_is_a_duty_with_its_number(tmp_path: Path) -> None:
    register = load(tmp_path, grants={"grant_id": "G01", "daily_quota": "250"})

    assert by_code(duties(load_bundle("hubei", register)))["daily_quota"] == "250"


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2025-09-22T10:00:00+08:00", "2028-09-22"),
        ("2028-02-28T10:00:00+08:00", "2031-02-28"),
        ("2028-02-29T10:00:00+08:00", "2031-03-01"),
        ("2025-12-31T16:00:00Z", "2029-01-01"),  # the new year in Shanghai
    ],
)
def test_records_are_kept_for_three_years_to_the_day(at: str, until: str, county: Register) -> None:
    """From 29 February the day after: a day early would be less than three years."""
    bundle = load_bundle("national-809", county)
    call = plain_call()
    facts = replace(gather(county), day=gather(county, at=at).day)

    given = by_code(oblige(decide(call, gather(county), bundle), call, facts, bundle))

    assert given["retain_until"] == until
    assert date.fromisoformat(until) > facts.day


def test_a_duty_without_the_fact_it_needs_cannot_be_carried_out(county: Register) -> None:
    bundle, call, facts = load_bundle("hubei", county), plain_call(), gather(county)
    decision = decide(call, facts, bundle)

    for lost in (replace(facts, entry=None), replace(facts, system=None)):
        with pytest.raises(ObligationError, match=r"^the duty `no_onward` has nothing to rest on$"):
            oblige(decision, call, lost, bundle)


def test_a_kind_of_value_that_the_library_does_not_know_cannot_be_carried_out(
    county: Register,
) -> None:
    bundle, call, facts = load_bundle("hubei", county), plain_call(), gather(county)
    [text] = bundle.texts
    strange = tuple(replace(duty, value="moon_phase") for duty in text.pack.duties)
    changed = replace(bundle, texts=(replace(text, pack=replace(text.pack, duties=strange)),))

    with pytest.raises(
        ObligationError, match=r"^the duty `no_onward` has an unknown kind of value$"
    ):
        oblige(decide(call, facts, changed), call, facts, changed)


def test_a_duty_can_be_bound_to_a_kind_of_share(county: Register, tmp_path: Path) -> None:
    edit = swap('clause = "HU-a24-03"', 'clause = "HU-a24-03"\nshare = ["controlled"]')
    bundle = mutated_bundle(county, tmp_path, {"hubei/law.toml": edit})

    assert "no_onward" not in by_code(duties(bundle))
