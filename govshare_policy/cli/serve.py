# SPDX-License-Identifier: Apache-2.0
"""``govshare serve``: the sidecar, which is an extra of this package."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from govshare_policy.errors import ConfigError

ConfigOption = Annotated[Path, typer.Option("--config", help="The configuration file (TOML).")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="TABLE.KEY=VALUE", help="A setting, before the file's."),
]


def serve_command(
    config: ConfigOption,
    settings: SetOption = None,
) -> None:
    """Run the sidecar until it is told to stop (SIGTERM drains).

    Example: govshare serve --config govshare.toml
    """
    serve(config, settings or ())


def serve(config: Path, settings: Sequence[str] = ()) -> None:
    """Serve as the configuration file *config* says, until SIGTERM or SIGINT.

    The *settings*, ``TABLE.KEY=VALUE`` each, go before the environment, and that before the file.

    Raises:
        ConfigError: If the extra is not installed, or a setting cannot be used.
        FactError: If a register is wrong.
        PolicyError: If the profile is unknown, or its pack is wrong.
        AuditError: If the log cannot be opened.
    """
    try:
        from govshare_sidecar.run import run  # noqa: PLC0415  the sidecar is an extra
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the sidecar needs `{error.name}`; install govshare-policy[sidecar]"
        ) from None
    run(config, settings)
