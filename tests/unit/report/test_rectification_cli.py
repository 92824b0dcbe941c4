# SPDX-License-Identifier: Apache-2.0
"""The commands: the list of violations, notices, disposals."""

import csv
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer

from govshare_policy.audit import trust_text
from govshare_policy.cli.disposal import disposal_app
from govshare_policy.cli.init import init
from govshare_policy.cli.rectification import rectification_app
from govshare_policy.cli.report import report_app
from govshare_policy.crypto import Signer
from govshare_policy.errors import CallError
from govshare_policy.policy import Precedence
from tests.county import COUNTY
from tests.unit.report.listed import DAY, try_all
from tests.unit.report.logs import ORIGIN, diary

TODAY = date(2026, 11, 23)
CHIEF = ("--by", "D-DATA", "--person", "xu")
Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Path:
    directory = tmp_path_factory.mktemp("report")
    (directory / "trust.toml").write_text(trust_text(ORIGIN, signer.public), encoding="utf-8")
    with diary(directory / "log", signer) as book:
        try_all(book)
    return directory / "log"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command of one of the three and return its JSON."""

    def run(app: typer.Typer, *arguments: object) -> dict[str, Any]:
        code = app([str(one) for one in arguments], standalone_mode=False)
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return document | {"exit": code}

    return run


def listing(log: Path, *more: object) -> tuple[object, ...]:
    return ("rectification", "--profile", "hubei", "--data", COUNTY, "--log", log, *more)


def test_the_list_is_a_document_a_page_and_a_table(
    log: Path, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    html, table = tmp_path / "list.html", tmp_path / "list.csv"
    trust = ("--trust", log.with_name("trust.toml"))
    document = run(report_app, *listing(log, *trust, "--html", html, "--csv", table))
    found = {one["id"]: one["findings"] for one in document["violations"]}

    assert (document["report"], document["verified"], document["profile"]) == (
        "rectification",
        True,
        "hubei",
    )
    assert [one["code"] for one in found["hu-purpose"]] == ["purpose_outside_grant"]
    assert html.read_text("utf-8").startswith("<!doctype html>")
    with table.open(encoding="utf-8-sig", newline="") as file:
        assert {row["list"] for row in csv.DictReader(file)} >= {"finding", "unseen"}

    for lang, said in (("zh", "看不到的"), ("en", "not seen")):
        report_app(
            [str(one) for one in listing(log, "-o", "table", "--lang", lang)], standalone_mode=False
        )
        assert said in capsys.readouterr().out


def test_days_and_departments_narrow_the_list(log: Path, run: Run) -> None:
    day = ("--from", DAY, "--to", DAY)
    one = run(report_app, *listing(log, *day, "--department", "D-HCB", "--as-of", "2025-12-31"))
    codes = [finding["code"] for item in one["violations"] for finding in item["findings"]]

    assert "purpose_outside_grant" in codes
    assert "system_outside_grant" not in codes
    assert (one["from"], one["to"], one["as_of"], one["department"]) == (
        "2025-09-22",
        "2025-09-22",
        "2025-12-31",
        "D-HCB",
    )


@pytest.mark.parametrize("days", [("--from", "2025-13-01"), ("--from", DAY, "--to", "2025-01-01")])
def test_days_that_are_none_are_refused(days: tuple[str, ...], log: Path, run: Run) -> None:
    with pytest.raises(CallError):
        run(report_app, *listing(log, *days))


@pytest.fixture
def county(tmp_path: Path) -> Path:
    """Return the configuration of a deployment under Hubei's text and Order 809."""
    init(tmp_path / "county", profile="hubei", precedence=Precedence.STRICTEST, today=TODAY)
    roles = tmp_path / "county" / "data" / "roles.tsv"
    with roles.open("a", encoding="utf-8") as file:
        file.write("hubei\tfunctional_department\tD-DATA\nhubei\tleading_group\tD-FIN\n")
    return tmp_path / "county" / "govshare.toml"


def at(minute: int, day: str = "2026-11-23") -> tuple[str, ...]:
    return ("--at", f"{day}T10:{minute:02}:00+08:00")


