# SPDX-License-Identifier: Apache-2.0
"""What was allowed may be released once, by whoever was allowed it, for a while."""

from dataclasses import replace

import pytest

from govshare_policy.gate import Answer, check
from govshare_policy.register import load_register
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.release.pending import Releases
from tests.county import COUNTY, basis_over
from tests.unit.gathered import plain_call

ME, YOU = bytes([7]) * 32, bytes([8]) * 32
CALL = plain_call()


class Clock:
    """Stands where it is put."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def releases(clock: Clock) -> Releases:
    return Releases(ttl_s=60.0, most=4, clock=clock)


@pytest.fixture(scope="module")
def plain() -> Answer:
    return check(CALL, basis_over(load_register(COUNTY), "hubei"))


def answer(plain: Answer, name: str, spki: bytes | None = ME) -> Answer:
    return replace(plain, record_id=name, identity=replace(plain.identity, spki=spki))


def is_refused(releases: Releases, name: str, spki: bytes | None = ME) -> bool:
    try:
        releases.take(name, spki)
    except RefusedError as error:
        return error.cause is Cause.NO_RELEASE
    return False


def test_what_was_allowed_can_be_taken_once(plain: Answer, releases: Releases) -> None:
    releases.keep(CALL, answer(plain, "a"))
    allowed = releases.take("a", ME)

    assert (allowed.call, allowed.answer.record_id) == (CALL, "a")
    assert is_refused(releases, "a")


@pytest.mark.parametrize("spki", [YOU, None])
def test_another_caller_takes_nothing(
    plain: Answer, releases: Releases, spki: bytes | None
) -> None:
    releases.keep(CALL, answer(plain, "a"))

    assert is_refused(releases, "a", spki)
    assert not is_refused(releases, "a")


def test_a_denial_and_an_answer_to_nobody_are_not_kept(releases: Releases, plain: Answer) -> None:
    denied = check(replace(CALL, purpose="x"), basis_over(load_register(COUNTY), "hubei"))
    releases.keep(CALL, answer(denied, "a"))
    releases.keep(CALL, answer(plain, "b", spki=None))

    assert is_refused(releases, "a")
    assert is_refused(releases, "b", None)


@pytest.mark.parametrize(("later_s", "refused"), [(60.0, False), (60.1, True)])
def test_the_time_ends(
    plain: Answer, releases: Releases, clock: Clock, *, later_s: float, refused: bool
) -> None:
    releases.keep(CALL, answer(plain, "a"))
    clock.now += later_s

    assert is_refused(releases, "a") is refused


def test_whoever_holds_most_loses_its_oldest(plain: Answer, releases: Releases) -> None:
    releases.keep(CALL, answer(plain, "yours", spki=YOU))
    for name in "abcd":
        releases.keep(CALL, answer(plain, name))

    assert is_refused(releases, "a")
    assert not any(is_refused(releases, name) for name in "bcd")
    assert not is_refused(releases, "yours", YOU)


def test_what_is_over_makes_room(plain: Answer, releases: Releases, clock: Clock) -> None:
    for name in "abc":
        releases.keep(CALL, answer(plain, name, spki=YOU))
    releases.keep(CALL, answer(plain, "old"))
    clock.now += 61
    releases.keep(CALL, answer(plain, "new"))
    releases.keep(CALL, answer(plain, "yours", spki=YOU))

    assert not is_refused(releases, "new")
    assert not is_refused(releases, "yours", YOU)
