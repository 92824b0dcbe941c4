# SPDX-License-Identifier: Apache-2.0
"""Operating a sidecar: settings from outside, its health, and a configuration that is tried."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.deployment import Deployment, Running
from tests.e2e.ports import free_port
from tests.e2e.test_lifecycle import fill_disk

PROGRAM = Path(sys.executable).with_name("govshare")


def govshare(*words: object) -> tuple[int, str]:
    command = [str(PROGRAM), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    return done.returncode, done.stdout + done.stderr


def healths(running: Running) -> tuple[int, int]:
    """Return the exit codes of asking the sidecar over gRPC and by its configuration."""
    deployment = running.deployment
    client = deployment.clients["SYS-HCB-PRH"]
    files = ("--ca", deployment.authority.path, "--certificate", client.certificate)
    over_grpc = ("--grpc", running.addresses["grpc"], *files, "--key", client.key)
    by_file = govshare("healthcheck", "--config", deployment.config)[0]
    return govshare("healthcheck", *over_grpc)[0], by_file


def test_health_follows_the_sidecar_and_settings_come_from_the_environment(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("GOVSHARE_METRICS_LISTEN", listen)
    with deployment.start() as running:
        assert running.addresses["metrics"] == listen
        assert healths(running) == (0, 0)

        size = (deployment.log / "log.json").stat().st_mtime_ns, deployment.verify().size
        code, said = govshare("config", "validate", "--config", deployment.config)
        assert (code, "by `$GOVSHARE_METRICS_LISTEN`" in said) == (0, True)
        after = (deployment.log / "log.json").stat().st_mtime_ns, deployment.verify().size
        assert after == size

        fill_disk(running)
        assert running.request("/marriages/ID1").status == 503
        assert healths(running) == (1, 1)

        running.stop(signal.SIGKILL)
        assert healths(running) == (3, 3)


def test_what_validation_refuses_does_not_start_either(deployment: Deployment) -> None:
    environment = {**os.environ, "GOVSHARE_GRPC_LISTNE": "127.0.0.1:0"}
    for words in (("serve",), ("config", "validate")):
        command = [str(PROGRAM), *words, "--config", str(deployment.config)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=300, env=environment
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert "`$GOVSHARE_GRPC_LISTNE`, which is not a setting" in done.stderr
    assert not deployment.log.exists()