def test_a_notice_runs_from_the_command_line(county: Path, run: Run) -> None:
    """Given, answered, closed; under the local text where it knows notices."""
    here = ("--config", county)
    notice = (
        *("notice", "--department", "D-HCB", "--violation", "hu-purpose", "--resource", "R08"),
        *("--until", "2026-12-31", "--evidence", "county/calls#12", "--reason", "超出用途"),
    )
    given = run(rectification_app, *notice, *CHIEF, *at(1), *here)
    matter = given["matter"]
    reply = ("reply", matter, "--by", "D-HCB", "--person", "qian", "--reason", "已停止")
    run(rectification_app, *reply, *at(2), *here)
    log = county.parent / "audit" / "workflow" / "log"
    late = ("list", "--log", log, "--overdue", "--as-of", "2027-01-01")
    (overdue,) = run(rectification_app, *late)["proceedings"]
    run(rectification_app, "close", matter, *CHIEF, *at(3), *here)
    (done,) = run(rectification_app, "list", "--log", log)["proceedings"]

    assert (given["outcome"], given["clauses"], given["told"][0]["bodies"]) == (
        "taken",
        ["HU-a31-05"],
        "D-HCB",
    )
    assert (overdue["state"], overdue["until"], overdue["evidence"]) == (
        "replied",
        "2026-12-31",
        ["county/calls#12"],
    )
    assert (done["state"], run(rectification_app, *late)["proceedings"]) == ("closed", [])
    trust = ("--trust", county.with_name("trust-workflow.toml"))
    assert run(rectification_app, "list", "--log", log, *trust)["proceedings"] == [done]


def test_a_step_that_is_refused_exits_with_1_and_says_why(
    county: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    here = ("--config", county)
    notice = ("notice", "--department", "D-HCB", "--violation", "hu-purpose", *CHIEF)
    refused = run(rectification_app, *notice, *at(1), *here)
    told = ("-o", "table", "--lang", "zh")
    code = rectification_app(
        [str(one) for one in (*notice, *at(2), *here, *told)], standalone_mode=False
    )
    shown = capsys.readouterr().out

    assert (refused["exit"], refused["code"], code) == (1, "need_missing", 1)
    assert "until, reason" in shown


def test_what_is_not_mended_is_reported_upward(county: Path, run: Run) -> None:
    here = ("--config", county)
    notice = (
        *("notice", "--department", "D-HCB", "--violation", "hu-purpose"),
        *("--until", "2026-11-24", "--reason", "超出用途", *CHIEF),
    )
    matter = run(rectification_app, *notice, *at(1), *here)["matter"]
    up = ("escalate", matter, "--step", "report", *CHIEF)
    reported = run(rectification_app, *up, *at(1, "2026-11-25"), *here)

    assert (reported["state"], reported["told"][0]["bodies"]) == ("reported", "D-FIN")


def test_a_disposal_is_taken_under_the_text_that_knows_it(county: Path, run: Run) -> None:
    """Hubei's text says nothing of disposal, Order 809 does."""
    here = ("--config", county)
    require = ("require", "G07", "--way", "destroyed", "--until", "2026-12-31")
    asked = run(disposal_app, *require, "--by", "D-HEC", "--person", "yu", *at(1), *here)
    state = ("state", "G07", "--way", "destroyed", "--by", "D-EDU", "--person", "gao")
    stated = run(disposal_app, *state, *at(2), *here)
    log = county.parent / "audit" / "workflow" / "log"
    (one,) = run(disposal_app, "list", "--log", log)["proceedings"]

    assert (asked["state"], stated["state"], one["profile"]) == (
        "required",
        "disposed",
        "national-809",
    )
    assert run(disposal_app, "list", "--log", log, "--overdue")["proceedings"] == []


BAD = {
    "a way that is no code": (disposal_app, ("state", "G07", "--way", "Burnt down")),
    "evidence that is a sentence": (
        rectification_app,
        ("notice", "--department", "D-HCB", "--violation", "x", "--evidence", "张三 说的"),
    ),
    "a text that is not asked": (
        rectification_app,
        ("close", "REC-2026-0001", "--profile", "henan-hebi"),
    ),
}


@pytest.mark.parametrize(("app", "command"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(
    app: typer.Typer, command: tuple[str, ...], county: Path, run: Run
) -> None:
    with pytest.raises(CallError):
        run(app, *command, *CHIEF, "--config", county)
