# SPDX-License-Identifier: Apache-2.0
"""``govshare policy lint``: whether the packs load, and agree with their clause registry."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from govshare_policy.catalogue import load_lint
from govshare_policy.cli.cases import cases_of, load_expected
from govshare_policy.deadline import load_clocks
from govshare_policy.errors import PolicyError
from govshare_policy.policy import load_pack, profiles
from govshare_policy.policy.encodings import Lines
from govshare_policy.policy.faults import Fault, Severity, faults_of
from govshare_policy.policy.registry import load_registry

_PLACE: Final = re.compile(
    r"(?P<file>[\w./-]+\.(?:csv|tsv|toml|json|conf|yaml))"
    r"(?: line (?P<line>\d+))?(?: column (?P<column>\d+))?"
    r"(?: (?P<table>\w+) (?P<number>\d+) key `(?P<key>\w+)`)?: .*"
)
_TOML_PLACE: Final = re.compile(r"\(at line (\d+), column (\d+)\)")
_QUOTED: Final = re.compile(r"`([^`]+)`")


def lint(packs: Path) -> tuple[Fault, ...]:
    """Return all that is wrong with the packs in *packs*: errors first in each pack.

    A file that does not load is one error, since nothing can be said of what follows; the
    registry is held against the packs only when all of them load.
    """
    known = profiles(packs)
    if not known:
        raise PolicyError(f"there are no packs in `{packs.name}`")
    broken = [fault for name in known for fault in _unloadable(name, packs)]
    if broken:
        return tuple(broken)
    try:
        return faults_of(load_registry(packs), cases_of(packs, known))
    except PolicyError as error:
        return (_placed(error, packs),)


def _unloadable(profile: str, packs: Path) -> Iterator[Fault]:
    loaders: tuple[Callable[[], object], ...] = (
        lambda: load_pack(profile, packs=packs),
        lambda: load_lint(profile, packs=packs),
        lambda: load_clocks(profile, packs=packs),
        lambda: load_expected(packs, profile),
    )
    said = set()
    for load in loaders:
        try:
            load()
        except PolicyError as error:
            if str(error) not in said:  # the lint rules need the pack, and repeat what is wrong
                yield _placed(error, packs)
            said.add(str(error))


def _placed(error: PolicyError, packs: Path) -> Fault:
    """Return *error* as a fault with the file, line and column that it names or means."""
    text = str(error)
    match = _PLACE.match(text)
    file, line, column = (match["file"] if match else ""), 0, 0
    if match and match["line"]:
        line, column = int(match["line"]), int(match["column"] or 0)
    elif toml := _TOML_PLACE.search(text):
        line, column = int(toml[1]), int(toml[2])
    elif match and match["key"]:
        line = _line_of_key(packs / file, match["table"], int(match["number"]), match["key"])
        column = 1
    elif match:
        line, column = _only_mention(packs / file, text)
    return Fault(
        severity=Severity.ERROR,
        code="not_loadable",
        clause="",
        file=file,
        line=line,
        column=column,
        text=text,
        text_zh=f"规范包无法加载：{text}",
    )


def _line_of_key(path: Path, table: str, number: int, key: str) -> int:
    lines = Lines(path.read_text(encoding="utf-8", errors="replace"))
    return lines.key(table, number - 1, key) or lines.header(table, number - 1)


def _only_mention(path: Path, text: str) -> tuple[int, int]:
    """Return where the file has a name that *text* quotes; 0 and 0 if nowhere or in many lines."""
    lines = path.read_bytes().split(b"\n") if path.is_file() else []
    for name in reversed(_QUOTED.findall(text)):
        places = [
            (number, raw.find(name.encode()) + 1)
            for number, raw in enumerate(lines, 1)
            if name.encode() in raw and not raw.startswith(b"#")
        ]
        if len(places) == 1:
            return places[0]
    return 0, 0
