# SPDX-License-Identifier: Apache-2.0
"""Library, single Python file and shell script: one verdict on everything an auditor may be given.

None of the three knows another. What only one of them would accept is a way to cheat somebody.
"""

import base64
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from govshare_policy.audit import (
    Checkpoint,
    Receipt,
    TrustKey,
    TrustPolicy,
    encode_record,
    leaf_hash,
    parse_trust,
    prove_consistency,
    prove_inclusion,
    root_hash,
    trust_text,
)
from govshare_policy.audit.checkpoint import NoteSignature, key_id, sign_checkpoint
from govshare_policy.audit.continuation import Continuation
from govshare_policy.audit.trustfile import format_trust
from govshare_policy.crypto import PublicKey, Signer, generate_key, open_signer
from tests.conformance.verdicts import (
    Evidence,
    judge_by_library,
    judge_by_script,
    judge_by_single_file,
    load_single_file,
)

ORIGIN = "audit.example/one"
TIME = int(datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC).timestamp())
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
PRIVATE = 0x123456789
SIGNER_ID = b"1234567812345678"
RECORDS = [encode_record({"n": n, "reason": "用途不符"}) for n in range(13)]
LEAVES = [leaf_hash(record) for record in RECORDS]
OLD, NEW, INDEX = 6, 13, 5
# Every byte with the whole product, every so many otherwise.
STRIDE = 1 if os.environ.get("GOVSHARE_SOAK") else 31
Change = Callable[[bytes], bytes]


class Kit(NamedTuple):
    """Keys, and what was signed with them."""

    log: Signer
    other: Signer
    witness: Signer
    trust: str
    note: bytes
    older: bytes
    receipt: bytes
    continuation: bytes


class Court:
    """Hears the three verifiers."""

    def __init__(self, directory: Path, module: ModuleType) -> None:
        self.directory, self.module = directory, module
        self._numbers = count()

    def hear(self, evidence: Evidence) -> tuple[str, str, str]:
        """Return the verdicts of library, single file and script."""
        directory = self.directory / str(next(self._numbers))
        return (
            judge_by_library(evidence),
            judge_by_single_file(self.module, evidence),
            judge_by_script(directory, evidence),
        )

    def try_all(self, cases: list[Evidence]) -> list[str]:
        """Return the verdict on each, once all three agree."""
        with ThreadPoolExecutor(2) as pool:
            verdicts = list(pool.map(self.hear, cases))
        split = [
            (verdict, case)
            for verdict, case in zip(verdicts, cases, strict=True)
            if len(set(verdict)) > 1
        ]
        assert split == []
        return [verdict[0] for verdict in verdicts]


def checkpoint(size: int, *signers: Signer, name: str = ORIGIN) -> Checkpoint:
    """Return the checkpoint over the first *size* records."""
    made = Checkpoint(origin=ORIGIN, size=size, root=root_hash(LEAVES[:size]))
    for signer in signers:
        made = sign_checkpoint(made, signer, name=name, time=TIME)
    return made


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory) -> Court:
    return Court(tmp_path_factory.mktemp("court"), load_single_file())


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    directory = tmp_path_factory.mktemp("keys")
    signers = []
    for name in ("log", "other", "witness"):
        generate_key(directory / name, b"correct horse")
        signers.append(open_signer(f"file:{directory / name}", b"correct horse"))
    log, other, witness = signers
    note, older = longest(NEW, log).to_note(), longest(OLD, log).to_note()
    proof = prove_inclusion(LEAVES, INDEX)
    receipt = Receipt(index=INDEX, record=RECORDS[INDEX], proof=proof, checkpoint=note)
    path = prove_consistency(LEAVES, OLD)
    return Kit(
        log=log,
        other=other,
        witness=witness,
        trust=trust_text(ORIGIN, log.public),
        note=note,
        older=older,
        receipt=receipt.to_text().encode(),
        continuation=Continuation(old_size=OLD, proof=path, checkpoint=note).to_text().encode(),
    )


