# SPDX-License-Identifier: Apache-2.0
"""Commitments: whoever is told a value can check it, and nobody else can find it out."""

import hmac
import sqlite3
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from govshare_policy.audit import SaltStore, new_record_id
from govshare_policy.audit.salts import commitment
from govshare_policy.audit.salttree import day_of, path_of, walk
from govshare_policy.errors import AuditError, VerificationError

PERSON = "330102199001011234"
AT = datetime(2026, 1, 5, 4, tzinfo=UTC)
DAY = date(2026, 1, 5)
BY = new_record_id(AT + timedelta(days=1))
VALUE = {"operator": PERSON}


def record(days: int = 0) -> str:
    return new_record_id(AT + timedelta(days=days))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "salts.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[SaltStore]:
    with SaltStore(path) as opened:
        yield opened


def seed_of(path: Path, day: date = DAY) -> bytes:
    """Return the seed that the file holds for *day*."""
    with sqlite3.connect(path) as db:
        [(seed,)] = db.execute("SELECT node FROM node WHERE day = ? AND place = ''", [str(day)])
    db.close()
    assert isinstance(seed, bytes)
    return seed


def content(directory: Path) -> bytes:
    """Return every byte of every file in *directory*."""
    return b"".join(file.read_bytes() for file in sorted(directory.iterdir()))


def test_a_commitment_is_an_hmac_over_name_and_value() -> None:
    expected = hmac.new(bytes(32), b"operator\x00" + PERSON.encode(), "sm3").hexdigest()

    assert commitment(bytes(32), "operator", PERSON) == expected
    assert len(expected) == 64


def test_the_value_that_was_committed_to_verifies(store: SaltStore) -> None:
    ident, values = record(), {"operator": PERSON, "recipient": "王小明"}

    committed = store.commit(ident, values)

    assert set(committed) == set(values)
    for name, value in values.items():
        store.verify(ident, name, value, committed[name])


@pytest.mark.parametrize(
    ("other", "name", "value"),
    [
        (True, "operator", PERSON),
        (False, "recipient", PERSON),
        (False, "operator", f"{PERSON} "),
        (False, "operator", ""),
    ],
    ids=["another record", "another name", "another value", "no value"],
)
def test_nothing_else_verifies(other: bool, name: str, value: str, store: SaltStore) -> None:  # noqa: FBT001
    ident = record()
    committed = store.commit(ident, VALUE)

    with pytest.raises(VerificationError, match=r"^the record committed to another value$"):
        store.verify(record() if other else ident, name, value, committed["operator"])


@pytest.mark.parametrize("forged", ["", "0" * 64, "ｆ" * 64, "王小明"])
def test_what_is_no_commitment_is_another_value(forged: str, store: SaltStore) -> None:
    """The commitment comes from a record, and a record may hold any text."""
    ident = record()
    store.commit(ident, VALUE)

    with pytest.raises(VerificationError, match=r"^the record committed to another value$"):
        store.verify(ident, "operator", PERSON, forged)


def test_one_value_has_another_commitment_in_every_record(store: SaltStore) -> None:
    commitments = {store.commit(record(), VALUE)["operator"] for _ in range(20)}

    assert len(commitments) == 20


def test_the_values_of_a_record_stand_under_one_salt_whenever_they_are_committed_to(
    store: SaltStore,
) -> None:
    """What became of a call is recorded later, and erased with it."""
    ident = record()

    assert store.commit(ident, VALUE) == store.commit(ident, VALUE)


def test_a_salt_is_a_leaf_under_the_seed_of_the_legal_day(store: SaltStore, path: Path) -> None:
    """In Asia/Shanghai the sixth begins while it is the fifth in London."""
    late = new_record_id(datetime(2026, 1, 5, 16, tzinfo=UTC))

    committed = store.commit(late, VALUE)

    salt = walk(seed_of(path, date(2026, 1, 6)), path_of(late))
    assert day_of(late) == date(2026, 1, 6)
    assert committed == {"operator": commitment(salt, "operator", PERSON)}


def test_a_day_costs_one_write_however_many_records_it_has(store: SaltStore, path: Path) -> None:
    store.commit(record(), VALUE)
    before = path.read_bytes()

    for _ in range(100):
        store.commit(record(), VALUE)

    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "ident",
    ["", "r1", BY.replace("-7", "-4", 1), BY.upper() + "x"],
    ids=["empty", "short", "version 4", "longer"],
)
def test_an_id_that_says_no_instant_has_no_salt(ident: str, store: SaltStore) -> None:
    with pytest.raises(VerificationError, match=r"^the id of the record is not a UUIDv7$"):
        store.commit(ident, VALUE)


def test_an_erased_salt_verifies_nothing_any_more_and_the_store_says_why(store: SaltStore) -> None:
    ident, kept = record(), record()
    committed = {one: store.commit(one, VALUE)["operator"] for one in (ident, kept)}

    store.erase([ident], by=BY)

    with pytest.raises(VerificationError, match=rf"^the salt .* was erased by record `{BY}`$"):
        store.verify(ident, "operator", PERSON, committed[ident])
    store.verify(kept, "operator", PERSON, committed[kept])
    assert (store.erased_by(ident), store.erased_by(kept)) == (BY, "")


def test_erasing_one_after_the_other_leaves_the_rest_as_it_was(store: SaltStore) -> None:
    records = [record(days) for days in (0, 1) for _ in range(12)]
    committed = {one: store.commit(one, VALUE)["operator"] for one in records}

    for count, gone in enumerate(records[::3], 1):
        store.erase([gone], by=BY)
        erased = set(records[::3][:count])
        assert {one: store.commit(one, VALUE)["operator"] for one in records if one not in erased}
        for one in set(records) - erased:
            store.verify(one, "operator", PERSON, committed[one])
        for one in erased:
            with pytest.raises(VerificationError, match="was erased"):
                store.verify(one, "operator", PERSON, committed[one])


