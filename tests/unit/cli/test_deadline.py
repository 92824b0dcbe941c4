# SPDX-License-Identifier: Apache-2.0
"""The command line of due dates: what it prints, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from govshare_policy.cli.deadline import deadline_command
from govshare_policy.errors import CallError, FactError, GovshareError, PolicyError

app = typer.Typer(rich_markup_mode=None)
app.command("deadline")(deadline_command)
HUBEI = ("--profile", "hubei", "--kind", "application")
EXAMPLE = (*HUBEI, "--at", "submitted=2025-09-22", "--at", "received=2025-09-25")


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def document(*arguments: str) -> Any:  # noqa: ANN401  whatever JSON holds
    return json.loads(printed(*arguments, "--output", "json"))


def test_the_example_of_the_interface_gives_three_stages() -> None:
    found = document(*EXAMPLE, "--share-type", "conditional")

    assert [
        (row["stage"], row["due"], row["status"], row["clause"]) for row in found["stages"]
    ] == [
        ("form_check", "2025-09-25", "on_time", "HU-a19-01"),
        ("provider_answer", "2025-10-15", "open", "HU-a20-01"),
        ("notice", None, "open", "HU-a20-03"),
    ]


def test_a_stage_says_who_acts_and_what_it_rests_on() -> None:
    found = document(*EXAMPLE)

    assert {key: found[key] for key in found if key != "stages"} == {
        "profile": "hubei",
        "kind": "application",
        "share_type": "conditional",
        "parameter_controlled": False,
    }
    assert found["stages"][1] == {
        "stage": "provider_answer",
        "due": "2025-10-15",
        "status": "open",
        "clause": "HU-a20-01",
        "clauses": ["HU-a20-01", "HU-a22-01"],
        "actor": "provider",
        "recipient": "platform_operator",
        "limit": {"working_days": 10},
        "extended_by": 0,
        "counted_from": "2025-09-25",
        "provisional": False,
    }


def test_late_is_an_answer_like_any_other() -> None:
    """It exits 0, as `printed` checks."""
    found = document(*EXAMPLE, "--as-of", "2025-10-16")

    assert [row["status"] for row in found["stages"]] == ["on_time", "late", "open"]


def test_an_extension_moves_the_due_day_only_where_the_text_has_one() -> None:
    at = ("--at", "submitted=2025-09-22", "--at", "received=2025-09-22", "--extension", "10")
    due = {
        profile: document("--profile", profile, "--kind", "application", *at)["stages"][0]["due"]
        for profile in ("henan-fengqiu", "jiangxi-pingxiang", "national-809")
    }

    assert due == {
        "henan-fengqiu": "2025-09-28",
        "jiangxi-pingxiang": "2025-10-11",
        "national-809": "2025-10-24",
    }


def test_controlled_parameters_turn_to_the_provider() -> None:
    plain = document(*EXAMPLE, "--share-type", "unconditional")
    controlled = document(*EXAMPLE, "--share-type", "unconditional", "--parameter-controlled")

    assert [row["stage"] for row in plain["stages"]] == ["form_check", "direct_authorization"]
    assert [row["stage"] for row in controlled["stages"]] == [
        "form_check",
        "provider_answer",
        "notice",
    ]


def test_a_direct_authorisation_is_unconditional_unless_said_otherwise() -> None:
    found = document("--profile", "hubei", "--kind", "direct_authorization")

    assert found["share_type"] == "unconditional"
    assert found["stages"][0]["clause"] == "HU-a21-01"


def test_the_year_reported_on_sets_the_day_of_the_report() -> None:
    report = ("--kind", "annual_report", "--at", "year=2025", "--at", "submitted=2026-01-20")
    found = {
        profile: document("--profile", profile, *report)["stages"]
        for profile in ("henan-fengqiu", "henan-hebi", "hubei")
    }

    assert [(rows[0]["due"], rows[0]["status"]) for rows in found.values()] == [
        ("2026-01-04", "late"),
        ("2026-01-31", "on_time"),
        (None, "no_limit"),
    ]


def test_a_calendar_file_makes_the_next_year_final(tmp_path: Path) -> None:
    path = tmp_path / "calendar.tsv"
    path.write_text("date\tkind\n2027-01-01\tholiday\n", encoding="utf-8")
    asked = ("--profile", "national-809", "--kind", "correction", "--at", "raised=2026-12-25")
    without, with_file = (
        document(*asked, *more)["stages"][0] for more in ((), ("--calendar", str(path)))
    )

    assert (without["due"], without["provisional"]) == ("2027-01-08", True)
    assert (with_file["due"], with_file["provisional"]) == ("2027-01-11", False)


def test_jsonl_is_one_line() -> None:
    assert printed(*EXAMPLE, "--output", "jsonl").count("\n") == 1


def test_off_a_terminal_it_prints_json() -> None:
    assert json.loads(printed(*EXAMPLE)) == document(*EXAMPLE)


def test_the_table_speaks_both_languages() -> None:
    asked = (*EXAMPLE, "--as-of", "2025-10-16", "--output", "table", "--lang")
    english, chinese = printed(*asked, "en"), printed(*asked, "zh")

    for word in ("provider's answer", "platform operator", "2025-10-15", "late", "HU-a20-01"):
        assert word in english
    for word in ("提供部门答复", "平台管理单位", "2025-10-15", "逾期", "HU-a20-01"):
        assert word in chinese


def test_the_table_says_that_a_day_is_provisional() -> None:
    asked = (*HUBEI, "--at", "received=2026-12-25", "--output", "table", "--lang")

    assert "2027-01-08 (provisional: holidays not published)" in printed(*asked, "en")
    assert "2027-01-08（暂定：放假安排未公布）" in printed(*asked, "zh")


def test_the_table_shows_a_kind_without_a_rule() -> None:
    shown = printed(
        *("--profile", "hubei", "--kind", "annual_report", "--output", "table", "--lang", "en")
    )

    assert shown.split("\n")[1].split() == ["annual", "report", "–", "–", "no", "limit", "–"]


REFUSED: dict[str, tuple[tuple[str, ...], type[GovshareError], str]] = {
    "an unknown key": (("--at", "seen=2025-09-22"), CallError, "unknown key"),
    "a key in capitals": (("--at", "Submitted=2025-09-22"), CallError, "unknown key"),
    "no date": (("--at", "submitted"), CallError, "takes a key and a date"),
    "an empty date": (("--at", "submitted="), CallError, "--at submitted takes a date"),
    "a day without its zero": (("--at", "submitted=2025-9-22"), CallError, "takes a date"),
    "a week": (("--at", "submitted=2025-W39-1"), CallError, "takes a date"),
    "an instant": (("--at", "submitted=2025-09-22T10:00:00"), CallError, "takes a date"),
    "digits that are not ASCII": (("--at", "submitted=２０２５-09-22"), CallError, "takes a date"),
    "no such day": (("--at", "submitted=2025-02-30"), CallError, "not in the calendar"),
    "too far ahead": (("--at", "submitted=9999-12-31"), CallError, "from 2000-01-01 to"),
    "a key twice": (
        ("--at", "submitted=2025-09-22", "--at", "submitted=2025-09-22"),
        CallError,
        "names `submitted` twice",
    ),
    "the year twice": (("--at", "year=2025", "--at", "year=2026"), CallError, "`year` twice"),
    "a year of two digits": (("--at", "year=25"), CallError, "takes a year"),
    "a date for a year": (("--at", "year=2025-01-01"), CallError, "takes a year"),
    "a year too far ahead": (("--at", "year=2199"), CallError, "takes a year from 2000 to 2198"),
    "another day to judge on": (("--as-of", "today"), CallError, "--as-of takes a date"),
    "an answer before receipt": (
        ("--at", "received=2025-09-22", "--at", "answered=2025-09-19"),
        CallError,
        "`answered` is earlier than `received`",
    ),
    "a calendar that is not there": (("--calendar", "none.tsv"), FactError, "cannot be read"),
}


@pytest.mark.parametrize(("arguments", "error", "fault"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_refused_in_a_sentence(
    arguments: tuple[str, ...], error: type[GovshareError], fault: str
) -> None:
    with pytest.raises(error) as caught:
        CliRunner().invoke(app, (*HUBEI, *arguments), catch_exceptions=False)

    assert fault in str(caught.value)


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(PolicyError, match="unknown profile"):
        CliRunner().invoke(app, ("--profile", "hunan", "--kind", "supply"), catch_exceptions=False)


USAGE = {
    "a negative extension": ("--extension", "-1"),
    "half a day": ("--extension", "1.5"),
    "another share type": ("--share-type", "controlled"),
    "another option": ("--now",),
}


@pytest.mark.parametrize("arguments", USAGE.values(), ids=USAGE)
def test_bad_usage_exits_with_two(arguments: tuple[str, ...]) -> None:
    assert CliRunner().invoke(app, (*HUBEI, *arguments)).exit_code == 2


def test_another_kind_is_bad_usage() -> None:
    arguments = ("--profile", "hubei", "--kind", "report")

    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_what_is_long_past_is_open_until_a_day_to_judge_it_on_is_named() -> None:
    """No clock is read."""
    asked = (*HUBEI, "--at", "submitted=2010-03-01")

    assert document(*asked)["stages"][0]["status"] == "open"
    assert document(*asked, "--as-of", "2010-03-05")["stages"][0]["status"] == "late"