def evidence(kit: Kit, kind: str, data: bytes | None = None, *, trust: str = "") -> Evidence:
    given: dict[str, bytes] = {
        "note": kit.note,
        "receipt": kit.receipt,
        "continuation": kit.continuation,
    }
    return Evidence(
        kind=kind,
        data=given[kind] if data is None else data,
        trust=trust or kit.trust,
        older=kit.older,
    )


def flipped(data: bytes, offset: int) -> Iterator[bytes]:
    """Yield *data* with one bit changed, at every STRIDE-th byte."""
    for place in range(offset, len(data), STRIDE):
        yield data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]


def cut(data: bytes, offset: int) -> Iterator[bytes]:
    """Yield *data* cut short, at every fourth STRIDE-th byte."""
    for place in range(offset, len(data), 4 * STRIDE):
        yield data[:place]


@pytest.mark.parametrize("kind", ["note", "receipt", "continuation"])
def test_all_three_accept_what_is_good(court: Court, kit: Kit, kind: str) -> None:
    """What the others change was good before."""
    assert court.try_all([evidence(kit, kind)]) == ["good"]


@pytest.mark.parametrize("kind", ["note", "receipt", "continuation"])
def test_a_changed_or_missing_byte_is_refused_by_all(court: Court, kit: Kit, kind: str) -> None:
    """T1 and T4, of what is kept outside the log."""
    whole = evidence(kit, kind).data
    changed = [*flipped(whole, 0), *flipped(whole, 4), *cut(whole, 0)]

    verdicts = court.try_all([evidence(kit, kind, data) for data in changed])

    assert "good" not in verdicts
    assert len(verdicts) >= len(whole) // 16


def line(kit: Kit, size: int = NEW) -> NoteSignature:
    return longest(size, kit.log).signatures[0]


def longest(size: int, signer: Signer) -> Checkpoint:
    """Return a checkpoint whose signature has the 72 bytes that the longest ones have.

    Behind those, ``openssl dgst`` does not look at what follows.
    """
    made = (checkpoint(size, signer) for _ in range(1000))
    return next(each for each in made if len(each.signatures[0].blob) == 8 + 72)


def signed_with(kit: Kit, change: Callable[[bytes], bytes]) -> bytes:
    """Return the note with its signature blob changed."""
    own = line(kit)
    return replace(checkpoint(NEW), signatures=(replace(own, blob=change(own.blob)),)).to_note()


def der(r: bytes, s: bytes) -> bytes:
    body = b"\x02" + bytes([len(r)]) + r + b"\x02" + bytes([len(s)]) + s
    return b"\x30" + bytes([len(body)]) + body


def reencoded(change: Callable[[bytes, bytes], bytes]) -> Change:
    def changed(blob: bytes) -> bytes:
        r, s = blob[12 : 12 + blob[11]], blob[14 + blob[11] :]
        return blob[:8] + change(r, s)

    return changed


def number(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1)


SIGNATURES: dict[str, Change] = {
    "no blob": lambda b: b[:0] + b"x",
    "a time alone": lambda b: b[:8],
    "a time and nothing much": lambda b: b[:9],
    "another time": lambda b: bytes(8) + b[8:],
    "a time beyond the calendar": lambda b: bytes.fromhex("0000003afff44180") + b[8:],
    "a time beyond all numbers": lambda b: b"\xff" * 8 + b[8:],
    "bytes behind": lambda b: b + b"\0",
    "bytes behind, as a number": reencoded(lambda r, s: der(r, s) + b"\x02\x01\x01"),
    "bytes missing": lambda b: b[:-1],
    "numbers swapped": reencoded(lambda r, s: der(s, r)),
    "a superfluous zero in r": reencoded(lambda r, s: der(b"\0" + r, s)),
    "a superfluous zero in s": reencoded(lambda r, s: der(r, b"\0" + s)),
    "a long length": lambda b: b[:8] + b"\x30\x81" + b[9:],
    "an endless length": lambda b: b[:8] + b"\x30\x80" + b[10:] + b"\0\0",
    "r is zero": reencoded(lambda _, s: der(b"\0", s)),
    "s is zero": reencoded(lambda r, _: der(r, b"\0")),
    "r is n": reencoded(lambda _, s: der(number(N), s)),
    "s is n": reencoded(lambda r, _: der(r, number(N))),
    "s is larger by n": reencoded(lambda r, s: der(r, number(int.from_bytes(s) + N))),
    "r is larger by n": reencoded(lambda r, s: der(number(int.from_bytes(r) + N), s)),
    "the sum is n": reencoded(lambda r, _: der(r, number(N - int.from_bytes(r)))),
    "s is taken from n": reencoded(lambda r, s: der(r, number(N - int.from_bytes(s)))),
    "r is negative": reencoded(lambda r, s: der(b"\xff" + r, s)),
    "s is negative": reencoded(lambda r, s: der(r, b"\xff" + s)),
    "another tag": reencoded(lambda r, s: der(r, s).replace(b"\x02", b"\x03", 1)),
    "a number is empty": reencoded(lambda _, s: der(b"", s)),
    "a third number": reencoded(lambda r, s: b"\x30\x48" + der(r, s)[2:] + b"\x02\x01\x01"),
    "zeros": lambda b: b[:8] + bytes(64),
}


