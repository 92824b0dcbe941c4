# SPDX-License-Identifier: Apache-2.0
"""A finding stands where the fault stands; reading refuses what is stated wrongly."""

from pathlib import Path

import pytest

from govshare_policy.catalogue import lint, load_catalogue, load_lint
from govshare_policy.errors import FactError
from tests.county import Change, write_county


def county(directory: Path, change: Change | None = None) -> Path:
    return write_county(directory / "county", change)


def without_column(data: Path, column: str) -> Path:
    """Take a column out of the catalogue."""
    path = data / "resources.tsv"
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
    place = rows[0].index(column)
    lines = ("\t".join(row[:place] + row[place + 1 :]) for row in rows)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return data


def findings(data: Path, profile: str) -> list[dict[str, object]]:
    found = lint(load_catalogue(data), load_lint(profile)[0])
    return [finding.to_document() for finding in found]


def test_a_finding_has_the_form_of_the_interface(tmp_path: Path) -> None:
    [found] = [f for f in findings(county(tmp_path), "hubei") if f["resource"] == "R32"]

    assert found == {
        "resource": "R32",
        "severity": "error",
        "code": "basis_level",
        "rule": "hu-basis-level",
        "clause": "HU-a08-02",
        "clauses": ["HU-a08-02"],
        "file": "resources.tsv",
        "line": 33,
        "column": "legal_basis_level",
        "text": "withholding rests on a law, an administrative regulation, a ministry rule or "
        "central policy, and `local_regulation` is none of these",
        "text_zh": "不予共享须以法律、行政法规、部委规章或党中央、国务院政策为依据，"
        "“地方性法规”不在其列",
    }


def test_a_line_is_the_line_of_the_file_even_after_cells_of_several_lines(tmp_path: Path) -> None:
    change = [{"resource_id": "R01", "note": "one\ntwo"}]
    found = findings(county(tmp_path, {"resources.tsv": change}), "hubei")

    assert [f["line"] for f in found if f["resource"] == "R32"] == [34]


def test_findings_come_line_by_line(tmp_path: Path) -> None:
    found = lint(load_catalogue(county(tmp_path)), load_lint("henan-hebi")[0])

    assert [finding.line for finding in found] == [7, 31, 33, 34, 35, 37, 37]


def test_a_column_that_the_file_lacks_is_one_finding_about_the_file(tmp_path: Path) -> None:
    data = without_column(county(tmp_path), "usage_requirements")
    found = findings(data, "hubei")

    whole = [f for f in found if "resource" not in f]
    assert [(f["rule"], f["line"], f["column"]) for f in whole] == [
        ("hu-fields", 1, "usage_requirements")
    ]
    assert not [f for f in found if f["rule"] == "hu-fields" and "resource" in f]


def test_a_column_that_no_entry_needs_is_not_missed(tmp_path: Path) -> None:
    """Only Fengqiu asks for a reason in the entry, and only of entries that are withheld."""
    data = without_column(county(tmp_path), "reason")

    assert [f["rule"] for f in findings(data, "henan-fengqiu") if "resource" not in f] == [
        "fq-reason"
    ]
    assert [f for f in findings(data, "hubei") if "resource" not in f] == []


def test_a_copy_is_found_by_its_upstream_where_the_file_has_no_column_for_its_source(
    tmp_path: Path,
) -> None:
    found = findings(without_column(county(tmp_path), "source"), "hubei")

    assert [f["column"] for f in found if f["rule"] == "hu-own-source"] == ["upstream"]


def test_nobody_is_held_against_a_role_that_nobody_holds(tmp_path: Path) -> None:
    change = [{"resource_id": "R22", "basis_verified_by": "D-DATA"}]
    data = county(tmp_path, {"resources.tsv": change})
    assert [f["code"] for f in findings(data, "jiangxi-pingxiang") if f["resource"] == "R22"] == [
        "basis_verifier"
    ]

    (data / "roles.tsv").unlink()
    assert [f for f in findings(data, "jiangxi-pingxiang") if f["resource"] == "R22"] == []


