# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from pathlib import Path

import pytest

from govshare_policy import load_register
from tests.unit.cli.conftest import Command
from tests.unit.cli.steps import Place

Make = Callable[[str], Place]
ON = ("--as-of", "2026-11-24")


@pytest.fixture
def place(govshare: Command, tmp_path: Path) -> Make:
    return lambda profile: Place(govshare, tmp_path / profile, profile)


def states(here: Place) -> dict[str, str]:
    rows = here.show("grant", "list", *ON).json["grants"]
    return {row["grant"]: row["state"] for row in rows}


def test_grants_are_listed_with_their_state(place: Make) -> None:
    here = place("hubei")
    listed = states(here)
    soon = here.show("grant", "list", "--expiring", "0", *ON).json["grants"]
    later = here.show("grant", "list", "--expiring", "500", *ON).json["grants"]

    assert (listed["G01"], listed["G07"], listed["G13"]) == ("active", "ended", "not_yet_active")
    assert (soon, {row["grant"] for row in later} >= {"G01"}) == ([], True)


def test_a_grant_is_revoked_by_the_one_who_gave_it(place: Make) -> None:
    here = place("henan-fengqiu")
    stranger = here.take("chief", "grant", "revoke", "G01", "--reason", "用途已变")
    done = here.take("head", "grant", "revoke", "G01", "--reason", "用途已变")

    assert (stranger.code, stranger.json["code"]) == (1, "not_your_step")
    assert (done.code, done.json["clauses"]) == (0, ["FQ-3.1-05"])
    assert states(here)["G01"] == "ended"


def test_a_right_is_suspended_put_right_and_restored(place: Make) -> None:
    here = place("national-809")
    reason = ("--department", "D-HCB", "--resource", "R08", "--reason", "超范围使用")
    suspended = here.take("authority", "grant", "suspend", *reason)
    during = states(here)["G01"]
    matter = suspended.json["matter"]
    codes = [
        here.take("user", "grant", "rectify", matter, "--finding", "已整改").code,
        here.take("authority", "grant", "lift", matter).code,
    ]
    again = here.take("authority", "grant", "suspend", *reason)
    ended = here.take("authority", "grant", "terminate", again.json["matter"], "--reason", "屡次")
    listed = here.show("grant", "suspensions").json["matters"]

    assert (suspended.code, during, codes) == (0, "suspended", [0, 0])
    assert ended.json["grants_ended"] == ["G01"]
    assert [row["states"]["national-809"] for row in listed] == ["lifted", "terminated"]


def test_a_consent_is_asked_for_and_given(place: Make) -> None:
    here = place("jiangxi-pingxiang")
    asked = here.take(
        *("user", "grant", "consent", "request", "--kind", "onward", "--resource", "R08"),
        *("--recipients", "O-UTL", "--from", "2026-11-23", "--to", "2027-11-22", "--written"),
    )
    given = here.take("head", "grant", "consent", "give", asked.json["matter"])
    listed = here.show("grant", "consent", "list").json["matters"]
    consent = load_register(here.directory / "data").consents[asked.json["matter"]]

    assert (asked.code, given.code) == (0, 0)
    assert (consent.recipients, consent.written) == (("O-UTL",), True)
    assert listed[0]["states"] == {"jiangxi-pingxiang": "given"}


def test_a_consent_is_declined_with_a_reason(place: Make) -> None:
    here = place("national-809")
    asked = here.take(
        *("user", "grant", "consent", "request", "--kind", "purpose_change", "--resource", "R08"),
        *("--purposes", "work_reference", "--from", "2026-11-23", "--to", "2027-11-22"),
    )
    done = here.take(
        *("head", "grant", "consent", "decline", asked.json["matter"], "--reason", "不必要")
    )

    assert (done.code, done.json["states"]) == (0, {"national-809": "declined"})


def test_where_a_text_bans_it_there_is_no_consent(place: Make) -> None:
    done = place("hubei").take(
        *("user", "grant", "consent", "request", "--kind", "onward", "--resource", "R08"),
        *("--recipients", "O-UTL", "--from", "2026-11-23", "--to", "2027-11-22"),
    )

    assert (done.code, done.json["clauses"][0]) == (1, "HU-a24-03")


def test_a_consent_without_a_period_is_bad_input(place: Make) -> None:
    done = place("hubei").take(
        *("user", "grant", "consent", "request", "--kind", "onward", "--resource", "R08"),
        *("--recipients", "O-UTL", "--from", "", "--to", "2027-11-22"),
    )

    assert done.code == 2
    assert "a consent has a period" in done.err


def test_lists_are_tables_too(place: Make) -> None:
    here = place("hubei")
    for command in (("list",), ("suspensions",), ("consent", "list")):
        done = here.show("grant", *command, "--output", "table", "--lang", "zh")
        assert (done.code, "资源" in done.out) == (0, True)
