# SPDX-License-Identifier: Apache-2.0
"""Envelopes, chains and subjects, as the gate sees them."""

import base64
import json
import shutil
import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.answer import Answer
from govshare_policy.audit import encode_record
from govshare_policy.call import Call, call_from_document
from govshare_policy.crypto import DEFAULT_ID, Signer, generate_key, open_signer, sign_checked
from govshare_policy.envelope import (
    Opener,
    Presented,
    read_signed,
    request_digest,
    seal,
    verify_kept,
    verify_signed,
)
from govshare_policy.envelope.content import DOMAIN, base64url, decoded
from govshare_policy.errors import AuditError, CallError, SignatureError, VerificationError
from govshare_policy.facts import RegisterFacts
from govshare_policy.gate import Gate
from govshare_policy.identity import CertificateTrust, Evidence
from govshare_policy.nonces import NonceStore
from govshare_policy.policy import load_bundle
from govshare_policy.register import load_register
from govshare_policy.replay import Archive, Verdict, replay
from govshare_policy.subjects import SubjectStore
from tests.county import PLAIN, ROOT, write_county
from tests.unit.recording import AT, MemoryLog, MemorySalts, Room, room

AUDIENCE = "govshare/test"
TLS_KEY = bytes(32)
REQUEST = request_digest("GET", "/marriages/3301", b"")
PERSON = "330102199001011234"


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    """The key of SYS-HCB-PRH."""
    path = tmp_path_factory.mktemp("keys") / "caller.pem"
    generate_key(path, b"secret")
    return open_signer(f"file:{path}", b"secret")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    """A key that is not registered."""
    path = tmp_path_factory.mktemp("keys") / "stranger.pem"
    generate_key(path, b"secret")
    return open_signer(f"file:{path}", b"secret")


class World:
    """A gate that opens envelopes, and its caller."""

    def __init__(
        self,
        directory: Path,
        signer: Signer,
        *,
        change: dict[str, list[dict[str, str]]] | None = None,
        profile: str = "hubei",
        daily: int = 2,
    ) -> None:
        rows = [
            {
                "system_id": "SYS-HCB-PRH",
                "spki": spki.hex(),
                "valid_from": "2025-01-01",
                "valid_to": "2025-12-31",
                "revoked_on": "",
            }
            for spki in (TLS_KEY, signer.public.fingerprint)
        ]
        data = write_county(directory / "data", {"certificates.tsv": rows, **(change or {})})
        register = load_register(data)
        self.bundle = load_bundle(profile, register)
        self.subjects = SubjectStore(directory / "subjects.sqlite", daily=daily)
        self.nonces = NonceStore(directory / "nonces.sqlite")
        facts = RegisterFacts(register=register, spent=self.subjects.is_spent)
        here: Room = room(self.bundle, trust=CertificateTrust(register=register), facts=facts)
        opener = Opener(audience=AUDIENCE, nonces=self.nonces)
        self.gate: Gate = replace(here.gate, subjects=self.subjects, opener=opener)
        self.log: MemoryLog = here.log
        self.salts: MemorySalts = here.salts

    def ask(
        self, call: Call, envelope: Presented | None = None, *, spki: bytes = TLS_KEY
    ) -> Answer:
        evidence = Evidence(
            spki=spki,
            not_before=AT - timedelta(days=1),
            not_after=AT + timedelta(days=1),
            envelope=envelope,
        )
        return self.gate.answer(call, evidence)

    def reason(self, call: Call, envelope: Presented | None = None) -> str:
        answer = self.ask(call, envelope)
        return "" if answer.decision.outcome == "allow" else answer.decision.reasons[0].code

    def replayed(self) -> set[Verdict]:
        archive = Archive({f"sm3:{self.bundle.revision.hex()}": lambda: self.bundle})
        return {one.verdict for one in replay(enumerate(self.log.records), archive)}

    def close(self) -> None:
        self.subjects.close()
        self.nonces.close()


@pytest.fixture
def world(tmp_path: Path, signer: Signer) -> Any:  # noqa: ANN401  a generator
    """The county."""
    made = World(tmp_path, signer)
    yield made
    made.close()


def call(**more: object) -> Call:
    said = {**PLAIN, **more}
    for key in ("at", "department", "system"):
        del said[key]
    return call_from_document(said, on_the_wire=True)


