# SPDX-License-Identifier: Apache-2.0
"""Trust files, other keys and witnesses: they mean the same to all three verifiers."""

import base64
from dataclasses import replace

from govshare_policy.audit import Receipt, TrustKey, TrustPolicy, parse_trust
from govshare_policy.audit.checkpoint import key_id, sign_checkpoint
from govshare_policy.audit.trustfile import format_trust
from govshare_policy.crypto import Signer
from tests.conformance.court import (
    NEW,
    OLD,
    ORIGIN,
    TIME,
    Court,
    Kit,
    checkpoint,
    evidence,
    line,
)


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
        "a witness that has not signed": (text(own, witnesses=(seen,), required=1), "witness"),
        "a comment": ("# 审计\tlog\n" + plain, "good"),
        "a comment with the byte 0": ("# \0\n" + plain, "unusable"),
        "a comment that a terminal obeys": ("# \x1b[2J\n" + plain, "unusable"),
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
        "cut behind the key": (plain[: plain.rindex('"""')], "unusable"),
        "cut inside the key": (plain[: plain.rindex('"""') - 40], "unusable"),
        "no last newline": (plain[:-1], "good"),
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
    """Receipts and notes need as many as are required, by their own keys, none of them forged."""
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
    notes = [evidence(kit, "note", made.to_note(), trust=trust) for made in cases.values()]

    assert good.key_id == mark
    assert verdicts == court.try_all(notes) == list(cases)
    assert parse_trust(trust).required == 1
