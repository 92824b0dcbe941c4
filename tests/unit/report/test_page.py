# SPDX-License-Identifier: Apache-2.0
import csv
import io
import json
import re
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.crypto import Signer
from govshare_policy.deadline import Calendar
from govshare_policy.policy import profiles
from govshare_policy.register import load_register
from govshare_policy.report import (
    AsOf,
    Figures,
    Span,
    csv_text,
    gather,
    load_annual,
    open_sources,
    page,
    statistics_document,
    views,
)
from govshare_policy.report.csvfile import COLUMNS
from govshare_policy.report.markup import Html, both, columns, table, text
from govshare_policy.report.words import OUTCOMES, Words
from tests.unit.report.logs import county, diary, noon, trust_in
from tests.unit.workflow.town import CYCLES, Town

YEAR = Span.of_year(2025)
NOW = AsOf(today=YEAR.last)
VOID = {"meta", "input", "rect", "br"}
HOSTILE = "<script>alert(1)</script>&\"'"


class Outline(HTMLParser):
    """Checks that tags nest, and keeps what a reader would see and a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "title"):
            self.seen.append(data)


def outline(html: str) -> Outline:
    parsed = Outline()
    parsed.feed(html)
    parsed.close()
    assert parsed.open == []
    return parsed


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Figures:
    directory = tmp_path_factory.mktemp("page")
    with diary(directory / "log", signer) as book:
        for day in range(200):
            answer = book.call(noon(date(2025, 1, 1)) + timedelta(days=day))
            book.conclude(answer, "upstream_timeout" if day % 10 == 0 else "released", rows=1)
            if day % 3 == 0:
                book.call(book.clock["now"], system="SYS-HCB-WEB")
                book.call(book.clock["now"], resource="R99")
                book.call(book.clock["now"], department="D-NONE")
    town = Town(directory / "town", signer, "hubei")
    town.run(CYCLES["hubei"])
    trusts = [trust_in(signer), trust_in(signer, "audit.example/workflow")]
    sources = open_sources([directory / "log", town.log], trusts)
    return gather(
        sources,
        YEAR,
        as_of=NOW,
        register=load_register(town.data),
        calendar=Calendar(),
    )


@pytest.mark.parametrize("profile", [*profiles(), ""])
@pytest.mark.parametrize("chinese", [True, False])
def test_a_page_needs_nothing_but_itself(profile: str, chinese: bool, figures: Figures) -> None:  # noqa: FBT001
    """No script, no picture, no font, no address from elsewhere; and the tags nest."""
    annual = load_annual(profile, 2025) if profile else None
    html = page(figures, views(figures), annual, chinese=chinese)
    found = outline(html)

    assert not found.tags & {"script", "img", "link", "iframe", "object", "a", "image", "use"}
    assert not found.attributes & {"src", "href", "onclick", "onload", "srcset", "action"}
    assert not re.search(r"url\(|@import|https?:|//[a-z]", html)
    assert "default-src 'none'" in html


def test_a_page_shows_the_figures_of_the_report(figures: Figures) -> None:
    """What JSON says is what the page shows."""
    lines = views(figures)
    document: dict[str, Any] = statistics_document(figures, lines)
    seen = outline(page(figures, lines, load_annual("hubei", 2025), chinese=True)).seen

    assert f"{document['calls']['calls']:,}" in seen
    assert f"{document['calls']['availability']['percent']:.2f}%" in seen
    assert "日志已验证" in seen
    assert "log verified" in seen
    assert "规范性检查" in seen
    assert "HU-a26-01" in seen
    assert "婚姻登记信息" in seen
    assert document["logs"][0]["root"] in seen
    for clause in document["clauses"]:
        assert clause["clause"] in seen


def test_an_id_never_breaks_at_its_hyphen(figures: Figures) -> None:
    """It stands behind the name; where a narrow window breaks the line, it stays whole."""
    html = page(figures, views(figures), None, chinese=False)

    assert '<small class="id">D-HCB</small>' in html
    assert re.search(r"small\.id \{[^}]*white-space:nowrap", html)


def test_both_languages_are_on_the_page_and_one_shows_first(figures: Figures) -> None:
    """Every Chinese piece stands beside its English one; a switch without a script chooses."""
    lines = views(figures)
    for chinese, first in ((True, "zh"), (False, "en")):
        html = page(figures, lines, None, chinese=chinese)
        assert html.count('<span lang="zh">') == html.count('<span lang="en">') > 0
        assert f'<html lang="{first}">' in html
        assert re.search(rf'id="{first}" checked', html)


def test_an_unverified_report_says_so(tmp_path: Path, signer: Signer) -> None:
    """In both languages, and in red."""
    with diary(tmp_path / "log", signer):
        pass
    bare = gather(open_sources([tmp_path / "log"]), YEAR, as_of=NOW, calendar=Calendar())
    html = page(bare, views(bare), None, chinese=True)

    assert 'class="badge no"' in html
    assert "log not verified" in html
    assert 'class="badge yes"' not in html


def test_a_departments_page_names_it(figures: Figures) -> None:
    """The report of one department is not taken for that of all."""
    about = figures.about("D-CAB")
    seen = outline(page(about, views(about), None, chinese=True)).seen

    assert "部门：民政局" in seen


def test_hostile_ids_are_shown_and_do_nothing(tmp_path: Path, signer: Signer) -> None:
    """A log of somebody else may hold anything."""
    record = {
        "phase": "decision",
        "id": "x",
        "t": "2025-06-02T02:00:00.000000Z",
        "call": {"resource": HOSTILE},
        "department": "=HYPERLINK(1)",
        "system": HOSTILE,
        "outcome": "allow",
        "clauses": [HOSTILE],
        "policy": {"profile": "hubei"},
        "texts": [],
    }
    with diary(tmp_path / "log", signer) as book:
        book.append(record)
    figures = gather(open_sources([tmp_path / "log"]), YEAR, as_of=NOW, calendar=Calendar())
    html = page(figures, views(figures), None, chinese=True)

    assert "<script" not in html
    assert HOSTILE in outline(html).seen
    assert "'=HYPERLINK(1)" in {row["id"] for row in rows(figures)}


def rows(figures: Figures) -> list[dict[str, str]]:
    reader = csv.DictReader(io.StringIO(csv_text(figures, views(figures)), newline=""))
    return list(reader)


def test_a_csv_row_is_one_figure_of_the_report(figures: Figures) -> None:
    """Whatever JSON says of a line stands in a row of its own."""
    found = {(r["view"], r["id"], r["measure"]): r["value"] for r in rows(figures)}
    document: dict[str, Any] = statistics_document(figures, views(figures))

    assert found["report", "", "from"] == "2025-01-01"
    assert found["total", "", "calls"] == str(document["calls"]["calls"])
    assert found["log", "report.example/one", "verified"] == "Y"
    for view, key in (
        ("used", "departments_used"),
        ("provided", "departments_provided"),
        ("resource", "resources"),
    ):
        for line in document[key]:
            assert found[view, line["id"], "refused"] == str(line["refused"])
            assert found[view, line["id"], "outcomes.deny"] == str(line["outcomes"]["deny"])
            percent = line["availability"]["percent"]
            shown = "" if percent is None else str(percent)
            assert found[view, line["id"], "availability.percent"] == shown
    stage = "authorisation.hubei.form_check.on_time"
    assert found["total", "", stage] == "1"
    assert found["resource", "R12", stage] == "1"
    assert found["clause", "HU-a24-02", "deny"] == "67"
    assert found["day", "2025-01-01", "allow"] == "1"
    assert found["silent_system", "SYS-EDU-ENR", "calls"] == "0"


def test_csv_names_its_columns(figures: Figures) -> None:
    """The first row is a header."""
    assert csv_text(figures, views(figures)).splitlines()[0] == ",".join(COLUMNS)


def test_the_document_is_plain_json(figures: Figures) -> None:
    """Anything that reads JSON reads it."""
    document = statistics_document(figures, views(figures))

    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize(
    ("days", "labels"),
    [
        ((0, 3), ["2025-01-01", "2025-01-02", "2025-01-03", "2025-01-04"]),
        ((0, 62), ["2025-01", "2025-02", "2025-03"]),
    ],
)
def test_days_without_calls_keep_their_place(
    days: tuple[int, ...], labels: list[str], tmp_path: Path, signer: Signer
) -> None:
    """The chart is one of time: by days, or by months where there are more than fit."""
    with diary(tmp_path / "log", signer) as book:
        for day in days:
            book.call(noon(date(2025, 1, 1) + timedelta(days=day)))
    figures = gather(open_sources([tmp_path / "log"]), YEAR, as_of=NOW, calendar=Calendar())
    html = page(figures, views(figures), None, chinese=False)

    assert [title.split(":")[0] for title in re.findall("<title>(2[^<]+)", html)] == labels


def test_every_outcome_has_its_words() -> None:
    """A new outcome without a word would break a report months later."""
    from govshare_policy.legal import Outcome  # noqa: PLC0415  only here

    assert set(OUTCOMES) == set(Outcome)


def test_an_empty_period_is_said_to_be_empty(tmp_path: Path, signer: Signer) -> None:
    """No calls is a report, too, and its page holds."""
    with diary(tmp_path / "log", signer):
        pass
    empty = gather(
        open_sources([tmp_path / "log"]), YEAR, as_of=NOW, register=county(), calendar=Calendar()
    )
    seen = outline(page(empty, views(empty), load_annual("national-809", 2025), chinese=False)).seen

    assert "none in this period" in seen
    assert "no date" in seen


def test_what_comes_in_as_text_goes_out_escaped() -> None:
    """The pieces that pages are made of."""
    assert text("<&>") == "&lt;&amp;&gt;"
    assert "<b>" not in both(Words("<b>", "<b>"))
    assert columns([]) == ""
    assert "<td>" in table([Html("a")], [[Html("b")]], numbers_from=1)
