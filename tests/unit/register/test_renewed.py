# SPDX-License-Identifier: Apache-2.0
"""A register loaded again after a change of grants is the one that a whole load gives."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from govshare_policy.errors import FactError
from govshare_policy.register import Register, load_register
from tests.county import COUNTY, write_county

HEADER, *ROWS = (COUNTY / "grants.tsv").read_text("utf-8").splitlines()


def with_id(row: str, ident: str) -> str:
    return "\t".join([ident, *row.split("\t")[1:]])


def write_grants(directory: Path, rows: list[str]) -> None:
    (directory / "grants.tsv").write_text("\n".join([HEADER, *rows, ""]), "utf-8")


def is_same(one: Register, other: Register) -> bool:
    in_order = list(one.grants.items()) == list(other.grants.items())
    return in_order and one == other and one.sources == other.sources


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_county(tmp_path / "data")


def shares(after: Register, before: Register) -> bool:
    """Whether the catalogue was taken over and not read again."""
    return after.resources is before.resources


def loaded(data: Path, before: Register | None = None) -> Register | str:
    """Return the register, or why there is none."""
    try:
        return load_register(data, before=before)
    except FactError as error:
        return str(error)


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(drawn=st.data())
def test_whatever_rows_come_and_go_the_register_is_that_of_a_whole_load(
    drawn: st.DataObject, data: Path
) -> None:
    cut = st.integers(0, len(ROWS))
    first, last = sorted((drawn.draw(cut), drawn.draw(cut)))
    new = drawn.draw(st.lists(st.sampled_from(ROWS), max_size=3))
    rows = [*ROWS[:first], *(with_id(row, f"N{i}") for i, row in enumerate(new)), *ROWS[last:]]
    write_grants(data, ROWS)
    before = load_register(data)
    write_grants(data, rows)
    whole, after = loaded(data), loaded(data, before)
    if isinstance(whole, str) or isinstance(after, str):
        assert after == whole
        return

    assert is_same(after, whole)
    assert shares(after, before)


def test_the_register_before_stays_as_it_was(data: Path) -> None:
    before, untouched = load_register(data), load_register(data)
    write_grants(data, ROWS[1:])
    after = load_register(data, before=before)

    assert is_same(before, untouched)
    assert after.grants.keys() == before.grants.keys() - {"G01"}
    assert after.digest != before.digest


def test_a_change_is_built_on_a_change(data: Path) -> None:
    register = load_register(data)
    for rows in (ROWS[1:], ROWS[1:-1], ROWS, [*ROWS, with_id(ROWS[0], "N1")][1:]):
        write_grants(data, rows)
        again = load_register(data, before=register)
        assert shares(again, register)
        assert is_same(again, load_register(data))
        register = again


def test_a_grant_beside_another_of_the_same_resource_stands_in_the_order_of_the_file(
    data: Path,
) -> None:
    terms = ROWS[0].split("\t")
    second = "\t".join(["N1", *terms[1:4], "business_collaboration", *terms[5:]])
    write_grants(data, [*ROWS, second])
    before = load_register(data)
    write_grants(data, [second.replace("N1", "N0"), *ROWS, second])
    after = load_register(data, before=before)

    assert [one.id for one in after.grants_of["D-HCB", "R08"]] == ["N0", "G01", "N1"]
    assert is_same(after, load_register(data))


WRONG = {
    "a row that stands twice": [*ROWS, ROWS[0]],
    "a department that is none": [*ROWS, with_id(ROWS[0], "N1").replace("D-HCB", "D-NONE")],
}


@pytest.mark.parametrize("rows", WRONG.values(), ids=list(WRONG))
def test_a_wrong_row_is_refused_with_its_line(rows: list[str], data: Path) -> None:
    before = load_register(data)
    write_grants(data, rows)
    with pytest.raises(FactError, match=rf"^grants.tsv line {len(rows) + 1} column "):
        load_register(data, before=before)


@pytest.mark.parametrize("name", ["departments.tsv", "systems.tsv", "roles.tsv"])
def test_a_change_of_another_file_loads_the_whole(name: str, data: Path) -> None:
    before = load_register(data)
    path = data / name
    path.write_bytes(path.read_bytes() + b"\n")
    after = load_register(data, before=before)

    assert not shares(after, before)
    assert after.digest == load_register(data).digest


@pytest.mark.parametrize("mark", ['"', "\r", "\n"], ids=["quote", "return", "blank line"])
def test_a_file_whose_lines_are_not_its_rows_is_loaded_whole(mark: str, data: Path) -> None:
    before = load_register(data)
    text = {'"': ROWS[0].replace("normal grant", '"normal grant"'), "\r": f"{ROWS[0]}\r"}
    write_grants(data, [text.get(mark, f"{ROWS[0]}\n"), *ROWS[1:]])
    after = load_register(data, before=before)

    assert not shares(after, before)
    assert is_same(after, load_register(data))


def test_a_register_that_was_changed_by_hand_is_not_built_on(data: Path) -> None:
    """Its grants are not those of any file."""
    before = replace(load_register(data), grants={}, grants_of={})
    after = load_register(data, before=before)

    assert not shares(after, before)
    assert is_same(after, load_register(data))
