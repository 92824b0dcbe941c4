# SPDX-License-Identifier: Apache-2.0
"""The form of a file: header, rows, encoding."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.register.small import SMALL, Fault, fault, load, said_of, tsv

FAULTS: Mapping[str, Fault] = {
    "no header": Fault("roles.tsv", SMALL["roles.tsv"], "", "line 1: no header row"),
    "a blank header": Fault("roles.tsv", "profile", "\nprofile", "line 1: no header row"),
    "unknown column": Fault(
        "systems.tsv", "intermediary", "relay", "line 1 column 4: unknown column `relay`"
    ),
    "a column in capitals": Fault(
        "roles.tsv", "role|", "Role|", "line 1 column 2: unknown column `Role`"
    ),
    "a column twice": Fault(
        "roles.tsv", "profile|role|", "profile|role|role|", "line 1 column 3: `role` stands twice"
    ),
    "missing column": Fault(
        "grants.tsv", "|granted_by|", "|note|", "line 1: the column `granted_by` is missing"
    ),
    "a cell too few": Fault(
        "roles.tsv", "|D-A", "", "line 2 column 3: 2 cells where the header has 3"
    ),
    "a cell too many": Fault(
        "roles.tsv", "|D-A", "|D-A|", "line 2 column 4: 4 cells where the header has 3"
    ),
    "blanks for a row": Fault(
        "platform.tsv", "crypto", "  \ncrypto", "line 2 column 2: 1 cells where the header has 2"
    ),
    "an unclosed quote": Fault(
        "departments.tsv", "D-A|", '"D-A|', "line 2: a quoted cell is not closed"
    ),
    "an unclosed quote in the header": Fault(
        "departments.tsv", "dept_id", '"dept_id', "line 1: a quoted cell is not closed"
    ),
    "a quote inside a quoted cell": Fault(
        "platform.tsv", "crypto|sm", '"cry"pto|sm', "line 2: a quoted cell is not closed"
    ),
    "a cell that is too long": Fault(
        "platform.tsv", "|sm", f"|{'s' * 140_000}", "line 2: a cell has more than 131072 characters"
    ),
    "a NUL": Fault("platform.tsv", "sm", "s\0m", "line 2: holds a NUL character"),
}


@pytest.mark.parametrize("wrong", FAULTS.values(), ids=list(FAULTS))
def test_a_fault_of_form_names_file_line_and_column(wrong: Fault, tmp_path: Path) -> None:
    assert said_of(wrong, tmp_path) == f"{wrong.file} {wrong.said}"


def test_bytes_that_are_no_utf8_name_the_line(tmp_path: Path) -> None:
    for bad in ("甲".encode("gbk"), b"\xed\xa0\x80", b"\xc0\xaf"):
        data = tsv("systems.tsv").replace("乙".encode(), bad)
        assert fault(tmp_path, {"systems.tsv": data}) == "systems.tsv line 3: not valid UTF-8"


def test_utf16_is_refused(tmp_path: Path) -> None:
    data = tsv("systems.tsv").decode().encode("utf-16")

    assert fault(tmp_path, {"systems.tsv": data}) == "systems.tsv line 1: not valid UTF-8"


def test_the_line_is_right_behind_blank_lines_and_cells_of_several_lines(tmp_path: Path) -> None:
    """An editor counts the lines of the file, whatever rows they make."""
    rows = 'D-B|"乙\n局"|Bureau B|gov_department\n\n\nD-B|丙局|Bureau C|gov_department'
    data = tsv("departments.tsv", "D-B|乙局|Bureau B|gov_department", rows)

    said = fault(tmp_path, {"departments.tsv": data})

    assert said == "departments.tsv line 7 column `dept_id`: `D-B` stands twice"


ACCEPTED: Mapping[str, bytes] = {
    "CRLF": tsv("departments.tsv").replace(b"\n", b"\r\n"),
    "a byte order mark": b"\xef\xbb\xbf" + tsv("departments.tsv"),
    "quoted cells": tsv("departments.tsv", "D-B|乙局|Bureau B", '"D-B"|"乙局"|"Bureau B"'),
    "blanks around cells": tsv("departments.tsv", "D-B|乙局", " D-B | 乙局 "),
    "blank lines": tsv("departments.tsv", "D-B", "\n\nD-B"),
    "no line break at the end": tsv("departments.tsv").removesuffix(b"\n"),
    "columns in another order": tsv("departments.tsv").replace(
        b"dept_id\tname_zh", b"name_zh\tdept_id"
    ).replace("D-A\t甲局".encode(), "甲局\tD-A".encode()).replace(
        "D-B\t乙局".encode(), "乙局\tD-B".encode()
    ),
}  # fmt: skip


@pytest.mark.parametrize("data", ACCEPTED.values(), ids=list(ACCEPTED))
def test_what_editors_and_spreadsheets_write_is_accepted(data: bytes, tmp_path: Path) -> None:
    register = load(tmp_path, {"departments.tsv": data})

    assert set(register.departments) == {"D-A", "D-B"}
    assert register.departments["D-B"].name_zh == "乙局"
    assert register.departments["D-B"].name_en == "Bureau B"


def test_a_quoted_cell_may_hold_tabs_quotes_and_line_breaks(tmp_path: Path) -> None:
    data = tsv("departments.tsv", "乙局", '"乙\t""局""\n二"')

    assert load(tmp_path, {"departments.tsv": data}).departments["D-B"].name_zh == '乙\t"局"\n二'


def test_texts_are_put_in_normal_form_c(tmp_path: Path) -> None:
    """A field in a grant and the same field in a call must be one name."""
    decomposed = "cafe\u0301"
    data = tsv("resources.tsv", "id,name", f"id,name,{decomposed}")

    assert "caf\u00e9" in load(tmp_path, {"resources.tsv": data}).resources["R1"].items


def test_a_role_note_is_never_parsed(tmp_path: Path) -> None:
    data = tsv("departments.tsv").replace(b"\n", b"\t\n").replace(b"type\t", b"type\trole_note", 1)
    data = data.replace(b"gov_department\t", b"gov_department\tplatform_operator in hubei", 1)

    register = load(tmp_path, {"departments.tsv": data, "roles.tsv": b"profile\trole\tdept_id\n"})

    assert register.roles == frozenset()