def test_departments_are_named_in_chinese_to_chinese_readers(tmp_path: Path) -> None:
    change = [{"resource_id": "R22", "basis_verified_by": "D-DATA"}]
    found = findings(county(tmp_path, {"resources.tsv": change}), "jiangxi-pingxiang")
    [verifier] = [f for f in found if f["code"] == "basis_verifier"]

    assert "`D-DATA`, and the competent department is `D-DRC`" in str(verifier["text"])
    assert "“政务服务和大数据管理局”核定" in str(verifier["text_zh"])


def test_an_empty_catalogue_has_no_finding(tmp_path: Path) -> None:
    data = county(tmp_path)
    for name in ("resources.tsv", "grants.tsv"):
        header = (data / name).read_text("utf-8").splitlines()[0]
        (data / name).write_text(header + "\n", "utf-8")

    assert findings(data, "henan-fengqiu") == []


REFUSED = {
    "share type": ("share_type", "open", "not one of conditional, non_share, unconditional"),
    "basis level": ("legal_basis_level", "custom", "not one of admin_regulation, "),
    "class": ("category", "base", "not one of basic, department, theme"),
    "item class": ("item_class", "core", "not one of -, basic_item, business_item"),
    "flag": ("is_secret", "maybe", "not Y or N"),
    "date": ("filed_on", "2025-02-30", "no such day in the calendar"),
    "date form": ("updated_on", "2025/6/20", "not a date such as 2026-01-05"),
    "provider": ("provider", "D-XXX", "no such department"),
    "scope": ("share_scope", "D-CAB|D-XXX", "no such department"),
    "verifier": ("basis_verified_by", "D-XXX", "no such department"),
    "upstream": ("upstream", "R99", "no such resource"),
    "list": ("purposes", "a||b", "an item of the list is empty or is not a code"),
    "items": ("items", "id_no,id_no", "an item stands twice in the list"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("provider", ["D-AGR", ""], ids=["stated", "unstated"])
def test_what_is_stated_wrongly_is_refused_where_it_stands(
    name: str, provider: str, tmp_path: Path
) -> None:
    """Whether or not another entry keeps the whole directory from loading."""
    column, cell, said = REFUSED[name]
    rows = [{"resource_id": "R22", "provider": provider}, {"resource_id": "R18", column: cell}]

    with pytest.raises(FactError) as caught:
        load_catalogue(county(tmp_path, {"resources.tsv": rows}))

    assert str(caught.value).startswith(f"resources.tsv line 19 column `{column}`: {said}")


def test_what_the_sidecar_would_refuse_is_not_linted(tmp_path: Path) -> None:
    """The grants are none of a lint's business, but a directory loads whole or not at all."""
    data = county(tmp_path)
    (data / "grants.tsv").write_text("grant_id\n", "utf-8")

    with pytest.raises(FactError, match=r"^grants.tsv line 1"):
        load_catalogue(data)


def test_an_entry_that_stands_twice_is_refused(tmp_path: Path) -> None:
    data = county(tmp_path)
    text = (data / "resources.tsv").read_text("utf-8")
    (data / "resources.tsv").write_text(text + text.splitlines()[1] + "\n", "utf-8")

    said = r"^resources.tsv line 38 column `resource_id`: `R01` stands twice$"
    with pytest.raises(FactError, match=said):
        load_catalogue(data)


def test_a_key_of_the_platform_that_stands_twice_is_refused(tmp_path: Path) -> None:
    rows = [{"key": "auth", "value": "SM2"}, {"key": "auth", "value": "RSA"}]
    nobody = [{"resource_id": "R22", "provider": ""}]
    data = county(tmp_path, {"platform.tsv": rows, "resources.tsv": nobody})

    with pytest.raises(FactError, match=r"^platform.tsv line 3 column `key`: .* stands twice$"):
        load_catalogue(data)


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """So is one of its files, which does exist."""
    with pytest.raises(FactError, match=r"^the data directory `nowhere` does not exist$"):
        load_catalogue(tmp_path / "nowhere")
    (tmp_path / "resources.tsv").touch()
    says = r"^`resources.tsv` is a file; --data takes the directory of registers$"
    with pytest.raises(FactError, match=says):
        load_catalogue(tmp_path / "resources.tsv")
