# SPDX-License-Identifier: Apache-2.0
"""What the documents have of the benchmarks: plots, and the tables of the capacity."""

import json
import math
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as runner
from bench import servers
from bench.capacity import BEGIN, END, NEEDED, Measured, measured, processes, put_into
from bench.plan import names_of
from bench.plots import PLOTS, draw, lines_of
from bench.servers import OURS
from bench.svg import COLOURS, DASHES, Scale, plot


def test_documents_are_drawn_of_results_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plots need no new run; what has no results is said."""
    one = PLOTS[0]
    row = {"series": "ours", "unit": one.unit, "axis": one.axis, "at": 10, "value": 5.0}
    results = tmp_path / "results"
    results.mkdir()
    (results / f"{one.result}.json").write_text(json.dumps({"rows": [row]}), encoding="utf-8")
    places = ["--results", str(results), "--images", str(tmp_path / "images")]
    monkeypatch.setattr(sys, "argv", ["bench", "--draw", *places])

    assert runner.main() == 0
    assert [path.name for path in (tmp_path / "images").iterdir()] == [one.file]
    assert set(runner.results_in(results).not_run) == set(names_of()) - {one.result}


def test_tables_that_lack_a_figure_stay_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer or tool that is not there does not end a run of half an hour with nothing."""
    document = tmp_path / "capacity.md"
    document.write_text(f"{BEGIN} old {END}", encoding="utf-8")
    monkeypatch.setattr(runner, "CAPACITY", document)
    summary = runner.Summary(results={name: {"rows": []} for name in NEEDED})

    assert runner.document(summary, tmp_path, tables=True) == []
    assert "verify every record" in summary.not_run["capacity.md"]
    assert document.read_text(encoding="utf-8") == f"{BEGIN} old {END}"


def test_every_line_of_a_plot_has_a_style_of_its_own() -> None:
    """What repeats another line is left out, so that no two look alike."""
    every = (
        *servers.EMPTY.values(), *servers.PLAIN.values(), *servers.CHECK.values(),
        servers.UNAUDITED, servers.FILED, servers.BEST_EMPTY, servers.BEST_OURS,
    )  # fmt: skip
    one = next(one for one in PLOTS if one.result == "servers")
    rows = [
        {"series": series, "unit": one.unit, "axis": one.axis, "at": 8, "value": 1.0}
        for series in every
    ]
    drawn = lines_of(rows, one)

    assert servers.OURS in drawn
    assert len(drawn) <= len(COLOURS) == len(DASHES)


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
