# SPDX-License-Identifier: Apache-2.0
"""Whose signatures count, from which size to which, and that nobody counts twice."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import pytest

from govshare_policy.audit import Checkpoint, TrustKey, TrustPolicy, parse_trust, trust_text
from govshare_policy.audit.checkpoint import NoteSignature, key_id, sign_checkpoint
from govshare_policy.crypto import Signer
from govshare_policy.errors import ConfigError, SignatureError, VerificationError

ORIGIN = "audit.example/one"
ROOT = bytes(range(32))
TIME = 1_767_600_000
Signers = Mapping[str, Signer]


@pytest.fixture(scope="session")
def signers(signer: Signer, other_signer: Signer, third_signer: Signer) -> Signers:
    return {"old": signer, "new": other_signer, "third": third_signer}


def signed(signers: Signers, size: int, *who: str, name: str = ORIGIN) -> Checkpoint:
    checkpoint = Checkpoint(origin=ORIGIN, size=size, root=ROOT)
    for one in who:
        checkpoint = sign_checkpoint(checkpoint, signers[one], name=name, time=TIME)
    return checkpoint


def policy(signers: Signers, **ranges: tuple[int, int | None, int | None]) -> TrustPolicy:
    """Return the policy that trusts each key for (from, to, revoked_after)."""
    keys = (
        TrustKey(
            name=ORIGIN,
            public=signers[who].public,
            from_size=start,
            to_size=end,
            revoked_after=revoked,
        )
        for who, (start, end, revoked) in ranges.items()
    )
    return TrustPolicy(origin=ORIGIN, keys=tuple(keys))


class Case(NamedTuple):
    size: int
    by: tuple[str, ...]
    refused: str | None


ROTATED = {
    "the old key before": Case(9, ("old",), None),
    "the new key before": Case(9, ("new",), "no trusted key"),
    "both where one hands over": Case(10, ("old", "new"), None),
    "the old key alone where it hands over": Case(10, ("old",), "did not sign"),
    "the new key alone where it takes over": Case(10, ("new",), "did not sign"),
    "the new key after": Case(11, ("new",), None),
    "the old key after": Case(11, ("old",), "no trusted key"),
    "the old key beside the new one after": Case(11, ("old", "new"), None),
    "a key that nobody knows": Case(11, ("third",), "no trusted key"),
    "a key that nobody knows beside": Case(11, ("third", "new"), None),
}


@pytest.mark.parametrize("case", ROTATED.values(), ids=ROTATED)
def test_a_key_counts_from_its_size_to_its_size(signers: Signers, case: Case) -> None:
    """And where one hands over to the other, both have to have signed."""
    trust = policy(signers, old=(0, 10, None), new=(10, None, None))
    checkpoint = signed(signers, case.size, *case.by)

    if case.refused is None:
        at, keys = trust.verify_checkpoint(checkpoint)
        known = {signers[who].public for who in ("old", "new") if who in case.by}
        covering = {key.public for key in trust.keys if key.covers(case.size)}
        assert int(at.timestamp()) == TIME
        assert set(keys) == known & covering
    else:
        with pytest.raises(SignatureError, match=case.refused):
            trust.verify_checkpoint(checkpoint)


REVOKED = {
    "up to the size it counts": Case(7, ("old",), None),
    "above it does not, and is named": Case(8, ("old",), "was revoked after size 7"),
    "above it the successor has to sign": Case(10, ("old", "new"), None),
    "and is enough": Case(10, ("new",), None),
    "above its range it is merely unknown": Case(11, ("old",), "no trusted key signed"),
}


@pytest.mark.parametrize("case", REVOKED.values(), ids=REVOKED)
def test_a_revoked_key_counts_up_to_its_size(signers: Signers, case: Case) -> None:
    """What it signed before stays good; what it signed since is nobody's."""
    trust = policy(signers, old=(0, 10, 7), new=(10, None, None))
    checkpoint = signed(signers, case.size, *case.by)

    if case.refused is None:
        trust.verify_checkpoint(checkpoint)
    else:
        with pytest.raises(SignatureError, match=case.refused) as caught:
            trust.verify_checkpoint(checkpoint)
        fingerprint = signers["old"].public.fingerprint.hex()[:16]
        assert (fingerprint in str(caught.value)) == ("revoked" in case.refused)


def moved(line: NoteSignature, signers: Signers) -> NoteSignature:
    """Return the line of another key under the id of the old one."""
    return replace(line, key_id=key_id(ORIGIN, signers["old"].public))


