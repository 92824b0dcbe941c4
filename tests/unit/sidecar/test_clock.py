# SPDX-License-Identifier: Apache-2.0
"""A clock that is set answers no calls until it is right again."""

from datetime import UTC, datetime, timedelta

import pytest

from govshare_policy.errors import AuditError
from govshare_sidecar.clock import MAX_STEP_S, Clock


class Machine:
    """Two clocks, of which one can be set."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 5, tzinfo=UTC)
        self.steady = 1000.0
        self.clock = Clock(lambda: self.at, steady=lambda: self.steady)

    def passes(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.steady += seconds

    def is_set_by(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.mark.parametrize("seconds", [0, 1, 86_400, 10 * 86_400])
def test_time_that_passes_is_no_step(machine: Machine, seconds: float) -> None:
    machine.passes(seconds)
    machine.clock.verify()
    assert machine.clock.agrees


@pytest.mark.parametrize("step_s", [MAX_STEP_S + 1, -MAX_STEP_S - 1, 86_400, -86_400])
def test_a_clock_that_was_set_is_wrong_until_it_is_set_back(
    machine: Machine, step_s: float
) -> None:
    machine.is_set_by(step_s)
    for _ in range(2):
        with pytest.raises(AuditError, match="the clock was set by more than a minute"):
            machine.clock.verify()
        machine.passes(30)
    assert not machine.clock.agrees

    machine.is_set_by(-step_s)
    machine.clock.verify()
    assert machine.clock.agrees


def test_a_clock_may_be_kept_in_step_for_as_long_as_it_runs(machine: Machine) -> None:
    for _ in range(100):
        machine.passes(3600)
        machine.is_set_by(2)
        machine.clock.verify()
