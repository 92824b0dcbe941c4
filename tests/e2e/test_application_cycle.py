# SPDX-License-Identifier: Apache-2.0
"""Procedures as the programs that a shell would run, while the sidecar answers calls."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from govshare_policy.policy import Precedence
from tests.county import ROOT
from tests.e2e.deployment import Deployment

STEPS = (
    ("D-CAB", "wang", ("endorse",)),
    ("O-OPS", "zhao", ("check", "--accept")),
    ("D-NRB", "sun", ("clear", "--approve")),
    ("D-NRB", "sun", ("decide", "--approve")),
    ("O-OPS", "zhao", ("notify",)),
    ("D-NRB", "he", ("supply",)),
)


def govshare(*arguments: object, stdin: str = "") -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "govshare_policy.cli", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=ROOT,
    )
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_an_application_under_both_texts_ends_in_a_grant_beside_a_running_sidecar(
    deployment: Deployment,
) -> None:
    """The strictest reading: Hubei's form check and notice, the nation's consents of heads."""
    deployment.configure('precedence = "local"', f'precedence = "{Precedence.STRICTEST}"')
    config = ("--config", deployment.config)
    with deployment.start():
        applied = govshare(
            *("application", "apply", "--resource", "R12", "--fields", "id_no"),
            *("--purposes", "data_verification", "--channels", "api"),
            *("--systems", "SYS-CAB-AID", "--from", "2026-01-01", "--to", "2030-12-31"),
            *("--reason", "救助审批", "--basis", "救助办法", "--scenario", "审批"),
            *("--by", "D-CAB", "--person", "li", *config),
        )
        matter = applied["matter"]
        for body, person, (step, *options) in STEPS:
            govshare(
                *("application", step, matter, *options),
                *("--by", body, "--person", person, *config),
            )
    (listed,) = govshare("application", "list", *config)["matters"]
    valid_from = govshare("grant", "list", *config)["grants"][-1]["valid_from"]
    answer = govshare(
        *("check", "--profile", "hubei", "--precedence", "strictest"),
        *("--data", deployment.directory / "data"),
        stdin=json.dumps(
            {
                "id": "call",
                "at": f"{valid_from}T12:00:00+08:00",
                "action": "read",
                "department": "D-CAB",
                "system": "SYS-CAB-AID",
                "resource": "R12",
                "fields": ["id_no"],
                "purpose": "data_verification",
            }
        ),
    )
    log: Path = deployment.directory / "audit" / "workflow" / "log"
    trust = deployment.directory / "trust-workflow.toml"
    verdict = govshare("audit", "verify", log, "--trust", trust)

    assert applied["states"] == {"hubei": "submitted", "national-809": "drafted"}
    assert listed["states"] == {"hubei": "supplied", "national-809": "supplied"}
    assert (answer["outcome"], answer["grant"]) == ("allow", f"G-{matter}")
    assert (verdict["verified"], verdict["size"]) == (True, 2 + len(STEPS))
