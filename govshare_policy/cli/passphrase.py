# SPDX-License-Identifier: Apache-2.0
"""The passphrase of a key that is there: out of a file, the environment, or typed in."""

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from govshare_policy.errors import ConfigError

PASSPHRASE_VARIABLE: Final = "GOVSHARE_PASSPHRASE"  # noqa: S105  the name of a variable, not a secret

PassphraseOption = Annotated[
    Path | None,
    typer.Option("--passphrase-file", help="A file whose first line is the passphrase."),
]


def read_passphrase(file: Path | None) -> bytes:
    """Return the first line of *file*, else what the environment has, else what is typed in.

    Raises:
        ConfigError: If there is none.
    """
    if file is not None:
        try:
            return file.read_bytes().split(b"\n", 1)[0].rstrip(b"\r")
        except OSError as error:
            raise ConfigError(
                f"the passphrase file cannot be read ({error.strerror}); check the path"
            ) from None
    if PASSPHRASE_VARIABLE in os.environ:
        return os.fsencode(os.environ[PASSPHRASE_VARIABLE])
    if sys.stdin.isatty():
        return getpass.getpass("passphrase: ").encode()
    raise ConfigError("give a passphrase with --passphrase-file or $GOVSHARE_PASSPHRASE")
