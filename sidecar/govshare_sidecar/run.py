# SPDX-License-Identifier: Apache-2.0
"""Running the process from a configuration file: the one thing other packages call."""

import os
from collections.abc import Sequence
from pathlib import Path

import uvloop

from govshare_sidecar.logs import configure_logs
from govshare_sidecar.overrides import read_overrides


def run(path: Path, flags: Sequence[str] = ()) -> None:
    """Serve as the configuration file *path* says, until SIGTERM or SIGINT.

    Args:
        path: The file. Variables of the environment go before it.
        flags: ``TABLE.KEY=VALUE`` each; they go before both.

    Raises:
        ConfigError: If the file, a setting, a key or an address cannot be used.
        FactError: If a register is wrong.
        PolicyError: If the profile is unknown, or its pack is wrong.
        AuditError: If the log cannot be opened.
    """
    # The library underneath writes lines of its own about every broken handshake. It reads this
    # when it is first imported, so whatever may import it is imported afterwards.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from govshare_sidecar.config import load_config  # noqa: PLC0415  see above
    from govshare_sidecar.server import serve_until_told  # noqa: PLC0415  see above
    from govshare_sidecar.workers import serve_workers  # noqa: PLC0415  see above

    config = load_config(path, read_overrides(os.environ, flags))
    configure_logs(config.messages)
    if config.workers:
        uvloop.run(serve_workers(config, path.absolute(), flags))
    else:
        uvloop.run(serve_until_told(config))
