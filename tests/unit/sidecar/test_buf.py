# SPDX-License-Identifier: Apache-2.0
"""``proto/`` keeps to buf's rules, and to what clients out there already speak."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.county import ROOT

PROTO = ROOT / "proto"
BASELINE = PROTO / "baseline.binpb"


@pytest.fixture(scope="module")
def buf() -> str:
    here = Path(sys.executable).parent
    found = shutil.which("buf", path=str(here)) or shutil.which("buf")
    assert found is not None, "install buf: pip install buf-bin"
    return found


def run(buf: str, *arguments: str | Path) -> tuple[int, str]:
    command = (buf, *map(str, arguments))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    return done.returncode, done.stdout


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """A copy of ``proto/`` to change."""
    shutil.copytree(PROTO, tmp_path / "proto")
    return tmp_path / "proto"


def test_proto_keeps_to_the_lint_rules(buf: str) -> None:
    assert run(buf, "lint", PROTO) == (0, "")


def test_proto_breaks_no_client(buf: str) -> None:
    assert run(buf, "breaking", PROTO, "--against", BASELINE) == (0, "")


BREAKS = {
    "a field renumbered": ("call.proto", "string purpose = 10;", "string purpose = 20;"),
    "a field renamed in json": ("answer.proto", 'json_name = "text_zh"', 'json_name = "textZh"'),
    "a method gone": ("audit.proto", "rpc GetCheckpoint(", "rpc GetHead("),
    "another type": ("enforcement.proto", "uint64 rows = 2;", "string rows = 2;"),
}


@pytest.mark.parametrize(("name", "old", "new"), BREAKS.values(), ids=BREAKS)
def test_a_change_that_breaks_clients_is_found(
    buf: str, changed: Path, name: str, old: str, new: str
) -> None:
    path = changed / "govshare" / "v1" / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    code, said = run(buf, "breaking", changed, "--against", BASELINE)

    assert code != 0
    assert name in said
