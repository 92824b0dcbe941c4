# SPDX-License-Identifier: Apache-2.0
"""What real decisions show of each violation, and under which item of the text."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.call import call_from_document
from govshare_policy.crypto import Signer
from govshare_policy.identity import CertificateTrust, Evidence
from govshare_policy.policy import Precedence
from govshare_policy.report import Span
from govshare_policy.report.released import Held, sums
from tests.county import PLAIN
from tests.unit.recording import proven_county
from tests.unit.report.listed import DAY, ONE_AFTER_ANOTHER, TRIED, codes, listed, try_all
from tests.unit.report.logs import FIRST, ORIGIN, diary, noon


def test_an_attempt_is_listed_under_the_item_of_the_text(tmp_path: Path, signer: Signer) -> None:
    """Hubei binds grants to systems, so a call from another one is an attempt there."""
    with diary(tmp_path / "log", signer) as book:
        try_all(book)
        book.call(noon(DAY + timedelta(days=9)), purpose="work_reference")
    found = listed(tmp_path, "hubei")
    (purpose,) = (one for one in found.findings if one.code == "purpose_outside_grant")

    assert codes(found) == {
        "purpose_outside_grant": ("hu-purpose", 2),
        "system_outside_grant": ("hu-other", 1),
        "grant_missing": ("hu-other", 1),
        "onward_to_third_party": ("hu-other", 1),
    }
    assert (purpose.department, purpose.system, purpose.resource) == (
        "D-HCB",
        "SYS-HCB-PRH",
        "R08",
    )
    assert purpose.clauses == ("HU-a31-05", "HU-a24-04")
    assert (purpose.since, purpose.until) == (DAY, DAY + timedelta(days=9))
    assert [evidence.place for evidence in purpose.evidence] == [f"{ORIGIN}#1", f"{ORIGIN}#5"]


def test_what_one_text_allows_is_no_violation_of_it(tmp_path: Path, signer: Signer) -> None:
    """Hebi does not bind a grant to a system, so using another one is not listed there."""
    with diary(tmp_path / "log", signer, profile="henan-hebi") as book:
        try_all(book)
    assert set(codes(listed(tmp_path, "henan-hebi"))) == {
        "purpose_outside_grant",
        "grant_missing",
        "onward_to_third_party",
    }


def test_a_text_lists_only_what_it_was_asked_about(tmp_path: Path, signer: Signer) -> None:
    with diary(tmp_path / "log", signer) as book:
        try_all(book)

    assert codes(listed(tmp_path, "national-809")) == {}


def test_of_two_texts_each_lists_the_call_by_its_own_reason(tmp_path: Path, signer: Signer) -> None:
    """Order 809 knows neither systems nor an authorisation by the platform."""
    with diary(tmp_path / "log", signer, precedence=Precedence.STRICTEST) as book:
        book.call(noon(DAY), system="SYS-HCB-WEB", purpose="work_reference")
        book.call(noon(DAY), system="SYS-HCB-WEB")
        book.call(noon(DAY), resource="R03", fields=["uscc"], grant="")
    local, national = (codes(listed(tmp_path, name)) for name in ("hubei", "national-809"))

    assert local == {
        "purpose_outside_grant": ("hu-purpose", 1),
        "system_outside_grant": ("hu-other", 1),
        "platform_authorization_missing": ("hu-other", 1),
    }
    assert national == {
        "purpose_outside_grant": ("nr-40-2", 1),
        "grant_missing": ("nr-40-2", 1),
    }


def test_a_call_of_nobody_proven_is_listed_and_laid_to_nobody(
    tmp_path: Path, signer: Signer
) -> None:
    """What exactly was wrong with the evidence is the reason."""
    register = proven_county(tmp_path / "proven")
    late = Evidence(spki=b"\x07" * 32, not_before=noon(DAY), not_after=noon(DAY))
    with diary(tmp_path / "log", signer, profile="national-809") as book:
        basis = book.gate.basis()
        proving = replace(basis, trust=CertificateTrust(register=register))
        gate = replace(book.gate, basis=lambda: proving)
        book.clock["now"] = noon(date(2026, 1, 5))
        asked = {**PLAIN, "at": noon(date(2026, 1, 5)).isoformat()}
        gate.answer(call_from_document(asked), late)
    found = listed(tmp_path, "national-809", span=Span(first=DAY, last=date(2026, 12, 31)))
    (one,) = found.of("nr-40-6")

    assert (one.code, one.department, one.system) == ("certificate_expired", "", "")


@pytest.mark.parametrize(
    "profile", ["henan-fengqiu", "henan-yanjin", "henan-hebi", "jiangxi-pingxiang"]
)
def test_incidents_are_sorted_into_the_four_that_the_user_answers_for(
    profile: str, tmp_path: Path, signer: Signer
) -> None:
    """Misuse, unauthorised use, unpermitted spread and leakage, by what the record says."""
    with diary(tmp_path / "log", signer, profile=profile) as book:
        try_all(book)
        recipient = {"kind": "department", "id": "D-TAX"}
        book.call(noon(DAY + timedelta(days=9)), action="onward", recipient=recipient)
    found = listed(tmp_path, profile)
    prefix = {"henan-fengqiu": "FQ-4.1-08", "henan-yanjin": "YJ-4.1-08", "henan-hebi": "HB-a18-05"}

    assert {one.id for one in found.text.incidents} == {
        "misuse",
        "unauthorised",
        "spread",
        "leak",
    }
    assert Counter(one.incident for one in found.occurrences) == {
        "misuse": 1,
        "unauthorised": 1,
        "spread": 1,
        "leak": 1,
    }
    assert {one.department for one in found.occurrences} == {"D-HCB"}
    assert {one.clauses[0] for one in found.text.incidents} == {prefix.get(profile, "PX-a17-05")}


FAILED = {
    "upstream_unreachable": "px-supply",
    "upstream_unreadable": "px-quality",
}


@pytest.mark.parametrize(("status", "violation"), FAILED.items())
def test_a_provider_that_does_not_answer_is_a_sign_to_look_into(
    status: str, violation: str, tmp_path: Path, signer: Signer
) -> None:
    """The provider answers for it, not the department that called."""
    with diary(tmp_path / "log", signer, profile="jiangxi-pingxiang") as book:
        for number in range(3):
            book.conclude(book.call(noon(DAY + timedelta(days=number))), status)
        book.conclude(book.call(noon(DAY + timedelta(days=3))), "no_such_record")
    (one,) = (one for one in listed(tmp_path, "jiangxi-pingxiang").findings if one.code == status)

    assert (one.violation, one.grade.value, one.count) == (violation, "sign", 3)
    assert (one.department, one.system, one.resource) == ("D-CAB", "", "R08")
    assert [evidence.place for evidence in one.evidence] == [f"{ORIGIN}#2", f"{ORIGIN}#6"]


def test_only_the_days_asked_for_are_listed(tmp_path: Path, signer: Signer) -> None:
    with diary(tmp_path / "log", signer) as book:
        try_all(book)
    one_day = Span(first=ONE_AFTER_ANOTHER[1], last=ONE_AFTER_ANOTHER[1])
    every = listed(tmp_path, "hubei", span=Span(first=date.min, last=date.max))

    assert set(codes(listed(tmp_path, "hubei", span=one_day))) == {"system_outside_grant"}
    assert len(codes(every)) == len(TRIED)
    assert (every.span.first, every.span.last) == (FIRST.date(), ONE_AFTER_ANOTHER[-1])
    assert every.as_of == ONE_AFTER_ANOTHER[-1], "the last day that the log knows"


def test_what_was_released_to_a_department_is_counted_in_sum(
    tmp_path: Path, signer: Signer
) -> None:
    """By resource, with what may have left besides."""
    with diary(tmp_path / "log", signer, profile="national-809") as book:
        first = book.call(noon(DAY))
        book.conclude(first, "released", rows=2)
        book.conclude(book.call(noon(DAY), fields=["name"]), "upstream_timeout", rows=0)
        book.call(noon(DAY), fields=["id_no", "name"])
        other = {"department": "D-CAB", "system": "SYS-CAB-AID", "resource": "R10", "grant": "G02"}
        book.conclude(book.call(noon(DAY), **other, fields=["id_no"]), "released", rows=1)
    found = listed(tmp_path, "national-809")
    held: dict[str, dict[str, Any]] = {
        one.department: one.to_document(found.register) for one in found.released
    }
    (line,) = held["D-HCB"]["lines"]

    assert (line["fields"], line["possibly_also"]) == (["id_no", "marital_status"], ["name"])
    assert (line["calls"], line["not_concluded"], line["rows"]) == (1, 1, 2)
    assert (held["D-CAB"]["fields"], held["D-CAB"]["linking_fields"]) == (1, {})
    assert found.text.sum_clauses == ("NR-a25-02",)


def test_fields_of_several_resources_link_them() -> None:
    held = {
        ("D-A", "R1"): Held(fields={"id_no", "name"}),
        ("D-A", "R2"): Held(fields={"id_no", "income"}),
        ("D-B", "R1"): Held(fields={"id_no"}),
    }
    found = {one.department: one for one in sums(held)}

    assert list(found) == ["D-A", "D-B"], "the one with most fields first"
    assert (found["D-A"].fields, dict(found["D-A"].linking)) == (4, {"id_no": 2})
    assert dict(found["D-B"].linking) == {}
