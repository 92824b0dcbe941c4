# SPDX-License-Identifier: Apache-2.0
"""What the commands of ``govshare egress`` share: where the guard is, and how they answer."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from govshare_policy.cli.output import Lang, Output, chosen_lang, chosen_output, dump
from govshare_policy.errors import CallError

DirectoryOption = Annotated[
    Path, typer.Option("--directory", help="Of the guard: `egress.directory` of the sidecar.")
]
KeysOption = Annotated[Path, typer.Option("--keys", help="The key file of the department.")]
PublicOption = Annotated[
    Path, typer.Option("--public", help="The public key that it has to be signed with.")
]
KeyOption = Annotated[Path, typer.Option("--key", help="The key file that signs.")]


def parse_day(text: str, option: str) -> date:
    """Return the day *text*, as *option* has it.

    Raises:
        CallError: If it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CallError(f"`{option}` is a date such as 2027-01-31") from None


def show(
    document: dict[str, object], output: Output | None, lang: Lang | None, *, zh: str, en: str
) -> None:
    """Print *document*, or on a terminal the sentence in the language that is asked for."""
    form = chosen_output(output, off_terminal=Output.JSON)
    if form is not Output.TABLE:
        typer.echo(dump(document, form))
    elif sentence := zh if chosen_lang(lang) is Lang.ZH else en:
        typer.echo(sentence)
