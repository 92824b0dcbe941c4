# SPDX-License-Identifier: Apache-2.0
"""``govshare config``: try what the sidecar would start with."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import typer

from govshare_policy.cli.output import (
    Lang,
    LangOption,
    Output,
    OutputOption,
    chosen_lang,
    chosen_output,
    dump,
)
from govshare_policy.cli.serve import ConfigOption, SetOption
from govshare_policy.errors import AuditError, ConfigError

config_app = typer.Typer(no_args_is_help=True, help="Try a configuration without serving.")


@config_app.callback()
def _group() -> None:
    """Try a configuration without serving."""


@config_app.command("validate")
def validate_command(
    config: ConfigOption,
    settings: SetOption = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Read everything that `serve` would, and say what was checked; write and start nothing.

    Exits 0 when the sidecar would start, 2 with one sentence when it would not.

    Example: govshare config validate --config govshare.toml
    """
    document = _validated(config, settings or (), at=datetime.now(UTC))
    form = chosen_output(output, off_terminal=Output.JSON)
    if form is not Output.TABLE:
        typer.echo(dump(document, form))
        return
    chinese = chosen_lang(lang) is Lang.ZH
    words = (
        ("overrides", "已覆盖的设置" if chinese else "set from outside the file"),
        ("checked", "已核对" if chinese else "checked"),
        ("warnings", "请注意" if chinese else "warning"),
    )
    for key, word in words:
        for sentence in document[key]:
            typer.echo(f"{word}: {sentence}")


def _validated(path: Path, settings: Sequence[str], *, at: datetime) -> dict[str, list[str]]:
    """Return what was checked, as a document.

    Raises:
        ConfigError: If the sidecar would not start, for whatever reason, save the next two.
        FactError: If a register is wrong.
        PolicyError: If the profile is unknown, or its pack is wrong.
    """
    # The library underneath reads this when it is first imported; it would warn on its own.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        from govshare_sidecar.config import load_config  # noqa: PLC0415  an extra
        from govshare_sidecar.overrides import read_overrides  # noqa: PLC0415
        from govshare_sidecar.validation import validate  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigError(f"this needs `{error.name}`; install govshare-policy[sidecar]") from None
    overrides = read_overrides(os.environ, settings)
    try:
        found = validate(load_config(path, overrides), at=at)
    except AuditError as error:
        # Of a bundle, a log's name or a pin: here it is the setting that names them that is wrong.
        raise ConfigError(str(error)) from error
    return {
        "overrides": [f"`{one.setting}` by {one.source}" for one in overrides],
        "checked": list(found.checked),
        "warnings": list(found.warnings),
    }
