# SPDX-License-Identifier: Apache-2.0
"""Single items with a share type of their own: linted, shown and brought in."""

from pathlib import Path

import pytest

from govshare_policy.catalogue import lint, load_catalogue, load_lint
from govshare_policy.catalogue.bring import import_catalogue
from govshare_policy.catalogue.show import show
from govshare_policy.errors import FactError
from govshare_policy.register import ItemShare, load_register
from tests.county import COUNTY, write_county

R10 = "name=unconditional|phone=non_share:个人电话"


def county(directory: Path, **cells: str) -> Path:
    row = {"resource_id": "R10", **cells}
    return write_county(directory / "county", {"resources.tsv": [row]})


def findings(data: Path, profile: str, resource: str = "R10") -> list[dict[str, object]]:
    found = lint(load_catalogue(data), load_lint(profile)[0])
    return [one.to_document() for one in found if one.resource == resource]


def test_a_finding_about_an_item_names_it_in_both_languages(tmp_path: Path) -> None:
    """R10 gives no reason, because as a whole it is not withheld."""
    data = county(tmp_path, item_share_types="phone=non_share")

    [found] = [one for one in findings(data, "henan-fengqiu") if one["code"] == "reason"]

    assert (found["item"], found["column"], found["line"]) == ("phone", "reason", 11)
    assert str(found["text"]).endswith("(item `phone`)")
    assert str(found["text_zh"]).endswith("（信息项“phone”）")


def test_the_text_of_an_item_is_its_reason_or_its_condition(tmp_path: Path) -> None:
    data = county(tmp_path, item_share_types="phone=non_share:个人电话")

    # What is left is the text's own view of themes (FQ-3.1-23), of which R10 is one.
    assert [one["code"] for one in findings(data, "henan-fengqiu")] == ["theme"]


def test_what_is_said_of_the_entry_is_not_said_again_of_its_items(tmp_path: Path) -> None:
    cells = {"purposes": "", "item_share_types": "name=conditional:限核验|phone=conditional:限核验"}

    found = findings(county(tmp_path, **cells), "henan-fengqiu")

    assert [(one["column"], "item" in one) for one in found] == [("purposes", False)]


def test_an_open_item_needs_no_scope_of_its_own(tmp_path: Path) -> None:
    """The scope of a conditional entry is that of its conditional part."""
    data = county(tmp_path, item_share_types="name=unconditional")

    assert [one["code"] for one in findings(data, "hubei")] == []
    assert [one["code"] for one in findings(data, "national-809")] == ["part"]


def test_items_of_the_type_of_their_entry_change_nothing(tmp_path: Path) -> None:
    plain = findings(county(tmp_path / "a"), "national-809")

    data = county(tmp_path / "b", item_share_types="name=conditional|phone=conditional")

    assert findings(data, "national-809") == plain


def test_a_cell_of_another_form_is_refused_by_the_lint_too(tmp_path: Path) -> None:
    with pytest.raises(FactError, match=r"line 11 column `item_share_types`: part 1 is not "):
        load_catalogue(county(tmp_path, item_share_types="name"))


@pytest.mark.parametrize(
    ("profile", "kinds", "clause"),
    [
        ("hubei", ["unconditional", "non_share"], "HU-a07-03"),
        ("national-809", ["conditional", "non_share"], "NR-a21-02"),
    ],
    ids=["a text that knows parts", "a text that knows none"],
)
def test_an_item_is_shown_as_what_it_counts_for(
    profile: str, kinds: list[str], clause: str, tmp_path: Path
) -> None:
    register = load_register(county(tmp_path, item_share_types=R10))
    rows = {row.entry.id: row for row in show(register, load_lint(profile)[0])}
    document = rows["R10"].to_document()["item_share_types"]

    assert isinstance(document, list)
    assert [(item["item"], item["kind"]) for item in document] == [
        ("name", kinds[0]),
        ("phone", kinds[1]),
    ]
    assert clause in document[0]["clauses"]
    assert document[1]["note"] == "个人电话"
    assert rows["R12"].items == ()


def test_items_of_a_secret_entry_are_shown_as_secret(tmp_path: Path) -> None:
    cells = {"item_share_types": R10, "is_secret": "Y"}
    register = load_register(county(tmp_path, **cells))
    rows = {row.entry.id: row for row in show(register, load_lint("hubei")[0])}

    assert [item.kind for item in rows["R10"].items] == ["secret", "secret"]


def imported(directory: Path, cell: str) -> dict[str, ItemShare]:
    """Bring in the county's own catalogue with *cell* for R10, under a Chinese header."""
    lines = (COUNTY / "resources.tsv").read_text("utf-8").splitlines()
    rows = [f"{row}\t{cell if row.startswith('R10') else ''}" for row in lines[1:]]
    source = directory / "source.tsv"
    source.write_text("\n".join([f"{lines[0]}\t信息项共享类型", *rows]) + "\n", "utf-8")
    data = write_county(directory / "data")
    import_catalogue(source, data, replace=True)
    return dict(load_register(data).resources["R10"].item_shares)


def test_an_import_takes_chinese_words_and_signs(tmp_path: Path) -> None:
    assert imported(tmp_path, "name＝无条件共享；phone = 不予共享：个人电话，不外传") == {
        "name": ItemShare(share_type="unconditional"),
        "phone": ItemShare(share_type="non_share", note="个人电话，不外传"),
    }


def test_an_import_of_another_form_names_the_header_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(FactError, match=r"^source.tsv line 11 column `信息项共享类型`: part 1 is "):
        imported(tmp_path, "phone：不予共享")