def test_signatures_have_one_form_for_all(court: Court, kit: Kit) -> None:
    """T9: whatever their libraries would say."""
    cases = [evidence(kit, "note", signed_with(kit, change)) for change in SIGNATURES.values()]

    verdicts = court.try_all(cases)

    assert dict(zip(SIGNATURES, verdicts, strict=True)) == dict.fromkeys(SIGNATURES, "signature")


def signed_by_hand(
    module: ModuleType, public: PublicKey, digest: Callable[[bytes, bytes], bytes]
) -> bytes:
    """Return the note signed with PRIVATE, over what *digest* makes of Z's end and the message."""
    made = checkpoint(NEW)
    identity = SIGNER_ID + b"".join(
        value.to_bytes(32) for value in (module.A, module.B, module.GX, module.GY)
    )
    message = made.signed_bytes(ORIGIN, TIME)
    e = int.from_bytes(digest(identity + public.point[1:], message))
    nonce = 0x5A5A
    x, _ = point_of(module, nonce)
    r = (e + x) % N
    s = pow(1 + PRIVATE, -1, N) * (nonce - r * PRIVATE) % N
    blob = TIME.to_bytes(8) + der(number(r), number(s))
    signed = NoteSignature(name=ORIGIN, key_id=key_id(ORIGIN, public), blob=blob)
    return replace(made, signatures=(signed,)).to_note()


def point_of(module: ModuleType, scalar: int) -> tuple[int, int]:
    """Return *scalar* times the base point."""
    total = module.INFINITY
    for bit in f"{scalar:b}":
        total = module.double(total)
        if bit == "1":
            total = module.add(total, (module.GX, module.GY))
    [(x, y)] = module.to_affine([total])
    return x, y


def sm3(data: bytes) -> bytes:
    return hashlib.new("sm3", data).digest()


DIGESTS: dict[str, tuple[Callable[[bytes, bytes], bytes], str]] = {
    "as it should be": (lambda z, m: sm3(sm3(bytes([0, 128]) + z) + m), "good"),
    "SHA-256 of the message": (
        lambda z, m: hashlib.sha256(sm3(bytes([0, 128]) + z) + m).digest(),
        "signature",
    ),
    "SHA-256 throughout": (
        lambda z, m: hashlib.sha256(hashlib.sha256(bytes([0, 128]) + z).digest() + m).digest(),
        "signature",
    ),
    "no signer id": (lambda z, m: sm3(sm3(bytes(2) + z[len(SIGNER_ID) :]) + m), "signature"),
    "another signer id": (
        lambda z, m: sm3(sm3(bytes([0, 128]) + b"x" * 16 + z[len(SIGNER_ID) :]) + m),
        "signature",
    ),
    "the message alone": (lambda _, m: sm3(m), "signature"),
}


