#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check what the documents promise: links lead somewhere, commands take what they are given.

The Python of the documents at the top is run.
"""

import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from typer.main import get_command

from govshare_policy.cli.__main__ import app

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(.*?) *$", re.MULTILINE)
INLINE = re.compile(r"`(govshare [^`\n]+)`")
COMMAND = re.compile(r"(?:^|[|&;(])\s*(?:\.venv/bin/)?govshare +(.*)")
OPTION = re.compile(r"--?[a-z][a-z-]*")
ENDS = re.compile(r"\s#|[|&;<>)]")
SHELL = ("", "sh", "shell", "bash", "console")


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
    """Return the relative links of a document that lead nowhere: to no file, or to no heading."""
    faults = []
    for target, anchor in LINK.findall(FENCE.sub("", text)):
        place = path.parent / target if target else path
        if "://" in target or target.startswith("mailto:"):
            continue
        if not place.exists():
            faults.append(f"{path.relative_to(ROOT)}: the link `{target}` leads nowhere")
        elif anchor and place.suffix == ".md" and anchor not in anchors_of(place):
            faults.append(f"{path.relative_to(ROOT)}: `{place.name}` has no heading `#{anchor}`")
    return faults


@cache
def anchors_of(path: Path) -> frozenset[str]:
    """Return what links to the headings of a document end with."""
    headings = HEADING.findall(FENCE.sub("", path.read_text("utf-8")))
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return frozenset(heading.replace(" ", "-") for heading in plain)


@cache
def known_commands() -> Mapping[tuple[str, ...], frozenset[str]]:
    """Return every command of `govshare` and every group of them, with the options it takes."""
    return dict(_known(get_command(app), ()))


def _known(
    command: Any,  # noqa: ANN401  typer's own class of a command
    path: tuple[str, ...],
) -> Iterator[tuple[tuple[str, ...], frozenset[str]]]:
    options = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    yield path, frozenset(options | {"--help"})
    if hasattr(command, "list_commands"):
        context = command.make_context("govshare", [], resilient_parsing=True)
        for name in command.list_commands(context):
            yield from _known(command.get_command(context, name), (*path, name))


def commands_of(text: str) -> list[str]:
    """Return what stands after `govshare` in the shell blocks and the code of a document."""
    lines = [line for line in INLINE.findall(FENCE.sub("", text)) if "…" not in line]
    for language, block in FENCE.findall(text):
        if language in SHELL:
            lines += block.replace("\\\n", " ").splitlines()
    return [ENDS.split(found, maxsplit=1)[0] for line in lines for found in COMMAND.findall(line)]


def unknown_words(command: str) -> list[str]:
    """Return the commands and options in *command* that `govshare` does not know."""
    try:
        words = shlex.split(command)
    except ValueError:  # a quotation that goes on in the next line
        words = command.split()
    path: tuple[str, ...] = ()
    while len(path) < len(words) and (*path, words[len(path)]) in known_commands():
        path = (*path, words[len(path)])
    rest = words[len(path) :]
    if rest and rest[0].isalpha() and is_group(path):
        return [rest[0]]
    options = (word.partition("=")[0] for word in rest if OPTION.match(word))
    return [option for option in options if option not in known_commands()[path]]


def is_group(path: tuple[str, ...]) -> bool:
    """Tell whether *path* is a group of commands, and no command itself."""
    return any(known[: len(path)] == path and known != path for known in known_commands())


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
    for path in documents():
        text = path.read_text("utf-8")
        faults += broken_links(path, text)
        faults += [
            f"{path.relative_to(ROOT)}: `govshare {command}` does not know `{word}`"
            for command in commands_of(text)
            for word in unknown_words(command)
        ]
        if path.parent == ROOT:
            faults += failing_examples(path, text)
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
