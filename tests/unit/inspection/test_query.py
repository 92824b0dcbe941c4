# SPDX-License-Identifier: Apache-2.0
import zlib
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from govshare_policy.audit import LogDamageError, parse_trust, trust_text, verify_log
from govshare_policy.audit.segment import segment_name
from govshare_policy.crypto import Signer
from govshare_policy.errors import InclusionError, SignatureError, VerificationError
from govshare_policy.inspection.choice import Choice
from govshare_policy.inspection.persons import Person, Sought
from govshare_policy.inspection.query import Found, query, scan
from govshare_policy.inspection.reading import read_batches
from govshare_policy.inspection.traits import instant_us
from tests.unit.inspection.world import (
    CLAUSES,
    DEPARTMENTS,
    GRANTS,
    ORIGIN,
    OUTCOMES,
    RESOURCES,
    START,
    STATUSES,
    SYSTEMS,
    World,
    make_signer,
    some_records,
    write,
    writer,
)

BEGIN = instant_us(START)


def some_of(*words: str) -> st.SearchStrategy[tuple[str, ...]]:
    none: st.SearchStrategy[tuple[str, ...]] = st.just(())
    return none | none | st.lists(st.sampled_from(words), max_size=2).map(tuple)


MOMENTS = st.none() | st.none() | st.integers(0, 30 * 86_400).map(lambda s: BEGIN + s * 10**6)
CHOICES = st.builds(
    Choice,
    department=some_of(*DEPARTMENTS, "nobody"),
    system=some_of(*SYSTEMS, "SYS"),
    resource=some_of(*RESOURCES),
    grant=some_of(*GRANTS, "G09"),
    outcome=some_of(*OUTCOMES, *STATUSES, "taken"),
    effect=some_of("allow", "deny"),
    clause=some_of(*CLAUSES, "HU-a11-02", "a"),
    phase=some_of("decision", "outcome", "workflow", "key", ""),
    person=some_of("operator", "actor"),
    since_us=MOMENTS,
    until_us=MOMENTS,
    after=st.just(-1) | st.integers(0, 400),
)


def ask(world: World, choice: Choice, place: Path, *, limit: int = 1000) -> Found:
    return query(world.directory, choice, limit=limit, place=place)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(choice=CHOICES, limit=st.integers(1, 500))
