# SPDX-License-Identifier: Apache-2.0
"""Pins by name: one form of name for each kind of store."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from govshare_policy.audit.pin import OpenPin
from govshare_policy.audit.pin_command import SCHEME as COMMAND_SCHEME
from govshare_policy.audit.pin_command import CommandPin, parse_argv
from govshare_policy.audit.pin_file import FilePin
from govshare_policy.audit.pin_lag import Lag, LaggedPin
from govshare_policy.audit.pin_several import SeveralPins
from govshare_policy.errors import ConfigError

TIMEOUT_S: Final = 5.0
FILE_SCHEME: Final = "file:"
_POSTGRESQL_SCHEME: Final = "postgresql:"


def open_pin(uri: str, *, timeout_s: float = TIMEOUT_S) -> OpenPin:
    """Return the pin that *uri* names; its store is not asked yet.

    Args:
        uri: ``file:PATH``; ``postgresql://HOST/DATABASE#NAME`` with the parameters of libpq; or
            ``command:["/PROGRAM", "ARGUMENT"]``.
        timeout_s: How long a store other than a file may take for one answer.

    Raises:
        ConfigError: If it is none of these, or psycopg is not installed.
    """
    if uri.startswith(COMMAND_SCHEME):
        return CommandPin.parse(uri, timeout_s=timeout_s)
    if uri.startswith(_POSTGRESQL_SCHEME):
        try:
            from govshare_policy.audit.pin_postgresql import (  # noqa: PLC0415  an extra
                PostgresqlPin,
                PostgresqlUri,
            )
        except ImportError:
            raise ConfigError(
                "a pin in PostgreSQL needs psycopg; install `govshare-policy[postgresql]`"
            ) from None
        return PostgresqlPin(PostgresqlUri.parse(uri), timeout_s=timeout_s)
    path = uri.removeprefix(FILE_SCHEME)
    if path == uri or not path:
        raise ConfigError("a pin is named `file:PATH`, `postgresql://…#NAME` or `command:[…]`")
    return FilePin(path=Path(path))


def join_pins(pins: Sequence[OpenPin], *, lag: Lag | None = None) -> OpenPin:
    """Return *pins*, at least one, as one pin that is moved strictly, or with *lag*."""
    pin = pins[0] if len(pins) == 1 else SeveralPins(pins)
    return pin if lag is None else LaggedPin(pin, lag)


def full_name(text: str, *, directory: Path) -> str:
    """Return the name that :func:`open_pin` takes; a path is taken from *directory*."""
    path = text.removeprefix(FILE_SCHEME)
    if text.startswith((COMMAND_SCHEME, _POSTGRESQL_SCHEME)) or not path:
        return text
    return f"{FILE_SCHEME}{directory / path}"


def name_beside(uri: str, word: str) -> str:
    """Return the name of a pin in the same store as *uri*, for another log.

    That is a file or a row whose name ends in ``-word``, or the command with *word* behind its
    arguments.
    """
    if uri.startswith(COMMAND_SCHEME):
        return f"{COMMAND_SCHEME}{json.dumps([*parse_argv(uri), word])}"
    return f"{uri}-{word}"
