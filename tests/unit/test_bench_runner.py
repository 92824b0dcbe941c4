# SPDX-License-Identifier: Apache-2.0
"""The runner of the benchmarks: what it compares, leaves out, and fits."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import __main__ as runner
from bench import plan
from bench.fit import growths, power_of
from bench.peers import install
from bench.peers.asking import Rule, questions, rules, timed
from bench.peers.cerbos_server import question, verify_answer
from bench.plan import (
    COVERED,
    QUICK,
    STEPS,
    WHOLE_S,
    Step,
    benchmarks,
    names_of,
    unplanned,
)
from bench.report import Report, Row, with_ratios

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


def test_every_benchmark_has_a_quick_run() -> None:
    """What has no ``--quick`` is given small sizes, or is quick as it is."""
    for step in (*STEPS, *unplanned()):
        text = (HERE / f"{step.module.rpartition('.')[2]}.py").read_text(encoding="utf-8")
        assert step.quick != QUICK or '"--quick"' in text or "arguments(__doc__)" in text, step.name
    assert sum(step.limit_s for step in STEPS) < 2 * WHOLE_S


def test_every_benchmark_offers_its_figures() -> None:
    """What the runner runs takes ``--json``, which :mod:`bench.report` declares."""
    for name in {*names_of(), *COVERED} & set(benchmarks()):
        text = (HERE / f"{name}.py").read_text(encoding="utf-8")
        assert "options(__doc__)" in text or "arguments(__doc__)" in text, name


def test_what_is_missing_is_carried_into_the_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer that cannot be had is never left out silently."""
    step = program(tmp_path, monkeypatch, WRITES)

    summary = runner.run([step], tmp_path, quick=False)

    assert (summary.missing, summary.failed) == ({"peer": "not to be had"}, {})


@pytest.mark.parametrize(
    ("text", "limit_s", "why"),
    [
        ("raise SystemExit('the disk is full')", 60.0, "the disk is full"),
        ("pass", 60.0, "it wrote no figures"),
        ("import time; time.sleep(60)", 1.0, "it took longer than 1 s"),
    ],
    ids=["ends", "silent", "slow"],
)
def test_a_benchmark_that_fails_says_why(
    text: str, limit_s: float, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure is kept with its reason, and one that hangs is ended."""
    program(tmp_path, monkeypatch, text)
    step = Step(name="planted", module="planted", limit_s=limit_s)

    summary = runner.run([step], tmp_path, quick=False)

    assert summary.failed == {"planted": why}


def test_what_a_late_benchmark_started_is_ended_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No server of a benchmark outlives the run."""
    text = """
import pathlib, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path("new").write_text(str(child.pid))
pathlib.Path("new").rename("child")
child.wait()
"""
    program(tmp_path, monkeypatch, text)
    # A busy machine may not have begun it in a second; then it gets more.
    for limit_s in (1.0, 5.0, 50.0):
        runner.run([Step(name="planted", module="planted", limit_s=limit_s)], tmp_path, quick=False)
        if (tmp_path / "child").exists():
            break

    status = Path("/proc") / (tmp_path / "child").read_text(encoding="ascii") / "stat"
    end = time.monotonic() + 60
    while status.exists() and " Z " not in status.read_text("utf-8") and time.monotonic() < end:
        time.sleep(0.05)
    assert not status.exists() or " Z " in status.read_text("utf-8")


def test_what_is_not_run_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an absent benchmark nor a late one is forgotten."""
    step = program(tmp_path, monkeypatch, WRITES)
    absent = Step(name="absent", module="absent")

    summary = runner.run([absent], tmp_path, quick=True)
    monkeypatch.setattr(runner, "WHOLE_S", 0.0)
    late = runner.run([step], tmp_path, quick=False)

    assert summary.not_run == {"absent": "there is no `absent`"}
    assert late.not_run == {"planted": "the 0 s were over"}


@pytest.mark.parametrize(
    ("text", "whole_s", "code"),
    [(WRITES, 60.0, 0), ("raise SystemExit('the disk is full')", 60.0, 1), (WRITES, 0.0, 1)],
    ids=["all ran", "one failed", "one was not run"],
)
def test_a_run_ends_well_only_if_everything_ran(
    text: str, whole_s: float, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A benchmark that failed or was left out is in the exit code, and the summary is kept."""
    monkeypatch.setattr(runner, "STEPS", (program(tmp_path, monkeypatch, text),))
    monkeypatch.setattr(runner, "WHOLE_S", whole_s)
    places = ["--results", str(tmp_path / "results"), "--images", str(tmp_path / "images")]
    monkeypatch.setattr(sys, "argv", ["bench", "--only", "planted", *places])

    assert runner.main() == code
    assert (tmp_path / "results" / "summary.json").is_file()


def test_a_run_of_some_leaves_the_others_in_the_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = program(tmp_path, monkeypatch, WRITES)
    others = (Step(name="earlier", module="earlier"), Step(name="never", module="never"))
    monkeypatch.setattr(runner, "STEPS", (step, *others))
    results = tmp_path / "results"
    results.mkdir()
    (results / "earlier.json").write_text('{"rows": [], "missing": {"other": "gone"}}')
    places = ["--results", str(results), "--images", str(tmp_path / "images")]
    monkeypatch.setattr(sys, "argv", ["bench", "--only", "planted", *places])

    assert runner.main() == 0
    summary = json.loads((results / "summary.json").read_text(encoding="utf-8"))
    assert summary["results"] == ["planted", "earlier"]
    assert summary["missing"] == {"peer": "not to be had", "other": "gone"}
    assert list(summary["took"]) == ["planted"]
    assert summary["not_run"]["never"] == "it has no results"


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
    allowed = b"\x12\x0d\x12\x08\x0a\x04read\x10\x01"
    assert b"data_verification" in question()
    assert question(3).count(b"\x0a\x04read") == question().count(b"\x0a\x04read") * 3
    verify_answer(allowed)
    verify_answer(allowed * 3, count=3)
    with pytest.raises(RuntimeError, match="does not allow"):
        verify_answer(allowed * 2, count=3)
    with pytest.raises(RuntimeError, match="does not allow"):
        verify_answer(b"\x12\x0d\x12\x08\x0a\x04read\x10\x02")
