# SPDX-License-Identifier: Apache-2.0
"""The archived policy says of every recorded call what the log says it said, or which differs."""

import json
import re
import shutil
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.audit import encode_record
from govshare_policy.errors import FactError, VerificationError
from govshare_policy.gate import Outcome
from govshare_policy.identity import CertificateTrust, Evidence
from govshare_policy.policy import Bundle, Precedence, load_bundle, packs_directory
from govshare_policy.register import Register, load_register
from govshare_policy.replay import Archive, Replayed, Verdict, load_bundle_directory, replay
from govshare_policy.signed import build_bundle
from tests.county import Change, write_county
from tests.unit.gathered import APPROVAL, CONSENT, SECOND_GRANT, SUSPENSION, plain_call
from tests.unit.recording import AT, Failing, Room, room

CERTIFICATE = {
    "system_id": "SYS-HCB-PRH",
    "spki": "07" * 32,
    "valid_from": "2025-01-01",
    "valid_to": "2025-12-31",
    "revoked_on": "",
}
CHANGE: Change = {
    "grants.tsv": [{"grant_id": "G01", "daily_quota": "12"}, SECOND_GRANT | {"daily_quota": "1"}],
    "certificates.tsv": [CERTIFICATE],
    "consents.tsv": [CONSENT, {**CONSENT, "consent_id": "C2", "kind": "purpose_change"}],
    "approvals.tsv": [APPROVAL],
    "suspensions.tsv": [{**SUSPENSION, "user_dept": "D-MIB"}],
}
SHOWN = Evidence(spki=bytes([7]) * 32, not_before=AT, not_after=AT)
PERSON = {"kind": "person", "id": "330102199001011234"}
MADE_UP = "ZZ-王小明"
# A day of calls: lawful ones, refused ones, and every kind of name that a record leaves out.
CALLS: Mapping[str, dict[str, object]] = {
    "plain": {},
    "no grant named": {"grant": "", "fields": ["id_no"]},
    "the quota of the first": {"fields": ["id_no"]},
    "all fields": {"fields": ["*"]},
    "no field": {"fields": []},
    "unknown grant": {"grant": MADE_UP},
    "unknown department": {"department": MADE_UP},
    "unknown system": {"system": MADE_UP},
    "another's system": {"system": "SYS-CAB-AID"},
    "unknown resource": {"resource": MADE_UP},
    "unknown fields": {"fields": ["id_no", MADE_UP, f"{MADE_UP}2"]},
    "unknown consent": {"consent": MADE_UP},
    "another purpose": {"purpose": "work_reference"},
    "another purpose, agreed": {"purpose": "work_reference", "consent": "C2"},
    "no purpose": {"purpose": ""},
    "offline": {"channel": "offline_exchange"},
    "item and operator": {"item": "440100", "operator": "li", "id": ""},
    "a person": {"recipient": PERSON},
    "itself": {"recipient": {"kind": "department", "id": "D-HCB"}},
    "itself, unknown": {
        "department": MADE_UP,
        "recipient": {"kind": "department", "id": MADE_UP},
    },
    "the provider": {"recipient": {"kind": "department", "id": "D-CAB"}},
    "another department": {"recipient": {"kind": "department", "id": "D-TAX"}},
    "onward": {"action": "onward", "recipient": {"kind": "company", "id": "O-BNK"}},
    "onward, agreed": {
        "action": "onward",
        "consent": "C1",
        "recipient": {"kind": "company", "id": "O-BNK"},
    },
    "onward to the unnamed": {
        "action": "onward",
        "consent": "C1",
        "recipient": {"kind": "company", "id": MADE_UP},
    },
    "onward to one who is named": {
        "action": "onward",
        "consent": "C1",
        "recipient": {"kind": "person", "id": "O-UTL"},
    },
    "onward to the public": {"action": "onward", "recipient": {"kind": "public"}},
    "derived, for money": {"derived": True, "commercial": True},
    "suspended": {"department": "D-MIB", "system": "SYS-MIB-SET", "grant": ""},
    "no grant": {"department": "D-TRA", "system": "SYS-TRA-LIC", "grant": ""},
    **{f"spent {number}": {"fields": ["id_no"]} for number in range(12)},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_county(tmp_path_factory.mktemp("county"), CHANGE)


@pytest.fixture(scope="module")
def register(data: Path) -> Register:
    return load_register(data)


@pytest.fixture(scope="module")
def hubei(register: Register) -> Bundle:
    return load_bundle("hubei", register, precedence=Precedence.STRICTEST)


def archive_of(*bundles: Bundle) -> Archive:
    return Archive({revision(one): partial(replace, one) for one in bundles})


def revision(bundle: Bundle) -> str:
    return f"sm3:{bundle.revision.hex()}"


def a_day(bundle: Bundle) -> Room:
    """Return a gate that has answered a day of calls, the allowed ones to their end."""
    clock = iter(range(10_000))
    here = room(bundle, now=lambda: AT + timedelta(seconds=next(clock)))
    for call in CALLS.values():
        answer = here.gate.answer(plain_call(**call), Evidence())
        if answer.decision.fields:
            here.gate.conclude(answer, Outcome(status="released", response=bytes(32)))
    return here


@pytest.fixture(scope="module")
def day(hubei: Bundle) -> list[bytes]:
    return a_day(hubei).log.records


def verdicts(found: Iterator[Replayed]) -> list[Verdict]:
    return [one.verdict for one in found]


def named(found: Iterator[Replayed]) -> list[int]:
    return [one.index for one in found if one.verdict is not Verdict.SAME]


@pytest.mark.parametrize("precedence", Precedence)
@pytest.mark.parametrize("profile", ["hubei", "henan-fengqiu", "jiangxi-pingxiang"])
def test_a_day_of_calls_is_decided_again_to_the_byte(
    profile: str, precedence: Precedence, register: Register
) -> None:
    bundle = load_bundle(profile, register, precedence=precedence)
    records = a_day(bundle).log.records

    found = list(replay(enumerate(records), archive_of(bundle)))

    assert {one.verdict for one in found} == {Verdict.SAME}, found
    assert len(found) == len(CALLS)


def test_the_day_has_calls_of_every_sort(day: list[bytes]) -> None:
    """So that the tests above and below are about something."""
    decisions = [json.loads(data) for data in day if b'"phase":"decision"' in data]
    reasons = {code for one in decisions for code in one["reasons"]}

    assert {one["outcome"] for one in decisions} >= {"allow", "deny", "needs_grant", "suspended"}
    assert {"quota_spent", "purpose_outside_grant"} <= reasons


def test_calls_over_certificates_are_decided_again_to_the_byte(
    hubei: Bundle, register: Register
) -> None:
    here = room(hubei, trust=CertificateTrust(register=register))
    valid = replace(SHOWN, not_before=AT - timedelta(days=1), not_after=AT + timedelta(days=1))
    call = replace(plain_call(), network="")
    for evidence in (
        valid,
        replace(valid, spki=bytes([8]) * 32),
        replace(valid, not_after=AT - timedelta(days=1)),
        Evidence(),
    ):
        here.gate.answer(call, evidence)
    here.gate.answer(replace(call, system="SYS-HCB-WEB"), valid)

    assert verdicts(replay(enumerate(here.log.records), archive_of(hubei))) == [Verdict.SAME] * 5


def test_a_system_that_the_certificate_is_not_of_is_found(
    hubei: Bundle, register: Register
) -> None:
    """A sidecar that wrote down another caller than the certificate's is caught."""
    here = room(hubei, trust=CertificateTrust(register=register))
    here.gate.answer(replace(plain_call(), network=""), SHOWN)
    [record] = here.log.documents()
    forged = encode_record({**record, "system": "SYS-HCB-WEB"})

    [found] = replay([(0, forged)], archive_of(hubei))

    assert (found.verdict, found.members) == (Verdict.DIFFERS, ("system",))


def test_other_records_are_passed_over(hubei: Bundle, day: list[bytes]) -> None:
    outcomes = [data for data in day if b'"phase":"outcome"' in data]

    assert outcomes
    assert list(replay(enumerate(outcomes), archive_of(hubei))) == []


@pytest.fixture(scope="module")
def looser(tmp_path_factory: pytest.TempPathFactory, register: Register) -> Bundle:
    """Hubei's text without the rule that binds a use to the purposes of the grant."""
    packs = tmp_path_factory.mktemp("packs") / "packs"
    shutil.copytree(packs_directory(), packs, ignore=shutil.ignore_patterns("cases"))
    path = packs / "hubei" / "policy.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [
        re.sub(r"(granted, +)within,", r"\1*,", line)
        for line in lines
        if "purpose_outside_grant" not in line
    ]
    path.write_text("".join(kept), encoding="utf-8")
    return load_bundle("hubei", register, packs=packs)