def test_a_signature_is_over_sm3_and_the_signer_id_for_all(court: Court, kit: Kit) -> None:
    """T9: the right key, over another digest."""
    x, y = point_of(court.module, PRIVATE)
    public = PublicKey(point=b"\x04" + x.to_bytes(32) + y.to_bytes(32))
    trust = trust_text(ORIGIN, public)
    notes = [signed_by_hand(court.module, public, digest) for digest, _ in DIGESTS.values()]

    verdicts = court.try_all([evidence(kit, "note", note, trust=trust) for note in notes])

    assert dict(zip(DIGESTS, verdicts, strict=True)) == {
        name: v for name, (_, v) in DIGESTS.items()
    }


def lines(count: int) -> bytes:
    text = base64.b64encode(b"abcdx").decode()
    return "".join(f"— witness-{n} {text}\n" for n in range(count)).encode()


def swap(old: bytes, new: bytes) -> Change:
    def changed(note: bytes) -> bytes:
        assert old in note
        return note.replace(old, new, 1)

    return changed


LONG = swap(ORIGIN.encode(), b"x" * 256)
NOTES: dict[str, tuple[Change, str]] = {
    "carriage returns": (swap(b"\n13\n", b"\r\n13\r\n"), "note"),
    "no empty line": (swap(b"\n\n", b"\n"), "note"),
    "two empty lines": (swap(b"\n\n", b"\n\n\n"), "note"),
    "a fourth line": (swap(b"\n\n", b"\nmore\n\n"), "note"),
    "no signature": (lambda n: n[: n.index(b"\n\n") + 2], "note"),
    "no last newline": (lambda n: n[:-1], "note"),
    "bytes behind": (lambda n: n + b"x", "note"),
    "a line behind": (lambda n: n + b"\n", "note"),
    "a NUL behind": (lambda n: n + b"\0", "note"),
    "nothing": (lambda _: b"", "note"),
    "one newline": (lambda _: b"\n", "note"),
    "an empty origin": (lambda n: n[len(ORIGIN) :], "note"),
    "a plus in the origin": (swap(b"/one\n", b"+one\n"), "note"),
    "a space in the origin": (swap(b"/one\n", b" one\n"), "note"),
    "a tab in the origin": (swap(b"/one\n", b"\tone\n"), "note"),
    "a NUL in the origin": (swap(b"/one\n", b"/one\0\n"), "note"),
    "a control character": (swap(b"/one\n", b"/one\x7f\n"), "note"),
    "an origin of 256": (LONG, "note"),
    "an origin of 255": (swap(ORIGIN.encode(), b"x" * 255), "signature"),
    "another origin": (swap(b"/one\n", b"/two\n"), "signature"),
    "a leading zero": (swap(b"\n13\n", b"\n013\n"), "note"),
    "a sign": (swap(b"\n13\n", b"\n+13\n"), "note"),
    "a space before the size": (swap(b"\n13\n", b"\n 13\n"), "note"),
    "a hexadecimal size": (swap(b"\n13\n", b"\n0xd\n"), "note"),
    "another script's digits": (swap(b"\n13\n", "\n١٣\n".encode()), "note"),
    "an empty size": (swap(b"\n13\n", b"\n\n"), "note"),
    "another size": (swap(b"\n13\n", b"\n12\n"), "signature"),
    "a size of 0": (swap(b"\n13\n", b"\n0\n"), "signature"),
    "a size of 2^63-1": (swap(b"\n13\n", b"\n9223372036854775807\n"), "signature"),
    "a size of 2^63": (swap(b"\n13\n", b"\n9223372036854775808\n"), "note"),
    "a size of 2^64": (swap(b"\n13\n", b"\n18446744073709551616\n"), "note"),
    "an endless size": (swap(b"\n13\n", b"\n" + b"9" * 5000 + b"\n"), "note"),
    "a root without padding": (swap(b"=\n\n", b"\n\n"), "note"),
    "a root of 31 bytes": (
        lambda n: re.sub(rb"\n[^\n]+=\n\n", b"\n" + base64.b64encode(bytes(31)) + b"\n\n", n),
        "note",
    ),
    "another root": (
        lambda n: re.sub(rb"\n[^\n]+=\n\n", b"\n" + base64.b64encode(bytes(32)) + b"\n\n", n),
        "signature",
    ),
    "stray bits in the root": (
        lambda n: re.sub(rb"\n[^\n]+=\n\n", b"\n" + b"A" * 42 + b"B=\n\n", n),
        "note",
    ),
    "a hyphen for the dash": (swap("—".encode(), b"-"), "note"),
    "half a dash": (swap("—".encode(), "—".encode()[:2]), "note"),
    "two spaces": (swap("— ".encode(), "—  ".encode()), "note"),
    "a space behind": (lambda n: n[:-1] + b" \n", "note"),
    "a signature too short": (lambda n: n + "— witness AQIDBA==\n".encode(), "note"),
    "a signer too long": (
        lambda n: n + f"— {'x' * 256} AQIDBHg=\n".encode(),
        "note",
    ),
    "one key twice": (lambda n: n + n[n.index("—".encode()) :], "note"),
    "sixteen more signatures": (lambda n: n + lines(16), "note"),
    "too long": (lambda n: n + b"x" * 16384, "note"),
    "fifteen more signatures": (lambda n: n + lines(15), "good"),
    "other signatures first": (swap(b"\n\n", b"\n\n" + lines(3)), "good"),
}


