# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from govshare_policy.egress import index as index_module
from govshare_policy.egress import shelf as shelf_module
from govshare_policy.egress.index import Index
from govshare_policy.egress.keys import DepartmentKey
from govshare_policy.egress.manifest import store_manifest
from govshare_policy.egress.starts import starts_of
from govshare_policy.egress.tags import Tagger
from govshare_policy.egress.values import canonical
from govshare_policy.errors import AuditError, ConfigError, GovshareError, VerificationError
from tests.faults.support import Crash, FaultyDisk
from tests.unit.egress.egress_world import KEY, meta, person, release

TAGGER = Tagger(KEY)
MODES = ["failed", "persisted", "half", "crashed", "crashed late"]


def rows_of(index: Index, number: int) -> list[int]:
    """Return the rows in which the identity number of a person stands."""
    value = canonical(str(person(number)["id_no"]))
    return sorted(index.lookup(TAGGER.tags([value])).row.tolist())


def make(directory: Path) -> Path:
    """Write an index with two releases in a sorted file and one in the journal."""
    with Index.create(directory, key=KEY) as index:
        index.register(release(1, 2, receipt="R-1"))
        index.register(release(3, receipt="R-2", lapses_on=date(2026, 3, 1)))
        index.compact()
        index.register(release(4, receipt="R-3"))
    return directory


def test_every_kept_value_is_found_where_it_stands(tmp_path: Path) -> None:
    with Index.open(make(tmp_path / "ix"), "read", key=KEY) as index:
        assert [rows_of(index, number) for number in range(6)] == [[], [0], [1], [2], [3], []]
        cells = [canonical(str(cell)) for cell in person(4).values()]
        found = index.lookup(TAGGER.tags(cells))
        assert found.query[found.row == 3].tolist() == [0, 1, 3, 4, 5]
        assert found.field[found.row == 3].tolist() == [0, 1, 3, 4, 5]
        assert found.surprisal[0] == 40
        assert [m.receipt_id for m in index.release_of(np.array([3, 0], np.uint32))] == [
            "R-3",
            "R-1",
        ]
        index.verify()


def test_the_prefilter_knows_values_and_their_beginnings_and_little_else(tmp_path: Path) -> None:
    with Index.open(make(tmp_path / "ix"), "read", key=KEY) as index:
        address = canonical(str(person(4)["address"]))
        assert index.might_hold(TAGGER.quick([address, *starts_of(address)])).all()
        others = [f"something else {number}" for number in range(4000)]
        assert index.might_hold(TAGGER.quick(others)).mean() < 0.1
        assert index.might_hold(TAGGER.quick([])).size == 0


def test_a_row_that_never_was_has_no_release(tmp_path: Path) -> None:
    with (
        Index.open(make(tmp_path / "ix"), "read", key=KEY) as index,
        pytest.raises(ValueError, match="not in the index"),
    ):
        index.release_of(np.array([77], dtype=np.uint32))


def test_what_one_process_registers_another_finds_at_once(tmp_path: Path) -> None:
    with (
        Index.create(tmp_path / "ix", key=KEY) as writer,
        Index.open(tmp_path / "ix", "read", key=KEY) as reader,
        Index.open(tmp_path / "ix", "write", key=KEY) as other,
    ):
        writer.register(release(1))
        assert rows_of(reader, 1) == [0]
        assert other.register(release(2)).first_row == 1
        writer.compact()
        assert writer.register(release(1)).first_row == 2
        assert rows_of(reader, 1) == rows_of(other, 1) == [0, 2]
        assert rows_of(reader, 2) == [1]


