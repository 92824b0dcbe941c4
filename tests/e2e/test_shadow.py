# SPDX-License-Identifier: Apache-2.0
"""A second policy is tried out beside the one in force: it reports, and never decides."""

import asyncio
import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from prometheus_client import CollectorRegistry

from govshare_policy.answer import Answer
from govshare_policy.call import Call, parse_call
from govshare_policy.errors import ConfigError
from govshare_policy.gate import answer_unrecorded
from govshare_policy.identity import Evidence
from govshare_policy.policy import Precedence
from govshare_policy.subjects import Uncounted
from govshare_policy.usage import Usage
from govshare_sidecar._pb.enforcement_pb2 import CheckRequest
from govshare_sidecar.basis import load_basis
from govshare_sidecar.config import load_config
from govshare_sidecar.policy_settings import OpenPolicy, ShadowConfig
from govshare_sidecar.shadow import Shadow
from tests.e2e.deployment import Deployment, Running, await_
from tests.e2e.pki import END, NOW, START
from tests.e2e.test_grpc import CALL, request
from tests.e2e.test_quotas import limit
from tests.e2e.test_reload import SUSPENDED
from tests.e2e.test_workers import several

TABLE = """[shadow]
profile = "national-809"
precedence = "local"
data = "tried"
report = "shadow.jsonl"
[metrics]"""
SAME = 'govshare_shadow_answers_total{in_force="allow",same="yes",shadow="allow"%s}'
OTHER = 'govshare_shadow_answers_total{in_force="allow",same="no",shadow="suspended"%s}'

pytestmark = pytest.mark.usefixtures("api")


def shadowed(deployment: Deployment) -> Deployment:
    """Try out registers that are the same, so far, under a text which suspends."""
    deployment.configure('"hubei"', '"national-809"')
    deployment.configure("[metrics]", TABLE)
    shutil.copytree(deployment.directory / "data", deployment.directory / "tried")
    return deployment


def suspend(deployment: Deployment) -> None:
    path = deployment.directory / "tried" / "suspensions.tsv"
    path.write_text(SUSPENDED, encoding="utf-8")


