# SPDX-License-Identifier: Apache-2.0
"""A real witness beside a real sidecar: what was recorded cannot be taken back unnoticed."""

import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from govshare_policy.audit import (
    Checkpoint,
    Conflict,
    TrustKey,
    TrustPolicy,
    format_trust,
    verify_conflict,
    verify_log,
)
from govshare_policy.crypto import generate_key
from tests.e2e.deployment import PASSPHRASE, Deployment, Running, await_
from tests.e2e.ports import free_port

pytestmark = pytest.mark.usefixtures("api")

NAME = "witness.example/one"
SIGNED = f'govshare_witness_answers_total{{result="signed",witness="{NAME}"}}'


@dataclass(kw_only=True)
class Office:
    """Another office, which witnesses the log of a deployment; :meth:`start` runs it."""

    directory: Path
    deployment: Deployment
    address: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")
    trust: TrustPolicy = field(init=False)

    def __post_init__(self) -> None:
        self.directory.mkdir()
        public = generate_key(self.directory / "key.pem", PASSPHRASE)
        (self.directory / "passphrase").write_bytes(PASSPHRASE)
        (self.directory / "passphrase").chmod(0o600)
        log = self.deployment.trust
        (self.directory / "log.toml").write_text(format_trust(log), encoding="utf-8")
        seat = TrustKey(name=NAME, public=public)
        self.trust = TrustPolicy(origin=log.origin, keys=log.keys, witnesses=(seat,), required=1)
        (self.deployment.directory / "witness.pub").write_bytes(public.to_pem())

    @contextmanager
    def start(self, *command: str) -> Iterator["subprocess.Popen[str]"]:
        """Run the witness, each time on the same port."""
        config = self.directory / "witness.toml"
        config.write_text(
            f'listen = "{self.address}"\nstate = "state"\nname = "{NAME}"\nkey = "file:key.pem"\n'
            'passphrase_file = "passphrase"\n[[log]]\ntrust = "log.toml"\n'
        )
        program = (sys.executable, "-m", "govshare_policy.cli", "witness", "serve")
        process = subprocess.Popen(
            (*command, *program, "--config", str(config)),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        timer = threading.Timer(120, process.kill)
        timer.start()
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("ready witness="), "the witness did not start"
            assert line.strip().partition("=")[2] == self.address
            yield process
        finally:
            timer.cancel()
            process.terminate()
            process.wait(timeout=60)
            assert process.stdout is not None
            process.stdout.close()


@pytest.fixture
def office(deployment: Deployment) -> Office:
    return Office(directory=deployment.directory / "office", deployment=deployment)


def watched(deployment: Deployment, office: Office, *, max_lag_s: int = 60) -> None:
    """Have the deployment's log witnessed by the office."""
    deployment.configure(
        "[tls]",
        f"[log.witness]\nrequired = 1\nmax_lag_s = {max_lag_s}\ntimeout_s = 10\n"
        "[[log.witness.peer]]\n"
        f'name = "{NAME}"\nurl = "http://{office.address}"\npublic = "witness.pub"\n[tls]',
    )


def await_witnessed(running: Running) -> None:
    """Return once the witness has seen every record."""
    await_(
        lambda: (
            running.metric("govshare_witnessed_records") == running.metric("govshare_log_records")
        )
    )


def test_what_is_recorded_is_witnessed_and_the_auditor_sees_how_far(
    deployment: Deployment, office: Office
) -> None:
    with office.start():
        watched(deployment, office)
        with deployment.start() as running:
            for _ in range(3):
                assert running.request("/marriages/ID1").status == 200
            await_witnessed(running)
            assert running.metric(SIGNED) >= 2
            assert running.metric("govshare_witness_lag_seconds") < 60

    verdict = verify_log(deployment.log, office.trust)
    assert verdict.witnessed is not None
    assert (verdict.witnessed.size, verdict.witnessed.names) == (verdict.size, (NAME,))
    assert verdict.warnings == ()


def test_a_log_set_back_with_its_pin_and_all_does_not_start(
    deployment: Deployment, office: Office
) -> None:
    audit, backup = deployment.directory / "audit", deployment.directory / "backup"
    with office.start():
        watched(deployment, office)
        with deployment.start() as running:
            assert running.request("/marriages/ID1").status == 200
        shutil.copytree(audit, backup)
        with deployment.start() as running:
            assert running.request("/marriages/ID1").status == 200
        before = deployment.verify().size
        shutil.rmtree(audit)
        shutil.copytree(backup, audit)

        with pytest.raises(AssertionError, match="the log was set back") as caught:
            deployment.start().__enter__()

    sentence = str(caught.value)
    after = deployment.verify().size
    assert f"signed it at size {before}, it ends at size {after}" in sentence
    assert f"{before - after} records from {after} on are lost" in sentence
    [evidence] = (deployment.log / "evidence").iterdir()
    conflict = Conflict.from_text(evidence.read_text(encoding="utf-8"))
    verify_conflict(conflict, deployment.trust)
    assert Checkpoint.from_note(conflict.larger).size == before
    assert any("evidence/" in warning for warning in deployment.verify().warnings)


def test_a_log_that_went_on_from_a_backup_is_proven_to_be_a_fork(
    deployment: Deployment, office: Office
) -> None:
    audit, backup = deployment.directory / "audit", deployment.directory / "backup"
    plain = deployment.config.read_text()
    with office.start():
        watched(deployment, office)
        with deployment.start() as running:
            assert running.request("/marriages/ID1").status == 200
        shutil.copytree(audit, backup)
        with deployment.start() as running:
            assert running.request("/marriages/ID1").status == 200
        shutil.rmtree(audit)
        shutil.copytree(backup, audit)
        with_witness = deployment.config.read_text()
        deployment.config.write_text(plain)
        with deployment.start() as running:
            for _ in range(3):
                assert running.request("/marriages/ID2").status == 200
        deployment.config.write_text(with_witness)

        with pytest.raises(AssertionError, match="the log was forked"):
            deployment.start().__enter__()

    [evidence] = (deployment.log / "evidence").iterdir()
    conflict = Conflict.from_text(evidence.read_text(encoding="utf-8"))
    assert conflict.is_fork
    verify_conflict(conflict, deployment.trust)


def test_no_call_is_answered_while_nobody_witnesses_and_all_are_afterwards(
    deployment: Deployment, office: Office
) -> None:
    watched(deployment, office, max_lag_s=3)
    with deployment.start() as running:
        assert running.request("/marriages/ID1").status == 503
        assert running.monitor("/healthz").status == 503
        with office.start():
            await_(lambda: running.monitor("/healthz").status == 200)
            assert running.request("/marriages/ID1").status == 200
            await_witnessed(running)
        assert running.request("/marriages/ID1").status == 200, "a short absence is bridged"
        await_(lambda: running.request("/marriages/ID1").status == 503)
        size = running.metric("govshare_log_records")
        assert running.request("/marriages/ID1").status == 503
        assert running.metric("govshare_log_records") == size, "what is refused is not recorded"
        with office.start():
            await_(lambda: running.request("/marriages/ID1").status == 200)
            await_witnessed(running)
    assert deployment.verify().size == verify_log(deployment.log, office.trust).size


def test_a_witness_killed_before_it_answers_has_kept_what_it_signed(
    deployment: Deployment, office: Office
) -> None:
    if shutil.which("strace") is None:
        pytest.fail("this test needs strace")
    watched(deployment, office)
    # The first thing that the witness sends to anybody, itself included, follows the rename.
    kill = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=sendto:signal=KILL:when=1")
    with office.start(*kill) as killed, deployment.start() as running:
        assert running.request("/marriages/ID1").status == 503
        killed.wait(timeout=60)
        [note] = (office.directory / "state").glob("*.note")
        signed = Checkpoint.from_note(note.read_bytes()).size
        assert signed == running.metric("govshare_log_records")
        with office.start():
            await_(lambda: running.request("/marriages/ID1").status == 200)
            await_witnessed(running)
    verify_log(deployment.log, office.trust)


def test_a_witness_stops_when_it_is_told(office: Office) -> None:
    with office.start() as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
