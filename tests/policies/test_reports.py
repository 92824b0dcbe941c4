# SPDX-License-Identifier: Apache-2.0
"""Which clauses want which figures, text by text, and that the age of data is one of them."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.deadline import Calendar
from govshare_policy.policy import profiles
from govshare_policy.report import AsOf, Span, gather, load_asks, open_sources, views
from govshare_policy.report.views import statistics_document
from tests.unit.report.logs import county, diary, make_signer, noon

COUNTY_TEXT: Mapping[str, tuple[str, ...]] = {
    "calls": ("4.2-03", "1.4-01"),
    "used": ("4.2-06", "4.2-04"),
    "provided": ("4.2-06", "4.2-04"),
    "availability": ("3.1-06",),
    "corrections": ("3.1-02", "4.1-02"),
    "freshness": ("3.1-17",),
    "silent_systems": ("2-04",),
}
FIGURES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "henan-fengqiu": {key: tuple(f"FQ-{c}" for c in cited) for key, cited in COUNTY_TEXT.items()},
    "henan-yanjin": {key: tuple(f"YJ-{c}" for c in cited) for key, cited in COUNTY_TEXT.items()},
    "jiangxi-pingxiang": {
        "calls": ("PX-a20-01", "PX-a04-06"),
        "used": ("PX-a20-01", "PX-a21-01"),
        "provided": ("PX-a20-01", "PX-a21-01"),
        "availability": ("PX-a15-01",),
        "corrections": ("PX-a15-01",),
        "freshness": ("PX-a14-01",),
        "silent_systems": ("PX-a08-01",),
    },
    "henan-hebi": {
        "calls": ("HB-a19-01",),
        "used": ("HB-a19-01", "HB-a24-01"),
        "provided": ("HB-a19-01", "HB-a24-01"),
        "availability": ("HB-a17-01",),
        "corrections": ("HB-a17-01", "HB-a13-01"),
        "freshness": ("HB-a14-01",),
    },
    "hubei": {
        "calls": ("HU-a26-01",),
        "used": ("HU-a28-01",),
        "provided": ("HU-a28-01",),
        "authorisation": ("HU-a26-01", "HU-a26-02"),
        "availability": ("HU-a26-01", "HU-a26-02"),
        "corrections": ("HU-a17-02",),
        "freshness": ("HU-a17-01",),
    },
    "national-809": {
        "calls": ("NR-a38-02",),
        "used": ("NR-a38-02", "NR-a38-01"),
        "provided": ("NR-a38-02", "NR-a38-01"),
        "authorisation": ("NR-a38-02",),
        "availability": ("NR-a38-02",),
        "corrections": ("NR-a38-02", "NR-a18-01"),
        "freshness": ("NR-a17-01",),
    },
}
SILENT = {"jiangxi-pingxiang": ["PX-a20-02"], "hubei": ["HU-a26-01", "HU-a26-02"]}


@pytest.mark.parametrize("profile", profiles())
def test_every_text_wants_the_figures_it_says(profile: str) -> None:
    asks = load_asks(profile)

    assert {figure.value: tuple(cited) for figure, cited in asks.figures.items()} == FIGURES[
        profile
    ]
    assert [silence.clause for silence in asks.silences] == SILENT.get(profile, [])


def test_the_age_of_data_is_counted_from_the_day_that_the_catalogue_states(tmp_path: Path) -> None:
    last = date(2025, 6, 30)
    with diary(tmp_path / "log", make_signer(tmp_path)) as book:
        book.call(noon(last))
    figures = gather(
        open_sources([tmp_path / "log"]),
        Span(first=date(2025, 6, 1), last=last),
        as_of=AsOf(today=last),
        register=county(),
        calendar=Calendar(),
    )
    rows: Any = statistics_document(figures, views(figures))["resources"]
    stated = {entry.id: entry.more.get("updated_on", "") for entry in county().resources.values()}

    assert any(row["updated_on"] for row in rows)
    for row in rows:
        updated_on = stated[row["id"]]
        days = (last - date.fromisoformat(updated_on)).days if updated_on else None
        assert (row["updated_on"], row["age_days"]) == (updated_on, days)
