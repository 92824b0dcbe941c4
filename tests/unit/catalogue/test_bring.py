# SPDX-License-Identifier: Apache-2.0
"""A catalogue comes in whole or not at all, in the words that people write."""

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.catalogue import bring, load_catalogue
from govshare_policy.catalogue.bring import Imported, import_catalogue
from govshare_policy.catalogue.columns import COLUMNS, HEADERS, WORDS, column_of, spelling
from govshare_policy.errors import ConfigError, FactError
from tests.county import COUNTY, ROOT, write_county
from tests.unit.catalogue.tables import (
    HEADER,
    ROW,
    with_cell,
    write_csv,
    write_departments,
    write_xlsx,
)

GIVEN = {
    "resource_id": "3990201/000001",
    "resource_code": "3990201/000001",
    "name_zh": "婚姻登记信息",
    "provider": "D-A",
    "share_type": "conditional",
    "share_condition": "按身份证号逐条核验",
    "share_scope": "D-B|D-A",
    "purposes": "data_verification|business_collaboration",
    "share_method": "api|bulk_download",
    "legal_basis_level": "admin_regulation",
    "legal_basis_ref": "婚姻登记条例",
    "parameter_controlled": "N",
    "update_cycle": "实时",
    "format": "服务接口",
    "items": "id_no,name",
    "is_secret": "N",
    "updated_on": "2025-06-20",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_departments(tmp_path / "data")


def written(data: Path) -> list[dict[str, str]]:
    rows = (data / "resources.tsv").read_text("utf-8").splitlines()
    header, *lines = (row.split("\t") for row in rows)
    return [dict(zip(header, line, strict=True)) for line in lines]


def bring_in(path: Path, data: Path) -> Imported:
    return import_catalogue(path, data)


def headers_in(row: Sequence[str]) -> list[str]:
    """Return the headers that a row of the table in the guide lists, in whatever language."""
    return [part.strip(" `*") for cell in row for part in cell.split("、")]


def fault(path: Path, data: Path) -> str:
    with pytest.raises(FactError) as caught:
        bring_in(path, data)
    assert sorted(entry.name for entry in data.iterdir()) == ["departments.tsv"]
    return str(caught.value)


def test_the_words_of_a_csv_become_the_codes_of_the_register(data: Path, tmp_path: Path) -> None:
    done = bring_in(write_csv(tmp_path / "a.csv", [HEADER, ROW]), data)

    assert written(data) == [GIVEN]
    assert done == Imported(entries=1, columns=tuple(GIVEN))


def test_a_workbook_gives_the_same_as_a_text(data: Path, tmp_path: Path) -> None:
    bring_in(write_xlsx(tmp_path / "a.xlsx", [HEADER, ROW]), data)

    assert written(data) == [GIVEN]


def test_empty_cells_at_the_end_of_a_row_of_a_workbook_state_nothing(
    data: Path, tmp_path: Path
) -> None:
    bring_in(write_xlsx(tmp_path / "a.xlsx", [HEADER, ROW[:-1]]), data)

    assert written(data) == [{**GIVEN, "updated_on": ""}]


def test_empty_header_cells_after_the_last_name_are_left_out(data: Path, tmp_path: Path) -> None:
    bring_in(write_csv(tmp_path / "a.csv", [(*HEADER, "", ""), (*ROW, "", "")]), data)

    assert written(data) == [GIVEN]


def test_our_own_file_comes_in_unchanged(tmp_path: Path) -> None:
    data = write_county(tmp_path / "data")
    before = (data / "resources.tsv").read_bytes()

    done = import_catalogue(COUNTY / "resources.tsv", data, replace=True)

    assert (data / "resources.tsv").read_bytes() == before
    stated = tuple(column for column in COLUMNS if column != "item_share_types")
    assert done == Imported(entries=36, columns=stated)


@settings(max_examples=30, deadline=None)
@given(
    header=st.sampled_from(sorted(HEADERS)),
    spaces=st.sampled_from(["", " ", "_", "\u3000"]),
    upper=st.booleans(),
)
def test_a_header_is_known_however_it_is_spaced_and_cased(
    header: str, spaces: str, *, upper: bool
) -> None:
    spelled = spaces.join(header.upper() if upper else header)

    assert column_of(spelled) == HEADERS[header]


def test_the_headers_a_person_may_use_name_one_column_each() -> None:
    assert set(HEADERS.values()) == set(COLUMNS)
    assert {column_of(name) for name in ("名称", "信息资源名称", "name_zh")} == {"name_zh"}
    assert column_of("共享条件/不予共享依据") is None


@pytest.mark.parametrize(("word", "code"), sorted(WORDS["share_type"].items()))
def test_a_share_type_may_be_a_word_or_a_number(
    word: str, code: str, data: Path, tmp_path: Path
) -> None:
    bring_in(write_csv(tmp_path / "a.csv", [HEADER, with_cell("共享类型", word)]), data)

    assert written(data)[0]["share_type"] == code


def test_words_of_open_lists_stay_as_they_are(data: Path, tmp_path: Path) -> None:
    """Purposes and methods are open: what nobody has heard of is not refused."""
    row = with_cell("用途", "防汛预警|数据校核")

    bring_in(write_csv(tmp_path / "a.csv", [HEADER, row]), data)

    assert written(data)[0]["purposes"] == "防汛预警|data_verification"


def test_everybody_is_a_scope(data: Path, tmp_path: Path) -> None:
    bring_in(write_csv(tmp_path / "a.csv", [HEADER, with_cell("共享范围", "所有政务部门")]), data)

    assert written(data)[0]["share_scope"] == "ALL"


BAD_CELLS = {
    "share type": ("共享类型", "随便", "not one of conditional, non_share, unconditional"),
    "basis level": ("依据层级", "惯例", "not one of admin_regulation, "),
    "flag": ("是否涉密", "不详", "not Y or N"),
    "date": ("更新日期", "2025-02-30", "no such day in the calendar"),
    "provider": ("提供方", "丁局", "no such department"),
    "no provider": ("提供方", "", "the cell is empty"),
    "two departments of the name": ("提供方", "丙局", "names two departments; give the id"),
    "scope": ("共享范围", "乙局、丁局", "no such department"),
    "a hole in a list": ("共享范围", "乙局、、甲局", "an item of the list is empty"),
    "an item twice": ("信息项", "name、name", "an item stands twice in the list"),
    "an item of two words": ("信息项", "id no", "an item of the list is empty or is not a code"),
    "no code": ("信息资源代码", "", "the cell is empty"),
    "control character": ("共享条件", "a\x0bb", "holds a control character"),
}


@pytest.mark.parametrize("name", BAD_CELLS)
def test_a_bad_cell_is_named_by_file_row_and_its_own_header(
    name: str, data: Path, tmp_path: Path
) -> None:
    header, cell, said = BAD_CELLS[name]
    path = write_csv(tmp_path / "a.csv", [HEADER, ROW, with_cell(header, cell)])
    # The first row is sound, so the second must not share its code.
    text = path.read_text("utf-8").replace('"3990201/000001"', '"3990201/000000"', 1)
    path.write_text(text, "utf-8")
    column = "resource_id" if header == "信息资源代码" else header

    assert fault(path, data).startswith(f"a.csv line 3 column `{column}`: {said}")


def test_a_bad_cell_of_a_workbook_is_named_by_its_row(data: Path, tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [HEADER, (), with_cell("是否涉密", "不详")])

    assert fault(path, data) == "a.xlsx row 3 column `是否涉密`: not Y or N"


BAD_TABLES: Mapping[str, tuple[Sequence[Sequence[str]], str]] = {
    "empty": ([], "a.csv: no header row"),
    "unknown header": (
        [(*HEADER, "备注二")],
        "a.csv line 1 column 17: unknown column `备注二`",
    ),
    "a header in the middle left out": (
        [("", *HEADER)],
        "a.csv line 1 column 1: unknown column ``",
    ),
    "two names of one column": (
        [(*HEADER, "名称")],
        "a.csv line 1 column 17: `名称` stands twice, as another name of `name_zh`",
    ),
    "a required column left out": (
        [[name for name in HEADER if name != "是否涉密"]],
        "a.csv line 1: the column `is_secret` (`是否涉密`) is missing",
    ),
    "nothing to tell entries apart": (
        [HEADER[1:]],
        "a.csv line 1: neither `resource_id` nor `resource_code` is there to tell entries apart",
    ),
    "a short row": ([HEADER, ROW[:3]], "a.csv line 2 column 4: 3 cells where the header has 16"),
    "a long row": ([HEADER, (*ROW, "x")], "a.csv line 2 column 17: a cell below no header"),
    "an entry twice": (
        [HEADER, ROW, ROW],
        "a.csv line 3 column `resource_id`: `3990201/000001` stands twice",
    ),
    "a copy of nothing": (
        [(*HEADER, "来源资源"), (*ROW, "R1")],
        "a.csv line 2 column `来源资源`: no such resource",
    ),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_table_of_another_shape_is_refused(name: str, data: Path, tmp_path: Path) -> None:
    rows, said = BAD_TABLES[name]
    path = write_csv(tmp_path / "a.csv", rows)
    if not rows:
        path.write_bytes(b"\n")

    assert fault(path, data) == said


def test_a_catalogue_that_is_there_is_replaced_only_on_request(tmp_path: Path) -> None:
    data = write_county(tmp_path / "data")
    before = (data / "resources.tsv").read_bytes()
    (data / "resources.tsv").chmod(0o640)

    with pytest.raises(ConfigError, match=r"^resources.tsv is there already; --replace "):
        import_catalogue(COUNTY / "resources.tsv", data)
    assert (data / "resources.tsv").read_bytes() == before

    import_catalogue(COUNTY / "resources.tsv", data, replace=True)
    assert stat.S_IMODE((data / "resources.tsv").stat().st_mode) == 0o640


def test_a_catalogue_with_which_the_directory_would_not_load_is_refused(tmp_path: Path) -> None:
    """Grants name entries and fields: taking one away under them would stop every call."""
    data = write_county(tmp_path / "data")
    before = sorted((path.name, path.read_bytes()) for path in data.iterdir())
    lines = (COUNTY / "resources.tsv").read_text("utf-8").splitlines()
    short = tmp_path / "short.tsv"
    short.write_text("\n".join(line for line in lines if not line.startswith("R08")), "utf-8")

    with pytest.raises(FactError, match=r"^grants.tsv line 2 column `resource_id`: no such resou"):
        import_catalogue(short, data, replace=True)

    assert sorted((path.name, path.read_bytes()) for path in data.iterdir()) == before


def test_departments_have_to_be_there_first(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [HEADER, ROW])

    with pytest.raises(FactError, match=r"^departments.tsv: cannot be read"):
        bring_in(path, tmp_path)


def test_a_disk_that_fills_up_leaves_the_directory_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_county(tmp_path / "data")
    before = sorted((path.name, path.read_bytes()) for path in data.iterdir())

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        import_catalogue(COUNTY / "resources.tsv", data, replace=True)

    assert sorted((path.name, path.read_bytes()) for path in data.iterdir()) == before


def test_progress_is_told_now_and_then(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bring, "_TICK_EVERY", 2)
    rows = [with_cell("信息资源代码", f"3990201/{number:06}") for number in range(5)]
    told: list[tuple[int, int]] = []

    import_catalogue(
        write_csv(tmp_path / "a.csv", [HEADER, *rows]),
        data,
        progress=lambda done, total: told.append((done, total)),
    )

    assert told == [(2, 6), (4, 6)]


def test_ten_thousand_entries_with_one_bad_cell_are_refused_whole(
    data: Path, tmp_path: Path
) -> None:
    rows = [with_cell("信息资源代码", f"3990201/{number:06}") for number in range(10_000)]
    rows[9_998] = tuple("?" if cell == "有条件共享" else cell for cell in rows[9_998])

    said = fault(write_csv(tmp_path / "a.csv", [HEADER, *rows]), data)

    assert said.startswith("a.csv line 10000 column `共享类型`: not one of ")


def test_an_imported_catalogue_can_be_linted(tmp_path: Path) -> None:
    data = write_county(tmp_path / "data")
    import_catalogue(COUNTY / "resources.tsv", data, replace=True)

    assert len(load_catalogue(data).entries) == 36


def test_the_guide_lists_every_header_and_word() -> None:
    guide = (ROOT / "docs" / "how-to" / "catalogue.md").read_text("utf-8")
    rows = [line.split("|")[1:-1] for line in guide.splitlines() if line.startswith("| `")]
    listed = {spelling(header) for row in rows for header in headers_in(row)}

    assert listed >= set(HEADERS)
    for words in WORDS.values():
        for word, code in words.items():
            assert word in guide
            assert f"`{code}`" in guide
