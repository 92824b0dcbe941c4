# SPDX-License-Identifier: Apache-2.0
"""The command ``govshare``: wiring, and one sentence for every error."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer._click.exceptions import (  # typer exports no base of them
    ClickException,
    NoArgsIsHelpError,
    UsageError,
)

from govshare_policy.cli.commands import Commands
from govshare_policy.errors import (
    AuditError,
    CallError,
    ConfigError,
    EvaluationError,
    FactError,
    GovshareError,
    IdentityError,
    ObligationError,
    PolicyError,
    VerificationError,
)

DONE, NO, BAD_INPUT, CANNOT = 0, 1, 2, 3
_INTERRUPTED = 130  # what typer makes of ^C

# The first class that an error is one of decides: no, bad input, or the system could not do it.
EXIT_CODES: tuple[tuple[type[GovshareError], int], ...] = (
    (VerificationError, NO),
    (CallError, BAD_INPUT),
    (IdentityError, BAD_INPUT),
    (FactError, BAD_INPUT),
    (PolicyError, BAD_INPUT),
    (ConfigError, BAD_INPUT),
    (EvaluationError, CANNOT),
    (ObligationError, CANNOT),
    (AuditError, CANNOT),
)

app = typer.Typer(
    name="govshare",
    cls=Commands,
    help="Share government data lawfully: who may have what, why, and a signed record of it.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:  # noqa: FBT001  typer calls it with the value of the flag
    if asked:
        from importlib.metadata import version  # noqa: PLC0415  slow, and hardly ever asked for

        typer.echo(f"govshare {version('govshare-policy')}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Share government data lawfully: who may have what, why, and a signed record of it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; errors are one sentence on standard error."""
    try:
        code = app(
            args=_readable(sys.argv[1:] if arguments is None else arguments),
            prog_name="govshare",
            standalone_mode=False,
        )
    except ClickException as error:
        return _refuse_usage(error)
    except (typer.Abort, KeyboardInterrupt):
        return _say("stopped", CANNOT)
    except GovshareError as error:
        return _say(str(error), next(code for kind, code in EXIT_CODES if isinstance(error, kind)))
    except SystemExit:
        return DONE  # how typer ends when the reader of our output has gone
    except OSError as error:
        return _refuse_path(error)
    return _say("stopped", CANNOT) if code == _INTERRUPTED else int(code or DONE)


def _readable(arguments: Sequence[str]) -> Sequence[str]:
    """Return *arguments*, once all are text: bytes that are none come as half surrogate pairs."""
    try:
        " ".join(arguments).encode()
    except UnicodeEncodeError:
        raise CallError("an argument is not utf-8") from None
    return arguments


def _refuse_usage(error: ClickException) -> int:
    if isinstance(error, NoArgsIsHelpError):
        sys.stderr.write(f"{error.format_message()}\n")  # the help, as it stands
        return BAD_INPUT
    hint = "; see --help" if isinstance(error, UsageError) else ""
    sentence = error.format_message().replace("Value error, ", "").rstrip(".")
    return _say(f"{sentence}{hint}", BAD_INPUT)


def _refuse_path(error: OSError) -> int:
    paths = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)
    if isinstance(error, paths):
        return _say(f"`{Path(str(error.filename)).name}`: {error.strerror}", BAD_INPUT)
    return _say(f"the system could not do it: {error.strerror}", CANNOT)


def _say(sentence: str, code: int) -> int:
    sys.stderr.write(f"govshare: {' '.join(sentence.split())}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
