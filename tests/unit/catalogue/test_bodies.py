# SPDX-License-Identifier: Apache-2.0
"""Who answers for sharing: looked at where the register of departments keeps it, else not."""

from pathlib import Path

import pytest

from govshare_policy.catalogue import lint, load_catalogue, load_lint
from govshare_policy.policy import profiles
from tests.county import write_county

BODIES = {"unit", "head", "base_lead", "theme_lead", "central_base", "central_theme"}


def findings(directory: Path, profile: str, *rows: dict[str, str]) -> list[dict[str, object]]:
    data = write_county(directory / "county", {"departments.tsv": list(rows)} if rows else None)
    found = lint(load_catalogue(data), load_lint(profile)[0])
    return [one.to_document() for one in found if one.code in BODIES]


@pytest.mark.parametrize("profile", profiles())
def test_a_register_that_keeps_no_posts_and_no_leads_is_not_faulted(
    profile: str, tmp_path: Path
) -> None:
    assert findings(tmp_path, profile) == []


def test_a_finding_names_department_file_line_and_column(tmp_path: Path) -> None:
    found = findings(tmp_path, "hubei", {"dept_id": "D-PSB", "sharing_unit": "科技科"})
    units = [one for one in found if one["code"] == "unit"]

    assert units[0] == {
        "department": "D-CAB",
        "severity": "error",
        "code": "unit",
        "rule": "hu-unit",
        "clause": "HU-a31-01",
        "clauses": ["HU-a31-01"],
        "file": "departments.tsv",
        "line": 3,
        "column": "sharing_unit",
        "text": "`D-CAB` does not state its unit that does the work of sharing",
        "text_zh": "民政局未写明承担共享工作的机构",
    }
    assert "D-PSB" not in {one["department"] for one in units}


def test_companies_have_no_posts_to_state(tmp_path: Path) -> None:
    found = findings(tmp_path, "national-809", {"dept_id": "D-PSB", "sharing_unit": "科技科"})

    asked = {one["department"] for one in found}
    assert "D-DPF" in asked
    assert not asked & {"O-OPS", "O-UTL", "O-BNK"}


def test_a_column_that_is_missing_is_one_fault_of_the_file(tmp_path: Path) -> None:
    found = findings(tmp_path, "hubei", {"dept_id": "D-PSB", "sharing_unit": "科技科"})
    [head] = [one for one in found if one["code"] == "head"]

    assert (head["file"], head["line"], head["column"]) == ("departments.tsv", 1, "head_post")
    assert str(head["text"]).startswith("`departments.tsv` does not state its head")


def test_each_base_is_spoken_of_once_however_many_entries_it_has(tmp_path: Path) -> None:
    """Two entries of the county are of the population base; three of the social themes."""
    found = findings(tmp_path, "hubei", {"dept_id": "D-NRB", "leads": "natural_resources_geo"})

    named = [one["text"] for one in found]
    assert len(named) == len(set(named)) == 10
    assert not any("natural_resources_geo" in str(text) for text in named)


def test_a_lead_that_holds_the_role_is_no_fault(tmp_path: Path) -> None:
    """FQ-3.1-22: the bureau builds three bases; D-DATA is it in the county."""
    rows = [
        {"dept_id": "D-DATA", "leads": "population|legal_entity"},
        {"dept_id": "D-PSB", "leads": "e_licence"},
        {"dept_id": "D-NRB", "leads": "natural_resources_geo"},
    ]

    found = findings(tmp_path, "henan-fengqiu", *rows)

    assert [one["resource"] for one in found if one["code"] == "central_base"] == ["R05"]