def test_a_sidecar_that_decided_by_another_rule_is_caught_call_by_call(
    looser: Bundle, register: Register
) -> None:
    """It wrote down the revision of the law, and answered by a pack with one rule less."""
    law = load_bundle("hubei", register)
    day = a_day(replace(looser, revision=law.revision)).log.records

    found = [one for one in replay(enumerate(day), archive_of(law)) if "outcome" in one.members]

    # Calls that found the quota spent later on are right, given what was counted by then.
    bought = [i for i, data in enumerate(day) if b'"purpose":"work_reference"' in data]
    assert [one.index for one in found] == bought
    assert {(one.recorded["outcome"], one.replayed["outcome"]) for one in found} == {
        ("allow", "deny")
    }


def test_another_text_can_be_tried_on_the_calls_of_a_day(
    looser: Bundle, register: Register
) -> None:
    law = load_bundle("hubei", register)
    records = a_day(law).log.records

    found = list(replay(enumerate(records), archive_of(law), under=looser))

    differing = [one for one in found if one.verdict is Verdict.DIFFERS]
    freed = [one for one in differing if one.replayed.get("outcome") == "allow"]
    purposes = [json.loads(records[one.index])["call"]["purpose"] for one in freed]
    assert purposes == ["work_reference"] * 2
    assert {one.recorded["outcome"] for one in freed} == {"deny"}
    assert verdicts(replay(enumerate(records), archive_of(), under=law)) == [Verdict.SAME] * len(
        found
    )