def sealed(wanted: Call, signer: Signer, **more: Any) -> Presented:  # noqa: ANN401
    said = {
        "system": "SYS-HCB-PRH",
        "department": "D-HCB",
        "audience": AUDIENCE,
        "at": AT,
        "request": REQUEST,
        **more,
    }
    return Presented(text=seal(wanted, signer, **said), request=REQUEST)


def test_what_the_caller_signed_stands_in_the_record_and_verifies_there(
    world: World, signer: Signer
) -> None:
    """An auditor needs the record alone, and finds no person in it."""
    asked = call(subject=PERSON, operator="Zhang San")
    assert world.reason(asked, sealed(asked, signer)) == ""

    [record] = world.log.documents()
    content = verify_signed(record["envelope"])
    assert content["call"]["purpose"] == "data_verification"
    assert set(content["commitments"]) == {"request", "operator", "subject"}
    assert PERSON.encode() not in world.log.records[0]
    assert PERSON not in json.dumps(content)
    assert world.replayed() == {Verdict.SAME}


DIFFERING: dict[str, dict[str, Any]] = {
    "another purpose": {"purpose": "statistics"},
    "fewer fields": {"fields": ["id_no"]},
    "another grant": {"grant": "G02"},
    "another resource": {"resource": "R01"},
    "another item": {"item": "X"},
    "somebody else": {"subject": "330102199001011235"},
    "another operator": {"operator": "Li Si"},
    "another recipient": {"recipient": {"kind": "department", "id": "D-HCB"}},
    "another party": {"on_behalf_of": ["D-HCB"]},
}


@pytest.mark.parametrize("said", DIFFERING.values(), ids=list(DIFFERING))
def test_an_envelope_that_says_something_else_than_the_call_denies(
    said: dict[str, Any], world: World, signer: Signer
) -> None:
    """Each member of the call is held against the envelope."""
    asked = call(subject=PERSON)
    signed = call(**{"subject": PERSON, **said})
    assert world.reason(asked, sealed(signed, signer)) == "envelope_differs"
    assert "envelope" not in world.log.documents()[0]


FLAWED: dict[str, tuple[str, dict[str, Any]]] = {
    "another gateway": ("envelope_audience", {"audience": "govshare/other"}),
    "too early": ("envelope_stale", {"at": AT - timedelta(seconds=301)}),
    "too late": ("envelope_stale", {"at": AT + timedelta(seconds=301)}),
    "another system": ("envelope_differs", {"system": "SYS-HCB-WEB"}),
    "another department": ("envelope_differs", {"department": "D-CAB"}),
    "another request": ("envelope_differs", {"request": request_digest("GET", "/x")}),
    "no request": ("envelope_differs", {"request": ""}),
}


@pytest.mark.parametrize("case", FLAWED.values(), ids=list(FLAWED))
def test_an_envelope_of_another_time_place_or_caller_denies(
    case: tuple[str, dict[str, Any]], world: World, signer: Signer
) -> None:
    """The denial says which, and cites the clause of an unproven identity."""
    code, said = case
    answer = world.ask(call(), sealed(call(), signer, **said))
    assert answer.decision.reasons[0].code == code
    assert answer.decision.reasons[0].remedy
    assert answer.decision.clauses


def test_the_window_is_counted_to_the_second(world: World, signer: Signer) -> None:
    """Three hundred seconds are within it."""
    assert world.reason(call(), sealed(call(), signer, at=AT - timedelta(seconds=300))) == ""


def test_a_key_that_is_not_registered_for_the_system_denies(world: World, stranger: Signer) -> None:
    """A good signature of anybody is worth nothing."""
    assert world.reason(call(), sealed(call(), stranger)) == "envelope_key"


def test_an_envelope_is_good_once_also_after_a_restart(
    world: World, signer: Signer, tmp_path: Path
) -> None:
    """The nonce is on the disk before the answer is decided."""
    presented = sealed(call(), signer)
    assert world.reason(call(), presented) == ""
    assert world.reason(call(), presented) == "envelope_replayed"
    world.close()
    again = World(tmp_path, signer)
    assert again.reason(call(), presented) == "envelope_replayed"
    again.close()


