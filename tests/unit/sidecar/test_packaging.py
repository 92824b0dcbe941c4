# SPDX-License-Identifier: Apache-2.0
"""The systemd unit and the container run the sidecar with as few rights as it needs."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SIDECAR = Path(__file__).resolve().parents[3] / "sidecar"
PROGRAM = "/opt/govshare/bin/govshare"
CONFIG = "--config /etc/govshare/govshare.toml"

REQUIRED = {
    "User": ["govshare"],
    "ExecStart": [f"{PROGRAM} serve {CONFIG}"],
    "ExecReload": [f"{PROGRAM} config validate {CONFIG}", "/bin/kill -HUP $MAINPID"],
    "RestartPreventExitStatus": ["1 2 3"],
    "CapabilityBoundingSet": [""],
    "LimitCORE": ["0"],
    "NoNewPrivileges": ["yes"],
    "PrivateDevices": ["yes"],
    "PrivateTmp": ["yes"],
    "PrivateUsers": ["yes"],
    "ProtectHome": ["yes"],
    "ProtectProc": ["invisible"],
    "ProtectSystem": ["strict"],
    "RestrictAddressFamilies": ["AF_INET AF_INET6"],
    "RestrictNamespaces": ["yes"],
    "StateDirectory": ["govshare"],
    "SystemCallArchitectures": ["native"],
    "SystemCallFilter": ["@system-service", "~@privileged @resources"],
}


def directives() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (SIDECAR / "govshare.service").read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize("key", REQUIRED)
def test_the_service_is_confined_by(key: str) -> None:
    assert directives()[key] == REQUIRED[key]


def test_the_service_takes_no_secret_from_the_environment() -> None:
    found = directives()
    assert "Environment" not in found
    assert "PassEnvironment" not in found


def test_systemd_reads_the_service_without_a_complaint(tmp_path: Path) -> None:
    """Where there is no systemd, the table above has to do."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        return
    unit = tmp_path / "govshare.service"
    program = Path(sys.executable).with_name("govshare")
    unit.write_text((SIDECAR / "govshare.service").read_text().replace(PROGRAM, str(program)))
    done = subprocess.run(
        (analyze, "verify", unit), capture_output=True, text=True, check=False, timeout=120
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_the_container_is_not_root_and_asks_after_its_health() -> None:
    lines = (SIDECAR / "Dockerfile").read_text().splitlines()
    last = "\n".join(lines[lines.index("USER 10001:10001") :])

    assert "USER root" not in last
    assert '"/opt/govshare/bin/govshare", "healthcheck", "--config"' in last
    assert 'ENTRYPOINT ["/opt/govshare/bin/python", "-m", "govshare_sidecar"]' in last
