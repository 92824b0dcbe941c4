# SPDX-License-Identifier: Apache-2.0
import csv
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.audit import trust_text
from govshare_policy.cli.report import report_app
from govshare_policy.crypto import Signer
from govshare_policy.errors import CallError, ConfigError, VerificationError
from govshare_policy.identity import legal_day
from tests.county import COUNTY
from tests.unit.report.logs import ORIGIN, diary, make_signer, noon

Run = Callable[..., dict[str, Any]]
JUNE = ("--from", "2025-06-01", "--to", "2025-06-30")
NAMED = ("--data", str(COUNTY))


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return make_signer(tmp_path_factory.mktemp("key"))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Path:
    directory = tmp_path_factory.mktemp("report")
    (directory / "trust.toml").write_text(trust_text(ORIGIN, signer.public), encoding="utf-8")
    with diary(directory / "log", signer) as book:
        for day in (date(2025, 5, 31), date(2025, 6, 1), date(2025, 6, 30), date(2025, 7, 1)):
            book.conclude(book.call(noon(day)), "released", rows=1)
            book.call(noon(day), system="SYS-HCB-WEB")
    return directory / "log"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``govshare report`` and return its JSON."""

    def run(*arguments: object) -> dict[str, Any]:
        report_app([str(one) for one in arguments], standalone_mode=False)
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return document

    return run


def test_statistics_count_the_days_asked_for(log: Path, run: Run) -> None:
    """Both days are included."""
    document = run("statistics", "--log", log, *JUNE)

    assert (document["report"], document["verified"]) == ("statistics", False)
    assert (document["calls"]["calls"], document["calls"]["allowed"]) == (4, 2)
    assert document["calls"]["availability"]["percent"] == 100.0
    assert document["departments_provided"] == [], "who provides stands in the register"


def test_with_a_trust_file_the_log_is_verified(log: Path, run: Run) -> None:
    """And the report says so."""
    document = run("statistics", "--log", log, "--trust", log.with_name("trust.toml"), *JUNE)

    assert document["verified"]
    assert [source["verified"] for source in document["logs"]] == [True]


def test_a_log_that_does_not_verify_is_no_report(log: Path, run: Run, tmp_path: Path) -> None:
    """Nothing is printed, and no file is written."""
    (tmp_path / "other.toml").write_text(
        trust_text(ORIGIN, make_signer(tmp_path).public), encoding="utf-8"
    )
    with pytest.raises(VerificationError):
        run(
            "statistics", "--log", log, "--trust", tmp_path / "other.toml", *JUNE,
            "--csv", tmp_path / "out.csv", "--html", tmp_path / "out.html",
        )  # fmt: skip
    assert not (tmp_path / "out.csv").exists()
    assert not (tmp_path / "out.html").exists()


@pytest.mark.parametrize(
    ("by", "there", "gone"),
    [
        ((), {"departments_used", "departments_provided", "resources"}, set()),
        (("--by", "department"), {"departments_used", "departments_provided"}, {"resources"}),
        (("--by", "resource"), {"resources"}, {"departments_used", "departments_provided"}),
    ],
)
def test_the_lines_are_chosen(
    by: tuple[str, ...], there: set[str], gone: set[str], log: Path, run: Run
) -> None:
    """By department, by resource, or both."""
    document = run("statistics", "--log", log, *NAMED, *JUNE, *by)

    assert there <= document.keys()
    assert gone.isdisjoint(document)


def test_a_department_reports_for_itself(log: Path, run: Run) -> None:
    """D-CAB used nothing and provided the marriage records."""
    document = run("statistics", "--log", log, *NAMED, *JUNE, "--department", "D-CAB")

    assert document["department"] == "D-CAB"
    assert document["departments_used"] == []
    assert [line["calls"] for line in document["departments_provided"]] == [4]


def test_files_are_written_beside_the_answer(log: Path, run: Run, tmp_path: Path) -> None:
    """CSV that a spreadsheet takes for UTF-8, and a page; the output stays what was asked."""
    document = run(
        "annual", "--profile", "hubei", "--year", "2025", "--log", log, *NAMED,
        "--csv", tmp_path / "out.csv", "--html", tmp_path / "out.html", "--output", "jsonl",
    )  # fmt: skip
    data = (tmp_path / "out.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfview,")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        totals = {
            row["measure"]: row["value"] for row in csv.DictReader(file) if row["view"] == "total"
        }
    assert totals["calls"] == str(document["calls"]["calls"]) == "8"
    assert (tmp_path / "out.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_an_annual_report_says_who_owes_it_by_when(log: Path, run: Run) -> None:
    """And whether it was in time; the figures are those of the year."""
    document = run(
        "annual", "--profile", "hubei", "--year", "2025", "--log", log,
    )  # fmt: skip
    assert (document["report"], document["year"], document["duties"]) == ("annual", 2025, [])
    assert document["silences"][0]["clause"] == "HU-a26-01"
    assert document["asked_by"]["availability"] == ["HU-a26-01", "HU-a26-02"]
    assert (document["from"], document["to"]) == ("2025-01-01", "2025-12-31")
    assert document["calls"]["calls"] == 8

    document = run(
        "annual", "--profile", "henan-yanjin", "--year", "2025", "--log", log,
        "--submitted", "2026-01-20",
    )  # fmt: skip
    (duty,) = document["duties"]
    assert (duty["clause"], duty["due"], duty["status"]) == ("YJ-4.2-05", "2026-01-04", "late")
    assert document["calls"]["calls"] == 0, "that text was asked nothing here"


@pytest.mark.parametrize(
    ("as_of", "status"), [("2026-01-31", "open"), ("2026-02-01", "late"), ("2025-06-15", "open")]
)
def test_an_annual_report_is_judged_on_one_day(
    as_of: str, status: str, log: Path, run: Run
) -> None:
    """Its figures, its age of data and its duties: all as of the day that was asked for."""
    document = run(
        "annual", "--profile", "henan-hebi", "--year", "2025", "--log", log, "--as-of", as_of
    )

    assert [duty["status"] for duty in document["duties"]] == [status, "no_limit"]
    assert document["as_of"] == as_of
    assert (document["later_records"] > 0) is (as_of < "2025-07-01")


@pytest.mark.parametrize(
    "asked",
    [
        ("annual", "--profile", "henan-hebi", "--year", "2025"),
        ("statistics", *JUNE),
        ("rectification", "--profile", "hubei", *NAMED, "--to", "2025-06-30"),
    ],
    ids=["annual", "statistics", "rectification"],
)
def test_without_a_day_a_report_is_judged_today(
    asked: tuple[str, ...], log: Path, run: Run
) -> None:
    """Whenever its period ended, and however long the log has been idle."""
    before = legal_day(datetime.now(UTC)).isoformat()
    document = run(*asked, "--log", log)
    after = legal_day(datetime.now(UTC)).isoformat()

    assert before <= document["as_of"] <= after
    assert document["later_records"] == 0
    if document["report"] == "annual":
        assert document["duties"][0]["status"] == "late"


def test_calls_after_the_day_are_left_out(log: Path, run: Run) -> None:
    """The report is the one that would have been made then, and says how much came later."""
    document = run("statistics", "--log", log, *JUNE, "--as-of", "2025-06-29")

    assert document["calls"]["calls"] == 2
    assert document["later_records"] == 6, "two calls and an ending on each of two days"


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("zh", "未办结事项按 2025-06-30 判断；此后的 3 条记录未计入"),
        ("en", "unfinished was judged as of 2025-06-30; 3 records of later days are left out"),
    ],
)
def test_a_table_says_as_of_when_it_was_judged(
    lang: str, said: str, log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """So does the page, in both languages."""
    common = ["--log", str(log), "--as-of", "2025-06-30", "-o", "table", "--lang", lang]
    page = str(tmp_path / "page.html")
    for asked in (
        ["statistics", *JUNE],
        ["rectification", "--profile", "hubei", *NAMED],
    ):
        report_app([*asked, *common, "--html", page], standalone_mode=False)
        assert said in " ".join(capsys.readouterr().out.split())
        assert said in Path(page).read_text("utf-8")


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("zh", ("日志未验证", "各部门使用情况", "住房和城乡建设局", "本办法没有年度报告")),
        ("en", ("log not verified", "Used, by department", "Housing", "ask for no annual report")),
    ],
)
def test_a_table_says_it_in_both_languages(
    lang: str, said: tuple[str, ...], log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For whoever reads it on a terminal."""
    arguments = ["annual", "--profile", "hubei", "--year", "2025", "--log", str(log), *NAMED]
    report_app([*arguments, "--output", "table", "--lang", lang], standalone_mode=False)
    shown = "".join(capsys.readouterr().out.split())

    for words in said:
        assert "".join(words.split()) in shown