def test_a_record_of_a_policy_that_is_not_archived_is_said_to_be_missing(
    hubei: Bundle, day: list[bytes]
) -> None:
    found = list(replay(enumerate(day), archive_of()))

    assert {one.verdict for one in found} == {Verdict.MISSING}
    assert {one.revision for one in found} == {revision(hubei)}


FORGERIES: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "outcome": lambda r: {**r, "outcome": "deny"},
    "effect": lambda r: {**r, "effect": "deny"},
    "clauses": lambda r: {**r, "clauses": r["clauses"][:1]},
    "fields": lambda r: {**r, "fields": [*r["fields"], "reg_date"]},
    "duties": lambda r: {**r, "duties": r["duties"][1:]},
    "reasons": lambda r: {**r, "reasons": ["within_grant"] * 3},
    "grant": lambda r: {**r, "grant": "G02"},
    "counted": lambda r: {**r, "counted": []},
    "facts": lambda r: {**r, "facts": {**r["facts"], "grants_tried": 2}},
    "texts": lambda r: {**r, "texts": r["texts"][:1]},
    "unasked": lambda r: {**r, "unasked": "x"},
}


@pytest.mark.parametrize("member", FORGERIES)
def test_every_member_that_was_changed_is_named(
    member: str, hubei: Bundle, day: list[bytes]
) -> None:
    forged = encode_record(FORGERIES[member](json.loads(day[0])))

    [found] = replay([(7, forged)], archive_of(hubei))

    assert (found.index, found.verdict) == (7, Verdict.DIFFERS)
    assert member in found.members


def test_a_truth_value_that_became_a_number_is_a_difference(
    hubei: Bundle, day: list[bytes]
) -> None:
    record = json.loads(day[0])
    entry = {**record["facts"]["entry"], "secret": 0}
    forged = encode_record({**record, "facts": {**record["facts"], "entry": entry}})

    [found] = replay([(0, forged)], archive_of(hubei))

    assert (found.verdict, found.members) == (Verdict.DIFFERS, ("facts",))


