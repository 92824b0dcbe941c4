# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from pathlib import Path

import pytest

from govshare_policy.decision import Decision, decide, refuse
from govshare_policy.errors import EvaluationError
from govshare_policy.facts import Candidate, Facts, GrantState
from govshare_policy.identity import Flaw, Identity
from govshare_policy.legal import Effect, Outcome, Reason
from govshare_policy.policy import Bundle, Precedence, load_bundle
from govshare_policy.register import Register
from tests.county import county_register
from tests.unit.gathered import SECOND_GRANT, gather, load, plain_call
from tests.unit.mutated import both, in_rule, mutated_bundle, without


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Register:
    return county_register(tmp_path_factory.mktemp("county"))


def decided(bundle: Bundle, **change: object) -> Decision:
    return decide(plain_call(**change), gather(bundle.register, **change), bundle)


def strictest(register: Register, profile: str = "hubei") -> Bundle:
    return load_bundle(profile, register, precedence=Precedence.STRICTEST)


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


REASON = Reason(code="c", clause="X-1", text="t", text_zh="文")


def made(outcome: Outcome, **change: object) -> Decision:
    fine = {
        "reasons": (REASON,),
        "clauses": ("X-1",),
        "fields": (),
        "grant": None,
        "rulings": (),
        "revision": bytes(32),
    }
    return Decision(outcome=outcome, **{**fine, **change})  # type: ignore[arg-type]


@pytest.mark.parametrize("missing", ["reasons", "clauses"])
@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_decision_without_reason_or_clause_does_not_exist(outcome: Outcome, missing: str) -> None:
    with pytest.raises(ValueError, match="at least one reason and one clause"):
        made(outcome, **{missing: ()})


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.ALLOW])
def test_a_denial_that_releases_a_field_does_not_exist(outcome: Outcome) -> None:
    with pytest.raises(ValueError, match="a denial releases nothing"):
        made(outcome, fields=("id_no",))


def test_only_allow_allows_and_restrictions_are_ordered_as_documented() -> None:
    allowing = [outcome for outcome in Outcome if outcome.effect is Effect.ALLOW]
    most_first = sorted(Outcome, key=lambda outcome: -outcome.restriction)

    assert allowing == [Outcome.ALLOW]
    assert [outcome.value for outcome in most_first] == [
        "out_of_scope",
        "suspended",
        "deny",
        "deny_negotiable",
        "needs_grant",
        "needs_platform_authorization",
        "allow",
    ]


def test_the_same_call_and_facts_give_the_same_decision(county: Register) -> None:
    bundle = strictest(county)

    assert decided(bundle) == decided(bundle)
    assert decided(bundle).revision == bundle.revision


def test_a_grant_that_is_named_but_missing_denies_whatever_others_there_are(
    county: Register,
) -> None:
    assert codes(decided(load_bundle("hubei", county), grant="G99")) == ["grant_unknown"]
    assert decided(load_bundle("hubei", county), grant="").outcome is Outcome.ALLOW


def test_of_several_grants_the_best_outcome_wins(tmp_path: Path) -> None:
    """The first grant has expired, the second covers one field only."""
    register = load(tmp_path, grants=SECOND_GRANT)
    expired = replace(
        register.grants["G01"],
        period=replace(
            register.grants["G01"].period, valid_to=register.grants["G07"].period.valid_to
        ),
    )
    grants = {**register.grants, "G01": expired}
    both_of = {("D-HCB", "R08"): (expired, register.grants["G01B"])}
    bundle = load_bundle("hubei", replace(register, grants=grants, grants_of=both_of))

    narrow = decided(bundle, grant="", fields=["id_no"])
    wide = decided(bundle, grant="")

    assert (narrow.outcome, narrow.grant and narrow.grant.id) == (Outcome.ALLOW, "G01B")
    assert (wide.outcome, wide.grant and wide.grant.id) == (Outcome.NEEDS_GRANT, "G01")
    assert decided(bundle, grant="G01", fields=["id_no"]).outcome is Outcome.NEEDS_GRANT