def test_notes_have_one_form_for_all(court: Court, kit: Kit) -> None:
    """T8 and T10; and what the format allows, all three accept."""
    cases = [evidence(kit, "note", change(kit.note)) for change, _ in NOTES.values()]

    verdicts = court.try_all(cases)

    assert dict(zip(NOTES, verdicts, strict=True)) == {name: v for name, (_, v) in NOTES.items()}


def hash_line(data: bytes) -> bytes:
    return base64.b64encode(data) + b"\n"


def proof_lines(text: bytes) -> list[bytes]:
    """Return the lines of hashes, with their newlines."""
    return [found + b"\n" for found in re.findall(rb"(?m)^[A-Za-z0-9+/]{43}=$", text)[:-1]]


RECEIPTS: dict[str, tuple[Change, str]] = {
    "another format": (swap(b"receipt/v1", b"receipt/v2"), "receipt"),
    "a space before the format": (lambda r: b" " + r, "receipt"),
    "no empty line": (lambda r: r.replace(b"\n\n", b"\n", 1), "receipt"),
    "no record": (swap(b"record ", b"rekord "), "receipt"),
    "an empty record": (lambda r: re.sub(rb"record [^\n]*", b"record ", r), "inclusion"),
    "an edited record": (swap(b'"n":5', b'"n":6'), "inclusion"),
    "a record with a NUL": (swap(b'"n":5', b'"n":5\0'), "inclusion"),
    "a record that is no UTF-8": (swap("用".encode(), b"\xff\xfe"), "receipt"),
    "an overlong character": (swap("用".encode(), b"\xc0\xaf"), "receipt"),
    "half a surrogate pair": (swap("用".encode(), b"\xed\xa0\x80"), "receipt"),
    "beyond Unicode": (swap("用".encode(), b"\xf4\x90\x80\x80"), "receipt"),
    "a character of four bytes": (swap("用".encode(), "𠀀".encode()), "inclusion"),
    "no index": (swap(b"index ", b""), "receipt"),
    "an index with a zero": (swap(b"index 5", b"index 05"), "receipt"),
    "a negative index": (swap(b"index 5", b"index -5"), "receipt"),
    "an index that is none": (swap(b"index 5", b"index five"), "receipt"),
    "an index with a carriage return": (swap(b"index 5", b"index 5\r"), "receipt"),
    "another index": (swap(b"index 5", b"index 4"), "inclusion"),
    "the index of another subtree": (swap(b"index 5", b"index 12"), "inclusion"),
    "an index outside": (swap(b"index 5", b"index 13"), "inclusion"),
    "an index beyond 2^63": (swap(b"index 5", b"index 9999999999999999999"), "inclusion"),
    "an endless index": (swap(b"index 5", b"index " + b"9" * 30), "receipt"),
    "a proof that is no base64": (swap(b"index 5\n", b"index 5\n?\n"), "receipt"),
    "a hash of 31 bytes": (swap(b"index 5\n", b"index 5\n" + hash_line(bytes(31))), "receipt"),
    "a hash of 33 bytes": (swap(b"index 5\n", b"index 5\n" + hash_line(bytes(33))), "receipt"),
    "a hash too many": (swap(b"index 5\n", b"index 5\n" + hash_line(bytes(32))), "inclusion"),
    "a hash too many behind": (swap(b"\n\n", b"\n" + hash_line(bytes(32)) + b"\n"), "inclusion"),
    "a hash missing": (lambda r: r.replace(proof_lines(r)[0], b"", 1), "inclusion"),
    "the last hash missing": (lambda r: r.replace(proof_lines(r)[-1], b"", 1), "inclusion"),
    "no hashes": (lambda r: r.replace(b"".join(proof_lines(r)), b"", 1), "inclusion"),
    "two hashes swapped": (
        lambda r: r.replace(
            b"".join(proof_lines(r)[:2]), b"".join(reversed(proof_lines(r)[:2])), 1
        ),
        "inclusion",
    ),
    "63 hashes": (
        lambda r: r.replace(b"".join(proof_lines(r)), hash_line(bytes(32)) * 63, 1),
        "inclusion",
    ),
    "64 hashes": (
        lambda r: r.replace(b"".join(proof_lines(r)), hash_line(bytes(32)) * 64, 1),
        "receipt",
    ),
    "a note with another size": (swap(b"\n13\n", b"\n14\n"), "signature"),
    "a note that is none": (swap(b"\n13\n", b"\n13 \n"), "receipt"),
    "no note": (lambda r: r[: r.index(b"\n\n") + 2], "receipt"),
    "nothing": (lambda _: b"", "receipt"),
}


