# SPDX-License-Identifier: Apache-2.0
"""What every command shares: languages, output forms, progress."""

import json
import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Final, Protocol

import typer
from rich.console import Console

from govshare_policy.legal import Outcome

COLOURS = {
    Outcome.ALLOW: "green",
    Outcome.NEEDS_GRANT: "yellow",
    Outcome.NEEDS_PLATFORM_AUTHORIZATION: "yellow",
    Outcome.DENY_NEGOTIABLE: "yellow",
    Outcome.DENY: "red",
    Outcome.SUSPENDED: "magenta",
    Outcome.OUT_OF_SCOPE: "magenta",
}

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class Output(StrEnum):
    """The form of what a command prints."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


class Lang(StrEnum):
    """The language of tables and errors; JSON carries both."""

    ZH = "zh"
    EN = "en"


OutputOption = Annotated[
    Output | None,
    typer.Option("--output", "-o", help="Form of the output; a table on a terminal."),
]
LangOption = Annotated[
    Lang | None, typer.Option("--lang", help="Language of tables; default from the locale.")
]


class Tick(Protocol):
    """Takes how much is done, and of how much."""

    def __call__(self, done: int, total: int, /) -> None:
        """Show it."""
        ...


def chosen_output(asked: Output | None, *, off_terminal: Output) -> Output:
    """Return the form asked for, else a table on a terminal and *off_terminal* elsewhere."""
    if asked is not None:
        return asked
    return Output.TABLE if sys.stdout.isatty() else off_terminal


def chosen_lang(asked: Lang | None) -> Lang:
    """Return the language asked for, else the locale's."""
    if asked is not None:
        return asked
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable, ""):
            return Lang.ZH if value.startswith("zh") else Lang.EN
    return Lang.EN


def console() -> Console:
    """Return a console for standard output; no colours off a terminal or under NO_COLOR.

    It takes texts as they are: an id that a caller chose must not be read as markup.
    """
    width = None if sys.stdout.isatty() else 120
    return Console(width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)


def visible(text: str) -> str:
    r"""Return *text* with what a terminal obeys, or does not show, spelt out: ``\x1b``.

    Names of files and values of records are what somebody else chose: controls, marks that turn
    the direction of writing, and bytes of a file name that are no UTF-8.
    """
    return "".join(
        each.encode("unicode_escape").decode("ascii")
        if unicodedata.category(each) in _UNSEEN
        else each
        for each in text
    )


def dump(document: object, output: Output) -> str:
    """Return *document* as JSON: indented for ``json``, one line for ``jsonl``.

    A byte of a file name that is no UTF-8 is spelt out, as JSON spells half a surrogate pair.
    """
    if output is Output.JSON:
        text = json.dumps(document, ensure_ascii=False, indent=2)
    else:
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@contextmanager
def progress(text: str) -> Iterator[Tick]:
    """Show a bar on standard error while the block runs, if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    columns = (TextColumn(text), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
