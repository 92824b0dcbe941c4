# SPDX-License-Identifier: Apache-2.0
"""Run every comparison, print it, keep it as JSON and draw it.

Usage: ``python -m bench [--quick] [--only NAME …] [--draw] [--results DIR] [--images DIR]``. It
takes forty minutes at most, six with ``--quick``; what failed, what there was no time for and which
peer could not be had is said at the end and kept in ``summary.json``. It ends with 1 if anything
failed or was not run. ``--draw`` measures nothing, and makes plots and tables of the results there.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.capacity import NEEDED, put_into
from bench.fit import Growth, growths
from bench.plan import QUICK_S, STEPS, WHOLE_S, Step, exists, names_of, unplanned
from bench.plots import draw
from bench.report import commit, machine

ROOT = Path(__file__).resolve().parent.parent
CAPACITY = ROOT / "docs" / "reference" / "capacity.md"
END_S = 15.0


@dataclass(slots=True, kw_only=True)
class Summary:
    """What came of a run.

    Attributes:
        results: By the name of the step, what it wrote.
        not_run: Why, of each step that was not run.
        took: By the name of the step, its seconds.
        failed: Why, of each step that was.
        missing: Why, of each peer.
    """

    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    not_run: dict[str, str] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def document(self, *, seconds: float) -> dict[str, object]:
        """Return the summary as JSON has it."""
        found = [
            {"result": name, **growth._asdict()}
            for name, result in self.results.items()
            for growth in growths(result["rows"])
        ]
        return {
            "machine": machine(),
            "commit": commit(),
            "seconds": round(seconds),
            "results": list(self.results),
            "took": {name: round(took, 1) for name, took in self.took.items()},
            "not_run": self.not_run,
            "failed": self.failed,
            "missing": self.missing,
            "growth": found,
        }


def end(process: "subprocess.Popen[str]") -> None:
    """End *process* with everything it started, first so that it takes its files away."""
    for number in (signal.SIGINT, signal.SIGKILL):
        if process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=END_S)


def run_step(step: Step, arguments: Sequence[str], path: Path, *, limit_s: float) -> str:
    """Run *step* with its figures written to *path*; return why it failed, or nothing."""
    command = [sys.executable, "-m", step.module, *arguments, "--json", str(path)]
    print(f"\n== {step.name}: {step.module} {' '.join(arguments)}", flush=True)
    path.unlink(missing_ok=True)
    with subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            _, said = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            return f"it took longer than {limit_s:.0f} s"
        finally:
            end(process)
    if process.returncode:
        lines = said.strip().splitlines() or [f"it ended with {process.returncode}"]
        return lines[-1]
    return "" if path.is_file() else "it wrote no figures"


def run(steps: Sequence[Step], results: Path, *, quick: bool) -> Summary:
    """Run *steps* one after the other while there is time."""
    summary, begin = Summary(), time.monotonic()
    whole = QUICK_S if quick else WHOLE_S
    for step in steps:
        arguments = step.quick if quick else step.arguments
        left = whole - (time.monotonic() - begin)
        if not exists(step):
            summary.not_run[step.name] = f"there is no `{step.module}`"
        elif left <= 0:
            summary.not_run[step.name] = f"the {whole:.0f} s were over"
        else:
            path, started = results / f"{step.name}.json", time.monotonic()
            why = run_step(step, arguments, path, limit_s=min(left, step.limit_s))
            summary.took[step.name] = time.monotonic() - started
            if why:
                summary.failed[step.name] = why
                continue
            result = json.loads(path.read_text(encoding="utf-8"))
            summary.results[step.name] = result
            summary.missing |= result.get("missing", {})
    return summary


def print_ratios(name: str, rows: Sequence[dict[str, Any]]) -> None:
    """Print the rows of a result that stand beside others, each with its ratio."""
    compared = [row for row in rows if row["ratio"] is not None]
    if not compared:
        return
    print(f"\n{name}")
    for row in compared:
        at = f"{row['at']:,.0f} {row['axis']}" if row["axis"] else ""
        print(
            f"  {row['series']:44}{at:>18}{row['value']:>14,.2f} {row['unit']:13}"
            f"{row['ratio']:>9.2f} of {row['beside']}, n={row['n']}"
        )


def print_growth(growth: Growth) -> None:
    """Print one line."""
    print(
        f"  {growth.series:44}{growth.unit:14} ~ {growth.axis}^{growth.power:.2f}"
        f"  (R2 {growth.fit:.2f}, {growth.points} points)"
    )


def print_summary(summary: Summary, drawn: Sequence[str]) -> None:
    """Print what came of it, the ratios first."""
    where = machine()
    print(
        f"\n== in short: {where['cpu']}, {where['processors']} cpus, load {where['load']},", end=""
    )
    print(f" Python {where['python']}, commit {commit()}")
    for name, result in summary.results.items():
        print_ratios(name, result["rows"])
    print("\ngrowth")
    for result in summary.results.values():
        for growth in growths(result["rows"]):
            print_growth(growth)
    for title, reasons in (
        ("missing", summary.missing),
        ("not run", summary.not_run),
        ("failed", summary.failed),
    ):
        for name, why in reasons.items():
            print(f"{title}: {name}: {why}")
    print(f"plots: {', '.join(drawn) or 'none'}")


def results_in(directory: Path) -> Summary:
    """Return what earlier runs left in *directory*, as if they had been one."""
    summary = Summary()
    for step in (*STEPS, *unplanned()):
        path = directory / f"{step.name}.json"
        if path.is_file():
            result = summary.results[step.name] = json.loads(path.read_text(encoding="utf-8"))
            summary.missing |= result.get("missing", {})
        else:
            summary.not_run[step.name] = "it has no results"
    return summary


def document(summary: Summary, images: Path, *, tables: bool) -> list[str]:
    """Draw the plots and, with *tables*, work out those of the capacity; return the files drawn.

    Tables that lack a figure stay as they are, and *summary* has it.
    """
    drawn = draw(summary.results, images)
    if tables and set(NEEDED) <= summary.results.keys():
        try:
            text = put_into(CAPACITY.read_text(encoding="utf-8"), summary.results)
        except KeyError as error:
            summary.not_run[CAPACITY.name] = f"it needs what was not measured: {error.args[0]}"
        else:
            CAPACITY.write_text(text, encoding="utf-8")
    return drawn


def arguments() -> argparse.Namespace:
    """Return what the command line says, with every directory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="six minutes at most")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these steps and no others")
    parser.add_argument("--draw", action="store_true", help="measure nothing")
    parser.add_argument("--results", type=Path, help="default: bench/results")
    parser.add_argument("--images", type=Path, help="default: docs/images")
    chosen = parser.parse_args()
    steps = (*STEPS, *unplanned())
    if unknown := set(chosen.only or ()) - set(names_of(steps)):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    chosen.steps = [step for step in steps if chosen.only is None or step.name in chosen.only]
    # What a quick run finds is not for the documents.
    base = ROOT / "build" / "bench"
    chosen.tables = not chosen.quick and not chosen.results
    chosen.results = chosen.results or (base if chosen.quick else ROOT / "bench" / "results")
    chosen.images = chosen.images or (base if chosen.quick else ROOT / "docs" / "images")
    return chosen


def main() -> int:
    """Run, print, keep and draw; return 1 if a benchmark failed or was not run."""
    chosen = arguments()
    if chosen.draw:
        summary = results_in(chosen.results)
        drawn = document(summary, chosen.images, tables=chosen.tables)
        for name, why in summary.not_run.items():
            print(f"not drawn: {name}: {why}")
        print(f"plots: {', '.join(drawn) or 'none'}")
        return 1 if CAPACITY.name in summary.not_run else 0
    chosen.results.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    summary = run(chosen.steps, chosen.results, quick=chosen.quick)
    seconds = time.monotonic() - begin
    drawn = document(summary, chosen.images, tables=chosen.tables)
    kept = summary
    if chosen.only:
        # What other runs found is there still, each with the commit and the machine of its own.
        kept = results_in(chosen.results)
        kept.took, kept.failed = summary.took, summary.failed
    text = json.dumps(kept.document(seconds=seconds), ensure_ascii=False, indent=1)
    (chosen.results / "summary.json").write_text(text + "\n", encoding="utf-8")
    print_summary(summary, drawn)
    return 1 if summary.failed or summary.not_run else 0


if __name__ == "__main__":
    sys.exit(main())
