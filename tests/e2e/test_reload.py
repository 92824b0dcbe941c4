# SPDX-License-Identifier: Apache-2.0
"""What decides is replaced whole while calls are answered: no call sees half of a change."""

import itertools
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from govshare_policy.policy import Precedence, load_bundle
from govshare_policy.register import load_register
from govshare_sidecar._pb import enforcement_pb2 as pb
from govshare_sidecar.watch import state_of
from tests.e2e.deployment import Deployment, Running, await_
from tests.e2e.test_grpc import request
from tests.e2e.test_workers import several

# `make nightly` asks for a million.
CALLS = int(os.environ.get("NIGHTLY_CALLS", "20000"))
BATCH = 250
EVERY_S = 1.0
# The text that knows suspensions.
PROFILE = "national-809"
DONE = 'govshare_reloads_total{result="done"}'
REFUSED = 'govshare_reloads_total{result="refused"}'
HEADER = "suspension_id\tuser_dept\tresource_id\trecorded_on\tlifted_on\n"
FREE = HEADER
SUSPENDED = f"{HEADER}S1\tD-HCB\tR08\t2025-01-01\t\n"
WRONG = f"{HEADER}S1\tD-HCB\tR99\t2025-01-01\t\n"

pytestmark = pytest.mark.usefixtures("api")


@pytest.fixture
def deployment(deployment: Deployment) -> Deployment:
    """A deployment that decides by a text which suspends."""
    deployment.configure('"hubei"', f'"{PROFILE}"')
    return deployment


def write(deployment: Deployment, text: str) -> None:
    """Put *text* in the place of the suspensions, whole."""
    # Not in the directory: it knows every file that may stand there.
    aside = deployment.directory / "suspensions.new"
    aside.write_text(text, encoding="utf-8")
    aside.replace(deployment.directory / "data" / "suspensions.tsv")


def revision_of(deployment: Deployment, text: str) -> str:
    """Return the revision that answers state while *text* are the suspensions."""
    write(deployment, text)
    register = load_register(deployment.directory / "data")
    revision = load_bundle(PROFILE, register, precedence=Precedence.LOCAL).revision
    return f"sm3:{revision.hex()}"


@contextmanager
def reloading(running: Running) -> Iterator[Counter[str]]:
    """Change the suspensions once a second; yields how often to what."""
    ended, written = threading.Event(), Counter[str]()

    def change() -> None:
        for text in itertools.cycle((SUSPENDED, WRONG, FREE, WRONG)):
            write(running.deployment, text)
            running.process.send_signal(signal.SIGHUP)
            written[text] += 1
            if ended.wait(EVERY_S):
                return

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield written
    finally:
        ended.set()
        thread.join()


def ask(channel: grpc.Channel, requests: list[pb.CheckRequest]) -> Iterator[tuple[str, str]]:
    """Yield revision and outcome of the answer to each of *requests*."""
    method: grpc.UnaryUnaryMultiCallable[pb.CheckBatchRequest, pb.CheckBatchResponse]
    method = channel.unary_unary(
        "/govshare.v1.Enforcement/CheckBatch",
        request_serializer=pb.CheckBatchRequest.SerializeToString,
        response_deserializer=pb.CheckBatchResponse.FromString,
    )
    for result in method(pb.CheckBatchRequest(requests=requests), timeout=60).results:
        answer = result.response.answer
        yield answer.policy.revision, answer.outcome


def test_under_reload_once_a_second_every_answer_agrees_with_its_revision(
    deployment: Deployment,
) -> None:
    """A wrong file comes between any two changes; it is refused, and the old one stays."""
    suspended, free = (revision_of(deployment, text) for text in (SUSPENDED, FREE))
    seen: Counter[tuple[str, str]] = Counter()
    requests = [request()] * BATCH
    with (
        deployment.start() as running,
        running.channel("SYS-HCB-PRH") as channel,
        reloading(running) as written,
    ):
        while seen.total() < CALLS or min(written[SUSPENDED], written[FREE]) < 2:
            seen.update(ask(channel, requests))
        # On a busy machine what was written last is read a little later.
        await_(lambda: min(running.metric(DONE), running.metric(REFUSED)) >= 3)

    assert set(seen) == {(suspended, "suspended"), (free, "allow")}


def test_a_revocation_is_in_force_in_every_worker_once_the_reload_has_returned(
    deployment: Deployment,
) -> None:
    revision = revision_of(deployment, SUSPENDED)
    write(deployment, FREE)
    with several(deployment).start() as running:
        assert {running.check(request()).answer.outcome for _ in range(10)} == {"allow"}
        write(deployment, SUSPENDED)
        running.process.send_signal(signal.SIGHUP)
        returned = f"all workers decide by revision `{revision}`"
        await_(lambda: any(m["message"] == returned for m in running.messages))
        answers = [running.check(request()).answer for _ in range(20)]

    assert {answer.outcome for answer in answers} == {"suspended"}
    assert {answer.policy.revision for answer in answers} == {revision}


@pytest.mark.parametrize("workers", [0, 2])
def test_a_changed_file_is_seen_without_a_signal(deployment: Deployment, workers: int) -> None:
    deployment.configure('data = "data"', 'watch_s = 0.2\ndata = "data"')
    if workers:
        several(deployment, workers)
    write(deployment, FREE)
    with deployment.start() as running:
        assert running.check(request()).answer.outcome == "allow"
        write(deployment, WRONG)
        refused = "the policy in force stays"
        await_(lambda: any(refused in message["message"] for message in running.messages))
        assert running.check(request()).answer.outcome == "allow"
        write(deployment, SUSPENDED)
        await_(lambda: running.check(request()).answer.outcome == "suspended")
        assert running.stop() == 0


def test_a_file_that_comes_goes_or_changes_is_another_state(tmp_path: Path) -> None:
    paths = (tmp_path / "data", tmp_path / "bundle")
    states = [state_of(paths)]
    paths[0].mkdir()
    for text in ("a", "ab"):
        (paths[0] / "one.tsv").write_text(text)
        states.append(state_of(paths))
    paths[1].write_text("b")
    states.append(state_of(paths))
    (paths[0] / "one.tsv").unlink()
    states.append(state_of(paths))

    assert len(set(states)) == len(states) == 5
    assert state_of(paths) == states[-1]
