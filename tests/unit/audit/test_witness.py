# SPDX-License-Identifier: Apache-2.0
"""A witness signs what continues what it signed before, and nothing else."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.audit import (
    Checkpoint,
    Continuation,
    TrustKey,
    TrustPolicy,
    leaf_hash,
    parse_trust,
    prove_consistency,
    root_hash,
)
from govshare_policy.audit.checkpoint import NoteSignature, sign_checkpoint
from govshare_policy.audit.witness import (
    MAX_REQUEST_BYTES,
    Refusal,
    Witness,
    WitnessRefusalError,
    verify_cosigned,
)
from govshare_policy.crypto import Signer
from govshare_policy.errors import (
    ConsistencyError,
    SignatureError,
    VerificationError,
)

ORIGIN = "audit.example/one"
NAME = "witness.example/w"
AT = datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC)
EXAMPLE = re.compile(r"<!-- example: (\S+) -->\n```\w*\n(.*?)```", re.DOTALL)
LEAVES = tuple(leaf_hash(b"%d" % number) for number in range(12))
FORKED = (*LEAVES[:3], leaf_hash(b"other"), *LEAVES[4:])


@pytest.fixture(scope="session")
def witness(other_signer: Signer, trust: TrustPolicy) -> Witness:
    return Witness(name=NAME, signer=other_signer, logs={ORIGIN: trust})


@pytest.fixture(scope="session")
def state(signer: Signer) -> Callable[..., Checkpoint]:
    """Return the signed checkpoint of the first leaves."""

    def make(size: int, leaves: tuple[bytes, ...] = LEAVES, origin: str = ORIGIN) -> Checkpoint:
        plain = Checkpoint(origin=origin, size=size, root=root_hash(leaves[:size]))
        return sign_checkpoint(plain, signer, name=origin, time=int(AT.timestamp()))

    return make


def request(checkpoint: Checkpoint, old: int, leaves: tuple[bytes, ...] = LEAVES) -> Continuation:
    proof = prove_consistency(leaves[: checkpoint.size], old) if old else ()
    return Continuation(old_size=old, proof=proof, checkpoint=checkpoint.to_note())


def test_a_witness_signs_what_continues(
    witness: Witness, state: Callable[..., Checkpoint], other_signer: Signer
) -> None:
    """From nothing, from before, and the same again."""
    stored = None
    for old, size in ((0, 2), (2, 2), (2, 7), (7, 12)):
        stored = witness.cosign(request(state(size), old), stored, at=AT)
        assert (stored.size, [line.name for line in stored.signatures]) == (size, [ORIGIN, NAME])
        assert verify_cosigned(stored, NAME, other_signer.public) == AT
        witness.verify_stored(stored, ORIGIN)
        with pytest.raises(VerificationError, match="another log"):
            witness.verify_stored(stored, "audit.example/two")
    with pytest.raises(SignatureError, match="did not sign"):
        witness.verify_stored(state(3), ORIGIN)


def test_signatures_that_nobody_asked_for_are_left_out(
    witness: Witness, state: Callable[..., Checkpoint], third_signer: Signer
) -> None:
    """So that sixteen strangers cannot keep a witness from adding its line."""
    checkpoint = state(2)
    for number in range(15):
        checkpoint = sign_checkpoint(checkpoint, third_signer, name=f"n{number}", time=1)

    cosigned = witness.cosign(request(checkpoint, 0), None, at=AT)

    assert [line.name for line in cosigned.signatures] == [ORIGIN, NAME]
    Checkpoint.from_note(cosigned.to_note())


Make = Callable[[Callable[..., Checkpoint]], Continuation]
REFUSED: dict[str, tuple[Make, Refusal, int]] = {
    "no note": (
        lambda _: Continuation(old_size=5, proof=(), checkpoint=b"x"),
        Refusal.MALFORMED,
        0,
    ),
    "fewer records than before": (
        lambda s: replace(request(s(5), 5), checkpoint=s(4).to_note()),
        Refusal.MALFORMED,
        0,
    ),
    "another log": (lambda s: request(s(5, origin="two"), 5), Refusal.UNKNOWN_LOG, 0),
    "no signature of the log": (
        lambda s: request(replace(s(7), signatures=s(6).signatures), 5),
        Refusal.UNTRUSTED,
        0,
    ),
    "another old size": (lambda s: request(s(7), 4), Refusal.STALE, 5),
    "an old size ahead": (lambda s: request(s(7), 6), Refusal.STALE, 5),
    "the beginning": (lambda s: request(s(7), 0), Refusal.STALE, 5),
    "another root of the same size": (
        lambda s: request(s(5, FORKED), 5),
        Refusal.CONFLICT,
        5,
    ),
    "another log of that name": (lambda s: request(s(7, FORKED), 5, FORKED), Refusal.BAD_PROOF, 5),
    "no proof": (lambda s: replace(request(s(7), 5), proof=()), Refusal.BAD_PROOF, 5),
    "a proof too long": (
        lambda s: replace(request(s(7), 5), proof=(*request(s(7), 5).proof, bytes(32))),
        Refusal.BAD_PROOF,
        5,
    ),
    "a proof for the same size": (
        lambda s: replace(request(s(5), 5), proof=(bytes(32),)),
        Refusal.BAD_PROOF,
        5,
    ),
}


@pytest.mark.parametrize(("make", "kind", "size"), REFUSED.values(), ids=REFUSED)
def test_a_witness_says_why_it_does_not_sign(
    witness: Witness,
    state: Callable[..., Checkpoint],
    make: Make,
    kind: Refusal,
    size: int,
) -> None:
    """And where the caller would have to start."""
    stored = witness.cosign(request(state(5), 0), None, at=AT)

    with pytest.raises(WitnessRefusalError) as caught:
        witness.cosign(make(state), stored, at=AT)

    assert (caught.value.kind, caught.value.size) == (kind, size)


def test_nothing_is_continued_from_nothing(
    witness: Witness, state: Callable[..., Checkpoint]
) -> None:
    """No proof, and at least one record."""
    for wrong, kind in (
        (replace(request(state(5), 0), proof=(bytes(32),)), Refusal.BAD_PROOF),
        (request(state(0), 0), Refusal.MALFORMED),
        (request(state(5), 3), Refusal.STALE),
    ):
        with pytest.raises(WitnessRefusalError) as caught:
            witness.cosign(wrong, None, at=AT)
        assert (caught.value.kind, caught.value.size) == (kind, 0)


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.tuples(st.booleans(), st.integers(0, 12), st.integers(1, 12)), max_size=9))
def test_a_witness_never_signs_two_logs(
    witness: Witness, state: Callable[..., Checkpoint], steps: list[tuple[bool, int, int]]
) -> None:
    """Whatever it is asked, in whatever order, by whoever holds the key of the log."""
    stored: Checkpoint | None = None
    signed: dict[int, bytes] = {}
    for is_forked, old, size in steps:
        leaves = FORKED if is_forked else LEAVES
        asked = request(state(size, leaves), min(old, size), leaves)
        try:
            stored = witness.cosign(asked, stored, at=AT)
        except WitnessRefusalError:
            continue
        assert signed.setdefault(stored.size, stored.root) == stored.root
    roots = [{size: root_hash(leaves[:size]) for size in signed} for leaves in (LEAVES, FORKED)]
    assert signed in roots
    assert list(signed) == sorted(signed)


def test_a_log_may_get_another_key(
    witness: Witness, state: Callable[..., Checkpoint], signer: Signer, third_signer: Signer
) -> None:
    """The witness needs the policy that knows both."""
    stored = witness.cosign(request(state(2), 0), None, at=AT)
    both = sign_checkpoint(state(3), third_signer, name=ORIGIN, time=int(AT.timestamp()))
    plain = replace(state(5), signatures=())
    new = sign_checkpoint(plain, third_signer, name=ORIGIN, time=int(AT.timestamp()))
    keys = (
        TrustKey(name=ORIGIN, public=third_signer.public, from_size=3),
        TrustKey(name=ORIGIN, public=signer.public, to_size=3),
    )
    told = replace(witness, logs={ORIGIN: TrustPolicy(origin=ORIGIN, keys=keys)})

    stored = witness.cosign(request(both, 2), stored, at=AT)
    with pytest.raises(WitnessRefusalError) as caught:
        witness.cosign(request(new, 3), stored, at=AT)
    assert caught.value.kind is Refusal.UNTRUSTED
    told.cosign(request(new, 3), told.cosign(request(both, 3), stored, at=AT), at=AT)


def test_a_witness_is_set_up_rightly(witness: Witness, trust: TrustPolicy) -> None:
    """Each policy under its own log."""
    with pytest.raises(ValueError, match="origins"):
        replace(witness, logs={"two": trust})
    with pytest.raises(VerificationError, match="visible ascii"):
        replace(witness, name="two words")


def test_a_request_survives_the_round_trip(state: Callable[..., Checkpoint]) -> None:
    """The text is all that is sent."""
    for old, size in ((0, 1), (5, 5), (3, 12)):
        asked = request(state(size), old)
        assert Continuation.from_text(asked.to_text()) == asked
        assert len(asked.to_text()) <= MAX_REQUEST_BYTES
        if old:
            asked.verify(state(old))


MALFORMED = {
    "no old size": ("old 3\n", "", "old size"),
    "an old size with a zero": ("old 3", "old 03", "old size"),
    "an old size that is none": ("old 3", "old x", "old size"),
    "no empty line": ("\n\n", "\n", "old size|base64"),
    "a proof that is no base64": ("old 3\n", "old 3\n?\n", "base64"),
    "a short hash": ("old 3\n", "old 3\nAAAA\n", "32 bytes"),
    "an endless proof": ("old 3\n", "old 3\n" + "AAAA\n" * 64, "too long"),
    "half a surrogate pair": (ORIGIN, "\ud800", "utf-8"),
}


@pytest.mark.parametrize(("old", "new", "says"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_request_is_refused(
    state: Callable[..., Checkpoint], old: str, new: str, says: str
) -> None:
    """Before anything in it is believed."""
    text = request(state(12), 3).to_text()
    assert old in text

    with pytest.raises(VerificationError, match=says):
        Continuation.from_text(text.replace(old, new, 1))


def test_a_continuation_continues_one_checkpoint(state: Callable[..., Checkpoint]) -> None:
    """Of its log, of its size, of its root."""
    asked = request(state(12), 3)
    for old, says in ((state(4), "begin at size 4"), (state(3, FORKED[3:]), "does not continue")):
        with pytest.raises(ConsistencyError, match=says):
            asked.verify(old)
    with pytest.raises(VerificationError, match="another log"):
        asked.verify(state(3, origin="two"))
    with pytest.raises(VerificationError, match="utf-8"):
        replace(asked, checkpoint=b"\xff").to_text()


def test_the_example_of_the_specification_verifies() -> None:
    """What is sent, and what comes back for it."""
    spec = Path(__file__).parents[3] / "docs" / "spec" / "witness.md"
    parts = dict(EXAMPLE.findall(spec.read_text(encoding="utf-8")))
    trust = parse_trust(parts["trust.toml"])
    stored = Checkpoint.from_note(parts["stored"].encode())
    later = Continuation.from_text(parts["request"]).verify(stored)
    line = NoteSignature.from_line(parts["response"].rstrip("\n"))
    cosigned = replace(later, signatures=(*later.signatures, line))

    for checkpoint, size in ((stored, 3), (cosigned, 5)):
        trust.verify_checkpoint(checkpoint)
        assert checkpoint.size == size
        assert [key.name for key in trust.cosigners(checkpoint)] == ["witness.example/kaifeng"]
