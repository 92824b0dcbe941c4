# SPDX-License-Identifier: Apache-2.0
"""The list of violations over the sample county, and what the housing bureau tries in it."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from govshare_policy.deadline import Calendar
from govshare_policy.report import AsOf, Span, open_sources
from govshare_policy.report.listing import list_violations
from govshare_policy.report.rectification import Rectification
from tests.county import write_county
from tests.unit.report.logs import Diary, noon

YEAR = Span.of_year(2025)
DAY = date(2025, 9, 22)
PERSON = "51010119900101123X"
# What the housing bureau may try beside the plain call, and the reason that it is refused for.
TRIED: Mapping[str, tuple[dict[str, Any], str]] = {
    "purpose": ({"purpose": "work_reference"}, "purpose_outside_grant"),
    "system": ({"system": "SYS-HCB-WEB"}, "system_outside_grant"),
    "no grant": ({"resource": "R02", "fields": ["id_no"], "grant": ""}, "grant_missing"),
    "published": ({"action": "onward", "recipient": {"kind": "public"}}, "onward_to_third_party"),
}
ONE_AFTER_ANOTHER = [DAY + timedelta(days=number) for number in range(len(TRIED))]


def listed(
    directory: Path,
    profile: str,
    *,
    span: Span = YEAR,
    data: Path | None = None,
    as_of: date | None = None,
    today: date = DAY,
    **more: Any,  # noqa: ANN401
) -> Rectification:
    logs = [path for path in (directory / "log", directory / "steps") if path.exists()]
    return list_violations(
        open_sources(logs),
        profile=profile,
        data=data or write_county(directory / "data"),
        span=span,
        as_of=AsOf(today=today, stated=as_of),
        calendar=Calendar(),
        **more,
    )


def codes(found: Rectification, *, grade: str = "attempt") -> dict[str, tuple[str, int]]:
    return {
        one.code: (one.violation, one.count)
        for one in found.findings
        if one.grade.value == grade and one.system
    }


def try_all(book: Diary) -> None:
    for day, (change, _) in zip(ONE_AFTER_ANOTHER, TRIED.values(), strict=True):
        book.call(noon(day), operator=PERSON, **change)