def test_processes_that_register_side_by_side_lose_nothing(tmp_path: Path) -> None:
    Index.create(tmp_path / "ix", key=KEY).close()
    script = (
        "import sys; from pathlib import Path\n"
        "from govshare_policy.egress import index\n"
        "from tests.unit.egress.egress_world import KEY, release\n"
        "index.JOURNAL_POSTINGS = 20\n"
        "begin = int(sys.argv[2])\n"
        "with index.Index.open(Path(sys.argv[1]), 'write', key=KEY) as it:\n"
        "    for number in range(begin, begin + 12):\n"
        "        it.register(release(number))\n"
    )
    root = Path(__file__).parents[3]
    several = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "ix"), str(begin)],
            cwd=root, env={**os.environ, "PYTHONPATH": str(root)},
        )
        for begin in (0, 100)
    ]  # fmt: skip
    assert [process.wait(300) for process in several] == [0, 0]
    with Index.open(tmp_path / "ix", "read", key=KEY) as index:
        rows = [rows_of(index, number) for number in (*range(12), *range(100, 112))]
    assert sorted(row for (row,) in rows) == list(range(24))


def test_the_journal_becomes_sorted_files_of_growing_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "JOURNAL_POSTINGS", 20)
    with Index.create(tmp_path / "ix", key=KEY) as index:
        for number in range(60):
            index.register(release(number))
        assert [rows_of(index, number) for number in range(60)] == [[n] for n in range(60)]
        assert len(list((tmp_path / "ix").glob("run-*.quick"))) <= 5
        index.verify()


def test_a_dropped_release_is_found_no_more_and_leaves_the_disk_when_compacted(
    tmp_path: Path,
) -> None:
    path = make(tmp_path / "ix")
    with Index.open(path, "write", key=KEY) as index, Index.open(path, "read", key=KEY) as reader:
        before = index.postings
        assert (index.drop("R-1"), index.drop("R-1"), index.drop("R-9")) == (1, 0, 0)
        assert [rows_of(reader, number) for number in (1, 2, 3, 4)] == [[], [], [2], [3]]
        index.compact()
        assert index.postings == reader_postings(reader) == before // 2
        quick = TAGGER.quick([canonical(str(person(number)["phone"])) for number in (1, 2, 3)])
        assert reader.might_hold(quick).tolist() == [False, False, True]
        assert [rows_of(reader, number) for number in (1, 2, 3, 4)] == [[], [], [2], [3]]
        assert index.register(release(9)).first_row == 4


def reader_postings(reader: Index) -> int:
    reader.refresh()
    return reader.postings


def test_a_drop_in_the_journal_outlives_a_new_sorted_file(tmp_path: Path) -> None:
    path = make(tmp_path / "ix")
    with Index.open(path, "write", key=KEY) as index:
        index.drop("R-2")
        index._shelf.flush()
    with Index.open(path, "read", key=KEY) as index:
        assert [rows_of(index, number) for number in (1, 3, 4)] == [[0], [], [3]]


def test_a_release_lapses_after_its_last_day(tmp_path: Path) -> None:
    with Index.open(make(tmp_path / "ix"), "write", key=KEY) as index:
        assert index.lapse(datetime(2026, 3, 1, 23, tzinfo=UTC)) == 0
        assert index.lapse(datetime(2026, 3, 2, tzinfo=UTC)) == 1
        assert (rows_of(index, 3), rows_of(index, 4)) == ([], [3])


def test_the_empty_index_holds_nothing_and_compacts_to_nothing(tmp_path: Path) -> None:
    with Index.create(tmp_path / "ix", key=KEY) as index:
        index.compact()
        assert not index.might_hold(TAGGER.quick(["x"])).any()
        assert index.lookup(TAGGER.tags(["x"])).row.size == 0
        assert index.register(release()).first_row == 0
        assert index.postings == 0
        assert index.register(release(1, receipt="R-2")).first_row == 1
        assert index.drop("R-1") == 1
        assert rows_of(index, 1) == [1]


def test_an_index_opened_for_reading_is_not_written(tmp_path: Path) -> None:
    path = make(tmp_path / "ix")
    with Index.open(path, "read", key=KEY) as index:
        with pytest.raises(ConfigError, match="opened for reading"):
            index.register(release(1))
        with pytest.raises(ConfigError, match="opened for reading"):
            index.compact()