FORGED: dict[str, tuple[Callable[[Signers], Checkpoint], str]] = {
    "same name, other key": (lambda s: signed(s, 5, "new"), "no trusted key"),
    "same key, other name": (lambda s: signed(s, 5, "old", name="other"), "no trusted key"),
    "same name and key id, other key": (
        lambda s: replace(signed(s, 5), signatures=(moved(signed(s, 5, "new").signatures[0], s),)),
        "signature",
    ),
    "of another size": (
        lambda s: replace(signed(s, 5), signatures=signed(s, 6, "old").signatures),
        "signature",
    ),
    "of another root": (
        lambda s: replace(signed(s, 5, "old"), root=bytes(32)),
        "signature",
    ),
    "of another log": (
        lambda s: replace(signed(s, 5, "old"), origin="audit.example/two"),
        f"of the log `audit.example/two`, and the trust file is for the log `{ORIGIN}`",
    ),
    "a forged one beside a good one": (
        lambda s: replace(
            signed(s, 5, "old"),
            signatures=(
                moved(signed(s, 5, "new").signatures[0], s),
                *signed(s, 5, "third").signatures,
            ),
        ),
        "signature",
    ),
}


@pytest.mark.parametrize(("make", "says"), FORGED.values(), ids=FORGED)
def test_what_the_key_did_not_sign_is_refused(
    signers: Signers, make: Callable[[Signers], Checkpoint], says: str
) -> None:
    """Lines of unknown keys are ignored; lines that claim to be of a known one are not."""
    trust = policy(signers, old=(0, None, None))

    with pytest.raises(VerificationError, match=says):
        trust.verify_checkpoint(make(signers))


def test_a_cosignature_counts_only_under_its_own_name_and_body(signers: Signers) -> None:
    """Nor does one that a key made outside its sizes."""
    witness = TrustKey(name="w", public=signers["new"].public, from_size=3, revoked_after=6)
    trust = replace(policy(signers, old=(0, None, None)), witnesses=(witness,), required=1)

    at = {size: trust.cosigners(signed(signers, size, "new", name="w")) for size in (2, 3, 6, 7)}

    assert [set(found) for found in at.values()] == [set(), {witness}, {witness}, set()]
    assert trust.cosigners(signed(signers, 5, "new", name="other")) == {}
    other = signed(signers, 4, "new", name="w").signatures
    with pytest.raises(SignatureError):
        trust.cosigners(replace(signed(signers, 5), signatures=other))


WRONG = {
    "two keys that cannot be told apart": (
        "key audit.example/one old, witness w new",
        1,
        "same name and",
    ),
    "the log as its own witness": ("witness w old", 1, "a key of its own"),
    "a witness with the name of the log": ("witness audit.example/one new", 1, "name of the log"),
    "one witness under two names": ("witness w new, witness v new", 2, "a key of its own"),
    "more witnesses than are named": ("witness w new", 2, "of those that it names"),
    "two keys of one witness as two": ("witness w new, witness w third", 2, "that it names"),
    "none of those that are named": ("witness w new", 0, "1 witness or more"),
    "fewer than none": ("witness w new", -1, "1 witness or more"),
}


@pytest.mark.parametrize(("tables", "required", "says"), WRONG.values(), ids=WRONG)
def test_nobody_counts_twice(signers: Signers, tables: str, required: int, says: str) -> None:
    """A quorum is of different witnesses, and a line is of one key."""
    with pytest.raises(ConfigError, match=says):
        parse_trust(text(signers, tables, f"required = {required}"))


CONDITIONS = {
    "a number that is a truth": ("required = true", "a number of witnesses"),
    "a number that is a text": ('required = "1"', "a number of witnesses"),
    "no number": ("", "required only"),
    "another condition": ("required = 1\nwithin_s = 3", "required only"),
}


@pytest.mark.parametrize(("table", "says"), CONDITIONS.values(), ids=CONDITIONS)
def test_a_condition_that_is_not_understood_is_refused(
    signers: Signers, table: str, says: str
) -> None:
    """It might be the one that counts."""
    assert parse_trust(text(signers, "witness w new", "required = 1")).required == 1
    with pytest.raises(ConfigError, match=says):
        parse_trust(text(signers, "witness w new", table))


def test_a_witness_is_a_table(signers: Signers) -> None:
    """As a key is."""
    head = trust_text(ORIGIN, signers["old"].public).replace("[[key]]", "witness = 1\n[[key]]", 1)
    with pytest.raises(ConfigError, match=r"each witness of the trust file is a \[\[witness\]\]"):
        parse_trust(f"{head}[witnesses]\nrequired = 1\n")
    with pytest.raises(ConfigError, match="required only"):
        parse_trust(head.replace("witness = 1", "witnesses = 1\nwitness = []"))


def text(signers: Signers, tables: str, required: str) -> str:
    """Return a trust file of the old key and, more than that, *tables*."""
    parts = [trust_text(ORIGIN, signers["old"].public), f"[witnesses]\n{required}\n"]
    for table in tables.split(", "):
        kind, name, who = table.split(" ")
        pem = signers[who].public.to_pem().decode()
        parts.append(f'[[{kind}]]\nname = "{name}"\nfrom = 0\npublic = """\n{pem}"""\n')
    return "\n".join(parts)
