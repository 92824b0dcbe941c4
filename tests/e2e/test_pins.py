# SPDX-License-Identifier: Apache-2.0
"""A sidecar whose log is pinned in a real database, and signed by a key in a device."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from govshare_policy.audit import parse_trust, trust_text, verify_log
from govshare_policy.crypto._known import KNOWN_PUBLIC
from tests.database import Database, running_database
from tests.e2e.deployment import ORIGIN, Deployment
from tests.unit.crypto.test_sdf import PIN as ACCESS_CODE
from tests.unit.crypto.test_sdf import build

pytestmark = pytest.mark.usefixtures("api")
AFTER = 'pin = "audit/pin"'


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with running_database() as database:
        yield database


def pin_size(database: Database, name: str) -> object:
    [(size,)] = database.ask(f"SELECT size FROM govshare.pin WHERE name = '{name}'")  # noqa: S608
    return size


def test_a_strict_pin_in_a_database_stops_the_calls_and_refuses_a_backup(
    deployment: Deployment, database: Database, tmp_path: Path
) -> None:
    """T5 and T18: the file beside the log is set back with it, and the row is not."""
    names = ["audit/pin", database.uri("strict")]
    deployment.configure(AFTER, f"pins = {names}")
    with deployment.start() as running:
        assert running.request("/marriages/ID1").status == 200
    size = deployment.verify().size
    assert pin_size(database, "strict") == size
    shutil.copytree(tmp_path / "audit", tmp_path / "backup")

    with deployment.start() as running:
        assert running.request("/marriages/ID1").status == 200
        database.stop()
        assert running.request("/marriages/ID1").status == 503
        database.start()
        assert running.request("/marriages/ID1").status == 503, "until it is started again"
    with deployment.start() as running:
        assert running.request("/marriages/ID1").status == 200
    pinned = deployment.verify().size
    assert pin_size(database, "strict") == pinned

    shutil.rmtree(tmp_path / "audit")
    shutil.copytree(tmp_path / "backup", tmp_path / "audit")
    says = f"ends at size {size} but its pin is at {pinned}"
    with pytest.raises(AssertionError, match=says), deployment.start():
        pass


def test_a_pin_with_a_lag_bears_a_database_that_restarts(
    deployment: Deployment, database: Database
) -> None:
    """Calls go on meanwhile, and the row has everything when the sidecar has stopped."""
    deployment.configure(AFTER, f'pin = "{database.uri("lagged")}"\npin_lag_s = 30')
    with deployment.start() as running:
        database.stop()
        assert running.request("/marriages/ID1").status == 200
        database.start()
        assert running.stop(signal.SIGTERM) == 0
    assert pin_size(database, "lagged") == deployment.verify().size


def test_a_log_is_signed_by_a_key_in_a_device(deployment: Deployment, tmp_path: Path) -> None:
    """The passphrase file holds its access code."""
    library = build(tmp_path, width=64)
    deployment.configure('key = "file:keys/audit.pem"', f'key = "sdf:{library}?key=1"')
    secret = tmp_path / "keys" / "audit.passphrase"
    secret.write_bytes(ACCESS_CODE + b"\n")
    with deployment.start() as running:
        assert running.request("/marriages/ID1").status == 200
    trust = parse_trust(trust_text(ORIGIN, KNOWN_PUBLIC))
    assert verify_log(deployment.log, trust).size == len(deployment.records())

    secret.write_bytes(b"00000000\n")
    with (
        pytest.raises(AssertionError, match="did not give access to the private key") as caught,
        deployment.start(),
    ):
        pass
    assert "00000000" not in str(caught.value)