def test_an_index_is_opened_with_its_own_key_only(tmp_path: Path) -> None:
    other = DepartmentKey(epoch=2, secret=bytes(32))
    with pytest.raises(ConfigError, match="not under the key of epoch `2`"):
        Index.open(make(tmp_path / "ix"), "read", key=other)
    with pytest.raises(ConfigError, match="cannot make"):
        Index.create(tmp_path / "ix", key=KEY)
    with pytest.raises(ConfigError, match="cannot open"):
        Index.open(tmp_path / "none", "read", key=KEY)


def test_another_way_of_folding_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path / "ix")
    monkeypatch.setattr("govshare_policy.egress.manifest.fold_id", lambda: bytes(8))
    with pytest.raises(ConfigError, match="character tables"):
        Index.open(path, "read", key=KEY)


@pytest.mark.parametrize("mode", MODES)
def test_an_index_that_could_not_be_made_is_no_index(tmp_path: Path, mode: str) -> None:
    """It has its name with all of its files, or not at all; nothing is left beside it."""
    nth = 0
    while True:
        nth += 1
        path = tmp_path / f"{nth}" / "ix"
        path.parent.mkdir()
        disk = FaultyDisk(nth, mode)
        try:
            Index.create(path, key=KEY, disk=disk).close()
        except (ConfigError, AuditError, Crash):
            assert disk.has_failed
        if path.exists():
            Index.open(path, "read", key=KEY).close()
        assert list(path.parent.iterdir()) == [path] * path.exists()
        if not disk.has_failed:
            break
    assert path.exists()
    assert nth > 10


def test_of_two_that_make_an_index_at_once_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is late finds the other's, whole, and leaves it as it is."""
    path = tmp_path / "ix"
    store = store_manifest

    def overtaken(*args: Any, **others: Any) -> None:  # noqa: ANN401
        monkeypatch.setattr(shelf_module, "store_manifest", store)
        assert not path.exists()
        with Index.create(path, key=KEY) as index:
            index.register(release(1, receipt="R-1"))
        store(*args, **others)

    monkeypatch.setattr(shelf_module, "store_manifest", overtaken)
    with pytest.raises(ConfigError, match="cannot make"):
        Index.create(path, key=KEY)

    assert list(tmp_path.iterdir()) == [path]
    with Index.open(path, "read", key=KEY) as index:
        assert rows_of(index, 1) == [0]


@pytest.mark.parametrize("mode", MODES)
def test_after_a_failure_at_any_write_what_was_acknowledged_is_there(
    tmp_path: Path, mode: str
) -> None:
    base = make(tmp_path / "base")
    nth = 0
    while True:
        nth += 1
        path = shutil.copytree(base, tmp_path / f"{nth}")
        disk = FaultyDisk(nth, mode)
        acknowledged = {1: [0], 2: [1], 3: [2], 4: [3]}
        try:
            with Index.open(path, "write", key=KEY, disk=disk) as index:
                index.register(release(5, receipt="R-5"))
                acknowledged[5] = [4]
                index.compact()
        except (AuditError, Crash):
            pass
        with Index.open(path, "write", key=KEY) as index:
            for number, rows in acknowledged.items():
                assert rows_of(index, number) == rows, (nth, disk.calls)
            assert rows_of(index, 5) in ([], [4])
            first = index.register(release(6)).first_row
            assert rows_of(index, 6) == [first]
            index.verify()
            assert not list(path.glob("*.tmp"))
        if not disk.has_failed:
            break
    assert nth > 15


def test_a_writer_goes_on_after_a_failure(tmp_path: Path) -> None:
    disk = FaultyDisk(3, "half")
    with Index.open(make(tmp_path / "ix"), "write", key=KEY, disk=disk) as index:
        with pytest.raises(AuditError, match="cannot be written"):
            index.register(release(5))
        index.register(release(6))
        assert len(rows_of(index, 6)) == 1
        index.verify()


