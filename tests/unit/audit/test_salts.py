# SPDX-License-Identifier: Apache-2.0
"""Commitments: whoever is told a value can check it, and nobody else can find it out."""

import hmac
import sqlite3
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from govshare_policy.audit import SaltStore
from govshare_policy.audit.salts import commitment
from govshare_policy.errors import AuditError, VerificationError

PERSON = "330102199001011234"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SaltStore]:
    with SaltStore(tmp_path / "salts.sqlite") as opened:
        yield opened


def test_a_commitment_is_an_hmac_over_name_and_value() -> None:
    expected = hmac.new(bytes(32), b"operator\x00" + PERSON.encode(), "sm3").hexdigest()

    assert commitment(bytes(32), "operator", PERSON) == expected
    assert len(expected) == 64


def test_the_value_that_was_committed_to_verifies(store: SaltStore) -> None:
    values = {"operator": PERSON, "recipient": "王小明"}

    committed = store.commit("r1", values)

    assert set(committed) == set(values)
    for name, value in values.items():
        store.verify("r1", name, value, committed[name])


@pytest.mark.parametrize(
    ("record", "name", "value"),
    [
        ("r2", "operator", PERSON),
        ("r1", "recipient", PERSON),
        ("r1", "operator", f"{PERSON} "),
        ("r1", "operator", ""),
    ],
    ids=["another record", "another name", "another value", "no value"],
)
def test_nothing_else_verifies(record: str, name: str, value: str, store: SaltStore) -> None:
    committed = store.commit("r1", {"operator": PERSON})
    store.commit("r2", {"operator": PERSON})

    with pytest.raises(VerificationError, match=r"^the record committed to another value$"):
        store.verify(record, name, value, committed["operator"])


@pytest.mark.parametrize("forged", ["", "0" * 64, "ｆ" * 64, "王小明"])
def test_what_is_no_commitment_is_another_value(forged: str, store: SaltStore) -> None:
    """The commitment comes from a record, and a record may hold any text."""
    store.commit("r1", {"operator": PERSON})

    with pytest.raises(VerificationError, match=r"^the record committed to another value$"):
        store.verify("r1", "operator", PERSON, forged)


def test_one_value_has_another_commitment_in_every_record(store: SaltStore) -> None:
    commitments = {store.commit(f"r{n}", {"operator": PERSON})["operator"] for n in range(20)}

    assert len(commitments) == 20


def test_an_erased_salt_verifies_nothing_any_more(store: SaltStore, tmp_path: Path) -> None:
    committed = store.commit("r1", {"operator": PERSON})
    other = sqlite3.connect(tmp_path / "salts.sqlite", isolation_level=None)
    other.execute("DELETE FROM salt WHERE record = 'r1'")
    other.close()

    with pytest.raises(VerificationError, match=r"^the salt of the record has been erased$"):
        store.verify("r1", "operator", PERSON, committed["operator"])


def test_a_record_has_one_salt(store: SaltStore) -> None:
    store.commit("r1", {"operator": PERSON})

    with pytest.raises(AuditError, match=r"^the salt was not stored \(IntegrityError\)$"):
        store.commit("r1", {"operator": PERSON})


def test_salts_outlive_the_process(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "salts.sqlite"
    with SaltStore(path) as store:
        committed = store.commit("r1", {"operator": PERSON})

    with SaltStore(path) as store:
        store.verify("r1", "operator", PERSON, committed["operator"])


def test_the_store_holds_no_value_and_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "salts.sqlite"
    with SaltStore(path) as store:
        committed = store.commit("r1", {"operator": PERSON})
        files = sorted(tmp_path.iterdir())
        content = b"".join(file.read_bytes() for file in files)

    assert {stat.S_IMODE(file.stat().st_mode) for file in files if file.exists()} == {0o600}
    assert PERSON.encode() not in content
    assert committed["operator"].encode() not in content


def test_a_closed_store_neither_commits_nor_verifies(tmp_path: Path) -> None:
    store = SaltStore(tmp_path / "salts.sqlite")
    store.close()

    with pytest.raises(AuditError, match=r"^the salt was not stored \(ProgrammingError\)$"):
        store.commit("r1", {"operator": PERSON})
    with pytest.raises(AuditError, match=r"^the salt was not read \(ProgrammingError\)$"):
        store.verify("r1", "operator", PERSON, "")


def test_a_store_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "other").write_bytes(b"this is no database, and a long one at that" * 100)

    for name in ("folder", "other", "other/salts.sqlite"):
        with pytest.raises(AuditError, match=r"^the salt store `[a-z.]+` cannot be used \("):
            SaltStore(tmp_path / name)


def test_sixteen_threads_commit_side_by_side(store: SaltStore) -> None:
    def commit(number: int) -> None:
        committed = store.commit(f"r{number}", {"operator": str(number)})
        store.verify(f"r{number}", "operator", str(number), committed["operator"])

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(commit, range(64)))
