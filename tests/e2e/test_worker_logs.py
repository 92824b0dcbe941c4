# SPDX-License-Identifier: Apache-2.0
"""The logs of several workers, as the operator keeps them and an auditor verifies them."""

import json
import signal

import pytest

from govshare_policy.audit import SaltStore, trust_text
from govshare_policy.crypto import open_signer
from tests.e2e.deployment import ORIGIN, PASSPHRASE, Deployment, Running, await_
from tests.e2e.test_operations import govshare
from tests.e2e.test_workers import call_until_all_answer, logs, recorded, several, verify_all

WHY = ("--reason", "on_request", "--actor", "wang")

pytestmark = pytest.mark.usefixtures("api")


def trusts(deployment: Deployment) -> list[str]:
    """Write a trust file for each log, and return the options that name them."""
    signer = open_signer(f"file:{deployment.directory}/keys/audit.pem", PASSPHRASE)
    options = []
    for name in logs(deployment):
        path = deployment.directory / f"trust-{name}.toml"
        path.write_text(trust_text(f"{ORIGIN}/{name}", signer.public))
        options += ["--trust", str(path)]
    return options


def erased_by(deployment: Deployment, name: str, record: str) -> str:
    path = deployment.log.parent / name / "salts.sqlite"
    with SaltStore(path, read_only=True) as salts:
        return salts.erased_by(record)


def erase_while_serving(running: Running) -> None:
    """Erase a record of worker 1, and have it carried out."""
    deployment = running.deployment
    record = max(recorded(deployment)["w1"])
    command = ("audit", "erase", record, *WHY, "--config", deployment.config)
    code, said = govshare(*command, "--worker", 1)
    assert (code, json.loads(said)["state"]) == (0, "wanted"), said
    running.process.send_signal(signal.SIGHUP)
    await_(lambda: erased_by(deployment, "w1", record) == json.loads(said)["record"])


def test_the_log_of_each_worker_is_erased_from_held_and_verified(deployment: Deployment) -> None:
    with several(deployment).start() as running:
        call_until_all_answer(running)
        erase_while_serving(running)

    configured = ("--config", deployment.config)
    held = ("audit", "hold", "case-1", *configured, *WHY)
    code, said = govshare(*held, "--worker", 0)
    assert (code, [one["hold"] for one in json.loads(said)["holds"]]) == (0, ["case-1"]), said
    code, said = govshare("audit", "hold", *configured, "--worker", 1)
    assert (code, json.loads(said)["holds"]) == (0, []), said

    unsaid, absent = govshare(*held), govshare(*held, "--worker", 7)
    assert (unsaid[0], "say whose: --worker N" in unsaid[1]) == (2, True)
    assert (absent[0], "holds no log" in absent[1]) == (2, True)

    verify_all(deployment)
    code, said = govshare("audit", "verify", deployment.log, *trusts(deployment), "-o", "jsonl")
    rows = [json.loads(line) for line in said.splitlines()]
    assert (code, [row["origin"] for row in rows]) == (0, [f"{ORIGIN}/w0", f"{ORIGIN}/w1"])

    deployment.configure("workers = 2\n", "")
    one = govshare(*held, "--worker", 0)
    assert (one[0], "leave --worker out" in one[1]) == (2, True)
