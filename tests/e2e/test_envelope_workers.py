# SPDX-License-Identifier: Apache-2.0
"""Nonces and subjects hold across the worker processes of a machine, which share their stores."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.protobuf.json_format import ParseDict

from govshare_sidecar._pb import enforcement_pb2 as pb
from tests.e2e.deployment import Deployment, Running
from tests.e2e.test_envelope import CALL, Place
from tests.e2e.test_workers import recorded, several, verify_all

TIMES = 16
DAILY = 5

pytestmark = pytest.mark.usefixtures("api")


def ask(running: Running, *, subject: str = "", envelope: str = "") -> str:
    """Ask on a new connection, and return the first reason of a denial."""
    call = {**CALL, "subject": subject} if subject else CALL
    document = {"call": call, "envelope": envelope} if envelope else {"call": call}
    answer = running.check(ParseDict(document, pb.CheckRequest())).answer
    return "" if answer.effect == "allow" else str(answer.reasons[0].code)


def asked_by_both(deployment: Deployment) -> bool:
    return all(recorded(deployment).get(name) for name in ("w0", "w1"))


def test_an_envelope_is_good_once_whichever_worker_it_comes_to(deployment: Deployment) -> None:
    place = Place(deployment, signs=True)
    with several(deployment).start() as running, ThreadPoolExecutor(8) as pool:
        envelope = place.envelope()
        said = Counter(pool.map(lambda _: ask(running, envelope=envelope), range(TIMES)))
        assert said == {"": 1, "envelope_replayed": TIMES - 1}
        assert asked_by_both(deployment)

    with deployment.start() as running:
        assert ask(running, envelope=envelope) == "envelope_replayed"
        assert ask(running, envelope=place.envelope()) == ""
    verify_all(deployment)


def test_workers_together_let_so_many_subjects_through_and_no_more(deployment: Deployment) -> None:
    place = Place(deployment, signs=False, daily=DAILY)
    with several(deployment).start() as running, ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda one: ask(running, subject=f"ID{one}"), range(TIMES)))
        assert Counter(said) == {"": DAILY, "subjects_spent": TIMES - DAILY}
        assert asked_by_both(deployment)
        again = [ask(running, subject=f"ID{one}") for one in range(TIMES)]
        assert again == said, "who was let through stays so at either worker"
    assert (place.deployment.log.parent / "subjects.sqlite").is_file()
