# SPDX-License-Identifier: Apache-2.0
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.audit import SaltStore, encode_record
from govshare_policy.crypto import Signer
from govshare_policy.errors import CallError
from govshare_policy.inspection.choice import Choice
from govshare_policy.inspection.persons import Person, Sought, parse_person
from govshare_policy.inspection.query import query, scan
from tests.unit.inspection.world import START, World, decision, outcome, write

WANG, LI = "330102199001011234", "330102199001011235"


def committed(salts: SaltStore, at: datetime, **values: str) -> dict[str, Any]:
    record = decision(at)
    record["commitments"] = salts.commit(record["id"], values)
    return record


@pytest.fixture
def salts(tmp_path: Path) -> SaltStore:
    return SaltStore(tmp_path / "salts.sqlite")


@pytest.fixture
def world(salts: SaltStore, signer: Signer, tmp_path: Path) -> World:
    """Wang in records 1, 3 and 6, in 6 as somebody else's; Li in 2; nobody in 4; his data in 5."""
    first = committed(salts, START, operator=WANG)
    ended = outcome(START, first["id"])
    ended["commitments"] = salts.commit(first["id"], {"operator": WANG})
    records = (
        first,
        committed(salts, START, operator=LI, recipient=LI),
        committed(salts, START + timedelta(days=2), operator=WANG),
        decision(START),
        ended,
        committed(salts, START, recipient=WANG),
    )
    return write(tmp_path / "log", signer, map(encode_record, records))


def numbers(world: World, salts: SaltStore, *persons: Person) -> list[int]:
    sought = Sought(persons, salts)
    choice = Choice(person=tuple(person.name for person in persons))
    found = query(
        world.directory, choice, limit=10, sought=sought, place=Path(world.directory.parent / "i")
    )
    reference = scan(world.directory, choice, sought=Sought(persons, salts))
    assert list(found.hits) == list(reference)
    assert found.erased == sought.erased
    return [hit.number for hit in found.hits]


def test_the_records_about_a_person_are_found_by_name_and_value(
    world: World, salts: SaltStore
) -> None:
    assert numbers(world, salts, Person(name="operator", value=WANG)) == [1, 3, 5]
    assert numbers(world, salts, Person(name="operator", value=LI)) == [2]
    assert numbers(world, salts, Person(name="recipient", value=WANG)) == [6]
    assert numbers(world, salts, Person(name="operator", value="nobody")) == []


def test_one_of_several_persons_is_enough(world: World, salts: SaltStore) -> None:
    wanted = (Person(name="operator", value=LI), Person(name="recipient", value=WANG))

    assert numbers(world, salts, *wanted) == [2, 6]


def test_pages_of_a_person_join_up(world: World, salts: SaltStore, tmp_path: Path) -> None:
    sought = Sought((Person(name="operator", value=WANG),), salts)
    first = query(
        world.directory, Choice(person=("operator",)), limit=2, sought=sought, place=tmp_path / "i"
    )
    rest = query(
        world.directory,
        Choice(person=("operator",), after=first.following or 0),
        limit=2,
        sought=sought,
        place=tmp_path / "i",
    )

    assert [hit.number for hit in (*first.hits, *rest.hits)] == [1, 3, 5]
    assert rest.following is None


def test_what_was_erased_is_counted_and_not_found(world: World, salts: SaltStore) -> None:
    """By its own id, and by its day."""
    record = decision_id(world, 1)
    salts.erase([record], by="e1")
    sought = Sought((Person(name="operator", value=WANG),), salts)
    found = [hit.number for hit in scan(world.directory, Choice(), sought=sought)]

    assert (found, sought.erased) == ([3], 2)  # the outcome of record 1 had its salt

    day = (START + timedelta(days=2)).astimezone(UTC).date()
    salts.erase([], [day], by="e2")
    again = Sought((Person(name="operator", value=WANG),), salts)
    assert list(scan(world.directory, Choice(), sought=again)) == []
    assert again.erased == 3


def decision_id(world: World, number: int) -> str:
    from govshare_policy.audit import parse_record  # noqa: PLC0415  only here

    ident: str = parse_record(world.records()[number])["id"]
    return ident


def test_a_store_that_is_only_read_finds_as_much(
    world: World, salts: SaltStore, tmp_path: Path
) -> None:
    salts.close()
    with SaltStore(tmp_path / "salts.sqlite", read_only=True) as copy:
        assert numbers(world, copy, Person(name="operator", value=WANG)) == [1, 3, 5]


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"id": 5, "commitments": {"operator": "x"}},
        {"id": "no uuid", "commitments": {"operator": "x"}},
        {"id": "x", "commitments": {"operator": 5}},
        {"id": "x", "commitments": "operator"},
        {"phase": "outcome", "id": "x", "commitments": {"operator": "x"}},
    ],
)
def test_a_record_that_names_nobody_properly_is_about_nobody(
    record: dict[str, Any], salts: SaltStore
) -> None:
    sought = Sought((Person(name="operator", value=WANG),), salts)

    assert not sought.is_about(record)
    assert sought.erased == 0


def test_a_person_is_spelt_as_name_and_value() -> None:
    def ask() -> str:
        return WANG

    assert parse_person(f"operator={LI}", read_value=ask) == Person(name="operator", value=LI)
    assert parse_person("recipient=-", read_value=ask) == Person(name="recipient", value=WANG)
    assert parse_person("recipient=a=b", read_value=ask).value == "a=b"
    for text in ("operator", "=x", "operator=", ""):
        with pytest.raises(CallError, match="NAME=VALUE"):
            parse_person(text, read_value=ask)


def test_a_person_does_not_show_itself() -> None:
    assert WANG not in repr(Person(name="operator", value=WANG))
