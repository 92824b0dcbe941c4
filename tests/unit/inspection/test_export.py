# SPDX-License-Identifier: Apache-2.0
import csv
import io
import json
import tracemalloc
from pathlib import Path

import pytest

from govshare_policy.audit import encode_record, leaf_hash, parse_record, verify_log
from govshare_policy.crypto import Signer
from govshare_policy.errors import VerificationError
from govshare_policy.inspection.choice import Choice
from govshare_policy.inspection.export import Form, export
from govshare_policy.inspection.flat import COLUMNS, HEADER
from govshare_policy.inspection.query import scan
from tests.unit.inspection.world import (
    FORMULA,
    START,
    World,
    decision,
    outcome,
    some_records,
    step,
    write,
)

OWN = Choice(phase=("decision", "outcome", "workflow", "key"), until_us=2 * 10**15)


def rows(world: World, choice: Choice = OWN) -> list[dict[str, str]]:
    text = "".join(export(world.directory, Form.CSV, choice))
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_line_holds_the_bytes_of_the_record(mixed: World) -> None:
    """So that its leaf hash can be had from the line."""
    records = mixed.records()
    for line in export(mixed.directory, Form.JSONL, OWN):
        number = json.loads(line)["index"]
        start = line.index('"record":') + len('"record":')
        assert leaf_hash(line[start:-2].encode()) == leaf_hash(records[number])


@pytest.mark.parametrize("form", [Form.JSONL, Form.CSV])
def test_an_export_holds_the_records_that_a_query_finds(form: Form, mixed: World) -> None:
    choice = Choice(department=("D-HCB",), phase=("decision",))
    wanted = [hit.number for hit in scan(mixed.directory, choice)]
    if form is Form.CSV:
        found = [int(row["index"]) for row in rows(mixed, choice)]
    else:
        found = [json.loads(line)["index"] for line in export(mixed.directory, form, choice)]

    assert found == wanted != []


def test_csv_has_the_columns_that_are_documented(mixed: World) -> None:
    text = next(export(mixed.directory, Form.CSV, Choice()))
    reference = Path(__file__).resolve().parents[3] / "docs/reference/audit-cli.md"

    assert text == ",".join(HEADER) + "\r\n"
    for column in HEADER:
        assert f"`{column}`" in reference.read_text("utf-8")


def test_a_row_says_what_the_record_says(signer: Signer, tmp_path: Path) -> None:
    call = decision(START, call={"recipient": {"kind": "department", "id": "D-TRA"}})
    world = write(
        tmp_path / "log",
        signer,
        map(encode_record, (call, outcome(START, call["id"]), step(START))),
    )
    _, decided, ended, stepped = rows(world)

    assert decided["asked_fields"] == "id_no|marital_status"
    assert (decided["duties"], decided["recipient"]) == ("mask", "D-TRA")
    assert (decided["clauses"], decided["revision"]) == ("HU-a24-02", "sm3:00")
    assert (ended["decision"], ended["rows"], ended["department"]) == (call["id"], "2", "")
    assert (stepped["step"], stepped["matter"], stepped["step_resource"]) == (
        "approve",
        "A-1",
        "R08",
    )
    assert set(decided) == {"index", *COLUMNS}


def test_no_cell_is_a_formula(mixed: World) -> None:
    """Ids and claims come from others, and auditors open the file in a spreadsheet."""
    cells = [cell for row in rows(mixed) for cell in row.values()]

    assert f"'{FORMULA}" in cells
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)


def test_only_what_was_verified_is_given(own: World) -> None:
    verdict = verify_log(own.directory, own.trust)
    before = list(export(own.directory, Form.CADF, OWN))
    write(own.directory, own.signer, some_records(20, seed=8))

    assert list(export(own.directory, Form.CADF, OWN, verdict=verdict)) == before
    assert len(list(export(own.directory, Form.CADF, OWN))) > len(before)


def test_a_log_that_changes_under_the_export_is_an_error_at_its_end(own: World) -> None:
    from tests.unit.inspection.test_query import change  # noqa: PLC0415  only here

    verdict = verify_log(own.directory, own.trust)
    change(own, b'"network":"extranet"', b'"network":"intranet"')

    with pytest.raises(VerificationError, match="no evidence"):
        list(export(own.directory, Form.JSONL, OWN, verdict=verdict))


@pytest.mark.parametrize("form", Form)
def test_what_is_no_record_is_named_and_nothing_is_made_up(form: Form, mixed: World) -> None:
    bad = next(
        number for number, data in enumerate(mixed.records()) if data in (b"[]", b"not json")
    )

    with pytest.raises(VerificationError, match=r"record \d+ of the log: the record is not"):
        list(export(mixed.directory, form, Choice(after=bad - 1)))


def test_progress_is_told(mixed: World) -> None:
    told: list[tuple[int, int]] = []
    list(
        export(
            mixed.directory, Form.CSV, OWN, progress=lambda done, all_: told.append((done, all_))
        )
    )

    assert told == [(0, len(mixed.records()))]


def test_memory_does_not_grow_with_the_log(long: World) -> None:
    """What is held is the records of one commit, here of some thousands at most."""
    lines = export(long.directory, Form.JSONL, Choice())
    peaks = []
    tracemalloc.start()
    try:
        for _ in range(2):
            for _ in range(5_000):
                next(lines)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.reset_peak()
    finally:
        tracemalloc.stop()

    assert peaks[1] < peaks[0] + (1 << 20)


def test_what_waits_for_its_outcome_is_parsed_as_it_was_written(mixed: World) -> None:
    """A canonical record comes back from its line."""
    for line in export(mixed.directory, Form.JSONL, OWN):
        document = json.loads(line)
        assert parse_record(encode_record(document["record"])) == document["record"]
