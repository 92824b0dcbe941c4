# SPDX-License-Identifier: Apache-2.0
"""The generated code that is checked in is what ``proto/`` says."""

import shutil
from pathlib import Path

import pytest

from tools import gen_proto


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["gen_proto.py", *arguments])
    return gen_proto.main()


def test_the_checked_in_code_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "--check") == 0


@pytest.mark.parametrize("change", ["edit", "remove", "add"])
def test_stale_code_is_named_and_written_anew(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: str,
) -> None:
    target = tmp_path / "_pb"
    shutil.copytree(gen_proto.TARGET, target, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(gen_proto, "TARGET", target)
    name = "more_pb2.py" if change == "add" else "call_pb2.py"
    if change == "remove":
        (target / name).unlink()
    else:
        (target / name).write_text("# by hand\n")

    assert run(monkeypatch, "--check") == 1
    assert name in capsys.readouterr().err
    assert run(monkeypatch) == 0
    assert run(monkeypatch, "--check") == 0
