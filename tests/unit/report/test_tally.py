# SPDX-License-Identifier: Apache-2.0
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from govshare_policy.errors import AuditError, VerificationError
from govshare_policy.report import Span
from govshare_policy.report.events import Ending
from govshare_policy.report.tally import Place, Tally
from govshare_policy.report.waiting import TemporaryStore

JUNE = Span(first=date(2025, 6, 1), last=date(2025, 6, 30))


def test_what_waits_does_not_wait_in_memory() -> None:
    """Twenty thousand open calls take no more of it than two hundred."""

    def peak(calls: int) -> int:
        with Tally(JUNE) as tally:
            tracemalloc.start()
            for record in open_calls(calls):
                tally.take(record)
            tally.finish()
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert tally.places[Place("D-HCB", "R08")].endings == Counter({Ending.OPEN: calls})
        return most

    assert peak(20_000) < peak(200) + 100_000


def open_calls(calls: int) -> Iterator[dict[str, Any]]:
    for number in range(calls):
        yield GOOD | {"id": f"{number:036}"}


GOOD: dict[str, Any] = {
    "phase": "decision",
    "id": "x",
    "t": "2025-06-02T02:00:00.000000Z",
    "call": {"resource": "R08"},
    "department": "D-HCB",
    "system": "SYS-HCB-PRH",
    "outcome": "allow",
    "clauses": ["HU-a24-01"],
    "policy": {"profile": "hubei"},
    "texts": [{"profile": "hubei"}],
}
BROKEN: dict[str, dict[str, Any]] = {
    "no id": {"id": 1},
    "no call": {"call": "R08"},
    "no resource": {"call": {}},
    "an unknown outcome": {"outcome": "perhaps"},
    "no clause": {"clauses": []},
    "a clause that is no text": {"clauses": [1]},
    "a text without a profile": {"texts": ["hubei"]},
    "no policy": {"policy": {}},
    "no instant": {"t": "2025"},
    "a day that does not exist": {"t": "2025-02-30T00:00:00.000000Z"},
    "an end of nothing": {"phase": "outcome", "status": "released", "rows": 1, "bytes": 1},
    "an end without a status": {"phase": "outcome", "decision": "x", "rows": 1, "bytes": 1},
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_a_record_of_another_shape_is_refused(change: dict[str, Any]) -> None:
    """A figure must not come from a record that was not understood."""
    with Tally(JUNE) as tally:
        tally.take(GOOD)
        with pytest.raises(VerificationError):
            tally.take(GOOD | change)


def test_an_end_said_twice_counts_once() -> None:
    """And an end of a call of another period counts nothing."""
    end = {"phase": "outcome", "decision": "x", "status": "released", "rows": 1, "bytes": 9}
    with Tally(JUNE) as tally:
        for record in (GOOD, end, end, end | {"decision": "y"}):
            tally.take(record)
        tally.finish()

        assert tally.places[Place("D-HCB", "R08")].rows == 1


def test_no_room_for_what_waits_is_said() -> None:
    """The operator has to make room; a report with gaps is none."""
    schema = "CREATE TABLE one (x INTEGER) STRICT;"
    with TemporaryStore(schema) as store, pytest.raises(AuditError, match="temporary file failed"):
        store.run("INSERT INTO one VALUES (?)", "no number")