def test_receipts_have_one_form_for_all(court: Court, kit: Kit) -> None:
    """T11, inclusion."""
    cases = [evidence(kit, "receipt", change(kit.receipt)) for change, _ in RECEIPTS.values()]

    verdicts = court.try_all(cases)

    expected = {name: verdict for name, (_, verdict) in RECEIPTS.items()}
    assert dict(zip(RECEIPTS, verdicts, strict=True)) == expected


def continued(kit: Kit, old: int, new: int, **changes: object) -> Evidence:
    """Return a continuation from *old* to *new*, both signed."""
    made = Continuation(
        old_size=old,
        proof=prove_consistency(LEAVES[:new], old) if 0 < old <= new else (),
        checkpoint=checkpoint(new, kit.log).to_note(),
    )
    data = replace(made, **changes).to_text().encode()  # type: ignore[arg-type]
    older = checkpoint(old, kit.log).to_note()
    return Evidence(kind="continuation", data=data, trust=kit.trust, older=older)


def test_proofs_between_all_sizes_are_accepted_by_all(court: Court, kit: Kit) -> None:
    """T11, consistency: equal sizes and powers of two among them."""
    pairs = [(1, 1), (1, 2), (1, 13), (2, 3), (4, 13), (7, 7), (7, 8), (8, 9), (8, 13), (12, 13)]

    verdicts = court.try_all([continued(kit, old, new) for old, new in pairs])

    assert verdicts == ["good"] * len(pairs)