UNREADABLE: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "no facts": lambda r: {**r, "facts": {}},
    "no call": lambda r: {**r, "call": []},
    "another action": lambda r: {**r, "call": {**r["call"], "action": "take"}},
    "another flaw": lambda r: {**r, "facts": {**r["facts"], "flaw": "ugly"}},
    "no instant": lambda r: {**r, "t": "today"},
    "no digest": lambda r: {**r, "certificate": "xyz"},
    "commitments are a text": lambda r: {**r, "commitments": "none"},
    "a purpose that is a number": lambda r: {**r, "call": {**r["call"], "purpose": 5}},
    "a department that is a list": lambda r: {**r, "department": ["D-HCB"]},
    "a use without a grant": lambda r: {**r, "facts": {**r["facts"], "used": [{"calls": 1}]}},
    "no id": lambda r: {key: value for key, value in r.items() if key != "id"},
    "two faults": lambda r: {**r, "texts": [], "reasons": ["fact_error", "internal_error"]},
}


@pytest.mark.parametrize("change", UNREADABLE.values(), ids=list(UNREADABLE))
def test_a_record_that_the_gate_does_not_write_is_told_and_the_rest_goes_on(
    change: Callable[[dict[str, Any]], dict[str, Any]], hubei: Bundle, day: list[bytes]
) -> None:
    spoilt = encode_record(change(json.loads(day[0])))

    found = verdicts(replay(enumerate([spoilt, b"{}", b"no json", day[0]]), archive_of(hubei)))

    assert found == [Verdict.UNREADABLE, Verdict.UNREADABLE, Verdict.SAME]


@pytest.mark.parametrize("where", ["facts", "trust"])
def test_a_refusal_because_something_failed_is_counted_apart(where: str, hubei: Bundle) -> None:
    """The register was gone for a moment; that it was, nobody can decide again."""
    failing = Failing(FactError("gone"))
    here = room(hubei, trust=failing) if where == "trust" else room(hubei, facts=failing)
    here.gate.answer(plain_call(), Evidence())
    [record] = here.log.documents()
    forged = encode_record({**record, "outcome": "allow", "effect": "allow"})

    found = list(replay(enumerate([here.log.records[0], forged]), archive_of(hubei)))
    tried = verdicts(replay([(0, forged)], archive_of(), under=hubei))

    assert [one.verdict for one in found] == [Verdict.FAULT, Verdict.DIFFERS]
    assert found[1].members == ("effect", "outcome")
    assert tried == [Verdict.FAULT]


def test_bundles_are_found_by_their_manifests_and_few_are_kept_loaded(
    data: Path, tmp_path: Path
) -> None:
    loaded: list[str] = []
    loaders: dict[str, Callable[[], Bundle]] = {}
    for precedence in Precedence:
        build_bundle(
            tmp_path / precedence,
            profile="hubei",
            data=data,
            precedence=precedence,
            created=datetime(2026, 1, 5, tzinfo=UTC),
        )
        name, load = load_bundle_directory(tmp_path / precedence)

        def counted(name: str = name, load: Callable[[], Bundle] = load) -> Bundle:
            loaded.append(name)
            return load()

        loaders[name] = counted
    first, second, third = loaders
    archive = Archive(loaders, loaded=2)

    for name in (first, second, first, third, first, second):
        bundle = archive.find(name)
        assert bundle is not None
        assert revision(bundle) == name

    assert loaded == [first, second, third, second]


def test_what_is_archived_under_another_name_is_refused(hubei: Bundle, day: list[bytes]) -> None:
    other = replace(hubei, revision=bytes(32))
    archive = Archive({revision(hubei): lambda: other})

    with pytest.raises(VerificationError, match="has another revision"):
        list(replay(enumerate(day), archive))


def test_memory_does_not_grow_with_the_log(hubei: Bundle, day: list[bytes]) -> None:
    def log(times: int) -> Iterator[tuple[int, bytes]]:
        for _ in range(times):
            yield from enumerate(day[:3])

    def peak(times: int) -> int:
        tracemalloc.start()
        for _ in replay(log(times), archive):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    archive = archive_of(hubei)
    # What 900 parsed records take would be several times as much.
    assert peak(300) < 1 << 20
