# SPDX-License-Identifier: Apache-2.0
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from govshare_policy.audit import encode_record, parse_record, verify_log
from govshare_policy.crypto import Signer
from govshare_policy.errors import VerificationError
from govshare_policy.identity import legal_day
from govshare_policy.inspection.counts import count
from govshare_policy.legal import Outcome
from tests.unit.inspection.test_query import change
from tests.unit.inspection.world import FOREIGN, START, World, decision, some_records, write


def test_the_counts_are_those_of_reading_every_decision(mixed: World) -> None:
    decisions = [
        parse_record(data)
        for data in mixed.records()
        if data not in FOREIGN and parse_record(data).get("phase") == "decision"
    ]
    told: list[int] = []

    counts = count(
        mixed.directory,
        verify_log(mixed.directory, mixed.trust),
        progress=lambda done, _: told.append(done),
    )

    by_department = Counter(one["department"] for one in decisions)
    by_resource = Counter(one["call"]["resource"] for one in decisions)
    by_day = Counter(legal_day(datetime.fromisoformat(one["t"])) for one in decisions)
    refused = Counter(one["clauses"][0] for one in decisions if one["outcome"] != "allow")
    assert {name: found.calls for name, found in counts.departments.items()} == by_department
    assert {name: found.calls for name, found in counts.resources.items()} == by_resource
    assert {day: found.total() for day, found in counts.days.items()} == by_day
    assert counts.denials == refused
    assert counts.total.outcomes == Counter(Outcome(one["outcome"]) for one in decisions)
    assert counts.phases.total() == len(mixed.records())
    assert told == [0]


def test_records_that_are_not_what_they_say_are_named_and_counted_apart(
    signer: Signer, tmp_path: Path
) -> None:
    """Among them one whose day is after the end of the calendar."""
    endless = {**decision(START), "t": "9999-12-31T23:59:59.000000Z"}
    world = write(tmp_path / "log", signer, [*FOREIGN, encode_record(endless)])
    counts = count(world.directory, verify_log(world.directory, world.trust))

    assert counts.odd == (6, 8)
    assert (counts.odd_count, counts.total.calls) == (2, 0)


def test_what_was_written_since_is_left_out(own: World) -> None:
    verdict = verify_log(own.directory, own.trust)
    before = count(own.directory, verdict)
    write(own.directory, own.signer, some_records(40, seed=6))

    assert count(own.directory, verdict).phases == before.phases


def test_what_is_counted_is_what_was_verified(own: World) -> None:
    verdict = verify_log(own.directory, own.trust)
    change(own, b'"network":"extranet"', b'"network":"intranet"')

    with pytest.raises(VerificationError, match="changed while it was read"):
        count(own.directory, verdict)