def _survey(path: Path) -> list[list[int]]:
    with Index.open(path, "read", key=KEY) as index:
        return [rows_of(index, number) for number in (1, 2, 3, 4)]


@pytest.mark.parametrize("pattern", ["run-*[0-9]", "run-*.quick", "journal-*", "manifest.json"])
def test_a_flipped_byte_is_refused_or_harms_nothing(tmp_path: Path, pattern: str) -> None:
    path = make(tmp_path / "ix")
    (file,) = path.glob(pattern)
    good = file.read_bytes()
    whole = _survey(path)
    refused = 0
    for at in range(0, len(good), max(1, len(good) // 60)):
        file.write_bytes(good[:at] + bytes([good[at] ^ 0x41]) + good[at + 1 :])
        try:
            with Index.open(path, "read", key=KEY) as index:
                index.verify()
            # Only what stands beside the marks, or a mark whose frame is whole, is not needed.
            assert pattern == "journal-*"
            assert at < 1024
            assert _survey(path) == whole
        except (VerificationError, ConfigError):
            refused += 1
    assert refused > 15


@pytest.mark.parametrize("pattern", ["run-*[0-9]", "run-*.quick", "journal-*", "manifest.json"])
@pytest.mark.parametrize("left", [0.0, 0.5, 0.99])
def test_a_file_cut_short_is_refused(tmp_path: Path, pattern: str, left: float) -> None:
    path = make(tmp_path / "ix")
    (file,) = path.glob(pattern)
    os.truncate(file, int(file.stat().st_size * left))
    with (
        pytest.raises(GovshareError, match=r"written|damaged|cut short"),
        Index.open(path, "write", key=KEY) as index,
    ):
        index.verify()


@pytest.mark.parametrize("pattern", ["run-*", "journal-*", "manifest.json", "lock"])
def test_a_file_that_is_gone_is_refused(tmp_path: Path, pattern: str) -> None:
    path = make(tmp_path / "ix")
    for file in path.glob(pattern):
        file.unlink()
    with pytest.raises(ConfigError):
        Index.open(path, "write", key=KEY)


def test_damage_behind_an_open_reader_stops_it(tmp_path: Path) -> None:
    path = make(tmp_path / "ix")
    with Index.open(path, "read", key=KEY) as reader, Index.open(path, "write", key=KEY) as index:
        index.register(release(7))
        (journal,) = path.glob("journal-*")
        data = bytearray(journal.read_bytes())
        data[-50] ^= 1
        journal.write_bytes(data)
        with pytest.raises(VerificationError):
            rows_of(reader, 7)


def test_a_frame_left_half_by_a_crash_is_no_damage(tmp_path: Path) -> None:
    path = make(tmp_path / "ix")
    (journal,) = path.glob("journal-*")
    with journal.open("ab") as file:
        file.write(b"GSF1" + bytes(4000))
    assert _survey(path) == [[0], [1], [2], [3]]
    with Index.open(path, "write", key=KEY) as index:
        index.register(release(8))
        assert rows_of(index, 8) == [4]
    # Nothing is left of it, so that even with a mark lost there is nothing to doubt.
    good = journal.read_bytes()
    for at in (20, 532):
        journal.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        assert _survey(path) == [[0], [1], [2], [3]]


def test_no_released_value_stands_in_a_file(tmp_path: Path) -> None:
    path = make(tmp_path / "ix")
    stored = b"".join(file.read_bytes() for file in path.iterdir())
    for number in (1, 2, 3, 4):
        for name, cell in person(number).items():
            for text in {str(cell), canonical(str(cell))}:
                if name != "sex":
                    assert text.encode() not in stored
                    assert text.encode("utf-16-le") not in stored
    assert meta().receipt_id.encode() in stored
