# SPDX-License-Identifier: Apache-2.0
"""What is remembered of a call answers no call otherwise than deciding it would."""

import dataclasses
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy import settled
from govshare_policy.audit import RecordForm, encode_record
from govshare_policy.call import Action, Call, Recipient, RecipientKind
from govshare_policy.errors import AuditError
from govshare_policy.facts import RegisterFacts
from govshare_policy.gate import Answer, Basis
from govshare_policy.identity import CertificateTrust, Evidence, Identity
from govshare_policy.legal import Effect
from govshare_policy.policy import Bundle, Precedence, load_bundle
from govshare_policy.settled import Memory, Settled
from govshare_policy.usage import Usage
from tests.unit.gathered import SECOND_GRANT, plain_call
from tests.unit.recording import AT, Room, proven_county, room

LIMITED = {"grant_id": "G02", "daily_quota": "3"}
EVIDENCE = Evidence(
    spki=bytes([7]) * 32,
    not_before=datetime(2025, 1, 1, tzinfo=UTC),
    not_after=datetime(2027, 1, 1, tzinfo=UTC),
)


class Forgetful(Memory):
    """Remembers nothing, so that every call goes the whole way."""

    def keep(self, call: Call, identity: Identity, day: date, settled: Settled) -> None:
        """Do nothing."""


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, ...]:
    """The plain county under each precedence, and one in which every call is counted as well."""
    register = proven_county(tmp_path_factory.mktemp("county"), {"grants.tsv": [LIMITED]})
    counted = {**SECOND_GRANT, "daily_quota": "9"}
    other = proven_county(tmp_path_factory.mktemp("other"), {"grants.tsv": [counted]})
    return (
        *(load_bundle("hubei", register, precedence=each) for each in Precedence),
        load_bundle("hubei", other, precedence=Precedence.LOCAL),
    )


def two_rooms(bundle: Bundle) -> tuple[Room, Room]:
    """Return a gate that remembers, and one that does not, over the same."""
    remembering, forgetful = room(bundle), room(bundle)
    basis = replace(forgetful.gate.basis(), memory=Forgetful())
    return remembering, replace(forgetful, gate=replace(forgetful.gate, basis=lambda: basis))


def remembered(here: Room) -> int:
    """Return how much a gate remembers."""
    return len(here.gate.basis().memory._settled)


def shown(answer: Answer, here: Room) -> dict[str, Any]:
    """Return the answer and its record, without what no two calls share."""
    record = here.log.documents()[-1]
    assert encode_record(record) == here.log.records[-1]
    assert record["id"] == answer.record_id
    document = answer.to_document()
    if document["id"] == answer.record_id:
        document["id"] = ""
    return {
        "answer": document,
        "identity": answer.identity,
        "asked": (answer.resource, answer.purpose, answer.at, answer.profile, answer.precedence),
        "record": {**record, "id": "", "commitments": sorted(record["commitments"])},
    }


# What a call may say otherwise than one that is allowed; most of it changes the answer.
CHANGES: dict[str, tuple[Any, ...]] = {
    "id": ("c-1", "编号", 'a "quoted" one', "\t", "x" * 256),
    "action": (Action.ONWARD,),
    "resource": ("R01", "R03", "R99"),
    "fields": (("id_no",), ("*",), ("marital_status", "id_no"), ("none",)),
    "purpose": ("marketing", "", "poverty_relief"),
    "at": (AT,),
    "department": ("D-CAB",),
    "system": ("SYS-CAB-01", ""),
    "operator": ("li", "wang"),
    "item": ("A-1", "A-2"),
    "channel": ("offline", "file"),
    "network": ("intranet",),
    "grant": ("", "G02", "G01B", "G99"),
    "consent": ("C1",),
    "recipient": (Recipient(kind=RecipientKind.COMPANY, id="Acme"),),
    "derived": (True,),
    "commercial": (True,),
    "on_behalf_of": (("D-CAB",), ("SYS-HCB-PRH",)),
    "forwarded_for": (("SYS-HCB-PRH",), ("nobody",)),
    "subject": ("330102199001011234",),
}
ONE = st.one_of(
    [st.tuples(st.just(key), st.sampled_from(values)) for key, values in CHANGES.items()]
)
CALLS = st.lists(ONE, max_size=2).map(lambda changes: replace(plain_call(), **dict(changes)))


