# SPDX-License-Identifier: Apache-2.0
"""A daily quota holds exactly, whichever processes of the machine carry the calls."""

import fcntl
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from govshare_policy.errors import AuditError
from govshare_policy.identity import legal_day
from govshare_sidecar import quotas
from govshare_sidecar.quotas import SharedUsage, make_counts, sole_deployment
from govshare_sidecar.refusal import Cause, RefusedError
from tests.e2e.deployment import Deployment, Running
from tests.e2e.test_grpc import request
from tests.e2e.test_workers import kill_one, pids, recorded, several

QUOTA = 30
ROUNDS = 300
TODAY = legal_day(datetime.now(UTC))

pytestmark = pytest.mark.usefixtures("api")


def limit(deployment: Deployment, quota: int = QUOTA) -> None:
    """Give G01 a daily quota."""
    grants = deployment.directory / "data" / "grants.tsv"
    header, *rows = grants.read_text(encoding="utf-8").splitlines()
    limited = [row + (f"\t{quota}" if row.startswith("G01\t") else "\t") for row in rows]
    grants.write_text("\n".join([f"{header}\tdaily_quota", *limited]) + "\n", encoding="utf-8")


def ask(running: Running, times: int) -> Counter[str]:
    """Ask on as many new connections, several at once; return how often which outcome came."""
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: running.check(request()).answer, range(times))
        return Counter(answer.effect for answer in answers)


def test_workers_together_allow_as_many_calls_as_the_grant_carries_and_no_more(
    deployment: Deployment,
) -> None:
    limit(deployment)
    with several(deployment).start() as running:
        assert ask(running, QUOTA + 10) == {"allow": QUOTA, "deny": 10}
        denied = running.check(request()).answer
        assert denied.reasons[0].code == "quota_spent"
    carried = recorded(deployment)
    assert carried["w0"]
    assert carried["w1"]

    with deployment.start() as again:
        assert ask(again, 4) == {"deny": 4}, "it holds over a restart"


def test_a_worker_that_is_killed_gives_no_call_back(deployment: Deployment) -> None:
    limit(deployment)
    with several(deployment).start() as running:
        assert ask(running, 20) == {"allow": 20}
        kill_one(running)
        assert ask(running, QUOTA) == {"allow": QUOTA - 20, "deny": 20}


def test_what_workers_carried_that_there_are_no_more_counts(deployment: Deployment) -> None:
    limit(deployment)
    with several(deployment).start() as running:
        assert ask(running, 20) == {"allow": 20}
    deployment.configure("workers = 2", "workers = 1")
    with deployment.start() as running:
        assert len(pids(running)) == 1
        assert ask(running, QUOTA) == {"allow": QUOTA - 20, "deny": 20}


def test_where_calls_cannot_be_counted_none_is_answered(deployment: Deployment) -> None:
    limit(deployment)
    with several(deployment, 1).start() as running:
        assert running.check(request()).answer.effect == "allow"
        with closing(sqlite3.connect(deployment.log / "quotas.sqlite")) as database:
            database.execute("DROP TABLE used")
        response = running.request("/marriages/ID1")
        assert response.status == 503
        assert "quotas" not in response.document["detail"]
        assert running.monitor("/healthz").status == 503


@contextmanager
def held_up(directory: Path) -> Iterator[None]:
    """Hold the turn to count, as a process does that hangs in it."""
    turn = os.open(directory / "quotas.turn", os.O_RDWR)
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield
    finally:
        os.close(turn)


def test_a_process_that_hangs_in_its_turn_stops_no_other_for_good(deployment: Deployment) -> None:
    """What has to be counted is refused, without a record; what has not goes on."""
    limit(deployment)
    with several(deployment, 1).start() as running:
        with held_up(deployment.log):
            for _ in range(3):
                response = running.request("/marriages/ID1")
                assert response.status == 503
                assert "cannot be counted just now" in response.document["detail"]
            assert running.monitor("/healthz").status == 200
        assert running.request("/marriages/ID1").status == 200
    assert len(recorded(deployment)["w0"]) == 1


class Time:
    """A clock that goes on by what is slept, and tells how often that was."""

    def __init__(self) -> None:
        self.at, self.sleeps = 0.0, 0

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at, self.sleeps = self.at + seconds, self.sleeps + 1