def test_a_star_releases_the_granted_fields_in_the_order_of_the_catalogue(
    tmp_path: Path,
) -> None:
    register = load(tmp_path, grants={"grant_id": "G01", "fields": "marital_status,id_no"})

    decision = decided(load_bundle("hubei", register), fields=["*"])

    assert decision.fields == ("id_no", "marital_status")


def test_named_fields_are_released_in_the_order_asked(county: Register) -> None:
    decision = decided(load_bundle("hubei", county), fields=["marital_status", "id_no"])

    assert decision.fields == ("marital_status", "id_no")


def test_one_field_beyond_the_grant_refuses_them_all(county: Register) -> None:
    decision = decided(load_bundle("hubei", county), fields=["id_no", "reg_date"])

    assert (codes(decision), decision.fields) == (["fields_beyond_grant"], ())


def test_a_star_under_two_texts_releases_what_both_release(tmp_path: Path) -> None:
    """Fengqiu opens R13 to all; the national text binds it to the grant, which names two fields."""
    grant = SECOND_GRANT | {"resource_id": "R13", "fields": "uscc,status"}
    register = load(tmp_path, grants=grant)
    star: dict[str, object] = {"resource": "R13", "fields": ["*"], "grant": "G01B"}

    alone = decided(load_bundle("henan-fengqiu", register), **star)
    together = decided(strictest(register, "henan-fengqiu"), **star)

    assert alone.fields == ("uscc", "trade_name", "operator_name", "status")
    assert (together.outcome, together.fields) == (Outcome.ALLOW, ("uscc", "status"))


def test_a_star_with_nothing_granted_releases_nothing(tmp_path: Path) -> None:
    register = load(tmp_path, grants={"grant_id": "G01", "fields": ""})

    decision = decided(load_bundle("hubei", register), fields=["*"])

    assert (decision.effect, decision.fields) == (Effect.DENY, ())
    assert "fields_missing" in codes(decision)


def test_a_text_that_forgets_the_fields_still_releases_nothing(
    county: Register, tmp_path: Path
) -> None:
    """To read no field is no permission, whatever the rules of a pack say."""
    careless = both(
        without("hu-no-fields"),
        in_rule("hu-allow-conditional", fields="*", use="*", manner="*", system="*", quota="*"),
    )
    bundle = mutated_bundle(county, tmp_path, {"hubei/policy.csv": careless})

    decision = decided(bundle, fields=[])

    assert (decision.outcome, codes(decision)) == (Outcome.DENY, ["fields_missing"])
    assert decision.grant is None


def test_a_text_that_says_nothing_refuses_and_cites_its_silence(
    county: Register, tmp_path: Path
) -> None:
    bundle = mutated_bundle(county, tmp_path, {"hubei/policy.csv": without("hu-purpose")})

    decision = decided(bundle, purpose="marketing")
    [ruling] = decision.rulings

    assert (decision.outcome, codes(decision)) == (Outcome.DENY, ["no_rule"])
    assert decision.clauses == (bundle.texts[0].pack.silence,)
    assert ruling.rules == ()


def test_a_rule_that_refuses_outweighs_those_that_allow(county: Register, tmp_path: Path) -> None:
    ban = in_rule("hu-onward-own", action="read", recipient="none")
    bundle = mutated_bundle(county, tmp_path, {"hubei/policy.csv": ban})

    decision = decided(bundle)

    assert (decision.outcome, codes(decision)) == (Outcome.DENY, ["recipient_is_caller"])
    assert [rule.id for rule in decision.rulings[0].rules] == ["hu-onward-own"]


def test_every_rule_that_refuses_is_cited_the_deciding_one_first(county: Register) -> None:
    decision = decided(load_bundle("hubei", county), purpose="marketing", system="SYS-HCB-WEB")

    assert codes(decision) == ["purpose_outside_grant", "system_outside_grant"]
    assert decision.clauses[0] == decision.rulings[0].rules[0].clauses[0]
    assert len(set(decision.clauses)) == len(decision.clauses)


