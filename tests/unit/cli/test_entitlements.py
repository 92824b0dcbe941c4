# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.cli.__main__ import main
from tests.county import COUNTY, write_county
from tests.unit.gathered import SECOND_GRANT

ASKED = ("entitlements", "--profile", "hubei", "--department", "D-HCB")
AT = ("--at", "2025-09-22T10:00:00+08:00")


def run(capsys: pytest.CaptureFixture[str], *arguments: str, data: Path = COUNTY) -> Any:  # noqa: ANN401
    assert main([*ASKED, "--data", str(data), *AT, *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_every_resource_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """What is lawful with its terms, and for the rest what is missing, with the clause."""
    document = run(capsys)
    by_resource = {one["resource"]: one for one in document["entitlements"]}

    assert (document["department"], document["precedence"]) == ("D-HCB", "local")
    assert document["revision"].startswith("sm3:")
    assert len(by_resource) == 36
    assert by_resource["R08"]["grant"] == "G01"
    assert by_resource["R08"]["state"] == "active"
    (lawful,) = by_resource["R08"]["lawful"]
    assert lawful["systems"] == ["SYS-HCB-PRH"]
    assert lawful["purposes"] == ["data_verification"]
    assert set(lawful["fields"]) == {"id_no", "name", "marital_status"}
    assert "no_onward" in lawful["duties"]
    missing = by_resource["R12"]["missing"]
    assert (missing["outcome"], missing["clauses"][0]) == ("needs_grant", "HU-a11-02")
    assert missing["reasons"][0]["remedy_zh"]


def test_a_revoked_grant_is_told_from_an_expired_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Both ended; the note that revoking leaves says which it was."""
    row = {"grant_id": "G01", "valid_to": "2025-09-21"}
    for note, state in (("revoked 2025-09-22 REV-2025-0001", "revoked"), ("normal", "expired")):
        data = write_county(tmp_path / state, {"grants.tsv": [row | {"note": note}]})
        (one,) = run(capsys, "--resource", "R08", data=data)["entitlements"]
        assert (one["state"], one["lawful"], one["valid_to"]) == (state, [], "2025-09-21")
        assert one["missing"]["reasons"][0]["code"] == "grant_expired"


def test_jsonl_gives_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """For other programs."""
    assert main([*ASKED, "--data", str(COUNTY), *AT, "--output", "jsonl"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert len(lines) == 36
    assert json.loads(lines[0])["resource"] == "R01"


@pytest.mark.parametrize(
    ("lang", "said"),
    [("zh", ("有效", "婚姻登记信息", "无授权")), ("en", ("active", "Marriage", "no grant"))],
)
def test_a_table_shows_what_is_lawful_first(
    lang: str, said: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """For whoever reads it on a terminal."""
    assert main([*ASKED, "--data", str(COUNTY), *AT, "--output", "table", "--lang", lang]) == 0
    shown = capsys.readouterr().out

    assert all(words in shown for words in said)
    assert shown.index("R08") < shown.index("R01")


def test_an_open_resource_and_a_consent_show_in_the_table(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Any purpose is said in words, and the consent that has to be named stands by the grant."""
    consent = {
        "consent_id": "C2",
        "kind": "purpose_change",
        "resource_id": "R08",
        "provider": "D-CAB",
        "user_dept": "D-HCB",
        "recipients": "",
        "purposes": "audit",
        "written": "Y",
        "commercial": "N",
        "valid_from": "2025-01-01",
        "valid_to": "2025-12-31",
    }
    data = write_county(tmp_path, {"consents.tsv": [consent]})
    options = ["--data", str(data), *AT, "--output", "table", "--lang", "en"]
    asked = ["entitlements", "--department", "D-HCB", *options]

    assert main([*asked, "--profile", "national-809", "--resource", "R08"]) == 0
    assert "+ C2" in capsys.readouterr().out
    assert main([*asked, "--profile", "henan-fengqiu", "--resource", "R03"]) == 0
    assert "[any ·" in capsys.readouterr().out


def test_without_an_instant_it_is_now(capsys: pytest.CaptureFixture[str]) -> None:
    """The clock is read here and nowhere below."""
    assert main([*ASKED, "--data", str(COUNTY), "--resource", "R08", "--output", "json"]) == 0

    assert json.loads(capsys.readouterr().out)["at"] > "2026"


@pytest.mark.parametrize(
    "arguments", [("--at", "today"), ("--system", "SYS-NONE"), ("--resource", "R99")]
)
def test_bad_input_exits_2(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence on standard error."""
    assert main([*ASKED, "--data", str(COUNTY), *arguments]) == 2
    assert capsys.readouterr().err.startswith("govshare: ")


def test_grants_that_serve_together_are_shown_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    provided = SECOND_GRANT | {
        "grant_id": "G06P",
        "resource_id": "R03",
        "user_dept": "D-HRS",
        "systems": "SYS-HRS-JOB",
        "fields": "uscc",
        "valid_to": "2026-06-30",
    }
    data = write_county(tmp_path, {"grants.tsv": [provided]})
    asked = ["entitlements", "--department", "D-HRS", "--profile", "hubei", "--resource", "R03"]
    asked += ["--precedence", "strictest", "--data", str(data), *AT]

    assert main([*asked, "--output", "table", "--lang", "en"]) == 0
    assert "G06 + G06P" in capsys.readouterr().out
    assert main([*asked, "--output", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)["entitlements"]
    assert [(one["grant"], one["grants"]) for one in listed] == [
        ("G06", ["G06"]),
        ("G06P", ["G06P"]),
        ("", ["G06", "G06P"]),
    ]
    assert listed[-1]["valid_to"] == "2026-06-30"


@pytest.mark.parametrize(
    ("period", "note", "state"),
    [
        (("2025-01-01", "2025-09-21"), "normal", "expired"),
        (("2025-01-01", "2025-09-21"), "revoked 2025-09-22 REV-2025-0001", "revoked"),
        (("2025-09-23", "2025-12-31"), "normal", "not_yet_active"),
    ],
    ids=["expired", "revoked", "not yet active"],
)
def test_what_is_open_to_all_is_said_to_be_so_beside_a_grant_that_is_not_in_force(
    period: tuple[str, str],
    note: str,
    state: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """R03 is unconditional in Fengqiu: "expired" beside lawful fields reads as a contradiction."""
    row = SECOND_GRANT | {
        "grant_id": "G90",
        "resource_id": "R03",
        "fields": "uscc",
        "valid_from": period[0],
        "valid_to": period[1],
        "note": note,
    }
    data = write_county(tmp_path, {"grants.tsv": [row]})
    open_to_all = ("--profile", "henan-fengqiu", "--resource", "R03")
    found = run(capsys, *open_to_all, data=data)["entitlements"]
    (one,) = (one for one in found if one["grant"] == "G90")

    assert one["state"] == state
    assert one["lawful"]
    assert "open to all" in one["note"]
    assert "与该授权的状态无关" in one["note_zh"]
    for lang, said in (("zh", "无需授权"), ("en", "open to all")):
        table = [*open_to_all, "--output", "table", "--lang", lang]
        assert main([*ASKED, "--data", str(data), *AT, *table]) == 0
        assert said in capsys.readouterr().out


def test_a_grant_in_force_has_no_such_note(capsys: pytest.CaptureFixture[str]) -> None:
    for one in run(capsys)["entitlements"]:
        assert (one["note"], one["note_zh"]) == ("", ""), one["resource"]
