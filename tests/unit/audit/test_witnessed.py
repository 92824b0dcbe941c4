# SPDX-License-Identifier: Apache-2.0
"""A log under a policy with witnesses: how far others vouch for it, by both verifiers."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from govshare_policy.audit import (
    AuditLog,
    Checkpoint,
    Continuation,
    Damage,
    LogDamageError,
    Receipt,
    TrustKey,
    TrustPolicy,
    encode_record,
    format_trust,
    prove_log_consistency,
    prove_log_receipt,
    read_commit,
    verify_log,
    verify_receipt,
)
from govshare_policy.audit.checkpoint import sign_checkpoint
from govshare_policy.audit.cosign import witness_file
from govshare_policy.crypto import Signer, generate_key, open_signer
from govshare_policy.errors import (
    ConsistencyError,
    SignatureError,
    VerificationError,
)

ORIGIN = "audit.example/one"
TIME = 1_767_600_000
SINGLE_FILE = Path(__file__).parents[3] / "tools" / "verify_log.py"


@pytest.fixture(scope="session")
def witnesses(
    tmp_path_factory: pytest.TempPathFactory, other_signer: Signer, third_signer: Signer
) -> Mapping[str, Signer]:
    path = tmp_path_factory.mktemp("witness") / "key.pem"
    generate_key(path, b"correct horse")
    return {
        "u": other_signer,
        "v": third_signer,
        "w": open_signer(f"file:{path}", b"correct horse"),
    }


@pytest.fixture
def log(create: Callable[[], AuditLog], tmp_path: Path) -> Path:
    """A closed log of six records, one commit each."""
    with create() as writer:
        for number in range(1, 6):
            writer.append(encode_record({"n": number}))
    (tmp_path / "log" / "witness").mkdir()
    return tmp_path / "log"


@pytest.fixture
def policy(trust: TrustPolicy, witnesses: Mapping[str, Signer]) -> TrustPolicy:
    """Two of three have to have seen the log."""
    seats = tuple(TrustKey(name=name, public=who.public) for name, who in witnesses.items())
    return replace(trust, witnesses=seats, required=2)


Cosign = Callable[..., Checkpoint]


@pytest.fixture
def cosign(log: Path, witnesses: Mapping[str, Signer]) -> Cosign:
    """Have witnesses sign the log's checkpoint of a size, and keep each one's note."""

    def sign(size: int, *names: str, time: int = TIME) -> Checkpoint:
        checkpoint = read_commit(log, size)
        for name in names:
            alone = sign_checkpoint(read_commit(log, size), witnesses[name], name=name, time=time)
            (log / witness_file(name)).write_bytes(alone.to_note())
            checkpoint = sign_checkpoint(checkpoint, witnesses[name], name=name, time=time)
        return checkpoint

    return sign


def single_file(log: Path, policy: TrustPolicy) -> int:
    """Return what the single-file verifier says: 0 good, 1 bad."""
    trust = log.parent / "trust.toml"
    trust.write_text(format_trust(policy), encoding="utf-8")
    command = [sys.executable, "-I", str(SINGLE_FILE), str(log), "--trust", str(trust)]
    return subprocess.run(command, capture_output=True, check=False).returncode


def refused(log: Path, policy: TrustPolicy, kind: Damage, file: str, says: str) -> LogDamageError:
    with pytest.raises(LogDamageError, match=says) as caught:
        verify_log(log, policy)
    assert (caught.value.kind, caught.value.part.file) == (kind, file)
    assert single_file(log, policy) == 1
    return caught.value


def test_a_quorum_vouches_for_the_largest_size_that_enough_have_seen(
    log: Path, policy: TrustPolicy, cosign: Cosign
) -> None:
    """Whoever signed a larger size has seen the smaller."""
    cosign(2, "u")
    cosign(4, "v", time=TIME + 5)
    cosign(6, "w", time=TIME + 9)

    verdict = verify_log(log, policy)

    assert verdict.witnessed is not None
    assert (verdict.witnessed.size, verdict.witnessed.names) == (4, ("v", "w"))
    assert verdict.witnessed.at == datetime.fromtimestamp(TIME + 9, UTC)
    assert verdict.warnings == ("no quorum of witnesses has seen the last 2 records yet",)
    assert single_file(log, policy) == 0
    assert verify_log(log, replace(policy, required=3)).witnessed.size == 2  # type: ignore[union-attr]
    assert verify_log(log, replace(policy, required=1)).warnings == ()


def test_one_note_may_hold_several_signatures(
    log: Path, policy: TrustPolicy, cosign: Cosign
) -> None:
    """And an older one of a witness takes nothing back."""
    both = cosign(6, "u", "v")
    cosign(3, "u", "v")
    (log / "witness" / "both").write_bytes(both.to_note())

    assert verify_log(log, policy).witnessed.size == 6  # type: ignore[union-attr]
    assert single_file(log, policy) == 0


def test_without_a_policy_witnesses_mean_nothing(log: Path, trust: TrustPolicy) -> None:
    """Their files are no part of what a log key vouches for."""
    (log / "witness" / "garbage").write_bytes(b"garbage")

    assert verify_log(log, trust).witnessed is None


def test_too_few_witnesses_are_refused(log: Path, policy: TrustPolicy, cosign: Cosign) -> None:
    """None at all, one of two, and one under two files."""
    (log / "witness").rmdir()
    refused(log, policy, Damage.WITNESS, "witness", "0 of the 2 required witnesses")
    (log / "witness").mkdir()
    cosign(6, "u")
    refused(log, policy, Damage.WITNESS, "witness", "1 of the 2 required witnesses")
    (log / "witness" / "again").write_bytes((log / witness_file("u")).read_bytes())
    refused(log, policy, Damage.WITNESS, "witness", "1 of the 2 required witnesses")
    cosign(1, "v")
    assert verify_log(log, policy).witnessed.size == 1  # type: ignore[union-attr]


def test_a_witness_counts_within_its_sizes(log: Path, policy: TrustPolicy, cosign: Cosign) -> None:
    """A revoked one keeps what it signed before."""
    cosign(6, "u", "v")
    u, v, w = policy.witnesses
    late = replace(policy, witnesses=(u, replace(v, revoked_after=5), w))

    refused(log, late, Damage.WITNESS, "witness", "1 of the 2 required witnesses")
    cosign(5, "v")
    assert verify_log(log, late).witnessed.size == 5  # type: ignore[union-attr]


def test_a_log_cut_behind_what_witnesses_saw_is_short(
    log: Path, policy: TrustPolicy, cosign: Cosign, tmp_path: Path
) -> None:
    """The key of the log signed that as well; only the witnesses know better."""
    cosign(6, "u", "v")
    short = tmp_path / "short"
    cut(log, short, size=4)

    error = refused(short, policy, Damage.SHORT, "witness/u", "saw the log at size 6 but it ends")

    assert error.index == 4


def cut(log: Path, target: Path, *, size: int) -> None:
    """Copy *log* up to its commit at *size*."""
    note = read_commit(log, size).to_note()
    (target / "seg").mkdir(parents=True)
    (target / "log.json").write_bytes((log / "log.json").read_bytes())
    (target / "checkpoint").write_bytes(note)
    name = "seg/00000000000000000000.seg"
    data = (log / name).read_bytes()
    (target / name).write_bytes(data[: data.index(note) + len(note)] + bytes(64))
    (target / "witness").mkdir()
    for path in (log / "witness").iterdir():
        (target / "witness" / path.name).write_bytes(path.read_bytes())


def test_a_log_that_witnesses_saw_otherwise_is_a_fork(
    log: Path, policy: TrustPolicy, cosign: Cosign, signer: Signer, witnesses: Mapping[str, Signer]
) -> None:
    """Although the key of the log signed both."""
    cosign(6, "u", "v")
    other = Checkpoint(origin=ORIGIN, size=5, root=bytes(32))
    other = sign_checkpoint(other, signer, name=ORIGIN, time=TIME)
    other = sign_checkpoint(other, witnesses["w"], name="w", time=TIME)
    (log / witness_file("w")).write_bytes(other.to_note())

    refused(log, policy, Damage.FORK, "witness/w", "at size 5 it is not the log that witnesses saw")


Spoil = Callable[[Checkpoint, Mapping[str, Signer]], bytes]
SPOILT: dict[str, tuple[Spoil, str]] = {
    "no note": (lambda *_: b"garbage", "not three lines"),
    "another log": (
        lambda c, _: replace(c, origin="audit.example/two").to_note(),
        "of another log",
    ),
    "a cosignature moved to another body": (
        lambda c, _: replace(c, root=bytes(32)).to_note(),
        "signature",
    ),
    "a cosignature without the log's own": (
        lambda c, _: replace(c, signatures=c.signatures[1:]).to_note(),
        "no trusted key signed",
    ),
    "a cosignature that another made": (
        lambda c, s: replace(
            c,
            signatures=(
                c.signatures[0],
                replace(
                    sign_checkpoint(c, s["w"], name="u", time=TIME).signatures[-1],
                    key_id=c.signatures[1].key_id,
                ),
            ),
        ).to_note(),
        "signature",
    ),
}


@pytest.mark.parametrize(("spoil", "says"), SPOILT.values(), ids=SPOILT)
def test_a_spoilt_note_is_refused(
    log: Path,
    policy: TrustPolicy,
    cosign: Cosign,
    witnesses: Mapping[str, Signer],
    spoil: Spoil,
    says: str,
) -> None:
    """Even if enough good ones lie beside it."""
    cosign(6, "v", "w")
    (log / "witness" / "u").write_bytes(spoil(cosign(5, "u"), witnesses))

    refused(log, policy, Damage.WITNESS, "witness/u", says)


def test_what_is_not_a_note_of_a_witness_is_told_apart(
    log: Path, policy: TrustPolicy, cosign: Cosign
) -> None:
    """A directory is refused; what a crash left, and notes of strangers, count for nothing."""
    cosign(6, "v", "w")
    (log / "witness" / "u.tmp").write_bytes(b"half a no")
    (log / "witness" / "stranger").write_bytes(read_commit(log, 3).to_note())
    assert verify_log(log, policy).witnessed.size == 6  # type: ignore[union-attr]
    (log / "witness" / "more").mkdir()
    refused(log, policy, Damage.WITNESS, "witness/more", "no file")


def test_every_bit_of_a_cosigned_note_counts(
    log: Path, policy: TrustPolicy, cosign: Cosign
) -> None:
    """A flipped bit is refused, or leaves too few."""
    cosign(6, "u", "v")
    path = log / witness_file("u")
    note = path.read_bytes()
    for place in range(len(note)):
        path.write_bytes(note[:place] + bytes([note[place] ^ 1 << place % 8]) + note[place + 1 :])
        with pytest.raises(LogDamageError):
            verify_log(log, policy)


def test_evidence_beside_a_log_is_told(log: Path, trust: TrustPolicy) -> None:
    """Whoever wrote it there."""
    (log / "evidence").mkdir()
    (log / "evidence" / "u.9.txt").write_bytes(b"")

    [warning] = verify_log(log, trust).warnings
    assert "`evidence/u.9.txt` says that the log was forked or set back" in warning


def test_any_name_makes_a_file_name() -> None:
    """In one directory, and never above it."""
    names = [".", "..", "a/b", "%2e", "witness.example/one", ".hidden"]
    files = [witness_file(name) for name in names]

    assert len(set(files)) == len(names)
    assert all(file.count("/") == 1 for file in files)
    assert not any(file.startswith("witness/.") for file in files)


@pytest.fixture
def receipt(log: Path) -> Receipt:
    """The receipt of record 2, as its caller got it."""
    return prove_log_receipt(log, 2, read_commit(log, 3))


def later(log: Path, checkpoint: Checkpoint, *, old: int = 3) -> Continuation:
    proof = prove_log_consistency(log, old, checkpoint.size)
    return Continuation(old_size=old, proof=proof, checkpoint=checkpoint.to_note())


def test_a_receipt_needs_a_quorum_too(
    log: Path, policy: TrustPolicy, cosign: Cosign, receipt: Receipt
) -> None:
    """Its own checkpoint's, or that of later ones proven to continue it."""
    with pytest.raises(SignatureError, match="0 of the 2 required witnesses"):
        verify_receipt(receipt, policy)
    verify_receipt(replace(receipt, checkpoint=cosign(3, "u", "v").to_note()), policy)
    verify_receipt(receipt, policy, later=[later(log, cosign(6, "u", "w"))])
    apart = [later(log, cosign(5, "u")), later(log, cosign(6, "v"))]
    verify_receipt(receipt, policy, later=apart)
    with pytest.raises(SignatureError, match="1 of the 2 required witnesses"):
        verify_receipt(receipt, policy, later=[apart[0], apart[0]])


def test_what_does_not_continue_a_receipt_does_not_count(
    log: Path, policy: TrustPolicy, trust: TrustPolicy, cosign: Cosign, receipt: Receipt
) -> None:
    """Not even where nobody requires it."""
    good = later(log, cosign(6, "u", "v"))
    unsigned = replace(read_commit(log, 6), signatures=cosign(6, "u", "v").signatures[1:])
    for wrong, error in (
        (replace(good, proof=()), ConsistencyError),
        (later(log, cosign(6, "u", "v"), old=2), ConsistencyError),
        (replace(good, checkpoint=unsigned.to_note()), SignatureError),
        (replace(good, checkpoint=b"?"), VerificationError),
    ):
        for each in (policy, trust):
            with pytest.raises(error):
                verify_receipt(receipt, each, later=[wrong])
