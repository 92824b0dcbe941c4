# SPDX-License-Identifier: Apache-2.0
"""The log of the specification's first section, and the two programs that judge it."""

import base64
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.conformance.verdicts import SCRIPT, SHELL, SINGLE_FILE

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "docs" / "spec" / "audit-log.md"
EXAMPLE = re.compile(r"<!-- example: (\S+) -->\n```\w*\n(.*?)```", re.DOTALL)
SEGMENT = "log/seg/00000000000000000000.seg"
# GNU coreutils, and nothing of what else a system may have.
COREUTILS = "base64 cat cp head mktemp mv od rm sort tail tr wc"
# What the programs say of its key, computed by openssl from the trust file of the specification.
KEY = "签名公钥 signed by sm3:f1f5970dac464c1ad127b838ff9e5e377f3ca4d17ec8c7f1b7899bac0f673201"


def lay_out(tmp_path: Path) -> None:
    """Write the log, and beside it its trust file, its receipt and its first checkpoint."""
    parts = dict(EXAMPLE.findall(SPEC.read_text(encoding="utf-8")))
    log = tmp_path / "log"
    (log / "seg").mkdir(parents=True)
    (log / "log.json").write_text(parts["log.json"], encoding="utf-8")
    (log / "checkpoint").write_text(parts["checkpoint"], encoding="utf-8")
    segment = base64.b64decode(parts["segment"])
    (tmp_path / SEGMENT).write_bytes(segment.ljust(2048, b"\0"))
    (tmp_path / "trust.toml").write_text(parts["trust.toml"], encoding="utf-8")
    (tmp_path / "receipt.txt").write_text(parts["receipt"], encoding="utf-8")
    (tmp_path / "first").write_bytes(segment[465:678])


def run(example: Path, *words: str, start: Sequence[str] = ("-I",)) -> tuple[int, str, str]:
    command = [sys.executable, *start, str(SINGLE_FILE), *words, "--trust", "trust.toml"]
    done = subprocess.run(command, cwd=example, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def script(example: Path, *words: str) -> tuple[int, str]:
    """Run the script where only OpenSSL and coreutils are to be found."""
    tools = example / "bin"
    if not tools.exists():
        tools.mkdir()
        for name in ["openssl", *COREUTILS.split()]:
            found = shutil.which(name)
            assert found is not None
            (tools / name).symlink_to(found)
    command = [SHELL, str(SCRIPT), *words, "--trust", "trust.toml"]
    done = subprocess.run(
        command,
        cwd=example,
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
