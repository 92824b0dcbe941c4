# SPDX-License-Identifier: Apache-2.0
"""The runner of the benchmarks: what it compares, leaves out, fits and draws."""

import json
import math
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as runner
from bench import plan
from bench.capacity import BEGIN, END, Measured, measured, processes, put_into
from bench.fit import growths, power_of
from bench.peers import install
from bench.peers.asking import Rule, questions, rules, timed
from bench.peers.cerbos_server import question, verify_answer
from bench.plan import COVERED, STEPS, Step, benchmarks, names_of, unplanned
from bench.plots import PLOTS, draw
from bench.report import Report, Row, with_ratios
from bench.servers import OURS
from bench.svg import Scale, plot

HERE = Path(plan.__file__).parent


def row(series: str, value: float, *, at: float = 1.0, beside: str = "") -> Row:
    return Row(series=series, unit="ms", value=value, n=3, axis="callers", at=at, beside=beside)


def program(directory: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Step:
    """Return a step whose benchmark is a program of these lines."""
    (directory / "planted.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(runner, "ROOT", directory)
    monkeypatch.setattr(plan, "HERE", directory)
    # Where a shell has its background programs ignore an interrupt, they are not waited for.
    monkeypatch.setattr(runner, "END_S", 1.0)
    return Step(name="planted", module="planted")


WRITES = """
import json, sys
json.dump({"rows": [], "missing": {"peer": "not to be had"}}, open(sys.argv[-1], "w"))
"""


def test_a_ratio_is_to_the_same_place_in_the_same_unit() -> None:
    """What stands beside another is never compared with it under another load."""
    rows = [
        row("bare", 2.0),
        row("ours", 5.0, beside="bare"),
        row("ours", 9.0, at=8, beside="bare"),
    ]

    assert [one.ratio for one in with_ratios(rows)] == [None, 2.5, None]


def test_a_report_says_machine_commit_and_n(tmp_path: Path) -> None:
    """Whoever reads a figure can tell what it depends on."""
    report = Report(name="one", n=7, rows=[row("ours", 5.0)], missing={"peer": "why"})
    report.write(tmp_path / "one.json")

    found = json.loads((tmp_path / "one.json").read_text(encoding="utf-8"))
    assert list(found) == ["name", "machine", "commit", "n", "rows", "missing"]
    assert (found["n"], found["rows"][0]["value"], found["missing"]) == (7, 5.0, {"peer": "why"})
    assert found["machine"]["processors"] >= 1
    assert found["commit"]


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_a_fit_finds_the_power(power: float) -> None:
    """Cost along a power of the axis is fitted by that power."""
    found, fit = power_of([(x, 3.0 * x**power) for x in (10.0, 100.0, 1_000.0, 10_000.0)])

    assert found == pytest.approx(power, abs=1e-9)
    assert power == 0.0 or fit == pytest.approx(1.0)


def test_two_points_are_no_growth() -> None:
    """A line through two points fits everything, so that nothing is said of it."""
    rows = [
        {"series": "a", "unit": "s", "axis": "records", "at": at, "value": 1.0} for at in (1, 2)
    ]

    assert growths(rows) == []
    assert [one.points for one in growths([*rows, {**rows[0], "at": 3}])] == [3]


def test_every_benchmark_is_run_or_covered_by_one_that_is() -> None:
    """No benchmark lies in the directory and is never run."""
    planned = {step.module.rpartition(".")[2] for step in (*STEPS, *unplanned())} | set(COVERED)

    assert {"engines", "servers", "crypto"} <= set(benchmarks()) <= planned
    assert not {"plan", "report", "svg", "fit"} & set(benchmarks())
    assert set(COVERED.values()) <= set(names_of())


def test_every_benchmark_offers_its_figures() -> None:
    """What the runner runs takes ``--json``, which :mod:`bench.report` declares."""
    for name in {*names_of(), *COVERED} & set(benchmarks()):
        assert "options(__doc__)" in (HERE / f"{name}.py").read_text(encoding="utf-8"), name


def test_what_is_missing_is_carried_into_the_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer that cannot be had is never left out silently."""
    step = program(tmp_path, monkeypatch, WRITES)

    summary = runner.run([step], tmp_path, quick=False)

    assert (summary.missing, summary.failed) == ({"peer": "not to be had"}, {})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("raise SystemExit('the disk is full')", "the disk is full"),
        ("pass", "it wrote no figures"),
        ("import time; time.sleep(60)", "it took longer than 1 s"),
    ],
    ids=["ends", "silent", "slow"],
)
def test_a_benchmark_that_fails_says_why(
    text: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure is kept with its reason, and one that hangs is ended."""
    program(tmp_path, monkeypatch, text)
    step = Step(name="planted", module="planted", limit_s=1.0)

    summary = runner.run([step], tmp_path, quick=False)

    assert summary.failed == {"planted": why}


def test_what_a_late_benchmark_started_is_ended_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No server of a benchmark outlives the run."""
    text = """
import pathlib, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path("child").write_text(str(child.pid))
child.wait()
"""
    program(tmp_path, monkeypatch, text)
    runner.run([Step(name="planted", module="planted", limit_s=1.0)], tmp_path, quick=False)

    status = Path("/proc") / (tmp_path / "child").read_text(encoding="ascii") / "stat"
    end = time.monotonic() + 5
    while status.exists() and " Z " not in status.read_text("utf-8") and time.monotonic() < end:
        time.sleep(0.05)
    assert not status.exists() or " Z " in status.read_text("utf-8")


def test_what_is_not_run_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an absent benchmark, nor a long one in a quick run, nor a late one is forgotten."""
    step = program(tmp_path, monkeypatch, WRITES)
    absent = Step(name="absent", module="absent")
    long = Step(name="long", module="planted", quick=None)

    summary = runner.run([absent, long], tmp_path, quick=True)
    monkeypatch.setattr(runner, "WHOLE_S", 0.0)
    late = runner.run([step], tmp_path, quick=False)

    assert summary.not_run == {"absent": "there is no `absent`", "long": "not in a quick run"}
    assert late.not_run == {"planted": "the 0 s were over"}


def test_a_peer_that_cannot_be_installed_says_why() -> None:
    """The reason is the installer's last line."""
    install.why_missing.cache_clear()

    assert install.why_missing("opa") == "no package that is installed by hash carries its server"
    assert install.why_missing("../escape") == "no peer is called ../escape"
    assert install.python_of("pycasbin") == Path(sys.executable)


def test_peers_are_pinned_by_hash_and_name_no_registry() -> None:
    """What is run beside us is what was measured before, wherever it is fetched from."""
    peers = HERE / "peers"
    for path in peers.glob("*.lock"):
        assert "==" in path.read_text("utf-8")
        assert "--hash=sha256:" in path.read_text("utf-8")
    lock = (peers / "cerbos" / "package-lock.json").read_text(encoding="utf-8")
    assert '"integrity": "sha512-' in lock
    assert "://" not in lock


@pytest.mark.parametrize("count", [1, 10, 101])
def test_questions_are_of_the_last_rules(count: int) -> None:
    """Engines that look through their rules in order are asked for late ones, the last first."""
    of = rules(count)

    assert len(of) == len(set(of)) == count
    assert questions(of)[0] == of[-1]
    assert set(questions(of)) <= set(of[-max(1, count // 10) :])


@pytest.mark.parametrize(
    "decide", [lambda _: True, lambda _: False], ids=["allows all", "allows none"]
)
def test_an_engine_that_answers_wrongly_has_no_figure(decide: Callable[[Rule], bool]) -> None:
    """How fast a wrong answer is does not matter."""
    with pytest.raises(RuntimeError, match="answers wrongly"):
        timed(decide, rules(3), seconds=0.0)


def test_an_answer_of_cerbos_is_read() -> None:
    """A frame that allows is told from one that denies; the question names what is asked."""
    assert b"data_verification" in question()
    verify_answer(b"\x12\x0d\x12\x08\x0a\x04read\x10\x01")
    with pytest.raises(RuntimeError, match="does not allow"):
        verify_answer(b"\x12\x0d\x12\x08\x0a\x04read\x10\x02")


def test_a_scale_is_logarithmic_over_whole_decades() -> None:
    """Equal ratios are equal lengths, and the ends are powers of ten."""
    scale = Scale.over([20.0, 3_000.0], begin=100.0, length=300.0)

    assert [scale.at(value) for value in scale.decades] == pytest.approx([100, 200, 300, 400])
    assert scale.at(math.sqrt(10) * 10) == pytest.approx(150)


def test_a_plot_has_every_line_and_is_well_formed() -> None:
    """Names are escaped, and every point is drawn."""
    text = plot("a < b", {"x & y": [(1, 2), (10, 20)], "z": [(100, 5)]}, x="calls", y="ms")
    root = ET.fromstring(text)  # noqa: S314 - ours

    assert len(root.findall("{*}circle")) == 3
    assert {"x & y", "z", "a < b"} <= {one.text for one in root.findall("{*}text")}
    with pytest.raises(ValueError, match="at least one point"):
        plot("nothing", {}, x="", y="")


def test_only_what_was_measured_is_drawn(tmp_path: Path) -> None:
    """A plot without rows is no file."""
    one = PLOTS[0]
    rows = [
        {"series": "ours", "unit": one.unit, "axis": one.axis, "at": at, "value": 5.0}
        for at in (10, 100)
    ]

    assert draw({one.result: {"rows": rows}}, tmp_path) == [one.file]
    assert [path.name for path in tmp_path.iterdir()] == [one.file]


def test_the_capacity_tables_are_worked_out_from_the_results() -> None:
    """A document keeps what stands around its marks; a rate halved needs twice the processes."""

    def one(series: str, unit: str, value: float, *, at: float) -> dict[str, Any]:
        return {"series": series, "unit": unit, "value": value, "at": at, "axis": "x"}

    machine = {"machine": {"cpu": "c", "processors": 2, "load": 1.0}, "commit": "abc"}
    results: dict[str, dict[str, Any]] = {
        "engines": {"rows": [one("govshare, reasons and clauses", "us of a core", 20, at=10)]},
        "servers": {
            **machine,
            "rows": [one(OURS, "calls/s", 50, at=8), one(OURS, "calls/s", 100, at=32)],
        },
        "log_size": {
            "rows": [
                one("verify every record", "s", 10, at=1e6),
                one("stored bytes a record", "bytes", 450, at=1e6),
            ]
        },
        "released": {"rows": [one("memory of the index, every page touched", "MB", 160, at=1e7)]},
    }

    found = measured(results)
    text = put_into(f"before {BEGIN} old {END} after", results)

    assert found == Measured(20, 100, 450, 1e5, 16)
    assert (processes(50.0, found), processes(51.0, found)) == (1, 2)
    assert text.startswith("before ")
    assert text.endswith(" after")
    assert " old " not in text
    assert "| county, 40 systems | 0.78 million | 22 | 1 | 1 | 0.7 |" in text
    with pytest.raises(ValueError, match="no marks"):
        put_into("no marks here", results)
    with pytest.raises(KeyError):
        measured({**results, "released": {"rows": []}})
