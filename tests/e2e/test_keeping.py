# SPDX-License-Identifier: Apache-2.0
"""A log as an operator keeps it: archived twice, held, dropped from, and verified by others."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from govshare_policy.audit import FilePin, SaltStore, encode_record, trust_text
from govshare_policy.audit.disk import Disk
from govshare_policy.audit.segment import SEGMENT_LEAVES
from govshare_policy.audit.start import Lock, create_ledger
from govshare_policy.cli.audit_forecast import forecast_command, salts_command
from govshare_policy.cli.audit_keep import archive_command, drop_command, hold_command
from govshare_policy.cli.audit_verify import verify_command
from govshare_policy.crypto import generate_key, open_signer
from govshare_policy.errors import AuditError, CallError

ORIGIN = "govshare/keeping"
TOOL = Path(__file__).parents[2] / "tools" / "verify_log.py"
CONFIG = """
profile = "hubei"
data = "data"
[log]
directory = "log"
key = "file:key.pem"
passphrase_file = "passphrase"
pin = "pin"
salts = "salts.sqlite"
[tls]
certificate = "key.pem"
key = "key.pem"
client_ca = "key.pem"
[grpc]
listen = "127.0.0.1:0"
"""
Command = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deployment that recorded three full segments, a month apart, two years ago."""
    directory = tmp_path_factory.mktemp("keeping-e2e")
    generate_key(directory / "key.pem", b"correct horse")
    (directory / "passphrase").write_bytes(b"correct horse")
    (directory / "passphrase").chmod(0o600)
    (directory / "govshare.toml").write_text(CONFIG)
    signer = open_signer(f"file:{directory}/key.pem", b"correct horse")
    (directory / "trust.toml").write_text(trust_text(ORIGIN, signer.public))
    start = datetime.now(UTC) - timedelta(days=730)
    ledger, lock = create_ledger(
        directory / "log",
        origin=ORIGIN,
        signer=signer,
        at=start,
        pin=FilePin(path=directory / "pin"),
        preallocate=1 << 20,
        disk=Disk(),
    )
    for month in range(3):
        records = [encode_record({"n": n, "month": month}) for n in range(ledger.room)]
        ledger.commit(records, start + timedelta(days=30 * month + 30))
        ledger.rotate_if_full()
    ledger.commit([encode_record({"n": 0})], start + timedelta(days=100))
    ledger.publish()
    ledger.close()
    lock.release()
    with SaltStore(directory / "salts.sqlite"):
        pass
    return directory


@pytest.fixture(scope="module")
def command(deployment: Path) -> Command:
    app = typer.Typer()
    for name, function in (
        ("archive", archive_command),
        ("drop", drop_command),
        ("hold", hold_command),
        ("forecast", forecast_command),
        ("salts", salts_command),
        ("verify", verify_command),
    ):
        app.command(name)(function)

    def run(*words: str, exit_code: int = 0) -> dict[str, Any]:
        placed = [word.replace("@", str(deployment)) for word in words]
        result: Result = CliRunner().invoke(app, [*placed, "--output", "json"])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == exit_code
        document: dict[str, Any] = json.loads(result.stdout)
        return document

    return run


CONFIGURED = ("--config", "@/govshare.toml")
TRUSTED = (*CONFIGURED, "--trust", "@/trust.toml")
COPIES = ("--copy", "@/a", "--copy", "@/b", "--before", "2099-01-01")


def test_a_log_is_archived_held_dropped_from_and_still_verifies(
    deployment: Path, command: Command
) -> None:
    """From the forecast that the disk fills up to an auditor with one file of Python."""
    needed = command("forecast", "@/log", "--profile", "hubei", "--salts", "@/salts.sqlite")
    assert (needed["clause"], needed["years"]) == ("NR-a29-01", 3)
    assert needed["log_bytes"] > needed["bytes_per_day"] > 0

    # While the sidecar writes, a copy is made and verified, and recorded later.
    lock = Lock.acquire(deployment / "log")
    assert command("archive", "@/a", *TRUSTED)["state"] == "copied"
    with pytest.raises(AuditError, match="the sidecar uses the log"):
        command("drop", *TRUSTED, *COPIES)
    lock.release()
    for place in "ab":
        archived = command("archive", f"@/{place}", *TRUSTED, "--place", f"disk-{place}")
        assert (archived["state"], archived["records"]) == ("archived", 3 * SEGMENT_LEAVES)
        assert any("same disk" in warning for warning in archived["warnings"])

    # By default only what is past its term, and this is two years old.
    with pytest.raises(CallError, match="no segment that may be dropped is that old"):
        command("drop", *TRUSTED, *COPIES[:4])
    with pytest.raises(CallError, match="2 verified copies"):
        command("drop", *TRUSTED, *COPIES[:2], *COPIES[4:])

    why = ("--reason", "audit_investigation", "--actor", "wang")
    assert [hold["hold"] for hold in command("hold", "case-1", *CONFIGURED, *why)["holds"]] == [
        "case-1"
    ]
    with pytest.raises(CallError, match="the hold `case-1` stands"):
        command("drop", *TRUSTED, *COPIES)
    assert command("hold", "case-1", "--lift", *CONFIGURED, *why)["holds"] == []

    planned = command("drop", *TRUSTED, *COPIES)
    assert (planned["state"], len(planned["segments"])) == ("to_drop", 2)
    assert all((deployment / "log" / name).exists() for name in planned["segments"])
    done = command("drop", *TRUSTED, *COPIES, "--yes")
    assert (done["state"], done["segments"]) == ("dropped", planned["segments"])
    assert not any((deployment / "log" / name).exists() for name in done["segments"])

    verified = command("verify", "@/log", "--trust", "@/trust.toml")
    assert verified["unread"] == [[0, 2 * SEGMENT_LEAVES - 1]]
    whole = command("verify", "@/log", "--trust", "@/trust.toml", "--archive", "@/b")
    assert "unread" not in whole
    assert whole["root"] == verified["root"] == judged_alone(deployment)["root"]
    assert judged_alone(deployment, "--archive", str(deployment / "a")) == whole

    salts = command("salts", "@/log", "--salts", "@/salts.sqlite", "--copy", "@/copy.sqlite")
    assert (salts["whole"], salts["kept"]) == (True, 2)
    (deployment / "salts.sqlite").unlink()
    with SaltStore(deployment / "salts.sqlite"):
        pass
    lost = command("salts", "@/log", "--salts", "@/salts.sqlite", exit_code=1)
    assert (lost["whole"], lost["missing"]) == (False, 2)
    assert command("salts", "@/log", "--salts", "@/copy.sqlite")["whole"] is True


def judged_alone(deployment: Path, *words: str) -> dict[str, Any]:
    """Return what the verifier of one file says, which imports nothing of ours."""
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            str(TOOL),
            str(deployment / "log"),
            "--trust",
            str(deployment / "trust.toml"),
            "--json",
            *words,
        ],
        capture_output=True,
        check=True,
    )
    document: dict[str, Any] = json.loads(done.stdout)
    return document
