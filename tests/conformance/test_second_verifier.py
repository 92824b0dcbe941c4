# SPDX-License-Identifier: Apache-2.0
"""The specification is enough: its example verifies, by a program that knows nothing of ours."""

import ast
import base64
import re
import subprocess
import sys
from pathlib import Path

import pytest

from govshare_policy.audit import Receipt, load_trust, verify_log, verify_receipt

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "docs" / "spec" / "audit-log.md"
VERIFIER = Path(__file__).with_name("second_verifier.py")
EXAMPLE = re.compile(r"<!-- example: (\S+) -->\n```\w*\n(.*?)```", re.DOTALL)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The log of the specification's first section, and beside it its trust file and receipt."""
    parts = dict(EXAMPLE.findall(SPEC.read_text(encoding="utf-8")))
    log = tmp_path / "log"
    (log / "seg").mkdir(parents=True)
    (log / "log.json").write_text(parts["log.json"], encoding="utf-8")
    (log / "checkpoint").write_text(parts["checkpoint"], encoding="utf-8")
    segment = base64.b64decode(parts["segment"])
    (log / "seg" / "00000000000000000000.seg").write_bytes(segment.ljust(2048, b"\0"))
    (tmp_path / "trust.toml").write_text(parts["trust.toml"], encoding="utf-8")
    (tmp_path / "receipt.txt").write_text(parts["receipt"], encoding="utf-8")
    return tmp_path


def run(example: Path) -> tuple[int, str]:
    command = [sys.executable, "-I", str(VERIFIER), "log", "trust.toml"]
    done = subprocess.run(command, cwd=example, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_the_second_verifier_imports_nothing_of_ours() -> None:
    """Nor anything that has to be installed."""
    tree = ast.parse(VERIFIER.read_text(encoding="utf-8"))
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    names |= {node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert {name.partition(".")[0] for name in names} <= set(sys.stdlib_module_names)


def test_the_example_of_the_specification_verifies(example: Path) -> None:
    """By both verifiers, receipt and all."""
    trust = load_trust(example / "trust.toml")
    verdict = verify_log(example / "log", trust)
    root = base64.b64encode(verdict.root).decode()

    assert (verdict.size, verdict.checkpoints, verdict.warnings) == (3, 2, ())
    assert run(example) == (0, f"good 3 {root}\n")
    verify_receipt(Receipt.from_text((example / "receipt.txt").read_text(encoding="utf-8")), trust)


def test_the_second_verifier_says_what_is_wrong(example: Path) -> None:
    """Code, file, offset and record on one line, and exit 1."""
    segment = example / "log" / "seg" / "00000000000000000000.seg"
    segment.write_bytes(segment.read_bytes().replace(b"deny", b"fine"))

    assert run(example) == (1, "bad frame seg/00000000000000000000.seg 678 1\n")
