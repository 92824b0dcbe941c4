# SPDX-License-Identifier: Apache-2.0
"""The matrix of faults names tests and code that exist, and forgets no row."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MATRIX = ROOT / "docs" / "reference" / "audit-matrix.md"
ROW = re.compile(r"^\| (T\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
PLACE = re.compile(r"`([\w./]+)::(\w+)`")
ROWS = {match[1]: match for match in ROW.finditer(MATRIX.read_text(encoding="utf-8"))}


def names_in(path: Path) -> set[str]:
    """Return the functions that a file defines."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".sh":
        return set(re.findall(r"^(\w+)\(\) \{", text, re.MULTILINE))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)}


def find(place: str) -> Path:
    """Return the file that a place in the table means."""
    inside = place.startswith(("tests/", "tools/"))
    return ROOT / place if inside else ROOT / "govshare_policy" / place


def test_every_row_is_there() -> None:
    """T1 to T26, once each."""
    assert list(ROWS) == [f"T{number}" for number in range(1, 27)]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_names_code_and_tests_that_exist(row: str) -> None:
    """At least one of each."""
    stops, tests = PLACE.findall(ROWS[row][3]), PLACE.findall(ROWS[row][4])
    assert stops
    assert tests
    assert all(place.startswith("tests/") for place, _ in tests)
    missing = [
        f"{place}::{name}" for place, name in [*stops, *tests] if name not in names_in(find(place))
    ]

    assert missing == []