def test_a_table_shows_the_duty(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Clause, due day and how it stands."""
    arguments = ["annual", "--profile", "henan-fengqiu", "--year", "2025", "--log", str(log)]
    for lang in ("zh", "en"):
        report_app([*arguments, "--output", "table", "--lang", lang], standalone_mode=False)
        shown = capsys.readouterr().out
        assert "FQ-4.2-05" in shown
        assert "2026-01-04" in shown


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (("--from", "2025-06-02", "--to", "2025-06-01"), CallError, "--to is earlier"),
        (("--from", "2025-06-31", "--to", "2025-07-01"), CallError, "--from takes a day"),
        (("--from", "2025-06-01", "--to", "20250630"), CallError, "--to takes a day"),
        ((*JUNE, "--department", "D-CAB"), CallError, "--data"),
        ((*JUNE, "--trust", "nowhere.toml"), ConfigError, "nowhere.toml"),
        ((*JUNE, "--as-of", "tomorrow"), CallError, "--as-of takes a day"),
    ],
)
def test_bad_input_is_said_in_one_sentence(
    arguments: tuple[str, ...], error: type[Exception], says: str, log: Path, run: Run
) -> None:
    """What to do about it, too."""
    with pytest.raises(error, match=says):
        run("statistics", "--log", log, *arguments)


def test_a_report_handed_in_after_the_day_asked_about_is_refused(log: Path, run: Run) -> None:
    """By then nothing had been handed in."""
    with pytest.raises(CallError, match="--submitted is later than --as-of"):
        run(
            "annual", "--profile", "henan-hebi", "--year", "2025", "--log", log,
            "--submitted", "2026-01-20", "--as-of", "2026-01-19",
        )  # fmt: skip
