# SPDX-License-Identifier: Apache-2.0
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.audit import encode_record
from govshare_policy.inspection.traits import Traits, instant_us, load_object, traits_of
from tests.unit.inspection.world import FOREIGN, START, decision, outcome, step


def test_a_decision_has_the_traits_of_its_call_and_answer() -> None:
    record = decision(START, commitments={"recipient": "00", "operator": "11"})

    assert traits_of(encode_record(record)) == Traits(
        at_us=instant_us(START),
        phase="decision",
        department="D-HCB",
        system="SYS-A",
        resource="R08",
        outcome="allow",
        effect="allow",
        clauses=("HU-a24-02",),
        grants=("G01", "G02"),
        persons=("operator", "recipient"),
    )


def test_the_outcome_of_an_outcome_record_is_its_status() -> None:
    traits = traits_of(encode_record(outcome(START, "x", "upstream_timeout")))

    assert (traits.phase, traits.outcome, traits.effect) == ("outcome", "upstream_timeout", "")


def test_a_step_has_its_own_resource() -> None:
    traits = traits_of(encode_record(step(START)))

    assert (traits.department, traits.resource, traits.outcome) == ("D-CAB", "R08", "taken")


@pytest.mark.parametrize("data", FOREIGN)
def test_what_is_of_another_type_is_no_trait(data: bytes) -> None:
    traits = traits_of(data)

    assert traits.clauses in ((), ("a",))
    assert traits.department in ("", "D-HCB")
    for word in (traits.phase, traits.department, *traits.clauses):
        word.encode()  # whatever is kept can be stored


@pytest.mark.parametrize("data", [b"[" * 100_000, b"", b"null", b'{"a":', b"1" * 5000])
def test_what_is_no_object_is_an_empty_one(data: bytes) -> None:
    assert load_object(data) == {}
    assert traits_of(data) == Traits()


@settings(max_examples=100, deadline=None)
@given(at=st.datetimes(timezones=st.just(UTC)))
def test_an_instant_keeps_its_microseconds(at: datetime) -> None:
    record = b'{"t":"%s"}' % at.isoformat().encode()

    assert traits_of(record).at_us == instant_us(at)
