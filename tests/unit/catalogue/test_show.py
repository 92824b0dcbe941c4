# SPDX-License-Identifier: Apache-2.0
"""What is shown of an entry is what a call for it will meet."""

from pathlib import Path

import pytest

from govshare_policy.catalogue import load_lint
from govshare_policy.catalogue.show import ShownEntry, show
from tests.county import county_register

KINDS = {
    "R01": "controlled",
    "R03": "unconditional",
    "R12": "conditional",
    "R31": "non_share",
    "R34": "secret",
}


def shown(directory: Path, profile: str, *changes: dict[str, str]) -> dict[str, ShownEntry]:
    register = county_register(directory / "county", {"resources.tsv": list(changes)})
    return {row.entry.id: row for row in show(register, load_lint(profile)[0])}


def test_an_entry_is_of_the_kind_that_weighs_most(tmp_path: Path) -> None:
    rows = shown(tmp_path, "hubei", {"resource_id": "R22", "share_type": ""})

    assert {name: rows[name].kind for name in KINDS} == KINDS
    assert rows["R22"].kind == "unstated"


@pytest.mark.parametrize(
    ("profile", "clause"),
    [
        ("henan-fengqiu", "FQ-3.1-05"),
        ("jiangxi-pingxiang", "PX-a16-01"),
        ("hubei", "HU-a11-02"),
        ("national-809", "NR-a21-01"),
    ],
)
def test_an_interface_with_parameters_means_what_the_text_says(
    profile: str, clause: str, tmp_path: Path
) -> None:
    """Fengqiu and Hubei send the user to the provider, Pingxiang knows no such rule."""
    assert shown(tmp_path, profile)["R01"].meaning.clauses[0] == clause


def test_an_entry_is_shown_with_all_that_it_states(tmp_path: Path) -> None:
    document = shown(tmp_path, "hubei")["R12"].to_document()

    assert (document["resource"], document["provider_name"]) == ("R12", "自然资源局")
    assert (document["kind"], document["clause"]) == ("conditional", "HU-a11-02")
    assert document["items"] == ["id_no", "owner_name", "location", "area", "mortgage"]
    assert isinstance(document["stated"], dict)
    assert document["stated"]["share_condition"] == "按权利人逐条查询"
