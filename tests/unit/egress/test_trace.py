# SPDX-License-Identifier: Apache-2.0
"""Leaked rows name the release they came from, as far as anything of it is left."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from govshare_policy.egress.batchfile import BatchForm, Row, read_batch, row_digest
from govshare_policy.egress.canary import Consent, plant
from govshare_policy.egress.released import seal
from govshare_policy.egress.trace import Candidate, Signs, candidates_in, trace
from govshare_policy.egress.watermark import mark, mark_key

AT = datetime(2026, 1, 5, 2, tzinfo=UTC)
MASTER = bytes(range(32))
FIELDS = ("id_no", "name")
CONSENT = Consent(
    resource="R08",
    provider="D-CAB",
    agreed_by="wang",
    valid_from=date(2026, 1, 1),
    valid_to=date(2026, 12, 31),
)


def rows_of(numbers: Sequence[int]) -> list[Row]:
    return [Row(cells={"id_no": f"{n:010}", "name": f"n{n}"}, text="") for n in numbers]


def candidate(name: str, rows: Sequence[Row], *, number: int = 0, kept: bool = True) -> Candidate:
    key = name.encode().ljust(32)
    sealed = seal(key, b"".join(row_digest(row.cells) for row in rows))
    return Candidate(
        decision=name,
        number=number,
        at=AT,
        department=f"D-{name}",
        system="SYS",
        resource="R08",
        fields=FIELDS,
        records=len(rows),
        root=sealed.root,
        key=key,
        leaves=sealed.leaves if kept else b"",
    )


ONE = candidate("one", rows_of(range(100)))
OTHER = candidate("other", rows_of(range(80, 180)), number=1)


def test_rows_as_they_left_name_their_release() -> None:
    best, second = trace(rows_of(range(70, 95)), [OTHER, ONE], Signs(), seen=None)

    assert (best.candidate.decision, best.counts["leaves"]) == ("one", 25)
    assert best.likelihood > 0.999 > second.likelihood


def test_rows_that_two_releases_had_leave_the_question_open() -> None:
    fits = trace(rows_of(range(85, 95)), [ONE, OTHER], Signs(), seen=None)

    assert [fit.likelihood for fit in fits] == pytest.approx([0.5, 0.5], abs=0.001)


def test_a_release_of_one_record_is_known_by_its_root() -> None:
    single = candidate("single", rows_of([7]), kept=False)
    best, *_ = trace(rows_of([7]), [single], Signs(), seen=None)

    assert best.counts["leaves"] == 1


def test_without_the_salt_the_leaves_say_nothing() -> None:
    erased = replace(ONE, key=b"")
    [fit] = trace(rows_of(range(10)), [erased], Signs(), seen=None)

    assert fit.weights["leaves"] == 0


def test_rows_from_elsewhere_fit_nothing() -> None:
    foreign = [Row(cells={"plate": str(n)}, text="") for n in range(200)]
    fits = trace(foreign, [ONE, OTHER], Signs(), seen=None)

    assert all(fit.weight < 0 for fit in fits)
    assert trace(foreign, [], Signs(), seen=None) == ()


def test_what_left_after_the_rows_were_seen_is_out() -> None:
    rows = rows_of(range(10))

    assert trace(rows, [ONE], Signs(), seen=AT - timedelta(seconds=1)) == ()
    assert len(trace(rows, [ONE], Signs(), seen=AT)) == 1


def test_a_field_that_the_release_did_not_have_speaks_against_it() -> None:
    wider = replace(OTHER, fields=(*FIELDS, "phone"))
    leaked = [Row(cells={"phone": str(n)}, text="") for n in range(5)]
    fits = trace(leaked, [ONE, wider], Signs(), seen=None)

    assert [(fit.candidate.decision, fit.weights["fields"]) for fit in fits] == [
        ("other", 0.3),
        ("one", -2.0),
    ]


def test_the_order_names_a_release_when_columns_are_gone() -> None:
    batch = read_batch(
        "".join(json.dumps(dict(row.cells)) + "\n" for row in rows_of(range(60))).encode(),
        BatchForm.NDJSON,
    )
    sent = read_batch(mark(batch, mark_key(MASTER, "one"), fields=["id_no"]), BatchForm.NDJSON)
    leaked = [Row(cells={"id_no": row.cells["id_no"]}, text="") for row in sent.rows[::2]]
    signs = Signs(order_keys=[bytes(32), MASTER], order_fields=["id_no"])

    best, second = trace(leaked, [OTHER, ONE], signs, seen=None)

    assert best.candidate.decision == "one"
    assert best.weights["leaves"] == 0
    assert best.likelihood > 0.99 > second.likelihood


def test_a_single_canary_names_its_release() -> None:
    lines = "".join(f'{{"id_no":"{n:010}","name":"n{n}"}}\n' for n in range(50))
    batch = read_batch(lines.encode(), BatchForm.NDJSON)
    data, planted = plant(batch, MASTER, release="other", consent=CONSENT, count=5, at=AT)
    own = {row.text for row in batch.rows}
    sent = read_batch(data, BatchForm.NDJSON).rows
    [canary, *_] = [row for row in sent if row.text not in own]
    leaked = [Row(cells={"x": canary.cells["id_no"]}, text="")]
    signs = Signs(canary_keys=[bytes(32), MASTER], planted=[planted])

    best, *_ = trace(leaked, [ONE, OTHER], signs, seen=None)

    assert (best.candidate.decision, best.counts["canaries"]) == ("other", 1)
    assert best.likelihood > 0.999


def test_a_fit_says_nothing_of_the_rows() -> None:
    rows = rows_of(range(1000, 1010))
    fits = trace(rows, [candidate("one", rows)], Signs(), seen=None)
    text = json.dumps([fit.to_document() for fit in fits]) + repr(fits[0].counts)

    assert not [cell for row in rows for cell in row.cells.values() if cell in text]


def test_likelihoods_of_all_fits_and_of_none_add_up_to_one() -> None:
    fits = trace(rows_of(range(85, 95)), [ONE, OTHER], Signs(), seen=None)
    nothing = 1 / (1 + sum(10**fit.weight for fit in fits))

    assert sum(fit.likelihood for fit in fits) + nothing == pytest.approx(1)


def test_candidates_are_the_outcomes_that_have_a_root() -> None:
    release = {
        "root": bytes(32).hex(),
        "records": 2,
        "department": "D-HCB",
        "system": "S",
        "resource": "R08",
        "fields": ["id_no"],
    }
    records: list[tuple[int, dict[str, Any]]] = [
        (4, {"phase": "outcome", "decision": "d", "t": "2026", "release": release}),
        (5, {"phase": "outcome", "decision": "e", "t": "2026"}),
        (6, {"phase": "decision", "id": "f", "t": "2026"}),
    ]
    [found] = candidates_in(records, instant=lambda _: AT)

    assert (found.decision, found.number, found.records) == ("d", 4, 2)
    assert candidates_in(records, instant=lambda _: AT, resource="R09") == []