def test_wrong_proofs_between_two_sizes_are_refused_by_all(court: Court, kit: Kit) -> None:
    """T11 and T6: too short, too long, of other sizes, of another future."""
    path = prove_consistency(LEAVES, OLD)
    fork = replace(checkpoint(NEW), root=root_hash([*LEAVES[:-1], LEAVES[0]]))
    signed = sign_checkpoint(fork, kit.log, name=ORIGIN, time=TIME).to_note()
    changed = kit.continuation.replace
    cases = [
        continued(kit, OLD, NEW, proof=path[1:]),
        continued(kit, OLD, NEW, proof=path[:-1]),
        continued(kit, OLD, NEW, proof=()),
        continued(kit, OLD, NEW, proof=(*path, bytes(32))),
        continued(kit, OLD, NEW, proof=path[::-1]),
        continued(kit, OLD, NEW, proof=(bytes(32),) * 63),
        continued(kit, OLD, NEW, old_size=OLD + 1),
        continued(kit, OLD, NEW, old_size=0),
        continued(kit, OLD, NEW, checkpoint=signed),
        continued(kit, NEW, OLD, proof=path),
        continued(kit, NEW, NEW, proof=(bytes(32),)),
        continued(kit, 0, NEW),
        evidence(kit, "continuation", changed(b"old 6", b"old 06")),
        evidence(kit, "continuation", changed(b"old 6", b"Old 6")),
        evidence(kit, "continuation", changed(b"old 6\n", b"old 6\n" + hash_line(bytes(31)))),
        evidence(kit, "continuation", changed(b"old 6\n", b"old 6\n" + hash_line(bytes(32)) * 60)),
        evidence(kit, "continuation", changed(b"\n13\n", b"\n013\n")),
        evidence(kit, "continuation", b""),
    ]

    verdicts = court.try_all(cases)

    assert verdicts == ["consistency"] * 12 + ["proof"] * 6


