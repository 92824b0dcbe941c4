# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from govshare_policy.cli.roles import roles_app
from govshare_policy.errors import CallError
from tests.unit.cli.changing import runner


def test_what_a_body_may_do_is_shown_with_the_clauses(
    capsys: pytest.CaptureFixture[str], data: Path
) -> None:
    run = runner(roles_app, capsys)
    options = ("--profile", "hubei", "--data", data, "--body", "O-OPS", "--output", "json")
    rows = run("show", *options).json["competences"]
    managing = run("show", *options, "--role", "manage").json["competences"]

    assert {row["party"] for row in rows} == {"platform_operator"}
    assert {tuple(row["named_by"]) for row in rows} == {("HU-a05-03",)}
    assert ("accept", ["HU-a19-01", "HU-a19-02", "HU-a12-01"]) in [
        (row["step"], row["clauses"]) for row in rows
    ]
    assert {row["role"] for row in managing} == {"manage"}
    assert "approve" in {row["step"] for row in managing}


def test_the_table_speaks_chinese(capsys: pytest.CaptureFixture[str], data: Path) -> None:
    run = runner(roles_app, capsys)
    options = ("--profile", "jiangxi-pingxiang", "--data", data, "--body", "D-DRC")
    said = run("show", *options, "--output", "table", "--lang", "zh")

    assert "市发改委" in said.out
    assert "PX-a13-02" in said.out


def test_a_body_that_is_nobody_is_bad_input(capsys: pytest.CaptureFixture[str], data: Path) -> None:
    with pytest.raises(CallError, match="no such department"):
        runner(roles_app, capsys)("show", "--profile", "hubei", "--data", data, "--body", "D-XXX")
