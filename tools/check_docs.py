#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check what the documents promise: links lead somewhere, commands exist, examples run."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\s*(?:\.venv/bin/)?govshare((?: [a-z]+)+)", re.MULTILINE)


def documents() -> list[Path]:
    """Return every Markdown file that the repository holds."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [ROOT / name for name in listed.stdout.split("\n") if name]


def broken_links(path: Path, text: str) -> list[str]:
    """Return the relative links of a document that lead nowhere."""
    return [
        f"{path.relative_to(ROOT)}: the link `{target}` leads nowhere"
        for target in LINK.findall(text)
        if "://" not in target and not (path.parent / target).exists()
    ]


def commands_of(text: str) -> set[str]:
    """Return the `govshare` commands in the shell blocks of a document, without arguments."""
    found: set[str] = set()
    for language, block in FENCE.findall(text):
        if language in ("", "sh", "bash", "console"):
            found |= {match.strip() for match in COMMAND.findall(block)}
    return found


def unknown_commands(used: dict[str, Path]) -> list[str]:
    """Return the commands that `--help` does not know."""
    faults = []
    for command, path in sorted(used.items()):
        run = subprocess.run(
            [sys.executable, "-m", "govshare_policy.cli", *command.split(), "--help"],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
        )
        if run.returncode:
            faults.append(f"{path.relative_to(ROOT)}: there is no command `govshare {command}`")
    return faults


def failing_examples(path: Path, text: str) -> list[str]:
    """Run the Python blocks of a document where `init` has been; return those that fail."""
    faults = []
    for number, (language, block) in enumerate(FENCE.findall(text), 1):
        if language != "python":
            continue
        with tempfile.TemporaryDirectory() as directory:
            county = Path(directory) / "county"
            init = [sys.executable, "-m", "govshare_policy.cli", "init", str(county)]
            subprocess.run(init, cwd=ROOT, check=True, capture_output=True)
            run = subprocess.run(
                [sys.executable, "-W", "error", "-c", block],
                cwd=county,
                check=False,
                capture_output=True,
                text=True,
            )
        if run.returncode:
            last = run.stderr.strip().rsplit("\n", 1)[-1]
            faults.append(f"{path.relative_to(ROOT)}: block {number} fails: {last}")
    return faults


def main() -> int:
    """Print what is wrong and return 1, or return 0."""
    faults: list[str] = []
    used: dict[str, Path] = {}
    for path in documents():
        text = path.read_text("utf-8")
        faults += broken_links(path, text)
        used |= dict.fromkeys(commands_of(text), path)
        if path.parent == ROOT:
            faults += failing_examples(path, text)
    faults += unknown_commands(used)
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
