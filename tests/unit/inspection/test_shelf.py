# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from govshare_policy.audit import LogDamageError, encode_record
from govshare_policy.crypto import Signer
from govshare_policy.errors import AuditError, ConfigError
from govshare_policy.inspection.choice import Choice
from govshare_policy.inspection.index import Index, StaleIndexError
from govshare_policy.inspection.query import query, scan
from govshare_policy.inspection.shelf import use_index
from tests.unit.inspection.world import START, World, decision, some_records, write

CHOICE = Choice(department=("D-HCB", "民政局"), effect=("deny",))


def found(world: World, place: Path, choice: Choice = CHOICE) -> list[int]:
    hits = query(world.directory, choice, limit=1000, place=place).hits
    return [hit.number for hit in hits]


def wanted(world: World, choice: Choice = CHOICE) -> list[int]:
    return [hit.number for hit in scan(world.directory, choice)]


@pytest.fixture(scope="module")
def shelf(mixed: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """An index as it was left, and its sum."""
    place = tmp_path_factory.mktemp("shelf") / "i.sqlite"
    found(mixed, place)
    return place.read_bytes(), place.with_name("i.sqlite.sum").read_bytes()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_happens_to_the_index_the_answer_is_that_of_the_log(
    data: st.DataObject,
    shelf: tuple[bytes, bytes],
    mixed: World,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Bytes flipped anywhere in the file or its sum; the reference reads the whole log."""
    place = tmp_path_factory.getbasetemp() / "spoilt.sqlite"
    index, stated = map(bytearray, shelf)
    for _ in range(data.draw(st.integers(1, 5))):
        spoilt = data.draw(st.sampled_from([index, index, stated]))
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] ^= data.draw(st.integers(1, 255))
    place.write_bytes(index)
    # The sum keeps its first line, without which a file with another head is not touched.
    place.with_name("spoilt.sqlite.sum").write_bytes(b"govshare-index/v1" + stated[17:])

    assert found(mixed, place) == wanted(mixed)


def cut(index: bytes, stated: bytes) -> tuple[bytes, bytes]:
    return index[: len(index) // 2], stated


def empty_file(index: bytes, stated: bytes) -> tuple[bytes, bytes]:
    return index[:0], stated


def no_sum(index: bytes, stated: bytes) -> tuple[bytes, bytes]:
    return index, stated[:0]


def longer(index: bytes, stated: bytes) -> tuple[bytes, bytes]:
    return index + b"more", stated


SPOILT = [cut, empty_file, no_sum, longer]


@pytest.mark.parametrize("spoil", SPOILT)
def test_an_index_that_is_not_as_it_was_left_is_made_anew(
    spoil: Callable[[bytes, bytes], tuple[bytes, bytes]],
    shelf: tuple[bytes, bytes],
    mixed: World,
    tmp_path: Path,
) -> None:
    index, stated = spoil(*shelf)
    (tmp_path / "i").write_bytes(index)
    (tmp_path / "i.sum").write_bytes(stated)

    assert found(mixed, tmp_path / "i") == wanted(mixed)
    assert (tmp_path / "i.sum").read_bytes().startswith(b"govshare-index/v1 ")


def run_sql(statement: str) -> Callable[[Path], None]:
    def run(path: Path) -> None:
        with sqlite3.connect(path) as db:
            db.execute(statement)
        db.close()

    return run


CONTRADICTIONS = {
    "another version": run_sql("PRAGMA user_version = 99"),
    "another root": run_sql("UPDATE state SET nodes = zeroblob(length(nodes))"),
    "no root": run_sql("UPDATE state SET nodes = x''"),
    "no state": run_sql("DELETE FROM state"),
    "another place": run_sql('UPDATE state SET "commit" = "commit" + 1'),
    "behind the log": run_sql("UPDATE state SET segment = 655360"),
    "records elsewhere": run_sql("UPDATE record SET offset = offset + 1"),
    "a table less": run_sql("DROP TABLE member"),
}


@pytest.mark.parametrize("contradict", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_an_index_that_the_log_contradicts_is_made_anew(
    contradict: Callable[[Path], None],
    shelf: tuple[bytes, bytes],
    mixed: World,
    tmp_path: Path,
) -> None:
    """Even if its sum is right: whoever keeps it there could have made that, too."""
    from govshare_policy.inspection import shelf as module  # noqa: PLC0415  only here

    place = tmp_path / "i"
    place.write_bytes(shelf[0])
    contradict(place)
    (tmp_path / "i.sum").write_bytes(module._sum(place))
    everything = Choice(clause=("HU-a24-02", "NR-a20-01", "FQ-1.1-01"))

    assert found(mixed, place, everything) == wanted(mixed, everything)


def test_the_index_of_one_log_does_not_answer_for_another(
    mixed: World, tmp_path: Path, signer: Signer
) -> None:
    other = write(tmp_path / "other", signer, some_records(90, seed=2))
    found(mixed, tmp_path / "i")

    assert found(other, tmp_path / "i") == wanted(other)


def test_a_log_of_the_same_measures_is_another_log(tmp_path: Path, signer: Signer) -> None:
    """Every frame where it was, signed anew by the same key: only the root differs."""
    worlds = [
        write(tmp_path / name, signer, [encode_record({"department": name})] * 5)
        for name in ("one", "two")
    ]
    sizes = [sum(p.stat().st_size for p in w.directory.rglob("*.seg")) for w in worlds]
    assert sizes[0] == sizes[1]

    for world, name in zip(worlds, ("one", "two"), strict=True):
        choice = Choice(department=(name,))
        assert found(world, tmp_path / "i", choice) == wanted(world, choice) == [1, 2, 3, 4, 5]


def test_a_log_set_back_to_an_older_state_is_indexed_anew(own: World, tmp_path: Path) -> None:
    """What was cut off is no longer found."""
    shutil.copytree(own.directory, tmp_path / "older")
    write(own.directory, own.signer, some_records(30, seed=3))
    found(own, tmp_path / "i")
    shutil.rmtree(own.directory)
    shutil.copytree(tmp_path / "older", own.directory)

    assert found(own, tmp_path / "i", Choice()) == wanted(own, Choice())


def test_the_index_grows_by_what_is_new(own: World, tmp_path: Path) -> None:
    """What was indexed is not read again."""
    told: list[int] = []
    use_index(own.directory, Index.mark, place=tmp_path / "i")
    before = use_index(own.directory, lambda index: index.mark(), place=tmp_path / "i")
    write(own.directory, own.signer, some_records(9, seed=4))
    path = own.directory / "seg" / f"{0:020d}.seg"
    data = bytearray(path.read_bytes())
    data[100] ^= 1  # in a record that was indexed
    path.write_bytes(data)

    after = use_index(
        own.directory,
        lambda index: index.mark(),
        place=tmp_path / "i",
        progress=lambda done, _: told.append(done),
    )

    assert after.size == before.size + 9


def test_nothing_is_written_to_the_log(own: World, tmp_path: Path) -> None:
    """It may be on a medium that cannot be written, and it is evidence."""
    before = {path: path.stat().st_mtime_ns for path in own.directory.rglob("*")}
    found(own, tmp_path / "i")

    assert {path: path.stat().st_mtime_ns for path in own.directory.rglob("*")} == before


def test_the_index_is_kept_in_the_cache_for_nobody_else_to_read(
    mixed: World, tmp_path: Path
) -> None:
    cache = tmp_path / "deep" / "cache"
    query(mixed.directory, CHOICE, limit=5, cache=cache)

    assert sorted(path.suffix for path in cache.iterdir()) == [".sqlite", ".sum"]
    assert cache.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in cache.iterdir())


def test_a_cache_that_cannot_be_written_is_no_error(mixed: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    hits = query(mixed.directory, CHOICE, limit=1000, cache=tmp_path / "file" / "cache").hits

    assert [hit.number for hit in hits] == wanted(mixed)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_that_is_no_index_is_left_alone(mixed: World, tmp_path: Path) -> None:
    """A slip of the hand must not cost a file."""
    (tmp_path / "letter").write_text("dear sir")
    with sqlite3.connect(tmp_path / "salts.sqlite") as db:
        db.execute("CREATE TABLE salt (record TEXT)")
    db.close()

    for name in ("letter", "salts.sqlite"):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(ConfigError, match=f"`{name}` is not an index"):
            found(mixed, tmp_path / name)
        assert (tmp_path / name).read_bytes() == before
    with pytest.raises(ConfigError, match="cannot be"):
        found(mixed, tmp_path)


def test_a_place_that_does_not_exist_is_named(mixed: World, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`i` "):
        found(mixed, tmp_path / "nowhere" / "i")


def test_an_index_that_stays_contradictory_is_an_error_and_no_loop(
    mixed: World, tmp_path: Path
) -> None:
    def never(index: Index) -> None:
        raise StaleIndexError(f"the log is no longer of {index.mark().size} records")

    with pytest.raises(StaleIndexError):
        use_index(mixed.directory, never, place=tmp_path / "i")


def test_no_room_for_the_index_is_said(mixed: World, tmp_path: Path) -> None:
    def full(index: Index) -> None:
        raise sqlite3.OperationalError(f"no room for {index.mark().size} records")

    with pytest.raises(AuditError, match="the index cannot be kept"):
        use_index(mixed.directory, full, place=tmp_path / "i")


def test_a_root_that_its_records_do_not_have_is_damage(own: World, tmp_path: Path) -> None:
    from tests.unit.inspection.test_query import change  # noqa: PLC0415  only here

    change(own, b'"network":"extranet"', b'"network":"intranet"')
    with pytest.raises(LogDamageError):
        found(own, tmp_path / "i")


def test_the_index_holds_no_personal_value_and_no_commitment(
    signer: Signer, tmp_path: Path
) -> None:
    """Names of commitments, and nothing of what a caller may have put into a call."""
    number = "330102199001011234"
    record = decision(
        START,
        call={"id": number, "purpose": f"about {number}", "item": number},
        commitments={"operator": "5e" * 32},
    )
    world = write(tmp_path / "log", signer, [encode_record(record)])
    found(world, tmp_path / "i", Choice(person=("operator",)))
    content = (tmp_path / "i").read_bytes()

    assert number.encode() not in content
    assert b"5e5e5e5e" not in content
    assert bytes.fromhex("5e5e5e5e") not in content
    assert b"operator" in content


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_two_at_once_wait_for_each_other(mixed: World, tmp_path: Path) -> None:
    """Both processes get the answer of the log."""
    wanted_numbers = wanted(mixed)
    readers = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:  # pragma: no cover  the child does not report
            try:
                os._exit(0 if found(mixed, tmp_path / "i") == wanted_numbers else 1)
            finally:
                os._exit(2)  # whatever went wrong, the tests are the parent's
        readers.append(pid)

    assert [os.waitpid(pid, 0)[1] for pid in readers] == [0, 0, 0]
