# SPDX-License-Identifier: Apache-2.0
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.errors import CallError
from govshare_policy.workflow.delivery import Defect, Finding, check_delivery

ITEMS = ("id_no", "name", "reg_date")
GOOD = "11010519491231002X"
OTHER = "440524188001010014"


def found(
    data: str | bytes, suffix: str = ".csv", items: tuple[str, ...] = ITEMS
) -> list[tuple[str, str, int, tuple[int, ...]]]:
    encoded = data if isinstance(data, bytes) else data.encode()
    findings = check_delivery(encoded, suffix=suffix, items=items)
    return [(f.kind.value, f.item, f.count, f.rows) for f in findings]


def table(*rows: str, header: str = "id_no,name,reg_date") -> str:
    return "\n".join([header, *rows]) + "\n"


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".json"])
def test_a_delivery_as_the_entry_states_it_has_no_defect(suffix: str) -> None:
    rows = [
        {"id_no": GOOD, "name": "甲", "reg_date": "2025-09-22"},
        {"id_no": OTHER, "name": "乙", "reg_date": "20250922"},
    ]
    separator = "\t" if suffix == ".tsv" else ","
    lines = [separator.join(row.values()) for row in rows]
    text = table(*lines, header=separator.join(ITEMS))

    data = (json.dumps(rows) if suffix == ".json" else text).encode()

    assert found(data, suffix) == []
    assert found(b"\xef\xbb\xbf" + data, suffix) == [], "as spreadsheets save it"


@pytest.mark.parametrize(
    ("data", "defects"),
    [
        (b"id_no\n\xff\n", [("encoding", "", 1, (2,))]),
        ('id_no,name,reg_date\n"x', [("syntax", "", 1, ())]),
        ("id_no,id_no\nx,y\n", [("syntax", "", 1, ())]),
        (
            table(f"{GOOD},甲", header="id_no,name"),
            [("missing_item", "reg_date", 1, ())],
        ),
        (
            table(f"{GOOD},甲,2025-09-22,1", header="id_no,name,reg_date,phone"),
            [("undeclared_item", "", 1, (4,))],
        ),
        (
            table(f"{GOOD},甲,2025-09-22", "a,b", f"{OTHER},乙,2025-09-22"),
            [("row_length", "", 1, (2,))],
        ),
        (table(f"{GOOD},甲,2025-09-22", " , ,"), [("empty_row", "", 1, (2,))]),
        (table(f"{GOOD},,2025-09-22"), [("never_filled", "name", 1, ())]),
        (
            table(f"{GOOD},甲,2025-09-22", ",乙,2025-09-22"),
            [("no_identifier", "id_no", 1, (2,))],
        ),
        (
            table(f"{GOOD},甲,2025-02-30", f"{OTHER},乙,昨天"),
            [("bad_format", "reg_date", 2, (1, 2))],
        ),
        (
            table(f"{GOOD},甲,2025-09-22", f"{OTHER},乙,2025-09-22", f"{GOOD},甲,2025-09-22"),
            [("duplicate", "", 1, (3,))],
        ),
    ],
)
def test_every_kind_of_defect_is_found(
    data: str | bytes, defects: list[tuple[str, str, int, tuple[int, ...]]]
) -> None:
    assert found(data) == defects


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("id_no", "110105194912310021"),
        ("id_no", "11010519491331002X"),
        ("id_no", "11010519491231002x"),
        ("id_no", "110105491231002"),
        ("uscc", "91350100M000100Y44"),
        ("uscc", "91350100M000100Y4"),
        ("uscc", "91350100I000100Y43"),
    ],
)
def test_a_number_that_its_standard_rules_out_is_a_defect(item: str, value: str) -> None:
    assert found(f"{item}\n{value}\n", items=(item,)) == [("bad_format", item, 1, (1,))]


def test_a_number_that_its_standard_allows_is_none() -> None:
    """The examples of GB 11643 and GB 32100."""
    assert found(f"id_no\n{GOOD}\n", items=("id_no",)) == []
    assert found("uscc\n91350100M000100Y43\n", items=("uscc",)) == []


@pytest.mark.parametrize(
    "document", ['{"id_no": 1}', "[1]", '[{"id_no": {"x": 1}}]', "[", "[" * 5000]
)
def test_json_is_a_list_of_plain_objects(document: str) -> None:
    assert found(document, ".json", ("id_no",))[-1][0] == "syntax"


def test_json_numbers_and_nulls_are_values_and_their_absence() -> None:
    rows = [{"code": 1, "flag": None}, {"code": 1.5, "flag": False}]

    assert found(json.dumps(rows), ".json", ("code", "flag")) == []


def test_an_empty_file_lacks_every_item() -> None:
    assert [kind for kind, *_ in found("", ".csv")] == ["missing_item"] * 3
    assert [kind for kind, *_ in found("[]", ".json")] == ["missing_item"] * 3


def test_only_the_first_rows_are_named_and_all_are_counted() -> None:
    many = found("reg_date\n" + "".join(f"x{n}\n" for n in range(50)), items=("reg_date",))

    assert many == [("bad_format", "reg_date", 50, tuple(range(1, 21)))]


def test_a_file_of_another_kind_is_bad_input() -> None:
    with pytest.raises(CallError, match=r"one of \.tsv, \.csv, \.json"):
        check_delivery(b"", suffix=".xlsx", items=ITEMS)


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200), suffix=st.sampled_from((".csv", ".tsv", ".json")))
def test_no_finding_repeats_what_stands_in_the_file(data: bytes, suffix: str) -> None:
    for finding in check_delivery(data, suffix=suffix, items=ITEMS):
        assert finding.item in ("", *ITEMS)


def test_a_header_that_is_somebodys_data_is_named_by_its_column() -> None:
    findings = check_delivery(f"{GOOD},甲\n".encode(), suffix=".csv", items=("id_no", "name"))

    assert Finding(kind=Defect.UNDECLARED_ITEM, item="", count=2, rows=(1, 2)) in findings
    assert GOOD not in str([finding.to_document() for finding in findings])
