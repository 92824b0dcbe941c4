# SPDX-License-Identifier: Apache-2.0
"""Little by little is seen too, and what was denied or is long ago is not held against anybody."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from govshare_policy.egress.accumulator import Accumulator, Addition, Day, Seen
from govshare_policy.egress.verdict import Cause, Outcome
from govshare_policy.errors import ConfigError
from tests.egress.forms import as_json
from tests.egress.generators import household, rows
from tests.egress.guarded import AT, Guarded, make_guarded
from tests.egress.roles import only

Make = Callable[..., Accumulator]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Open accumulators over one file, and close them in the end."""
    with ExitStack() as opened:
        yield lambda **bounds: opened.enter_context(Accumulator(tmp_path / "day", **bounds))


def add(accumulator: Accumulator, row: int, *, caller: str = "S", hours: float = 0.0) -> Day:
    days: list[Day] = []

    def keep(day: Day) -> frozenset[int]:
        days.append(day)
        return frozenset()

    addition = Addition(
        segments=1,
        likely=frozenset({row}),
        values={row + (1 << 63): Seen(kind="phone", postings=1, row=row)},
    )
    at = AT + timedelta(hours=hours)
    accumulator.add(addition, caller=caller, destination="D", at=at, judge=keep)
    return days[0]


def test_a_day_survives_a_restart_and_is_shared(make: Make) -> None:
    add(make(), 1)
    make().close()

    day = add(make(), 2)

    assert (day.segments, len(day.values)) == (2, 2)
    assert day.likely == {1, 2}


def test_what_is_older_than_the_window_is_forgotten(make: Make) -> None:
    accumulator = make()
    add(accumulator, 1)
    add(accumulator, 2, hours=20)

    assert add(accumulator, 3, hours=25).likely == {2, 3}


def test_callers_and_destinations_are_summed_up_apart(make: Make) -> None:
    accumulator = make()
    add(accumulator, 1, caller="S")

    assert add(accumulator, 2, caller="T").likely == {2}


def test_what_is_refused_is_not_added(make: Make) -> None:
    accumulator = make()
    addition = Addition(segments=1, likely=frozenset({7}), values={})
    refused = accumulator.add(
        addition, caller="S", destination="D", at=AT, judge=lambda day: day.likely
    )

    assert refused == {7}
    assert add(accumulator, 1).likely == {1}


def test_a_pair_keeps_only_its_newest_entries(make: Make) -> None:
    accumulator = make(max_entries=3)
    days = [add(accumulator, row, hours=row / 10) for row in range(10)]

    assert days[-1].likely == {7, 8, 9}


def test_one_pair_too_many_is_refused_and_nobody_is_forgotten(make: Make) -> None:
    accumulator = make(max_pairs=2)
    add(accumulator, 1, caller="S")
    add(accumulator, 2, caller="T")

    with pytest.raises(ConfigError, match="full"):
        add(accumulator, 3, caller="U")
    assert add(accumulator, 4, caller="S").likely == {1, 4}


def test_a_file_that_is_no_database_denies(make: Make, tmp_path: Path) -> None:
    (tmp_path / "day").write_bytes(b"not a database, and long enough to be taken for one" * 40)

    with pytest.raises(ConfigError, match="cannot be written"):
        add(make(), 1)


def test_a_locked_file_is_waited_for_and_then_denies(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("govshare_policy.egress.accumulator._BUSY_S", 0.05)
    accumulator = make()
    add(accumulator, 1)
    other = sqlite3.connect(tmp_path / "day", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(ConfigError, match="cannot be written"):
            add(accumulator, 2)
    finally:
        other.close()


@pytest.fixture
def guarded(tmp_path: Path) -> Guarded:
    return make_guarded(tmp_path)


def sends(guarded: Guarded, documents: list[bytes], caller: str) -> list[Outcome]:
    """Send one document every ten minutes."""
    return [
        guarded.scan(body, caller=caller, at=AT + timedelta(minutes=10 * n)).outcome
        for n, body in enumerate(documents)
    ]


def test_one_likely_record_a_request_is_denied_from_the_third_on(guarded: Guarded) -> None:
    released = rows(household, 200, seed=1)
    with guarded:
        guarded.release(released)
        documents = [as_json([row]) for row in only(released[:6], "name", "date")]

        assert sends(guarded, documents, "slow") == [Outcome.PASS] * 2 + [Outcome.DENY] * 4


def test_one_telephone_number_a_request_is_denied_within_the_day(guarded: Guarded) -> None:
    released = rows(household, 200, seed=1)
    with guarded:
        guarded.release(released)
        documents = [as_json([row]) for row in only(released[:25], "phone")]
        outcomes = sends(guarded, documents, "slow")

    assert outcomes == [Outcome.PASS] * 19 + [Outcome.DENY] * 6


def test_own_documents_pass_after_a_denial(guarded: Guarded) -> None:
    """What was denied was not sent, and what holds nothing released is not held back."""
    released, own = rows(household, 200, seed=1), rows(household, 200, seed=2)
    with guarded:
        guarded.release(released)
        leak = [as_json([row]) for row in only(released[:5], "name", "date")]

        assert Outcome.DENY in sends(guarded, leak, "both")
        assert guarded.scan(as_json(own), caller="both").outcome is Outcome.PASS


def test_own_documents_pass_when_what_diluted_a_day_has_left_the_window(guarded: Guarded) -> None:
    """A document that adds nothing is not refused for what went before it."""
    released, own = rows(household, 200, seed=1), rows(household, 2_000, seed=2)
    with guarded:
        guarded.release(released)
        guarded.scan(as_json(own), caller="both")
        later = AT + timedelta(hours=2)
        few = [as_json([row]) for row in only(released[:3], "name", "date")]
        passed = [guarded.scan(body, caller="both", at=later).outcome for body in few]
        verdict = guarded.scan(as_json(own[:5]), caller="both", at=AT + timedelta(hours=25))

    assert {*passed, verdict.outcome} == {Outcome.PASS}


def test_the_verdict_names_the_sum_as_its_cause(guarded: Guarded) -> None:
    released = rows(household, 200, seed=1)
    with guarded:
        guarded.release(released)
        verdicts = [
            guarded.scan(as_json([row]), caller="slow")
            for row in only(released[:3], "name", "date")
        ]

    verdict = verdicts[-1]
    assert verdict.causes == (Cause.ACCUMULATED,)
    assert (verdict.rows, verdict.evidence[0].receipt) == (3, "R-1")


def test_a_small_bound_does_not_open_the_guard(guarded: Guarded, tmp_path: Path) -> None:
    """As many identifying values as a pair can keep are too many, however much else is sent."""
    released, own = rows(household, 200, seed=1), rows(household, 900, seed=2)
    with guarded, Accumulator(tmp_path / "small", max_entries=20) as small:
        guarded.release(released)
        made = replace(guarded, guard=replace(guarded.guard, accumulator=small))
        made.scan(as_json(own), caller="slow")
        documents = [as_json([row]) for row in only(released[:21], "phone")]

        assert sends(made, documents, "slow")[-1] is Outcome.DENY
