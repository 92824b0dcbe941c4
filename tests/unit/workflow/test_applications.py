# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from govshare_policy import load_register
from govshare_policy.audit import parse_trust, trust_text, verify_log
from govshare_policy.errors import CallError, FactError
from govshare_policy.legal import Outcome
from govshare_policy.policy import Precedence
from govshare_policy.workflow import Actor, Role
from tests.unit.workflow.town import (
    CYCLES,
    NEED,
    ORIGIN,
    SUN,
    WANG,
    ZHAO,
    ZHOU,
    Town,
)

Make = Callable[..., Town]
OPEN = replace(
    NEED,
    resource="R03",
    fields=("uscc", "entity_name"),
    channels=("api",),
)
MSA = Actor(body="D-MSA", person="hu", role=Role.MANAGE)


@pytest.mark.parametrize("profile", CYCLES)
def test_an_application_ends_in_a_grant_under_which_the_call_is_allowed(
    town: Make, profile: str
) -> None:
    here = town(profile)
    assert here.outcome() is Outcome.NEEDS_GRANT

    matter = here.run(CYCLES[profile])

    assert here.outcome() is Outcome.ALLOW
    assert here.outcome(purpose="work_reference") is not Outcome.ALLOW
    grant = load_register(here.data).grants[f"G-{matter}"]
    assert (grant.fields, grant.granted_by) == (("id_no", "owner_name"), "provider")
    assert grant.period.valid_from == date(2025, 9, 22), "no grant for days gone by"


@pytest.mark.parametrize("profile", CYCLES)
def test_every_step_is_a_record_of_a_log_that_verifies(town: Make, profile: str) -> None:
    here = town(profile)
    here.run(CYCLES[profile])

    verify_log(here.log, parse_trust(trust_text(ORIGIN, here.signer.public)))
    records = here.records()
    assert [r["step"] for r in records] == ["apply", *(step for step, _ in CYCLES[profile])]
    assert all(r["outcome"] == "taken" and r["clauses"] for r in records)
    said = str(records)
    assert "sun" not in said, "a person is named by a commitment only"
    assert "救助审批" not in said, "a free text is committed to, not recorded"


@pytest.mark.parametrize(
    ("profile", "clause"),
    [
        ("henan-fengqiu", "FQ-3.2-04"),
        ("henan-yanjin", "YJ-3.2-04"),
        ("jiangxi-pingxiang", "PX-a16-01"),
        ("henan-hebi", "HB-a15-02"),
    ],
)
def test_what_is_open_to_all_needs_no_application_and_the_clause_says_so(
    town: Make, profile: str, clause: str
) -> None:
    answer = town(profile).apply(replace(OPEN, texts={}))

    assert answer.refusal is not None
    assert answer.refusal.code == "no_application_needed"
    assert clause in answer.clauses
    assert answer.matter == ""


def test_the_platform_authorises_what_is_open_in_hubei_and_tells_the_provider(town: Make) -> None:
    here = town("hubei")
    matter = here.run([("accept", ZHAO)], OPEN)
    by_provider = here.take(matter, "approve", MSA)
    answer = here.take(matter, "approve", ZHOU)

    assert by_provider.refusal is not None
    assert answer.clauses == ("HU-a21-01", "HU-a12-03", "HU-a21-03")
    assert {"to": "provider", "act": "notify", "clause": "HU-a21-03", "bodies": "D-MSA"} in (
        answer.told
    )
    assert here.outcome(resource="R03", fields=["uscc"]) is Outcome.ALLOW


def test_open_data_take_an_application_under_the_national_text_alone(town: Make) -> None:
    """Under both texts the one that wants no application takes no part in it."""
    here = town("henan-fengqiu", Precedence.STRICTEST)
    answer = here.apply(OPEN)

    assert dict(answer.states) == {"national-809": "drafted"}


def test_under_two_texts_both_procedures_are_gone_through(town: Make) -> None:
    here = town("hubei", Precedence.STRICTEST)
    matter = here.run([("accept", ZHAO)])
    early = here.take(matter, "approve", SUN)
    for step, who in (("endorse", WANG), ("clear_approval", SUN), ("approve", SUN)):
        assert here.take(matter, step, who).refusal is None

    assert early.refusal is not None
    assert early.clauses[0].startswith("NR-")
    assert here.outcome() is Outcome.ALLOW


def test_a_department_with_a_grant_may_apply_for_another(town: Make) -> None:
    here = town("henan-fengqiu")
    here.run([("approve", SUN)])
    later = replace(NEED, valid_from=date(2026, 9, 1), valid_to=date(2027, 8, 31))

    assert here.apply(later).refusal is None


def test_two_texts_with_different_grantors_are_said_to_have_them(town: Make) -> None:
    answer = town("hubei", Precedence.STRICTEST).apply(OPEN)

    assert answer.refusal is not None
    assert answer.refusal.code == "grantors_differ"
    assert {clause[:2] for clause in answer.clauses} == {"HU", "NR"}


@pytest.mark.parametrize(
    ("profile", "missing", "clause"),
    [
        ("henan-fengqiu", {"need"}, "FQ-1.2-01"),
        ("henan-yanjin", {"need"}, "YJ-1.2-01"),
        ("jiangxi-pingxiang", {"need"}, "PX-a05-03"),
        ("henan-hebi", {"need"}, "HB-a05-02"),
        ("hubei", {"reason"}, "HU-a13-01"),
        ("national-809", {"basis", "scenario", "time_limit"}, "NR-a20-01"),
    ],
)
def test_everything_that_is_not_stated_is_named_at_once(
    town: Make, profile: str, missing: set[str], clause: str
) -> None:
    bare = replace(NEED, texts={}, valid_to=None)
    answer = town(profile).apply(bare)

    assert answer.refusal is not None
    assert answer.refusal.code == "statement_missing"
    assert answer.clauses == (clause,)
    assert all(name in answer.refusal.text for name in missing)