def test_nobody_but_who_sealed_an_envelope_uses_it_up(world: World, signer: Signer) -> None:
    """Whoever picks one up, or changes the call around it, cannot spend it."""
    wanted = call()
    envelope = sealed(wanted, signer)
    by_another = world.ask(wanted, envelope, spki=bytes([1]) * 32)
    assert by_another.decision.effect == "deny"
    assert world.reason(call(fields=["id_no"]), envelope) == "envelope_differs"
    assert world.reason(wanted, envelope) == ""
    assert world.reason(wanted, envelope) == "envelope_replayed"


def test_a_nonce_is_remembered_to_the_end_of_its_window(tmp_path: Path, signer: Signer) -> None:
    """Dated ahead as far as it may be, it is refused until it is stale."""
    nonces = NonceStore(tmp_path / "nonces.sqlite")
    opener = Opener(audience=AUDIENCE, nonces=nonces)
    presented = sealed(call(), signer, at=AT + timedelta(seconds=300))
    faults = [
        opener.open(presented, at=AT + timedelta(seconds=after)).fault for after in (0, 600, 601)
    ]
    assert faults == [None, "replayed", "stale"]
    nonces.close()


def test_of_many_processes_one_gets_a_nonce(tmp_path: Path) -> None:
    """Each has a connection of its own, as processes do."""
    stores = [NonceStore(tmp_path / "nonces.sqlite") for _ in range(6)]
    won: list[bool] = []
    until = AT + timedelta(seconds=300)

    def claim(store: NonceStore) -> None:
        won.append(store.claim(b"k", "n", at=AT, until=until))

    threads = [threading.Thread(target=claim, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 5 + [True]
    for store in stores:
        store.close()


def test_a_store_that_fails_answers_no_call(world: World, signer: Signer) -> None:
    """Nothing is decided, nothing is recorded, nothing is released."""
    world.nonces.close()
    with pytest.raises(AuditError, match="cannot be used"):
        world.ask(call(), sealed(call(), signer))
    world.subjects.close()
    with pytest.raises(AuditError, match="cannot be used"):
        world.ask(call(subject=PERSON))
    assert not world.log.records


def test_a_file_of_another_program_is_no_store(tmp_path: Path) -> None:
    """Neither is taken for the other."""
    NonceStore(tmp_path / "file").close()
    with pytest.raises(AuditError, match="cannot be used"):
        SubjectStore(tmp_path / "file")


def flipped(text: str, part: int) -> str:
    parts = text.split(".")
    raw = bytearray(base64.urlsafe_b64decode(parts[part] + "=" * (-len(parts[part]) % 4)))
    raw[len(raw) // 2] ^= 1
    parts[part] = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return ".".join(parts)


SPOILED: dict[str, Callable[[str], str]] = {
    "content": lambda text: flipped(text, 0),
    "signature": lambda text: flipped(text, 1),
    "opening": lambda text: flipped(text, 2),
    "two parts": lambda text: text.rpartition(".")[0],
    "padding": lambda text: text + "=",
    "nothing": lambda text: text[:0],
    "large": lambda text: text + "A" * 20_000,
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=list(SPOILED))
def test_a_spoiled_envelope_denies(
    spoil: Callable[[str], str], world: World, signer: Signer
) -> None:
    """Whatever is changed in it."""
    good = sealed(call(), signer)
    assert world.reason(call(), replace(good, text=spoil(good.text))).startswith("envelope_")


def respelled(presented: Presented, signer: Signer, old: bytes, new: bytes) -> Presented:
    """Return the envelope with *new* in the place of *old*, under a good signature."""
    content, _, opening = presented.text.split(".")
    data = decoded(content)
    assert data.count(old) == 1
    data = data.replace(old, new)
    signature = sign_checked(signer, DOMAIN + data, signer_id=DEFAULT_ID)
    text = ".".join((base64url(data), base64url(signature), opening))
    return replace(presented, text=text)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"v":1', b'"v":1.0', "envelope_malformed"),
        (b'"v":1', b'"v":true', "envelope_malformed"),
        (b'"v":1', b'"v":1,"v":1', "envelope_malformed"),
        (b'"derived":false', b'"derived":0', "envelope_differs"),
        (b'"commercial":false', b'"commercial":0.0', "envelope_differs"),
    ],
    ids=["fraction", "truth", "twice", "zero for false", "fraction for false"],
)
def test_what_only_looks_alike_to_python_is_another_envelope(
    world: World, signer: Signer, old: bytes, new: bytes, reason: str
) -> None:
    """The record keeps the caller's word for readers in every language."""
    spelled_otherwise = respelled(sealed(call(), signer), signer, old, new)
    assert world.reason(call(), spelled_otherwise) == reason
    assert world.reason(call(), sealed(call(), signer)) == ""


def test_a_recorded_envelope_with_another_signature_does_not_verify(signer: Signer) -> None:
    """Nor does one that is none."""
    content, signature, _ = sealed(call(), signer).text.split(".")
    read_signed(f"{content}.{signature}")
    other = sealed(call(), signer).text.split(".")[1]
    with pytest.raises(SignatureError):
        verify_signed(f"{content}.{other}")
    with pytest.raises(CallError):
        verify_signed("bm90aGluZw.bm90aGluZw")


def test_a_system_that_has_to_sign_is_refused_without(tmp_path: Path, signer: Signer) -> None:
    """``systems.tsv`` says which."""
    change = {"systems.tsv": [{"system_id": "SYS-HCB-PRH", "envelope": "Y"}]}
    world = World(tmp_path, signer, change=change)
    assert world.reason(call()) == "envelope_missing"
    assert world.reason(call(), sealed(call(), signer)) == ""
    world.close()


CHAINS: dict[str, tuple[dict[str, list[str]], str]] = {
    "own department": ({"on_behalf_of": ["D-HCB"]}, ""),
    "own system": ({"forwarded_for": ["SYS-HCB-PRH"]}, ""),
    "another department": ({"on_behalf_of": ["D-HCB", "D-TRA"]}, "chain_outside"),
    "another's system": ({"forwarded_for": ["SYS-CAB-AID"]}, "chain_outside"),
    "the provider": ({"on_behalf_of": ["D-CAB"]}, "chain_outside"),
    "nobody known": ({"forwarded_for": ["D-HCB", "X-1"]}, "chain_unknown"),
    "a system outside the grant": ({"on_behalf_of": ["SYS-HCB-WEB"]}, "system_outside_grant"),
}


@pytest.mark.parametrize("profile", ["hubei", "national-809", "jiangxi-pingxiang"])
@pytest.mark.parametrize("case", CHAINS.values(), ids=list(CHAINS))
def test_a_party_outside_the_grant_denies(
    case: tuple[dict[str, list[str]], str], profile: str, tmp_path: Path, signer: Signer
) -> None:
    """Whichever text decides; and what was decided can be decided again."""
    chain, code = case
    if code == "system_outside_grant" and profile != "hubei":
        code = ""  # only Hubei binds a grant to systems
    world = World(tmp_path, signer, profile=profile)
    assert world.reason(call(**chain)) == code
    [record] = world.log.documents()
    unknown = record["call"].pop("unknown_parties")
    assert unknown == sum(name == "X-1" for names in chain.values() for name in names)
    assert world.replayed() == {Verdict.SAME}
    world.close()


def test_an_intermediary_says_for_whom_or_is_refused(tmp_path: Path, signer: Signer) -> None:
    """A recipient is a chain of one, as before."""
    change = {"systems.tsv": [{"system_id": "SYS-HCB-PRH", "intermediary": "Y"}]}
    world = World(tmp_path, signer, change=change)
    own = {"kind": "department", "id": "D-HCB"}
    said: list[dict[str, Any]] = [
        {},
        {"forwarded_for": ["SYS-HCB-PRH"]},
        {"on_behalf_of": ["D-HCB"]},
        {"recipient": own},
        {"recipient": own, "on_behalf_of": ["D-TRA"]},
    ]
    assert [world.reason(call(**one)) for one in said] == [
        "onward_recipient_unstated",
        "onward_recipient_unstated",
        "",
        "",
        "chain_outside",
    ]
    world.close()


@pytest.mark.parametrize(
    "subject", ["", "*", "a,b", "a b", "33%", "a?", "a;b", "a|b", 7, ["a"], None]
)
def test_a_subject_is_exactly_one_key(subject: object) -> None:
    """No list, no pattern, nothing left out."""
    with pytest.raises(CallError, match="subject"):
        call(subject=subject)


BY_SUBJECT = {"resources.tsv": [{"resource_id": "R08", "subject": "id_no"}]}


def test_an_entry_asked_by_subject_is_refused_without_one(tmp_path: Path, signer: Signer) -> None:
    """The catalogue says which item is the key."""
    world = World(tmp_path, signer, change=BY_SUBJECT)
    assert [world.reason(call()), world.reason(call(subject=PERSON))] == ["subject_unstated", ""]
    assert world.replayed() == {Verdict.SAME}
    world.close()


def test_a_grant_carries_so_many_subjects_a_day_also_after_a_restart(
    tmp_path: Path, signer: Signer
) -> None:
    """The same subject costs nothing more, and the values are nowhere on the disk."""
    world = World(tmp_path, signer)
    people = [f"33010219900101{number}" for number in (1001, 1002, 1003)]
    asked = [people[0], people[1], people[0], people[2]]
    assert [world.reason(call(subject=one)) for one in asked] == ["", "", "", "subjects_spent"]
    assert world.log.documents()[-1]["facts"]["subjects_spent"] == ["G01"]
    assert world.replayed() == {Verdict.SAME}
    world.close()

    again = World(tmp_path, signer)
    assert [again.reason(call(subject=one)) for one in people] == ["", "", "subjects_spent"]
    again.close()
    assert people[0].encode() not in (tmp_path / "subjects.sqlite").read_bytes()


def test_a_grant_may_say_how_many_subjects_it_carries(tmp_path: Path, signer: Signer) -> None:
    """Its own number takes the place of the gateway's."""
    change = {"grants.tsv": [{"grant_id": "G01", "daily_subjects": "1"}]}
    world = World(tmp_path, signer, change=change)
    assert [world.reason(call(subject=one)) for one in "ab"] == ["", "subjects_spent"]
    world.close()


def test_no_two_processes_take_the_last_place(tmp_path: Path, signer: Signer) -> None:
    """Twelve subjects come at once through six connections, and five are let through."""
    world = World(tmp_path, signer)
    grant = world.bundle.register.grants["G01"]
    stores = [SubjectStore(tmp_path / "shared.sqlite", daily=5) for _ in range(6)]
    taken: list[bool] = []
    day = datetime(2025, 9, 22, tzinfo=UTC).date()

    def take(number: int) -> None:
        taken.append(stores[number % 6].take_all((grant,), day, f"person-{number}"))

    threads = [threading.Thread(target=take, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 5
    for store in stores:
        store.close()
    world.close()


def test_tags_of_the_day_before_yesterday_are_gone(tmp_path: Path, signer: Signer) -> None:
    """Salt and tags go together."""
    world = World(tmp_path, signer)
    grant = world.bundle.register.grants["G01"]
    first = datetime(2025, 9, 22, tzinfo=UTC).date()
    for after in (0, 2):
        for name in ("a", "b"):
            assert world.subjects.take_all((grant,), first + timedelta(days=after), name)
    assert not world.subjects.is_spent(grant, first, "c")
    world.close()


def test_a_record_with_another_envelope_is_found_when_it_is_replayed(
    world: World, signer: Signer, stranger: Signer
) -> None:
    """Of a stranger, or of the caller but with a signature of something else."""
    assert world.reason(call(), sealed(call(), signer)) == ""
    [record] = world.log.documents()
    content, signature = record["envelope"].split(".")
    others = (sealed(call(), stranger).text, sealed(call(), signer).text)
    forged = [others[0].rpartition(".")[0], f"{content}.{others[1].split('.')[1]}"]
    world.log.records[:] = [encode_record({**record, "envelope": one}) for one in forged]
    assert signature not in forged
    assert world.replayed() == {Verdict.DIFFERS}


KEPT: dict[str, dict[str, Any]] = {
    "the purpose": {"purpose": "statistics"},
    "the fields": {"fields": ["id_no"]},
    "a field that no register knows": {"fields": ["id_no", "marital_status", "shoe_size"]},
    "the grant": {"grant": "G02"},
    "the party": {"on_behalf_of": ["D-CAB"]},
    "no party": {"on_behalf_of": []},
    "the person's absence": {"subject": ""},
}


@pytest.mark.parametrize("said", KEPT.values(), ids=list(KEPT))
def test_a_record_is_held_against_the_envelope_in_it(
    said: dict[str, Any], world: World, signer: Signer
) -> None:
    """An operator who writes another call beside a good envelope is found."""
    asked = {"subject": PERSON, "on_behalf_of": ["D-HCB"]}
    assert world.reason(call(**asked), sealed(call(**asked), signer)) == ""
    [record] = world.log.documents()
    verify_kept(verify_signed(record["envelope"]), record)
    named = {key: value for key, value in {**asked, **said}.items() if value}
    other = sealed(call(**named), signer).text.rpartition(".")[0]
    with pytest.raises(VerificationError, match="says something else than its record: `"):
        verify_kept(verify_signed(other), record)
    world.log.records[:] = [encode_record({**record, "envelope": other})]
    assert world.replayed() == {Verdict.DIFFERS}


@pytest.mark.parametrize("wrong", [{}, {"call": None}, {"call": {"fields": 1}}], ids=str)
def test_an_envelope_in_what_is_no_record_does_not_verify(
    wrong: dict[str, Any], signer: Signer
) -> None:
    """It is said that the record is wrong, whatever is."""
    content = verify_signed(sealed(call(), signer).text.rpartition(".")[0])
    with pytest.raises(VerificationError, match="not what the gate writes"):
        verify_kept(content, wrong)


UNKNOWN: dict[str, dict[str, Any]] = {
    "a field": {"fields": ["id_no", "shoe_size"]},
    "a resource": {"resource": "R99", "grant": ""},
    "a grant": {"grant": "G99"},
    "a party": {"forwarded_for": ["D-HCB", "X-1"]},
    "a person": {"action": "onward", "recipient": {"kind": "person", "id": "330102199001"}},
    "a company": {"action": "onward", "recipient": {"kind": "company", "id": "X"}},
    "a consent": {"consent": "C99"},
    "everything": {"fields": ["*"]},
}


@pytest.mark.parametrize("said", UNKNOWN.values(), ids=list(UNKNOWN))
def test_what_no_register_knows_is_the_envelopes_word_alone(
    said: dict[str, Any], world: World, signer: Signer
) -> None:
    """The record leaves it out, and is still that of its envelope."""
    asked = call(**said)
    world.ask(asked, sealed(asked, signer))
    [record] = world.log.documents()
    verify_kept(verify_signed(record["envelope"]), record)
    assert world.replayed() == {Verdict.SAME}


def test_openssl_verifies_a_recorded_envelope_as_the_guide_says(
    signer: Signer, tmp_path: Path
) -> None:
    """The commands of docs/how-to/envelopes.md, as they stand there."""
    guide = (ROOT / "docs" / "how-to" / "envelopes.md").read_text(encoding="utf-8")
    script = guide.partition("```sh\n")[2].partition("```")[0]
    shell = shutil.which("sh")
    assert shell is not None
    (tmp_path / "envelope").write_text(sealed(call(), signer).text.rpartition(".")[0])
    done = subprocess.run(
        [shell, "-e", "-c", script], cwd=tmp_path, capture_output=True, check=False, text=True
    )
    assert done.stdout.endswith("Verified OK\n"), done.stderr
    assert signer.public.fingerprint.hex() in done.stdout


def test_no_consent_covers_a_party_of_the_chain(tmp_path: Path, signer: Signer) -> None:
    """The consent names its recipients, and the chain may not add to them."""
    consent = {
        "consent_id": "CON-1",
        "kind": "onward",
        "resource_id": "R08",
        "provider": "D-CAB",
        "user_dept": "D-HCB",
        "recipients": "D-TRA",
        "purposes": "data_verification",
        "written": "Y",
        "commercial": "N",
        "valid_from": "2025-01-01",
        "valid_to": "2025-12-31",
    }
    world = World(tmp_path, signer, change={"consents.tsv": [consent]}, profile="national-809")
    onward = {
        "action": "onward",
        "recipient": {"kind": "department", "id": "D-TRA"},
        "consent": "CON-1",
    }
    asked = [call(**onward), call(**onward, on_behalf_of=["D-TAX"])]
    assert world.reason(asked[0]) == ""
    assert world.reason(asked[1]).startswith("chain_")
    world.close()
