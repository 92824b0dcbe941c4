# SPDX-License-Identifier: Apache-2.0
"""Several processes on one port: each records in a log of its own, and together they are one."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from govshare_policy.audit import (
    Checkpoint,
    Receipt,
    TrustPolicy,
    parse_record,
    parse_trust,
    read_records,
    trust_text,
    verify_log,
    verify_receipt,
)
from govshare_policy.crypto import open_signer
from tests.e2e.department import Department
from tests.e2e.deployment import ORIGIN, PASSPHRASE, Deployment, Running, await_
from tests.e2e.grpc_calls import receipt
from tests.e2e.test_grpc import request
from tests.e2e.test_operations import govshare

WORKERS = 2
RESTARTED = 'govshare_worker_restarts_total{worker="%s"}'

pytestmark = pytest.mark.usefixtures("api")


def several(deployment: Deployment, workers: int = WORKERS) -> Deployment:
    deployment.configure('data = "data"', f'workers = {workers}\ndata = "data"')
    return deployment


def logs(deployment: Deployment) -> dict[str, Path]:
    return {path.name: path for path in sorted(deployment.log.glob("w?"))}


def trust_in(deployment: Deployment, origin: str) -> TrustPolicy:
    signer = open_signer(f"file:{deployment.directory}/keys/audit.pem", PASSPHRASE)
    return parse_trust(trust_text(origin, signer.public))


def verify_all(deployment: Deployment) -> None:
    for name, path in logs(deployment).items():
        verify_log(path, trust_in(deployment, f"{ORIGIN}/{name}"))


def recorded(deployment: Deployment) -> dict[str, set[str]]:
    """Return the ids of the decisions in the log of each worker."""
    return {
        name: {
            record["id"]
            for _, data in read_records(path)
            if (record := parse_record(data))["phase"] == "decision"
        }
        for name, path in logs(deployment).items()
    }


def pids(running: Running) -> list[int]:
    """Return the processes of the workers."""
    parent = running.process.pid
    text = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii")
    return [int(pid) for pid in text.split()]


def restarts(running: Running) -> float:
    return sum(running.metric(RESTARTED % f"w{number}") for number in range(WORKERS))


def kill_one(running: Running) -> int:
    """Kill a worker, see that it is missed, and return its number once another answers calls."""
    killed = pids(running)[0]
    os.kill(killed, signal.SIGKILL)
    # It is away for half a second; a busy machine may not get to look meanwhile.
    await_(lambda: running.monitor("/healthz").status == 503 or restarts(running) == 1)
    await_(lambda: running.monitor("/healthz").status == 200 and restarts(running) == 1)
    return killed


def call_until_all_answer(running: Running, workers: int = WORKERS) -> dict[str, int]:
    """Make calls on new connections until every worker has recorded one; return how many each."""
    counts: Counter[str] = Counter()
    for _ in range(200):
        log_id = running.check(request()).receipt
        found = Receipt.from_text(log_id.text)
        counts[found.checkpoint.decode().split("\n", 1)[0]] += 1
        if len(counts) == workers:
            return dict(counts)
    raise AssertionError(f"only {sorted(counts)} were asked")


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, _department: tuple[str, Department]
) -> Iterator[Running]:
    deployment = Deployment(directory=tmp_path_factory.mktemp("workers"), upstream=_department[0])
    with several(deployment).start() as started:
        yield started


def test_every_worker_answers_on_the_same_port_and_records_under_its_own_origin(
    running: Running,
) -> None:
    counts = call_until_all_answer(running)

    assert set(counts) == {f"{ORIGIN}/w0", f"{ORIGIN}/w1"}
    assert {name for name, ids in recorded(running.deployment).items() if ids} == {"w0", "w1"}
    verify_all(running.deployment)


def test_the_proxy_is_shared_as_well(running: Running) -> None:
    ids = {running.request("/marriages/ID1").headers["Govshare-Record"] for _ in range(20)}
    found = recorded(running.deployment)

    assert ids <= found["w0"] | found["w1"]
    assert ids & found["w0"]
    assert ids & found["w1"]


def test_any_worker_hands_out_the_receipt_of_a_record_of_another(running: Running) -> None:
    kept = running.check(request()).receipt
    origin = Receipt.from_text(kept.text).checkpoint.decode().split("\n", 1)[0]
    trust = trust_in(running.deployment, origin)
    # The others read what lies on the disk, where a checkpoint comes to lie within a second.
    kept_in = logs(running.deployment)[origin.rpartition("/")[2]] / "checkpoint"
    index = Receipt.from_text(kept.text).index
    await_(lambda: Checkpoint.from_note(kept_in.read_bytes()).size > index)
    for _ in range(20):
        found = Receipt.from_text(receipt(running, kept).text)
        verify_receipt(found, trust)
        assert kept.record_id in found.record.decode()


def test_metrics_and_health_are_those_of_all_workers(running: Running) -> None:
    call_until_all_answer(running)
    body = running.monitor("/metrics").body.decode()

    for name in ("w0", "w1"):
        line = f'govshare_answers_total{{entrance="grpc_check",outcome="allow",worker="{name}"}}'
        assert running.metric(line) >= 1
        assert running.metric(f'govshare_serving{{worker="{name}"}}') == 1
    assert body.count("# TYPE govshare_answers_total counter") == 1
    assert running.monitor("/healthz").status == 200
    assert running.monitor("/healthz", method="POST").status == 405
    assert running.monitor("/elsewhere").status == 404


def test_a_second_deployment_on_the_same_logs_does_not_start(running: Running) -> None:
    with pytest.raises(AssertionError, match="in use by another deployment"):
        running.deployment.start().__enter__()
    assert running.check(request()).answer.effect == "allow"


def test_another_deployment_on_the_same_port_does_not_start(
    running: Running, deployment: Deployment
) -> None:
    """The kernel would share the callers out between the two."""
    several(deployment)
    taken = running.addresses["grpc"]
    deployment.configure('[grpc]\nlisten = "127.0.0.1:0"', f'[grpc]\nlisten = "{taken}"')
    with pytest.raises(AssertionError, match=r"`grpc.listen` cannot be listened on"):
        deployment.start().__enter__()


def test_a_worker_that_dies_is_started_again_and_loses_no_answered_call(
    deployment: Deployment,
) -> None:
    with several(deployment).start() as running:
        ids = {running.check(request()).receipt.record_id for _ in range(8)}
        killed = kill_one(running)
        assert killed not in pids(running)
        assert len(pids(running)) == WORKERS
        call_until_all_answer(running)
        assert restarts(running) == 1
        assert running.stop() == 0

    found = recorded(deployment)
    assert ids <= found["w0"] | found["w1"]
    verify_all(deployment)


def test_workers_go_when_the_process_above_them_is_killed(deployment: Deployment) -> None:
    with several(deployment).start() as running:
        workers = pids(running)
        running.stop(signal.SIGKILL)
        await_(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))

    with deployment.start() as again:
        assert again.check(request()).answer.effect == "allow"


def test_sigterm_finishes_what_is_under_way_in_a_worker(
    deployment: Deployment, api: Department
) -> None:
    with (
        several(deployment).start() as running,
        ThreadPoolExecutor() as pool,
        api.holding() as let,
    ):
        workers = pids(running)
        answer = pool.submit(running.request, "/marriages/ID1")
        await_(lambda: len(api.asked) == 1)
        running.process.send_signal(signal.SIGTERM)
        await_(lambda: running.monitor("/healthz").status == 503)
        let.set()
        assert running.stop() == 0
        assert answer.result().status == 200
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


WRONG = {
    "a register": ("data/grants.tsv", "grant_id\nG01\n", "grants.tsv"),
    "a key": ("keys/audit.passphrase", "wrong\n", "passphrase"),
}


@pytest.mark.parametrize(("file", "text", "said"), WRONG.values(), ids=WRONG)
def test_where_a_worker_cannot_start_none_does(
    deployment: Deployment, file: str, text: str, said: str
) -> None:
    several(deployment)
    (deployment.directory / file).write_text(text)
    with pytest.raises(AssertionError, match=said):
        deployment.start().__enter__()


def test_a_log_of_one_process_is_not_taken_for_a_directory_of_logs(deployment: Deployment) -> None:
    with deployment.start():
        pass
    several(deployment)
    with pytest.raises(AssertionError, match="`workers` need a directory of logs"):
        deployment.start().__enter__()


def test_a_configuration_with_workers_is_tried_beside_them(running: Running) -> None:
    code, said = govshare("config", "validate", "--config", running.deployment.config)
    assert code == 0, said
    assert "there is no log yet" not in said