def policies(kit: Kit) -> dict[str, tuple[str, str]]:
    """Return trust files, and what the note is worth under each."""
    own = TrustKey(name=ORIGIN, public=kit.log.public)
    new = TrustKey(name=ORIGIN, public=kit.other.public, from_size=NEW)
    seen = TrustKey(name="witness", public=kit.witness.public)

    def text(*keys: TrustKey, **more: object) -> str:
        return format_trust(TrustPolicy(origin=ORIGIN, keys=keys, **more))  # type: ignore[arg-type]

    plain = text(own)
    return {
        "its key": (plain, "good"),
        "another key": (text(replace(own, public=kit.other.public)), "signature"),
        "its key under another name": (text(replace(own, name="other")), "signature"),
        "from its size": (text(replace(own, from_size=NEW)), "good"),
        "to its size": (text(replace(own, to_size=NEW)), "good"),
        "from the next size": (text(replace(own, from_size=NEW + 1)), "signature"),
        "to the last size": (text(replace(own, to_size=NEW - 1)), "signature"),
        "revoked behind": (text(replace(own, revoked_after=NEW)), "good"),
        "revoked before": (text(replace(own, revoked_after=NEW - 1)), "signature"),
        "revoked and ended": (text(replace(own, to_size=99, revoked_after=0)), "signature"),
        "another key beside, not of the log": (text(own, replace(new, name="other")), "good"),
        "handed over, but one has not signed": (text(own, new), "signature"),
        "handed over later": (text(own, replace(new, from_size=NEW + 1)), "good"),
        "a witness": (text(own, witnesses=(seen,), required=1), "good"),
        "another origin": (
            plain.replace('origin = "audit.example/one"', 'origin = "o"'),
            "signature",
        ),
        "another format": (plain.replace("trust/v1", "trust/v2"), "unusable"),
        "no origin": (plain.replace(f'origin = "{ORIGIN}"\n', ""), "unusable"),
        "no key": (plain[: plain.index("[[key]]")], "unusable"),
        "no start": (plain.replace("from = 0\n", ""), "unusable"),
        "an unknown value": (plain.replace("from = 0", "from = 0\nuntil = 3"), "unusable"),
        "an unknown table": (plain + "[quorum]\nsize = 1\n", "unusable"),
        "a start that is a text": (plain.replace("from = 0", 'from = "0"'), "unusable"),
        "an end before the start": (plain.replace("from = 0", "from = 2\nto = 1"), "unusable"),
        "a value twice": (plain.replace("from = 0", "from = 0\nfrom = 1"), "unusable"),
        "a name with a plus": (plain.replace('name = "', 'name = "+'), "unusable"),
        "a key twice": (plain + plain[plain.index("[[key]]") :], "unusable"),
        "a key of another curve": (
            plain.replace("MFkwEwYHKoZIzj0CAQYIKoEcz1UBgi0D", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD"),
            "unusable",
        ),
        "a point off the curve": (off_curve(plain, kit), "unusable"),
        "witnesses, none required": (plain + "\n[witnesses]\nrequired = 0\n", "unusable"),
        "a witness, none required": (
            text(own, witnesses=(seen,), required=1).replace("required = 1", "required = 0"),
            "unusable",
        ),
        "more required than named": (
            text(own, witnesses=(seen,), required=1).replace("required = 1", "required = 2"),
            "unusable",
        ),
        "the log its own witness": (
            text(own, witnesses=(seen,), required=1).replace('"witness"', f'"{ORIGIN}"'),
            "unusable",
        ),
        "the key of the log as a witness": (
            text(own, witnesses=(seen,), required=1).replace(
                pem_body(kit.witness), pem_body(kit.log)
            ),
            "unusable",
        ),
    }


def pem_body(signer: Signer) -> str:
    return signer.public.to_pem().decode().strip()


def off_curve(trust: str, kit: Kit) -> str:
    spki = kit.log.public.to_spki()
    forged = base64.b64encode(spki[:-1] + bytes([spki[-1] ^ 1])).decode()
    return trust.replace(pem_body(kit.log).split("\n")[2], forged[64:])


def test_a_trust_file_means_the_same_to_all(court: Court, kit: Kit) -> None:
    """T7: another key, another name, outside its sizes, revoked; and what is no trust file."""
    cases = {name: (evidence(kit, "note", trust=t), v) for name, (t, v) in policies(kit).items()}

    verdicts = court.try_all([case for case, _ in cases.values()])

    assert dict(zip(cases, verdicts, strict=True)) == {name: v for name, (_, v) in cases.items()}


def test_lines_of_other_keys_never_count(court: Court, kit: Kit) -> None:
    """T7 and T8: a line may be copied, renamed or given a trusted id; it stays worthless."""
    own, other = line(kit), checkpoint(NEW, kit.other).signatures[0]
    old = line(kit, OLD)
    forged = replace(other, key_id=own.key_id)
    cases = {
        "another key under the name": ((other,), "signature"),
        "another key under name and id": ((forged,), "signature"),
        "another key beside the right one": ((other, own), "good"),
        "the right key renamed": ((replace(own, name="witness"),), "signature"),
        "the right line and another of its id": ((own, replace(other, name="x")), "good"),
        "the line of an older checkpoint": ((old,), "signature"),
        "the id of the right key under another name": ((replace(own, name="x"), own), "good"),
    }
    notes = [replace(checkpoint(NEW), signatures=signed).to_note() for signed, _ in cases.values()]

    verdicts = court.try_all([evidence(kit, "note", note) for note in notes])

    assert dict(zip(cases, verdicts, strict=True)) == {name: v for name, (_, v) in cases.items()}


def test_witnesses_count_the_same_for_all(court: Court, kit: Kit) -> None:
    """A receipt needs as many as are required, each by its own key, and none of them forged."""
    seen = TrustKey(name="witness", public=kit.witness.public)
    own = TrustKey(name=ORIGIN, public=kit.log.public)
    trust = format_trust(TrustPolicy(origin=ORIGIN, keys=(own,), witnesses=(seen,), required=1))
    plain = checkpoint(NEW, kit.log)
    cosigned = sign_checkpoint(plain, kit.witness, name="witness", time=TIME)
    mark = key_id("witness", kit.witness.public)
    [_, good] = cosigned.signatures
    forged = replace(good, blob=good.blob[:8] + plain.signatures[0].blob[8:])
    cases = {
        "good": cosigned,
        "witness": plain,
        "signature": replace(plain, signatures=(*plain.signatures, forged)),
    }
    receipt = Receipt.from_text(kit.receipt.decode())
    given = [
        replace(receipt, checkpoint=made.to_note()).to_text().encode() for made in cases.values()
    ]

    verdicts = court.try_all([evidence(kit, "receipt", data, trust=trust) for data in given])

    assert good.key_id == mark
    assert verdicts == list(cases)
    assert parse_trust(trust).required == 1
