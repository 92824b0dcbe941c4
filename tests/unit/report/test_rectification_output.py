# SPDX-License-Identifier: Apache-2.0
"""The list as document, page and CSV: every finding cites its text and can be looked up."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from govshare_policy.audit import read_records
from govshare_policy.crypto import Signer
from govshare_policy.deadline import Calendar
from govshare_policy.errors import CallError
from govshare_policy.policy import load_pack, profiles
from govshare_policy.report import AsOf, open_sources
from govshare_policy.report.listing import list_violations
from govshare_policy.report.rectification_csv import COLUMNS, rectification_csv
from govshare_policy.report.rectification_page import rectification_page
from tests.county import Change, write_county
from tests.unit.report.listed import (
    DAY,
    PERSON,
    TRIED,
    YEAR,
    listed,
    try_all,
)
from tests.unit.report.logs import ORIGIN, diary, noon, trust_in
from tests.unit.report.test_page import HOSTILE, Outline

CALLS = st.lists(
    st.tuples(
        st.sampled_from([*TRIED, "plain"]),
        st.sampled_from(["", "released", "upstream_error", "no_such_record"]),
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("profile", profiles())
@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(calls=CALLS)
def test_every_finding_cites_its_own_text_and_can_be_looked_up(
    profile: str,
    calls: list[tuple[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
    signer: Signer,
) -> None:
    """Nothing is listed twice, nobody is named, and the evidence is there."""
    here = tmp_path_factory.mktemp("log")
    with diary(here / "log", signer, profile=profile) as book:
        for number, (name, status) in enumerate(calls):
            change = TRIED[name][0] if name in TRIED else {}
            answer = book.call(noon(DAY + timedelta(days=number)), operator=PERSON, **change)
            if status and answer.decision.effect.value == "allow":
                book.conclude(answer, status, rows=1)
    found = listed(here, profile)
    records = [json.loads(data) for _, data in read_records(here / "log")]
    refused = [r for r in records if r["phase"] == "decision" and r["outcome"] != "allow"]
    clauses = load_pack(profile).clauses
    written = json.dumps(found.to_document(), ensure_ascii=False)

    attempts = [one for one in found.findings if one.grade.value == "attempt"]
    if found.text.violations:
        assert sum(one.count for one in attempts) == len(refused)
    if found.text.incidents:
        assert sum(one.seen.count for one in found.occurrences) == len(refused)
    for one in found.findings:
        assert set(one.clauses) <= set(clauses)
        assert set(found.text.violation(one.violation).clauses) <= set(one.clauses)  # type: ignore[union-attr]
        for record in looked_up(one.evidence[0].place, records):
            assert record["phase"] in ("decision", "outcome")
    assert PERSON not in written + rectification_csv(found)
    assert PERSON not in rectification_page(found, chinese=True)


def looked_up(place: str, records: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    log, mark, index = place.rpartition("#")
    if mark:
        assert log == ORIGIN
        yield records[int(index)]


@pytest.mark.parametrize("profile", profiles())
def test_the_page_is_whole_in_both_languages(profile: str, tmp_path: Path, signer: Signer) -> None:
    """Every item, what of it is not seen, and nothing from elsewhere."""
    with diary(tmp_path / "log", signer, profile=profile) as book:
        try_all(book)
        book.conclude(book.call(noon(DAY + timedelta(days=9))), "released", rows=1)
    verified = list_violations(
        open_sources([tmp_path / "log"], [trust_in(signer)]),
        profile=profile,
        data=write_county(tmp_path / "data"),
        span=YEAR,
        as_of=AsOf(today=YEAR.last),
        calendar=Calendar(),
    )
    shown = rectification_page(verified, chinese=True)
    outline = Outline()
    outline.feed(shown)
    seen = "".join(outline.seen)

    assert outline.open == []
    assert not outline.tags & {"script", "link", "img", "iframe"}
    for violation in verified.text.violations:
        assert violation.text_zh in seen
        assert violation.unseen_en in seen
    for one in verified.findings:
        assert all(evidence.place in seen for evidence in one.evidence)
    assert "日志已验证" in seen
    assert ("Released in sum" in seen) is (profile == "national-809")


def test_a_hostile_name_stays_text(tmp_path: Path, signer: Signer) -> None:
    """Names come from registers of others."""
    change: Change = {"departments.tsv": [{"dept_id": "D-HCB", "name_zh": HOSTILE}]}
    with diary(tmp_path / "log", signer) as book:
        try_all(book)
    data = write_county(tmp_path / "data", change)
    shown = rectification_page(listed(tmp_path, "hubei", data=data), chinese=False)

    assert "<script" not in shown


def test_the_csv_has_a_line_for_everything_and_no_formula(tmp_path: Path, signer: Signer) -> None:
    with diary(tmp_path / "log", signer, profile="jiangxi-pingxiang") as book:
        try_all(book)
    found = listed(tmp_path, "jiangxi-pingxiang")
    hostile = replace(found.findings[0], resource="=1+1")
    text = rectification_csv(replace(found, findings=(hostile, *found.findings[1:])))
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    kinds = Counter(row["list"] for row in rows)

    assert tuple(rows[0]) == COLUMNS
    assert kinds["finding"] == len(found.findings)
    assert kinds["incident"] == len(found.occurrences)
    assert kinds["unseen"] == len(found.text.violations)
    assert not re.search(r"(?m)(^|,)[=+@-]", text)


def test_one_department_sees_what_it_answers_for(tmp_path: Path, signer: Signer) -> None:
    with diary(tmp_path / "log", signer) as book:
        try_all(book)
    found = listed(tmp_path, "hubei")
    own = found.about("D-CAB")

    assert {one.department for one in own.findings} == {"D-CAB"}
    assert len(own.findings) < len(found.findings)
    with pytest.raises(CallError, match=r"not in `departments\.tsv`"):
        found.about("D-NONE")
