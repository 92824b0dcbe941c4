# SPDX-License-Identifier: Apache-2.0
"""Posts and units of departments: codes, and never a name."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.register.small import SMALL, fault, load

HEAD, FIRST, SECOND = SMALL["departments.tsv"].splitlines()
NO_POST = "not a post such as director or deputy_director; no names here"


def with_cells(head: str = "", deputy: str = "", unit: str = "", leads: str = "") -> bytes:
    lines = [
        f"{HEAD}|head_post|deputy_post|sharing_unit|leads",
        f"{FIRST}|{head}|{deputy}|{unit}|{leads}",
        f"{SECOND}||||",
    ]
    return ("\n".join(lines) + "\n").replace("|", "\t").replace("¦", "|").encode()


def test_posts_units_and_leads_may_be_stated_and_may_be_empty(tmp_path: Path) -> None:
    cells = with_cells("director", "deputy_director", "信息中心", "population¦e_licence")

    assert set(load(tmp_path, {"departments.tsv": cells}).departments) == {"D-A", "D-B"}


WRONG: Mapping[str, tuple[bytes, str]] = {
    "a name": (with_cells(head="王小明"), f"column `head_post`: {NO_POST}"),
    "a name in letters": (with_cells(deputy="Wang Xiaoming"), f"column `deputy_post`: {NO_POST}"),
    "a unit with a blank": (
        with_cells(unit="data office"),
        "column `sharing_unit`: a code has no white space and none of * | ,",
    ),
    "an empty lead": (
        with_cells(leads="population¦"),
        "column `leads`: an item of the list is empty or is not a code",
    ),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=list(WRONG))
def test_what_is_no_code_is_refused_and_not_repeated(
    case: tuple[bytes, str], tmp_path: Path
) -> None:
    cells, said = case

    message = fault(tmp_path, {"departments.tsv": cells})

    assert message == f"departments.tsv line 2 {said}"
    assert "王" not in message