def test_a_turn_is_waited_for_so_long_and_then_hardly_until_it_is_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one call waits its process answers nobody, so a second one must not wait as long."""
    monkeypatch.setattr(quotas, "time", clock := Time())
    waited = []
    with SharedUsage.open(counts(tmp_path)) as usage:
        with held_up(tmp_path):
            for _ in range(3):
                began = clock.at
                with pytest.raises(RefusedError, match="ask again shortly") as caught:
                    usage.take_all({"G01": 9}, TODAY)
                assert caught.value.cause is Cause.BUSY
                waited.append(clock.at - began)
        assert waited == pytest.approx([1, 0.01, 0.01], rel=0.05)
        assert usage.of("G01", TODAY) == 0

        slept = clock.sleeps
        assert usage.take_all({"G01": 9}, TODAY)
        assert clock.sleeps == slept, "a turn that is free is had at once"
        began = clock.at
        with held_up(tmp_path), pytest.raises(RefusedError):
            usage.take_all({"G01": 9}, TODAY)
        assert clock.at - began == pytest.approx(1, rel=0.05)
        assert usage.of("G01", TODAY) == 1


def take(directory: Path, times: int) -> int:
    with SharedUsage.open(directory) as usage:
        return sum(usage.take_all({"G01": 1}, TODAY) for _ in range(times))


def take_together(directory: Path, rounds: int, start: Barrier, taken: "SimpleQueue[int]") -> None:
    """Go for the one place of each round, all processes at the same moment."""
    found = 0
    with SharedUsage.open(directory) as usage:
        for number in range(rounds):
            start.wait(60)
            found += usage.take_all({f"G{number}": 1}, TODAY)
    taken.put(found)


def counts(directory: Path, earlier: Iterable[str] = ()) -> Path:
    make_counts(directory, ((grant, TODAY) for grant in earlier))
    return directory


def test_processes_that_count_at_once_lose_and_invent_nothing(tmp_path: Path) -> None:
    """Each grant has room for one call, and two processes go for it at the same moment."""
    counts(tmp_path)
    context = get_context("spawn")
    start, taken = context.Barrier(2), context.SimpleQueue()
    processes = [
        context.Process(target=take_together, args=(tmp_path, ROUNDS, start, taken))
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]

    assert sum(taken.get() for _ in processes) == ROUNDS
    with SharedUsage.open(tmp_path) as usage:
        assert {usage.of(f"G{number}", TODAY) for number in range(ROUNDS)} == {1}


def test_a_count_is_read_in_the_turn_in_which_it_is_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for its turn sees what was counted while it waited."""
    monkeypatch.setattr(quotas, "_WAIT_S", 60)
    counts(tmp_path)
    with ThreadPoolExecutor() as pool, SharedUsage.open(tmp_path) as mine:
        with mine._own_turn():
            other = pool.submit(take, tmp_path, 1)
            with pytest.raises(TimeoutError):
                other.result(timeout=0.3)
            assert mine._taken({"G01": 1}, TODAY)
        assert other.result(timeout=60) == 0


def test_a_call_counts_under_all_its_grants_or_under_none(tmp_path: Path) -> None:
    with SharedUsage.open(counts(tmp_path, ["G02"])) as usage:
        assert not usage.take_all({"G01": 1, "G02": 1}, TODAY)
        assert usage.of("G01", TODAY) == 0
        assert usage.take_all({"G01": 1, "G02": 2}, TODAY)
        assert (usage.of("G01", TODAY), usage.of("G02", TODAY)) == (1, 2)
        assert usage.take_all({}, TODAY)
        assert not usage.take_all({"G03": 0}, TODAY)


def test_the_day_before_is_kept_and_older_days_are_not(tmp_path: Path) -> None:
    days = [TODAY.replace(year=2020, month=5, day=day) for day in (4, 5, 6)]
    with SharedUsage.open(counts(tmp_path)) as usage:
        assert all(usage.take_all({"G01": 1}, day) for day in days)
        assert [usage.of("G01", day) for day in days] == [0, 1, 1]


def test_counts_that_are_made_anew_are_those_of_the_logs(tmp_path: Path) -> None:
    with SharedUsage.open(counts(tmp_path, ["G01"] * 3)) as usage:
        assert usage.take_all({"G01": 4}, TODAY)
    with SharedUsage.open(counts(tmp_path, ["G01"] * 2)) as usage:
        assert usage.of("G01", TODAY) == 2


def test_a_file_that_cannot_be_used_is_an_error_and_no_count(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match=r"cannot be used \(FileNotFoundError\)"):
        take(tmp_path, 1)
    counts(tmp_path)
    (tmp_path / "quotas.sqlite").write_bytes(b"no database at all" * 99)
    unusable = pytest.raises(AuditError, match=r"cannot be used \(DatabaseError\)")
    with unusable, SharedUsage.open(tmp_path) as usage:
        usage.of("G01", TODAY)
    with unusable, SharedUsage.open(tmp_path) as usage:
        usage.take_all({"G01": 1}, TODAY)
    (tmp_path / "quotas.sqlite").unlink()
    (tmp_path / "quotas.sqlite").mkdir()
    with pytest.raises(AuditError, match="cannot be used"):
        counts(tmp_path)


def test_one_deployment_has_a_directory_of_logs_to_itself(tmp_path: Path) -> None:
    with (
        sole_deployment(tmp_path / "log"),
        pytest.raises(AuditError, match="in use by another deployment"),
        sole_deployment(tmp_path / "log"),
    ):
        pass
    with sole_deployment(tmp_path / "log"):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(AuditError, match="cannot be written"), sole_deployment(tmp_path / "file"):
        pass
