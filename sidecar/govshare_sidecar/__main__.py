# SPDX-License-Identifier: Apache-2.0
"""The command ``python -m govshare_sidecar --config FILE``."""

import argparse
import sys
from pathlib import Path

from govshare_policy.errors import AuditError, GovshareError
from govshare_sidecar.run import run

BAD_INPUT, CANNOT = 2, 3


def main() -> int:
    """Serve until told to stop; return 0, 2 for a wrong file or setting, 3 for a log in trouble."""
    parser = argparse.ArgumentParser(
        prog="govshare_sidecar", description="Stand in front of a department's API (政务共享卫士)."
    )
    parser.add_argument("--config", type=Path, required=True, help="the configuration file (TOML)")
    try:
        run(parser.parse_args().config)
    except GovshareError as error:
        sys.stderr.write(f"govshare_sidecar: {error}\n")
        return CANNOT if isinstance(error, AuditError) else BAD_INPUT
    return 0


if __name__ == "__main__":
    sys.exit(main())
