# SPDX-License-Identifier: Apache-2.0
"""The real packs with one change, to see what a changed text does or that it is refused."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from govshare_policy.policy import Bundle, Precedence, load_bundle, packs_directory
from govshare_policy.register import Register

PACKS = packs_directory()
Edit = Callable[[str], str]


def swap(old: str, new: str) -> Edit:
    """Return the edit that puts *new* for the first *old*, which has to be there."""

    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return edit


def columns() -> tuple[str, ...]:
    """Return the columns of a ``p`` line, from the model itself."""
    text = (PACKS / "common" / "rules.conf").read_text("utf-8")
    [line] = [line for line in text.splitlines() if line.startswith("p = ")]
    return tuple(name.strip() for name in line.removeprefix("p = ").split(","))


def line_of(text: str, rule: str) -> int:
    """Return the number of the line of *rule*, from 1."""
    lines = text.split("\n")
    [number] = [
        number
        for number, line in enumerate(lines, 1)
        if line.startswith("p,") and line.split(",")[1].strip() == rule
    ]
    return number


def in_rule(rule: str, /, **cells: str) -> Edit:
    """Return the edit that sets *cells* of the line of *rule*."""

    def edit(text: str) -> str:
        lines, number = text.split("\n"), line_of(text, rule)
        values = [value.strip() for value in lines[number - 1].split(",")]
        for column, value in cells.items():
            values[columns().index(column) + 1] = value
        lines[number - 1] = ", ".join(values)
        return "\n".join(lines)

    return edit


def without(*rules: str) -> Edit:
    """Return the edit that takes *rules* out."""

    def edit(text: str) -> str:
        gone = {line_of(text, rule) for rule in rules}
        kept = [line for number, line in enumerate(text.split("\n"), 1) if number not in gone]
        return "\n".join(kept)

    return edit


def both(*edits: Edit) -> Edit:
    """Return the edit that makes *edits* one after the other."""

    def edit(text: str) -> str:
        for one in edits:
            text = one(text)
        return text

    return edit


def write_packs(directory: Path, edits: Mapping[str, Edit]) -> Path:
    """Copy the packs into *directory* and edit the files named."""
    target = directory / "packs"
    shutil.rmtree(target, ignore_errors=True)
    for path in PACKS.glob("*/*.*"):
        copy = target / path.relative_to(PACKS)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    for name, edit in edits.items():
        path = target / name
        path.write_text(edit(path.read_text("utf-8")), "utf-8")
    return target


def mutated_bundle(
    register: Register,
    directory: Path,
    edits: Mapping[str, Edit],
    *,
    profile: str = "hubei",
    precedence: Precedence = Precedence.LOCAL,
) -> Bundle:
    """Return the bundle of *profile* from the packs with *edits*."""
    packs = write_packs(directory, edits)
    return load_bundle(profile, register, precedence=precedence, packs=packs)