def test_what_was_erased_is_in_no_byte_of_the_files(
    store: SaltStore, path: Path, tmp_path: Path
) -> None:
    """Neither the salt nor anything from which it could be had again."""
    records = [record() for _ in range(6)]
    for one in records:
        store.commit(one, VALUE)
    seed = seed_of(path)
    assert seed in content(tmp_path)

    store.erase(records[:2], by=BY)
    store.erase([records[2]], by=BY)

    left = content(tmp_path)
    for one in records[:3]:
        ways = [path_of(one)[:depth] for depth in range(17)]
        assert not [way for way in ways if walk(seed, way) in left]


def test_a_day_is_erased_whole_and_the_others_stay(
    store: SaltStore, path: Path, tmp_path: Path
) -> None:
    old, young = record(), record(1)
    committed = {one: store.commit(one, VALUE)["operator"] for one in (old, young)}
    seed = seed_of(path)

    store.erase([], [DAY], by=BY)

    assert seed not in content(tmp_path)
    store.verify(young, "operator", PERSON, committed[young])
    with pytest.raises(VerificationError, match=f"was erased by record `{BY}`"):
        store.verify(old, "operator", PERSON, committed[old])


def test_a_day_that_was_erased_never_gets_another_seed(store: SaltStore) -> None:
    store.commit(record(), VALUE)
    store.erase([], [DAY], by=BY)

    with pytest.raises(AuditError, match=r"^the salt of the record has been erased$"):
        store.commit(record(), VALUE)


def test_an_erased_record_gets_no_new_salt(store: SaltStore) -> None:
    ident = record()
    store.commit(ident, VALUE)
    store.erase([ident], by=BY)

    with pytest.raises(AuditError, match=r"^the salt of the record has been erased$"):
        store.commit(ident, VALUE)
    store.erase([ident], by=record())
    assert store.erased_by(ident) == BY, "the first erasure is the one that counts"


def test_a_store_that_remembers_a_seed_forgets_it_when_another_process_erases(
    store: SaltStore, path: Path
) -> None:
    ident = record()
    store.commit(ident, VALUE)
    with SaltStore(path) as other:
        other.erase([ident], by=BY)

    with pytest.raises(AuditError, match="has been erased"):
        store.commit(ident, VALUE)


def test_a_day_of_which_nothing_is_kept_is_not_called_erased(store: SaltStore) -> None:
    with pytest.raises(VerificationError, match=r"^no salt of the record is kept here$"):
        store.verify(record(), "operator", PERSON, "")


def test_an_erasure_that_fails_erases_nothing(store: SaltStore, path: Path) -> None:
    ident = record()
    committed = store.commit(ident, VALUE)
    with sqlite3.connect(path) as db:
        db.execute(
            "CREATE TRIGGER full BEFORE INSERT ON erased BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    db.close()

    with pytest.raises(AuditError, match=r"^the salts were not changed \(IntegrityError\)$"):
        store.erase([ident], by=BY)
    store.verify(ident, "operator", PERSON, committed["operator"])


def test_salts_outlive_the_process_and_an_auditor_reads_them(tmp_path: Path) -> None:
    path, ident = tmp_path / "deep" / "salts.sqlite", record()
    with SaltStore(path) as store:
        committed = store.commit(ident, VALUE)
    path.chmod(0o400)
    before = content(path.parent)

    with SaltStore(path, read_only=True) as store:
        store.verify(ident, "operator", PERSON, committed["operator"])
        with pytest.raises(AuditError, match="were not changed"):
            store.erase([ident], by=BY)
        with pytest.raises(AuditError, match="was not stored"):
            store.commit(record(9), VALUE)
    assert content(path.parent) == before


def test_the_store_holds_no_value_and_is_for_its_owner_only(path: Path, tmp_path: Path) -> None:
    with SaltStore(path) as store:
        committed = store.commit(record(), VALUE)
        files = sorted(tmp_path.iterdir())
        whole = content(tmp_path)

    assert {stat.S_IMODE(file.stat().st_mode) for file in files if file.exists()} == {0o600}
    assert PERSON.encode() not in whole
    assert committed["operator"].encode() not in whole


def test_a_closed_store_neither_commits_nor_verifies(path: Path) -> None:
    store = SaltStore(path)
    store.close()

    with pytest.raises(AuditError, match=r"^the salt was not stored \(ProgrammingError\)$"):
        store.commit(record(), VALUE)
    with pytest.raises(AuditError, match=r"^the salt was not read \(ProgrammingError\)$"):
        store.verify(record(), "operator", PERSON, "")


def test_a_store_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "other").write_bytes(b"this is no database, and a long one at that" * 100)
    with sqlite3.connect(tmp_path / "foreign") as db:
        db.execute("CREATE TABLE node (a)")
    db.close()

    for name in ("folder", "other", "other/salts.sqlite", "foreign"):
        with pytest.raises(AuditError, match=r"^the salt store `[a-z.]+` cannot be used \("):
            SaltStore(tmp_path / name)
    with pytest.raises(AuditError, match="cannot be used"):
        SaltStore(tmp_path / "missing", read_only=True)


def test_sixteen_threads_commit_side_by_side(store: SaltStore) -> None:
    def commit(number: int) -> None:
        ident = record(number % 3)
        committed = store.commit(ident, {"operator": str(number)})
        store.verify(ident, "operator", str(number), committed["operator"])

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(commit, range(200)))
