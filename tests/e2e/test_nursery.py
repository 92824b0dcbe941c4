# SPDX-License-Identifier: Apache-2.0
"""A program out of the nursery does what a fresh interpreter does."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.nursery import Grown, Program, run_module

SIDECAR = "govshare_sidecar"


def ended(program: Program) -> tuple[int, str, str]:
    out, err = program.communicate()
    for pipe in (program.stdout, program.stderr):
        assert pipe is not None
        pipe.close()
    return program.wait(30), out, err


@pytest.mark.parametrize("words", [("--help",), ("--nowhere",), ("--config", "no/such.toml")])
def test_code_and_output_are_those_of_a_fresh_interpreter(words: tuple[str, ...]) -> None:
    grown, fresh = run_module(SIDECAR, *words), run_module(SIDECAR, *words, under=("env",))
    assert (type(grown), type(fresh)) == (Grown, subprocess.Popen)

    assert ended(grown) == ended(fresh)


def test_another_environment_is_not_that_of_the_nursery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a test sets counts, and no other test's program sees it."""
    (tmp_path / "one.toml").write_text("")
    monkeypatch.setenv("GOVSHARE_NO_SUCH", "1")
    code, _, said = ended(run_module(SIDECAR, "--config", str(tmp_path / "one.toml")))
    assert (code, "GOVSHARE_NO_SUCH" in said) == (2, True)

    monkeypatch.delenv("GOVSHARE_NO_SUCH")
    code, _, said = ended(run_module(SIDECAR, "--config", str(tmp_path / "one.toml")))
    assert (code, "GOVSHARE_NO_SUCH" in said) == (2, False)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_signal_reaches_the_program_and_is_told_as_its_end(number: int) -> None:
    program = run_module("timeit", "-n", "1", "import time; time.sleep(60)")
    assert program.poll() is None
    program.send_signal(number)

    assert ended(program) == (-number, "", "")


def test_the_program_runs_where_it_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.json").write_text("{ }")

    assert ended(run_module("json.tool", "--compact", "here.json")) == (0, "{}\n", "")