@pytest.mark.parametrize("flaw", list(Flaw))
def test_a_flaw_of_the_evidence_is_the_reason_that_is_given(flaw: Flaw, county: Register) -> None:
    facts = replace(gather(county), identity=Identity(flaw=flaw), department=None, system=None)

    decision = decide(plain_call(), facts, strictest(county))

    assert (decision.outcome, codes(decision)) == (Outcome.DENY, [flaw.value, flaw.value])


OWN: dict[str, object] = {"department": "D-CAB", "system": "SYS-CAB-AID", "grant": ""}
PROFILES = ("hubei", "henan-fengqiu", "jiangxi-pingxiang", "national-809")


@pytest.mark.parametrize("profile", PROFILES)
def test_a_provider_is_not_sent_to_apply_to_itself(profile: str, county: Register) -> None:
    """R08 is of D-CAB: it needs no grant of itself, and sharing is not how it reads its data."""
    decision = decided(load_bundle(profile, county), **OWN)

    assert (decision.outcome, codes(decision)) == (Outcome.NEEDS_GRANT, ["grant_missing"])
    [reason] = decision.reasons
    assert "`R08` is data of the caller's own department" in reason.text
    assert reason.remedy.endswith("no application is taken for one's own data")
    assert "“R08”是调用部门自己的数据" in reason.text_zh
    assert "不受理申请" in reason.remedy_zh


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("kind", ["department", "company"])
def test_a_provider_that_passes_its_own_data_on_is_told_to_provide_them(
    kind: str, profile: str, county: Register
) -> None:
    recipient = {"kind": kind, "id": "D-EDU" if kind == "department" else "O-BNK"}

    decision = decided(load_bundle(profile, county), **OWN, action="onward", recipient=recipient)

    assert decision.outcome is Outcome.DENY
    assert "`R08` is data of the caller's own department" in decision.reasons[0].text
    assert "consent of" not in decision.reasons[0].remedy
    assert "provider" in decision.reasons[0].remedy


def unheard_of(facts: Facts) -> Facts:
    """Return the facts with a grant by a body that no rule has heard of."""
    [candidate] = facts.candidates
    assert candidate.grant is not None
    grant = replace(candidate.grant, granted_by="mayor")
    return replace(facts, candidates=(Candidate(grant=grant, state=GrantState.ACTIVE),))


def test_a_finding_outside_its_closed_list_is_not_decided(county: Register) -> None:
    with pytest.raises(EvaluationError, match=r"^`grant` has a finding outside its closed list$"):
        decide(plain_call(), unheard_of(gather(county)), load_bundle("hubei", county))


def test_a_refusal_for_a_fault_needs_no_facts(county: Register) -> None:
    decision = refuse("fact_error", None, strictest(county))

    assert (decision.outcome, codes(decision)) == (Outcome.DENY, ["fact_error"])
    assert decision.clauses == (load_bundle("hubei", county).texts[0].pack.silence,)
    assert decision.fields == ()


def test_a_reason_repeats_nothing_that_the_caller_made_up(county: Register) -> None:
    made_up: dict[str, object] = {
        "purpose": "ZZ-purpose",
        "channel": "ZZ-channel",
        "grant": "ZZ-grant",
        "consent": "ZZ-consent",
        "fields": ["ZZ-field"],
        "recipient": {"kind": "company", "id": "ZZ-recipient"},
    }
    for key, value in made_up.items():
        for bundle in (strictest(county), strictest(county, "henan-fengqiu")):
            for reason in decided(bundle, **{key: value}).reasons:
                assert "ZZ" not in f"{reason.text}{reason.text_zh}{reason.remedy}{reason.remedy_zh}"
    unknown: dict[str, object] = {"resource": "ZZ-1", "department": "ZZ-2", "system": "ZZ-3"}
    for key, value in unknown.items():
        for reason in decided(strictest(county), **{key: value}).reasons:
            assert "ZZ" not in f"{reason.text}{reason.text_zh}{reason.remedy}{reason.remedy_zh}"