def reported(deployment: Deployment, name: str = "shadow.jsonl") -> list[dict[str, Any]]:
    text = (deployment.directory / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_what_would_be_answered_otherwise_is_reported_and_the_answer_stays(
    deployment: Deployment,
) -> None:
    suspend(shadowed(deployment))
    with deployment.start() as running:
        answers = [running.check(request(operator="O-4711")) for _ in range(3)]
        await_(lambda: running.metric(OTHER % "") == 3)

    assert {one.answer.outcome for one in answers} == {"allow"}
    found = reported(deployment)
    assert [one["record"] for one in found] == [one.receipt.record_id for one in answers]
    assert found[0]["in_force"]["outcome"] == "allow"
    assert found[0]["shadow"]["outcome"] == "suspended"
    assert found[0]["shadow"]["fields"] == []
    assert found[0]["differs"] == ["outcome", "clauses", "fields", "duties"]
    assert found[0]["in_force"]["revision"] != found[0]["shadow"]["revision"]
    said = [m["message"] for m in running.messages if "the shadow differs" in m["message"]]
    assert len(said) == 1, "the counter tells of the others"
    assert "O-4711" not in json.dumps(found) + json.dumps(running.messages)
    assert len(deployment.decisions()) == 3, "what is tried out is not recorded"


def test_what_would_be_answered_alike_is_only_counted(deployment: Deployment) -> None:
    """The call itself has been counted by then; it would have had the last place all the same."""
    limit(deployment, 2)
    with shadowed(deployment).start() as running:
        for _ in range(2):
            assert running.check(request()).answer.outcome == "allow"
        await_(lambda: running.metric(SAME % "") == 2)
    assert not (deployment.directory / "shadow.jsonl").exists()


BROKEN: dict[str, Callable[[Path], None]] = {
    "missing": shutil.rmtree,
    "wrong": lambda tried: (tried / "grants.tsv").unlink(),
}


@pytest.mark.parametrize("breaks", BROKEN.values(), ids=BROKEN)
def test_a_shadow_that_cannot_be_loaded_keeps_nobody_from_an_answer(
    deployment: Deployment, breaks: Callable[[Path], None]
) -> None:
    breaks(shadowed(deployment).directory / "tried")
    with deployment.start() as running:
        assert running.check(request()).answer.outcome == "allow"
        assert running.metric("govshare_shadow_loaded") == 0
        shutil.rmtree(deployment.directory / "tried", ignore_errors=True)
        shutil.copytree(deployment.directory / "data", deployment.directory / "tried")
        running.process.send_signal(signal.SIGHUP)
        await_(lambda: running.metric("govshare_shadow_loaded") == 1)
        assert running.check(request()).answer.outcome == "allow"
        await_(lambda: running.metric(SAME % "") == 1)
    assert any("nothing is tried out" in message["message"] for message in running.messages)


def test_the_shadow_counts_subjects_as_the_policy_in_force_does(deployment: Deployment) -> None:
    """A subject too many is one too many for both, and no difference between them."""
    with deployment.config.open("a", encoding="utf-8") as file:
        file.write("[subjects]\ndaily = 1\n")
    compared = "govshare_shadow_answers_total{in_force="
    with shadowed(deployment).start() as running:
        for subject in ("ID1", "ID2", "ID1"):
            asked = ParseDict({"call": {**CALL, "subject": subject}}, CheckRequest())
            effect = running.check(asked).answer.effect
            assert effect == ("deny" if subject == "ID2" else "allow")

        def pairs() -> list[str]:
            lines = running.monitor("/metrics").body.decode().splitlines()
            return [line for line in lines if line.startswith(compared)]

        await_(lambda: sum(float(line.rpartition(" ")[2]) for line in pairs()) == 3)
        assert not [line for line in pairs() if 'same="no"' in line]


def test_every_worker_reports_into_a_file_of_its_own(deployment: Deployment) -> None:
    suspend(shadowed(several(deployment)))

    def count(running: Running) -> list[float]:
        return [running.metric(OTHER % f',worker="{name}"') for name in ("w0", "w1")]

    with deployment.start() as running:
        for _ in range(30):
            assert running.check(request()).answer.outcome == "allow"
        await_(lambda: sum(count(running)) == 30)
        counts = count(running)
    files = [reported(deployment, f"shadow-{name}.jsonl") for name in ("w0", "w1")]
    assert [len(found) for found in files] == counts


def answered(deployment: Deployment) -> tuple[Call, Evidence, Answer]:
    call = parse_call(json.dumps(CALL).encode(), on_the_wire=True)
    spki = deployment.clients["SYS-HCB-PRH"].spki
    evidence = Evidence(spki=spki, not_before=START, not_after=END)
    basis = load_basis(load_config(deployment.config), Usage())
    return call, evidence, answer_unrecorded(call, evidence, basis, at=NOW)[0]


def missed(registry: CollectorRegistry, why: str) -> float:
    return registry.get_sample_value("govshare_shadow_missed_total", {"why": why}) or 0.0


def test_answers_that_the_shadow_cannot_keep_up_with_are_counted_and_passed_over(
    deployment: Deployment,
) -> None:
    suspend(shadowed(deployment))
    tried = deployment.directory / "tried"
    policy = OpenPolicy(profile="national-809", precedence=Precedence.LOCAL, data=tried)
    config = ShadowConfig(policy=policy, report=tried / "none" / "there", queue=2)
    registry, one = CollectorRegistry(), answered(deployment)

    async def offer() -> None:
        async with Shadow.beside(config, Usage(), Uncounted(), registry=registry) as shadow:
            for _ in range(5):
                shadow.offer(*one)
            await asyncio.to_thread(await_, lambda: missed(registry, "failed") == 2)

    asyncio.run(offer())
    assert missed(registry, "full") == 3
    assert missed(registry, "failed") == 2, "its file cannot be written"


def test_the_report_stops_at_its_size(deployment: Deployment) -> None:
    suspend(shadowed(deployment))
    tried = deployment.directory / "tried"
    policy = OpenPolicy(profile="national-809", precedence=Precedence.LOCAL, data=tried)
    report = deployment.directory / "shadow.jsonl"
    config = ShadowConfig(policy=policy, report=report, report_bytes=1500)
    registry, one = CollectorRegistry(), answered(deployment)

    async def offer() -> None:
        async with Shadow.beside(config, Usage(), Uncounted(), registry=registry) as shadow:
            for _ in range(9):
                shadow.offer(*one)
            await asyncio.to_thread(await_, dealt_with)

    def dealt_with() -> bool:
        return missed(registry, "unreported") + len(report.read_bytes().splitlines()) == 9

    report.touch()
    asyncio.run(offer())
    assert 0 < report.stat().st_size <= 1500
    assert missed(registry, "unreported") >= 5


WRONG = {
    "no policy": ("[shadow]\nqueue = 1\n[metrics]", "`shadow.profile` is missing"),
    "a key": (TABLE.replace("report =", "rapport ="), "`shadow.rapport` is not a setting"),
    "two": (TABLE.replace("report =", "bundle ="), "`shadow.profile` stands in the signed bundle"),
}


@pytest.mark.parametrize(("table", "sentence"), WRONG.values(), ids=WRONG)
def test_a_wrong_setting_of_the_shadow_is_refused(
    deployment: Deployment, table: str, sentence: str
) -> None:
    deployment.configure("[metrics]", table)
    with pytest.raises(ConfigError, match=sentence):
        load_config(deployment.config)
