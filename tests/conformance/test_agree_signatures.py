# SPDX-License-Identifier: Apache-2.0
"""Signatures have one form for all three verifiers, whatever their libraries would say."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

from govshare_policy.audit import trust_text
from govshare_policy.audit.checkpoint import NoteSignature, key_id
from govshare_policy.crypto import PublicKey
from tests.conformance.court import (
    NEW,
    ORIGIN,
    TIME,
    Change,
    Court,
    Kit,
    checkpoint,
    evidence,
    line,
)

N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
PRIVATE = 0x123456789
SIGNER_ID = b"1234567812345678"


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