def test_the_changes_are_of_everything_that_a_call_may_say() -> None:
    assert CHANGES.keys() == {one.name for one in dataclasses.fields(Call)}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in CHANGES.items() for value in values]
)
def test_a_call_that_is_like_another_but_for_one_thing_gets_its_own_answer(
    bundles: tuple[Bundle, ...], key: str, value: object
) -> None:
    one, other = two_rooms(bundles[0])
    plain = plain_call()
    changed: Any = {key: value}
    for call in (plain, plain, plain, replace(plain, **changed), plain):
        answers = [here.gate.answer(call, Evidence()) for here in (one, other)]
        assert shown(answers[0], one) == shown(answers[1], other)
    assert remembered(one) == 1


@settings(max_examples=25, deadline=None)
@given(calls=st.lists(CALLS, min_size=1, max_size=6), again=st.permutations(list(range(18))))
def test_every_answer_and_record_is_the_same_as_without_memory(
    bundles: tuple[Bundle, ...], calls: list[Call], again: list[int]
) -> None:
    for bundle in bundles:
        one, other = two_rooms(bundle)
        for number in again:
            call = calls[number % len(calls)]
            answers = [here.gate.answer(call, Evidence()) for here in (one, other)]
            assert shown(answers[0], one) == shown(answers[1], other)
        assert remembered(other) == 0


def test_what_is_asked_again_is_remembered_with_everything_that_is_the_calls_own(
    bundles: tuple[Bundle, ...],
) -> None:
    here, plain = two_rooms(bundles[0])
    for number in range(5):
        call = plain_call(id=f"c-{number}", operator=f"li {number}")
        answers = [each.gate.answer(call, Evidence()) for each in (here, plain)]
        assert shown(answers[0], here) == shown(answers[1], plain)
        assert answers[0].id == f"c-{number}"
        assert remembered(here) == (number > 0)
    assert len({record["id"] for record in here.log.documents()}) == 5
    assert len({record["commitments"]["operator"] for record in here.log.documents()}) == 5


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": "marketing"},
        {"subject": "330102199001011234"},
        {"grant": "G02"},
        {"fields": tuple(f"f{number}" for number in range(70))},
    ],
    ids=["denied", "subject", "counted", "many fields"],
)
def test_what_may_be_otherwise_the_next_time_is_not_remembered(
    bundles: tuple[Bundle, ...], change: dict[str, Any]
) -> None:
    here = room(bundles[0])
    for _ in range(4):
        here.gate.answer(replace(plain_call(), **change), Evidence())
    assert remembered(here) == 0


def test_a_quota_is_counted_to_its_end(bundles: tuple[Bundle, ...]) -> None:
    register = bundles[0].register
    grant = register.grants["G02"]
    here = room(bundles[0])
    call = replace(
        plain_call(),
        resource=grant.resource,
        department=grant.department,
        system=next(iter(grant.systems)),
        fields=tuple(grant.fields)[:1],
        purpose=next(iter(grant.purposes)),
        grant="G02",
    )
    effects = [here.gate.answer(call, Evidence()).decision.effect for _ in range(5)]
    assert effects == [Effect.ALLOW] * 3 + [Effect.DENY] * 2


def test_what_another_grant_has_carried_stands_in_each_record(bundles: tuple[Bundle, ...]) -> None:
    """The call rests on a grant without a quota, and might have rested on one with."""
    usage = Usage()
    here = room(bundles[-1], usage=usage)
    for count in range(4):
        assert here.gate.answer(replace(plain_call(), grant=""), Evidence()).receipt is not None
        used = [] if count == 0 else [{"grant": "G01B", "calls": count}]
        assert here.log.documents()[-1]["facts"]["used"] == used
        usage.take("G01B", date(2025, 9, 22), quota=9)


def test_evidence_is_looked_at_every_time(bundles: tuple[Bundle, ...]) -> None:
    """A certificate that runs out stops the call, however often it was allowed before."""
    times = [AT]
    trust = CertificateTrust(register=bundles[0].register)
    here = room(bundles[0], trust=trust, now=lambda: times[-1])
    evidence = replace(EVIDENCE, not_after=AT + timedelta(seconds=9))
    call = replace(plain_call(), at=None, department="", system="", network="")
    for _ in range(3):
        assert here.gate.answer(call, evidence).decision.effect is Effect.ALLOW
    assert remembered(here) == 1

    other = here.gate.answer(call, replace(evidence, spki=bytes(32)))
    times.append(AT + timedelta(seconds=10))
    late = here.gate.answer(call, evidence)

    assert [answer.decision.effect for answer in (other, late)] == [Effect.DENY] * 2


def test_a_day_begins_with_nothing(bundles: tuple[Bundle, ...]) -> None:
    times = [AT]
    here = room(bundles[0], now=lambda: times[-1])
    call = replace(plain_call(), at=None)
    for _ in range(3):
        here.gate.answer(call, Evidence())
    assert remembered(here) == 1
    times.append(AT + timedelta(days=365))

    answer = here.gate.answer(call, Evidence())

    assert answer.decision.effect is Effect.ALLOW
    assert here.log.documents()[-1]["facts"]["day"] == "2026-09-22"
    assert remembered(here) == 0
    times.append(AT + timedelta(days=600))
    assert here.gate.answer(call, Evidence()).decision.effect is Effect.DENY


