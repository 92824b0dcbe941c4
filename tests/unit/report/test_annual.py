# SPDX-License-Identifier: Apache-2.0
from datetime import date
from typing import NamedTuple

import pytest

from govshare_policy.deadline import Kind, Status, load_clocks
from govshare_policy.errors import PolicyError
from govshare_policy.policy import load_pack, profiles
from govshare_policy.report import Figure, load_annual, load_asks
from govshare_policy.report.asks import parse_asks


class Owed(NamedTuple):
    """A report as the text has it."""

    clause: str
    to_zh: str
    due: date | None


# From the texts: article 4.2 of both county texts, 20 of Pingxiang and Hebi, 38 of Order 809.
OWED: dict[str, list[Owed]] = {
    "henan-fengqiu": [
        Owed("FQ-4.2-05", "县电子政务（政务大数据）领导小组办公室", date(2026, 1, 4))
    ],
    "henan-yanjin": [Owed("YJ-4.2-05", "县政务服务和大数据管理局", date(2026, 1, 4))],
    "jiangxi-pingxiang": [Owed("PX-a20-02", "省发改委", date(2026, 1, 31))],
    "henan-hebi": [
        Owed("HB-a20-01", "市智慧城市管理办公室", date(2026, 1, 31)),
        Owed("HB-a20-02", "市政府", None),
    ],
    "hubei": [],
    "national-809": [Owed("NR-a38-02", "本级人民政府", None)],
}


@pytest.mark.parametrize("profile", OWED)
def test_each_text_says_who_reports_to_whom_by_when(profile: str) -> None:
    """Due days come from the clocks of the text; "before 5 January" is the 4th."""
    annual = load_annual(profile, 2025)

    assert [Owed(due.duty.clause, due.duty.to_zh, due.due) for due in annual.dues] == OWED[profile]


@pytest.mark.parametrize(
    ("profile", "statuses"),
    [
        ("henan-fengqiu", [Status.LATE]),
        ("henan-yanjin", [Status.LATE]),
        ("jiangxi-pingxiang", [Status.ON_TIME]),
        ("henan-hebi", [Status.ON_TIME, Status.NO_LIMIT]),
        ("hubei", []),
        ("national-809", [Status.NO_LIMIT]),
    ],
)
def test_a_report_of_20_january_is_late_where_the_text_wants_it_before_the_5th(
    profile: str, statuses: list[Status]
) -> None:
    """Scenario S66."""
    annual = load_annual(profile, 2025, submitted=date(2026, 1, 20))

    assert [due.status for due in annual.dues] == statuses


@pytest.mark.parametrize(
    ("as_of", "status"),
    [(None, Status.OPEN), (date(2026, 1, 4), Status.OPEN), (date(2026, 1, 5), Status.LATE)],
)
def test_a_report_not_handed_in_is_judged_on_a_stated_day(
    as_of: date | None, status: Status
) -> None:
    """No clock is read."""
    (due,) = load_annual("henan-fengqiu", 2025, as_of=as_of).dues

    assert due.status is status


@pytest.mark.parametrize("profile", ["hubei", "jiangxi-pingxiang"])
def test_a_text_that_asks_for_no_report_says_so(profile: str) -> None:
    """Hubei of nobody, Pingxiang of no department; with the clause to look it up."""
    silences = load_asks(profile).silences

    assert silences
    assert all(one.clause in load_pack(profile).clauses for one in silences)


@pytest.mark.parametrize("profile", profiles())
def test_every_clock_of_an_annual_report_has_its_duty(profile: str) -> None:
    """Two files speak of one report, under one clause; neither knows one more."""
    clocks = {
        clock.clauses[0] for clock in load_clocks(profile) if clock.kind is Kind.ANNUAL_REPORT
    }

    assert clocks <= {duty.clause for duty in load_asks(profile).duties}


def test_only_hubei_names_its_figures_and_all_three_are_there() -> None:
    """Authorisation handling, data calls, data availability (HU-a26-01)."""
    figures = load_asks("hubei").figures

    assert {figure for figure, cited in figures.items() if "HU-a26-01" in cited} == {
        Figure.AUTHORISATION,
        Figure.CALLS,
        Figure.AVAILABILITY,
    }


DUTY = """
[[duty]]
clause = "A"
from_zh = "甲"
from_en = "a"
to_zh = "乙"
to_en = "b"
what_zh = "丙"
what_en = "c"
"""
BROKEN = {
    "no TOML": ("[", "report.toml: "),
    "nothing": ("", "neither who reports nor that nobody does"),
    "an unknown key": (f"x = 1\n{DUTY}", "unknown key `x`"),
    "a duty that is no list": ("duty = 1", "`duty` is not a list"),
    "a duty that is no table": ("duty = [1]", "duty 1: has the keys"),
    "a key missing": (DUTY.replace('to_en = "b"\n', ""), "duty 1: has the keys"),
    "a key more": (f"{DUTY}by = 1\n", "duty 1: has the keys"),
    "an empty text": (DUTY.replace('"b"', '""'), "duty 1 key `to_en`: not a text"),
    "a number for a text": (DUTY.replace('"b"', "1"), "duty 1 key `to_en`: not a text"),
    "an unknown clause": (DUTY.replace('"A"', '"B"'), "duty 1: a clause is not in"),
    "an unknown clause in a silence": (
        '[[silence]]\nclause = "B"\nzh = "a"\nen = "b"\n',
        "silence 1: a clause is not in",
    ),
    "figures that are no table": (f"figures = 1\n{DUTY}", r"\[figures\] is a table"),
    "an unknown figure": (f'{DUTY}[figures]\nmoney = ["A"]\n', "unknown figure `money`"),
    "a figure nobody asks for": (f"{DUTY}[figures]\ncalls = []\n", "`calls` is a list"),
    "an unknown clause for a figure": (f'{DUTY}[figures]\ncalls = ["B"]\n', "`calls`: a clause"),
    "a clause that is no text": (f"{DUTY}[figures]\ncalls = [1]\n", "`calls`: a clause"),
}


@pytest.mark.parametrize(("text", "says"), BROKEN.values(), ids=BROKEN)
def test_a_wrong_file_is_refused_with_table_and_key(text: str, says: str) -> None:
    """The policy author has to find the place."""
    with pytest.raises(PolicyError, match=says):
        parse_asks(text.encode(), clauses={"A"})


def test_a_file_that_is_no_text_is_refused() -> None:
    """TOML is UTF-8."""
    with pytest.raises(PolicyError, match="not valid UTF-8 at byte 0"):
        parse_asks(b"\xff", clauses={"A"})


def test_a_pack_without_the_file_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    """And one whose file is wrong is named."""
    from shutil import copytree  # noqa: PLC0415  only here

    from govshare_policy.policy import packs_directory  # noqa: PLC0415  only here

    packs = copytree(packs_directory(), tmp_path_factory.mktemp("packs") / "packs")
    (packs / "hubei" / "report.toml").write_text("x = 1", encoding="utf-8")
    with pytest.raises(PolicyError, match=r"hubei/report\.toml: unknown key"):
        load_asks("hubei", packs=packs)

    (packs / "hubei" / "report.toml").unlink()
    with pytest.raises(PolicyError, match=r"hubei/report\.toml: cannot be read"):
        load_asks("hubei", packs=packs)
