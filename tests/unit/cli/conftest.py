# SPDX-License-Identifier: Apache-2.0
"""The command, run in this process and as the program that a shell would run."""

import io
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.cli.__main__ import main
from tests.county import PLAIN, write_county

PROGRAM = Path(sys.executable).with_name("govshare")


@dataclass(frozen=True)
class Done:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


Command = Callable[..., Done]


@pytest.fixture
def govshare(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run the command in this process."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.delenv("GOVSHARE_PASSPHRASE", raising=False)

    def run(*arguments: object, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Done(code, out, err)

    return run


@pytest.fixture
def program() -> Command:
    """Run the installed program, with an environment of its own."""
    assert PROGRAM.exists(), "install the distribution into the environment of the tests"

    def run(
        *arguments: object, stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> Done:
        done = subprocess.run(
            [str(PROGRAM), *map(str, arguments)],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=300,
            env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", **(environment or {})},
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data directory of the sample county."""
    return write_county(tmp_path_factory.mktemp("county") / "data")


def call_line(**change: object) -> bytes:
    """Return the plain call, changed, as one line."""
    return json.dumps({**PLAIN, **change}).encode() + b"\n"
