# SPDX-License-Identifier: Apache-2.0
"""Where peers are, installed on demand; each in an environment of its own."""

import functools
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INSTALL_S = 120.0
# What each engine is a part of; an engine that is not here is in our own environment.
PACKAGES = {
    "cedarpy": "cedarpy",
    "regopy, a rule each": "regopy",
    "regopy, keyed data": "regopy",
}


@functools.cache
def why_missing(peer: str) -> str:
    """Install *peer* if it is not there; return why it cannot be had, or nothing."""
    command = [str(ROOT / "tools" / "peers.sh"), peer]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=INSTALL_S
        )
    except subprocess.TimeoutExpired:
        return f"not installed within {INSTALL_S:.0f} s"
    if done.returncode == 0:
        return ""
    said = done.stderr.strip().splitlines() or [f"the installation ended with {done.returncode}"]
    return said[-1]


def place_of(peer: str) -> Path:
    """Return the directory of an installed *peer*."""
    return ROOT / ".venv" / "peers" / peer


def python_of(engine: str) -> Path:
    """Return the interpreter that has *engine*."""
    package = PACKAGES.get(engine)
    return place_of(package) / "bin" / "python" if package else Path(sys.executable)


def why_without(engine: str) -> str:
    """Return why *engine* cannot be asked, or nothing."""
    package = PACKAGES.get(engine)
    return why_missing(package) if package else ""
