# SPDX-License-Identifier: Apache-2.0
"""Share types of single items: one spelling, and a fault says where it stands."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from govshare_policy.register import ItemShare
from tests.unit.register.small import SMALL, fault, load, tsv

HEAD, FIRST, *REST = SMALL["resources.tsv"].splitlines()


def with_cell(cell: str) -> dict[str, bytes]:
    """Return the resources with *cell* as the share types of the items of R1; ``¦`` parts it."""
    lines = [f"{HEAD}|item_share_types", f"{FIRST}|{cell}", *(f"{line}|" for line in REST)]
    text = "\n".join(lines) + "\n"
    return {"resources.tsv": text.replace("|", "\t").replace("¦", "|").encode()}


def test_every_item_has_its_own_type_and_text(tmp_path: Path) -> None:
    register = load(tmp_path, with_cell("id = conditional : 限核验，按号查询 ¦name=non_share"))

    assert register.resources["R1"].item_shares == {
        "id": ItemShare(share_type="conditional", note="限核验，按号查询"),
        "name": ItemShare(share_type="non_share"),
    }
    assert register.resources["R2"].item_shares == {}


def test_a_text_may_have_every_sign_but_the_one_between_items(tmp_path: Path) -> None:
    register = load(tmp_path, with_cell("name=non_share:a=b:c, d"))

    assert register.resources["R1"].item_shares["name"].note == "a=b:c, d"


def test_a_file_without_the_column_states_none(tmp_path: Path) -> None:
    register = load(tmp_path, {"resources.tsv": tsv("resources.tsv")})

    assert register.resources["R1"].item_shares == {}


WRONG: Mapping[str, tuple[str, str]] = {
    "a name alone": ("name", "part 1 is not item=share_type or item=share_type:text"),
    "no type": ("name=", "part 1 is not item=share_type or item=share_type:text"),
    "no name": ("=non_share", "part 1 is not item=share_type or item=share_type:text"),
    "an empty part": ("id=non_share¦", "part 2 is not item=share_type or item=share_type:text"),
    "an item of no entry": ("phone=non_share", "no such item in the entry (part 1)"),
    "a wildcard": ("*=non_share", "part 1 is not item=share_type or item=share_type:text"),
    "an unknown type": (
        "id=unconditional¦name=secret",
        "the share type of part 2 is not one of conditional, non_share, unconditional",
    ),
    "a type in capitals": (
        "name=NON_SHARE",
        "the share type of part 1 is not one of conditional, non_share, unconditional",
    ),
    "an item twice": ("name=non_share¦name=conditional", "`name` stands twice"),
    "an empty text": (
        "name=non_share:",
        "the text of part 1 is empty or has a control character",
    ),
    "a control character": (
        "name=non_share:a\x07b",
        "the text of part 1 is empty or has a control character",
    ),
    "a condition of what has none": (
        "name=unconditional:限核验",
        "part 1 is unconditional and has a condition",
    ),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=list(WRONG))
def test_a_cell_of_another_form_is_refused_with_its_place(
    case: tuple[str, str], tmp_path: Path
) -> None:
    cell, said = case

    assert fault(tmp_path, with_cell(cell)) == (
        f"resources.tsv line 2 column `item_share_types`: {said}"
    )
