# SPDX-License-Identifier: Apache-2.0
import stat
from pathlib import Path

import pytest

from govshare_policy import load_register
from govshare_policy.errors import FactError
from govshare_policy.workflow.model import RowEdit
from govshare_policy.workflow.publish import publish, try_edits
from tests.county import write_county

SUSPENSION = RowEdit(
    file="suspensions.tsv",
    key="S1",
    cells={"user_dept": "D-HCB", "resource_id": "*", "recorded_on": "2025-09-22"},
)
END = RowEdit(file="grants.tsv", key="G01", cells={"valid_to": "2025-09-21", "note": "revoked"})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_county(tmp_path / "data")


def test_rows_are_added_changed_and_taken_out(data: Path) -> None:
    before = load_register(data)
    publish(data, [SUSPENSION, END, RowEdit(file="grants.tsv", key="G02", cells=None)])
    after = load_register(data)

    assert set(before.grants) - set(after.grants) == {"G02"}
    assert after.grants["G01"].period.valid_to.isoformat() == "2025-09-21"
    assert after.grants["G01"].fields == before.grants["G01"].fields
    assert after.grants["G03"] == before.grants["G03"]
    assert [row.id for row in after.suspensions["D-HCB"]] == ["S1"]


def test_writing_the_same_rows_again_changes_nothing(data: Path) -> None:
    publish(data, [SUSPENSION, END])
    once = {path.name: path.read_bytes() for path in data.iterdir()}
    publish(data, [SUSPENSION, END])

    assert {path.name: path.read_bytes() for path in data.iterdir()} == once


def test_a_directory_that_would_not_load_any_more_is_left_as_it_was(data: Path) -> None:
    once = {path.name: path.read_bytes() for path in data.iterdir()}
    bad = RowEdit(file="grants.tsv", key="G01", cells={"valid_to": "2025-02-30"})
    for attempt in (try_edits, publish):
        with pytest.raises(FactError, match=r"grants\.tsv line 2 column `valid_to`"):
            attempt(data, [SUSPENSION, bad])

    assert {path.name: path.read_bytes() for path in data.iterdir()} == once


def test_trying_changes_nothing(data: Path) -> None:
    once = {path.name: path.read_bytes() for path in data.iterdir()}
    register = try_edits(data, [END])

    assert register.grants["G01"].period.valid_to.isoformat() == "2025-09-21"
    assert {path.name: path.read_bytes() for path in data.iterdir()} == once


def test_a_file_keeps_its_mode(data: Path) -> None:
    (data / "grants.tsv").chmod(0o640)
    publish(data, [END, SUSPENSION])

    assert stat.S_IMODE((data / "grants.tsv").stat().st_mode) == 0o640
    assert stat.S_IMODE((data / "suspensions.tsv").stat().st_mode) == 0o644


@pytest.mark.parametrize("content", [b"\xff\n", b"grant_id\nG01\tmore\n", b"x\ny\n", b'a\n"b'])
def test_a_file_that_is_no_table_is_not_written_to(data: Path, content: bytes) -> None:
    (data / "grants.tsv").write_bytes(content)
    with pytest.raises(FactError, match=r"grants\.tsv"):
        publish(data, [END])

    assert (data / "grants.tsv").read_bytes() == content