def test_a_query_finds_what_reading_the_whole_log_finds(
    choice: Choice, limit: int, mixed: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The index against the slow reference, page by page."""
    place = tmp_path_factory.getbasetemp() / "property.sqlite"
    every = list(scan(mixed.directory, choice))

    found = ask(mixed, choice, place, limit=limit)

    assert list(found.hits) == every[:limit]
    assert found.following == (every[limit - 1].number if len(every) > limit else None)
    if found.following is not None:
        rest = ask(mixed, replace(choice, after=found.following), place)
        assert list(rest.hits) == every[limit:]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(choice=CHOICES)
def test_the_reference_is_the_choice_over_every_record(choice: Choice, mixed: World) -> None:
    from govshare_policy.inspection.traits import traits_of  # noqa: PLC0415  only here

    wanted = [
        number
        for number, data in enumerate(mixed.records())
        if choice.takes(number, traits_of(data))
    ]

    assert [hit.number for hit in scan(mixed.directory, choice)] == wanted


def test_with_a_trust_file_every_hit_is_proven(mixed: World, long: World, tmp_path: Path) -> None:
    found = query(
        mixed.directory, Choice(), limit=50, trust=mixed.trust, place=tmp_path / "a.sqlite"
    )
    across = query(
        long.directory,
        Choice(department=("D-3",), after=65_500),
        limit=50,
        trust=long.trust,
        place=tmp_path / "b.sqlite",
    )

    assert found.verified
    assert across.verified
    assert [hit.number for hit in across.hits] == [n for n in range(65_501, 65_540) if n % 7 == 3]


def test_without_one_nothing_is_said_to_be_proven(mixed: World, tmp_path: Path) -> None:
    assert not ask(mixed, Choice(), tmp_path / "i").verified


def test_the_key_of_another_proves_nothing(mixed: World, tmp_path: Path) -> None:
    other = parse_trust(trust_text(ORIGIN, make_signer(tmp_path).public))

    with pytest.raises(SignatureError):
        query(mixed.directory, Choice(), limit=1, trust=other, place=tmp_path / "i")


def change(world: World, old: bytes, new: bytes) -> None:
    """Change a record where it stands, with the right crc, as somebody on that machine could."""
    assert len(old) == len(new)
    path = world.directory / "seg" / segment_name(0)
    data = bytearray(path.read_bytes())
    entry = next(
        entry
        for batch in read_batches(world.directory)
        for entry in batch.entries
        if old in entry.data
    )
    payload = entry.data.replace(old, new)
    begin = entry.offset + 8
    data[begin : begin + len(payload)] = payload
    crc = zlib.crc32(payload, zlib.crc32(data[entry.offset : entry.offset + 4]))
    data[entry.offset + 4 : begin] = crc.to_bytes(4, "little")
    path.write_bytes(data)


def test_a_record_changed_after_it_was_indexed_is_not_shown_as_proven(
    own: World, tmp_path: Path
) -> None:
    """The change is in no trait, so the index still leads to it."""
    ask(own, Choice(), tmp_path / "i")
    change(own, b'"purpose":"data_verification"', b'"purpose":"data_falsification'[:28] + b'"')

    with pytest.raises(InclusionError):
        query(own.directory, Choice(), limit=1000, trust=own.trust, place=tmp_path / "i")


def test_a_trait_changed_after_it_was_indexed_is_found_out(own: World, tmp_path: Path) -> None:
    """The log and its index contradict each other; made anew, the log contradicts itself."""
    ask(own, Choice(), tmp_path / "i")
    change(own, b'"department":"D-HCB"', b'"department":"D-TRA"')

    with pytest.raises(LogDamageError) as caught:
        ask(own, Choice(department=("D-HCB",)), tmp_path / "i")
    assert caught.value.kind == "root"


def test_a_log_in_use_is_asked_as_far_as_it_is_committed(own: World, tmp_path: Path) -> None:
    """The index grows with the log, and the answer says how far it reaches."""
    more = some_records(60, seed=9)
    with writer(own.directory, own.signer) as log:
        for number, record in enumerate(more):
            log.append(record)
            if number % 20 == 0:
                found = ask(own, Choice(), tmp_path / "i")
                assert len(found.hits) == found.size == 402 + number
                assert found.published <= found.size
    assert verify_log(own.directory, own.trust).size == ask(own, Choice(), tmp_path / "i").size


class Busy:
    """Salts that open nothing; while they are asked, the log goes on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._written = False

    def verify(self, record_id: str, name: str, value: str, committed: str) -> None:
        if not self._written:
            self._written = True
            write(self._world.directory, self._world.signer, some_records(5, seed=7))
        raise VerificationError(f"{record_id} {name} {value} {committed}")

    def erased_by(self, what: str) -> str:
        return what[:0]


def test_an_answer_says_that_the_log_has_grown_since(own: World, tmp_path: Path) -> None:
    """What was published between the first look and the answer is counted, not searched."""
    sought = Sought((Person(name="operator", value="x"),), Busy(own))
    size = len(own.records())
    found = query(own.directory, Choice(), limit=9, sought=sought, place=tmp_path / "i")

    assert (found.size, found.published, found.hits) == (size, size + 5, ())
    assert ask(own, Choice(), tmp_path / "i").size == size + 5


def test_a_log_of_one_record_can_be_asked(tmp_path: Path, signer: Signer) -> None:
    world = write(tmp_path / "log", signer, [])

    found = query(world.directory, Choice(), limit=5, trust=world.trust, place=tmp_path / "i")

    assert [hit.number for hit in found.hits] == [0]
    assert found.following is None


def test_reading_stops_when_nobody_wants_more(mixed: World) -> None:
    assert [hit.number for hit in islice(scan(mixed.directory, Choice()), 3)] == [0, 1, 2]