def test_a_purpose_is_stated_in_every_text(town: Make) -> None:
    answer = town("hubei").apply(replace(NEED, purposes=()))

    assert answer.refusal is not None
    assert "purpose" in answer.refusal.text


def test_a_grant_may_be_narrower_than_what_was_applied_for_and_not_wider(town: Make) -> None:
    here = town("henan-fengqiu")
    matter = here.run([])
    wider = here.take(matter, "approve", SUN, fields=("id_no", "mortgage"))
    longer = here.take(matter, "approve", SUN, valid_to=date(2027, 1, 1))
    narrower = here.take(matter, "approve", SUN, fields=("id_no",), valid_to=date(2025, 12, 31))

    assert [a.refusal.code for a in (wider, longer) if a.refusal] == ["wider_than_applied"] * 2
    assert narrower.refusal is None
    assert here.outcome() is Outcome.ALLOW
    assert here.outcome(fields=["owner_name"]) is Outcome.DENY


@pytest.mark.parametrize("profile", ["henan-fengqiu", "henan-yanjin", "hubei", "national-809"])
def test_what_no_grant_makes_lawful_is_not_even_applied_for(town: Make, profile: str) -> None:
    here = town(profile)
    answer = here.apply(replace(NEED, resource="R31", fields=("project_code",), systems=()))

    assert answer.refusal is not None
    assert answer.refusal.code == "cannot_be_granted"
    assert answer.clauses


@pytest.mark.parametrize(
    ("need", "fault"),
    [
        (replace(NEED, resource="R99"), "no such resource"),
        (replace(NEED, fields=("shoe_size",)), "not in the catalogue entry"),
        (replace(NEED, systems=("SYS-HCB-PRH",)), "not registered as one of the applicant"),
        (replace(NEED, valid_to=None), "names a period"),
        (replace(NEED, channels=()), "at least one field"),
        (replace(NEED, valid_from=date(2024, 1, 1), valid_to=date(2024, 2, 1)), "over already"),
    ],
)
def test_an_application_that_cannot_be_judged_is_bad_input(
    town: Make, need: object, fault: str
) -> None:
    with pytest.raises(CallError, match=fault):
        town("henan-fengqiu").apply(need)  # type: ignore[arg-type]


def test_codes_and_texts_of_an_application_are_checked() -> None:
    with pytest.raises(CallError, match="code in normal form"):
        replace(NEED, fields=("id no",))
    with pytest.raises(CallError, match="stands twice"):
        replace(NEED, fields=("id_no", "id_no"))
    with pytest.raises(CallError, match="at most"):
        replace(NEED, texts={"need": "长" * 4001})


def test_an_own_resource_is_not_applied_for(town: Make) -> None:
    owner = Actor(body="D-NRB", person="he", role=Role.OPERATE)
    answer = town("henan-fengqiu").apply(replace(NEED, systems=()), owner)

    assert answer.refusal is not None
    assert answer.refusal.code == "own_resource"


def test_before_the_national_text_is_in_force_it_has_no_procedure(town: Make) -> None:
    here = town("national-809", Precedence.NATIONAL)
    here.at = here.at.replace(month=7)

    with pytest.raises(CallError, match="in force"):
        here.apply()


def test_a_grant_of_the_same_id_from_elsewhere_is_never_overwritten(town: Make) -> None:
    row = {
        "grant_id": "G-APP-2025-0001",
        "resource_id": "R16",
        "user_dept": "D-CAB",
        "systems": "SYS-CAB-AID",
        "purposes": "business_collaboration",
        "fields": "id_no",
        "channels": "api",
        "valid_from": "2025-01-01",
        "valid_to": "2026-12-31",
        "granted_by": "provider",
    }
    here = town("henan-fengqiu", change={"grants.tsv": [row]})
    matter = here.run([])
    before = (here.data / "grants.tsv").read_bytes()

    with pytest.raises(FactError, match="not of this application"):
        here.take(matter, "approve", SUN)
    assert (here.data / "grants.tsv").read_bytes() == before


def test_what_was_suspended_meanwhile_is_not_granted(town: Make) -> None:
    here = town("national-809")
    matter = here.run([("endorse", WANG), ("clear_approval", SUN)])
    (here.data / "suspensions.tsv").write_text(
        "suspension_id\tuser_dept\tresource_id\trecorded_on\tlifted_on\n"
        "S1\tD-CAB\t*\t2025-09-01\t\n",
        encoding="utf-8",
    )
    answer = here.take(matter, "approve", SUN)

    assert answer.refusal is not None
    assert answer.clauses[0] == "NR-a27-02"


def test_a_grant_of_nothing_or_for_no_time_is_bad_input(town: Make) -> None:
    here = town("henan-fengqiu")
    matter = here.run([])
    with pytest.raises(CallError, match="`fields` of the grant is empty"):
        here.take(matter, "approve", SUN, fields=())
    with pytest.raises(CallError, match="over already"):
        here.take(matter, "approve", SUN, valid_to=date(2025, 9, 1))
