# SPDX-License-Identifier: Apache-2.0
"""Runs the commands of one group of ``govshare``, as the whole command does."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import typer


class Said(NamedTuple):
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document


def runner(app: typer.Typer, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Return a function that runs a command of *app*; what it raises is raised."""

    def run(*arguments: object) -> Said:
        code = app(args=[str(argument) for argument in arguments], standalone_mode=False)
        return Said(int(code or 0), capsys.readouterr().out)

    return run