def test_another_basis_remembers_nothing_of_this_one(bundles: tuple[Bundle, ...]) -> None:
    one, other = (
        Basis(
            trust=room(bundle).gate.basis().trust,
            facts=RegisterFacts(register=bundle.register),
            bundle=bundle,
        )
        for bundle in bundles[:2]
    )
    current = [one]
    here = room(bundles[0])
    gate = replace(here.gate, basis=lambda: current[-1])
    for _ in range(3):
        gate.answer(plain_call(), Evidence())
    current.append(other)
    answer = gate.answer(plain_call(), Evidence())
    assert answer.precedence == bundles[1].precedence.value


def test_an_id_that_no_record_can_hold_leaves_none(bundles: tuple[Bundle, ...]) -> None:
    here, plain = two_rooms(bundles[0])
    for each in (here, plain):
        for _ in range(3):
            each.gate.answer(plain_call(id="good"), Evidence())
        with pytest.raises(AuditError, match="normal form"):
            each.gate.answer(replace(plain_call(), id="e\u0301"), Evidence())
        assert len(each.log.records) == 3


def test_a_full_memory_takes_nothing_more(
    bundles: tuple[Bundle, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settled, "MOST", 4)
    here = room(bundles[0])
    for item in ("a", "b", "c", "a", "b", "c", "a", "b", "c"):
        here.gate.answer(plain_call(item=item), Evidence())
    assert remembered(here) == 2


def test_no_department_leaves_the_others_less_than_it_takes(
    bundles: tuple[Bundle, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever varies what may be said freely, by any of its systems, slows down itself."""
    monkeypatch.setattr(settled, "MOST", 16)
    here = room(bundles[0])
    here.gate.answer(plain_call(), Evidence())
    here.gate.answer(plain_call(), Evidence())
    [kept] = here.gate.basis().memory._settled.values()
    memory, day = Memory(), AT.date()

    def taken(department: str, *, since: date = day) -> int:
        """Ask for 20 things twice, by two systems in turn; return how many were remembered."""
        before = len(memory._settled)
        for number in range(20):
            call = plain_call(item=f"i{number}")
            identity = Identity(department=department, system=f"{department}-{number % 2}")
            for _ in range(3):
                if memory.is_wanted(call, identity, since):
                    memory.keep(call, identity, since, kept)
        return len(memory._settled) - before

    assert [taken(each) for each in ("A", "A", "B", "C", "A", "D", "E", "F")] == [
        *(8, 0, 4, 2, 0, 1, 1, 0)
    ]
    memory.is_wanted(plain_call(), Identity(), day + timedelta(days=1))
    assert taken("A", since=day + timedelta(days=1)) == 8, "a day begins with nothing"


def test_questions_asked_once_are_forgotten_in_time(
    bundles: tuple[Bundle, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settled, "_MOST_ONCE", 8)
    here = room(bundles[0])
    for number in range(40):
        here.gate.answer(plain_call(item=f"i{number}"), Evidence())
    assert len(here.gate.basis().memory._once) <= 8
    assert remembered(here) == 0


@settings(max_examples=100, deadline=None)
@given(
    ident=st.text(max_size=40),
    values=st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True), st.text()),
)
def test_a_form_spells_what_the_whole_record_spells(ident: str, values: dict[str, str]) -> None:
    record = {"a": {"id": "x", "z": [1, "ü"]}, "c": {"x": "y"}, "id": "i", "n": 1, "t": "t"}
    form = RecordForm.of(record, [("a", "id"), ("c",), ("t",)])
    whole = {**record, "a": {"id": ident, "z": [1, "ü"]}, "c": values, "t": "later"}
    try:
        spelled = encode_record(whole)
    except AuditError:
        with pytest.raises(AuditError):
            form.fill({"a.id": ident, "c": values, "t": "later"})
    else:
        assert form.fill({"a.id": ident, "c": values, "t": "later"}) == spelled


def test_a_form_refuses_what_it_cannot_be_made_of() -> None:
    record: dict[str, object] = {"a": "x", "b": {}}
    with pytest.raises(AuditError, match="no member `c`"):
        RecordForm.of(record, [("c",)])
    with pytest.raises(AuditError, match="no object"):
        RecordForm.of(record, [("a", "b")])
    with pytest.raises(AuditError, match="the most is"):
        RecordForm.of(record, [("a",)]).fill({"a": "x" * 61440})
