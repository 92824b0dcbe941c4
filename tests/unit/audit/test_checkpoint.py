# SPDX-License-Identifier: Apache-2.0
"""Notes have one spelling, and signatures count for one body, one name and one time."""

import base64
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from govshare_policy.audit import Checkpoint, TrustKey, TrustPolicy, export_openssl, trust_text
from govshare_policy.audit.checkpoint import NoteSignature, key_id, sign_checkpoint
from govshare_policy.crypto import DEFAULT_ID, PublicKey, Signer, sm3
from govshare_policy.errors import SignatureError, VerificationError

ORIGIN = "audit.example/one"
BODY = Checkpoint(origin=ORIGIN, size=3, root=bytes(range(32)))
LINE = NoteSignature(name=ORIGIN, key_id=b"\1\2\3\4", blob=b"x")
NOTE = replace(BODY, signatures=(LINE,)).to_note()


def lines(count: int) -> bytes:
    return b"".join(
        f"— {ORIGIN} {base64.b64encode(n.to_bytes(4) + b'x').decode()}\n".encode()
        for n in range(count)
    )


def test_a_note_survives_the_round_trip() -> None:
    """Reading and writing are each other's inverse, up to sixteen signatures."""
    assert Checkpoint.from_note(NOTE).to_note() == NOTE
    head = NOTE[: NOTE.index(b"\n\n") + 2]
    assert Checkpoint.from_note(head + lines(16)).to_note() == head + lines(16)


Change = Callable[[bytes], bytes]
MALFORMED: dict[str, tuple[Change, str]] = {
    "carriage returns": (lambda n: n.replace(b"\n", b"\r\n"), "three lines"),
    "no empty line": (lambda n: n.replace(b"\n\n", b"\n"), "three lines"),
    "two empty lines": (lambda n: n.replace(b"\n\n", b"\n\n\n"), "signature line"),
    "a fourth line": (lambda n: n.replace(b"\n\n", b"\nmore\n\n"), "three lines"),
    "no signature": (lambda n: n[: n.index("—".encode())], "end in a signature line"),
    "no last newline": (lambda n: n[:-1], "end in a signature line"),
    "bytes behind": (lambda n: n + b"x", "end in a signature line"),
    "a line behind": (lambda n: n + b"\n", "signature line"),
    "nothing": (lambda _: b"", "three lines"),
    "an empty origin": (lambda n: n[len(ORIGIN) :], "visible ascii"),
    "a plus in the origin": (lambda n: n.replace(b"/one\n3", b"+one\n3"), "visible ascii"),
    "a space in the origin": (lambda n: n.replace(b"/one\n3", b" one\n3"), "visible ascii"),
    "a tab in the origin": (lambda n: n.replace(b"/one\n3", b"\tone\n3"), "visible ascii"),
    "a NUL in the origin": (lambda n: n.replace(b"/one\n3", b"\0one\n3"), "visible ascii"),
    "an origin of 256": (lambda n: n.replace(ORIGIN.encode(), b"x" * 256, 1), "visible ascii"),
    "a leading zero": (lambda n: n.replace(b"\n3\n", b"\n03\n"), "decimal"),
    "a sign": (lambda n: n.replace(b"\n3\n", b"\n+3\n"), "decimal"),
    "a negative size": (lambda n: n.replace(b"\n3\n", b"\n-3\n"), "decimal"),
    "another script's digit": (lambda n: n.replace(b"\n3\n", "\n٣\n".encode()), "decimal"),
    "a size of 2^63": (lambda n: n.replace(b"\n3\n", b"\n9223372036854775808\n"), "2\\^63-1"),
    "an endless size": (lambda n: n.replace(b"\n3\n", b"\n" + b"9" * 5000 + b"\n"), "decimal"),
    "a root of 31 bytes": (
        lambda n: n.replace(base64.b64encode(BODY.root), base64.b64encode(BODY.root[:31])),
        "32 bytes",
    ),
    "a root without padding": (lambda n: n.replace(b"=\n\n", b"\n\n"), "base64"),
    "stray bits in the root": (lambda n: n.replace(b"8=\n\n", b"9=\n\n"), "canonical base64"),
    "an url-safe root": (lambda n: n.replace(b"BgcI", b"B_cI"), "base64"),
    "a hyphen for the dash": (lambda n: n.replace("—".encode(), b"-"), "dash"),
    "two spaces": (lambda n: n.replace("— ".encode(), "—  ".encode()), "dash"),
    "a signature too short": (lambda n: n.replace(b"AQIDBHg=", b"AQIDBA=="), "too short"),
    "a Chinese signer": (lambda n: n.replace("— audit".encode(), "— 审计".encode()), "visible"),
    "one key twice": (lambda n: n + n[n.index("—".encode()) :], "two signatures"),
    "seventeen signatures": (lambda n: n[: n.index(b"\n\n") + 2] + lines(17), "more than 16"),
    "invalid utf-8": (lambda n: n + b"\xff", "utf-8"),
    "too long": (lambda n: n + b"x" * 16384, "longer than 16384"),
}


@pytest.mark.parametrize(("change", "says"), MALFORMED.values(), ids=MALFORMED)
def test_every_other_spelling_of_a_note_is_refused(change: Change, says: str) -> None:
    """There is nothing to be lenient about: the log writes its notes itself."""
    changed = change(NOTE)
    assert changed != NOTE

    with pytest.raises(VerificationError, match=says):
        Checkpoint.from_note(changed)


def test_the_key_id_is_bound_to_name_type_and_key(signer: Signer) -> None:
    """docs/spec/audit-log.md §8.2."""
    kind = b"\xff1.2.156.10197.1.501/gm-cosignature/v1"
    expected = sm3(ORIGIN.encode() + b"\n" + kind + signer.public.point)[:4]

    assert key_id(ORIGIN, signer.public) == expected


def trust_in(
    public: PublicKey, *, name: str = ORIGIN, sizes: tuple[int, int | None]
) -> TrustPolicy:
    start, end = sizes
    key = TrustKey(name=name, public=public, from_size=start, to_size=end)
    return TrustPolicy(origin=ORIGIN, keys=(key,))


def test_a_signature_counts_from_the_first_size_to_the_last(signer: Signer) -> None:
    """A key is trusted for a range of sizes, ends included."""
    signed = sign_checkpoint(BODY, signer, name=ORIGIN, time=1_767_574_923)

    for sizes in ((0, None), (3, None), (0, 3), (3, 3)):
        at, keys = trust_in(signer.public, sizes=sizes).verify_checkpoint(signed)
        assert (at.isoformat(), keys) == ("2026-01-05T01:02:03+00:00", (signer.public,))
    for sizes in ((4, None), (0, 2)):
        with pytest.raises(SignatureError, match="no trusted key signed"):
            trust_in(signer.public, sizes=sizes).verify_checkpoint(signed)


def test_the_latest_of_several_signatures_dates_a_checkpoint(
    signer: Signer, other_signer: Signer
) -> None:
    """When a key is rotated, both sign, and all that claim to be trusted have to be good."""
    old = sign_checkpoint(BODY, signer, name=ORIGIN, time=100)
    both = sign_checkpoint(old, other_signer, name=ORIGIN, time=50)
    keys = tuple(TrustKey(name=ORIGIN, public=s.public) for s in (other_signer, signer))

    at, signers = TrustPolicy(origin=ORIGIN, keys=keys).verify_checkpoint(both)

    assert (at.timestamp(), signers) == (100, (other_signer.public, signer.public))
    assert trust_in(signer.public, sizes=(0, None)).verify_checkpoint(both)[0].timestamp() == 100
    forged = replace(
        both, signatures=(replace(both.signatures[0], blob=bytes(80)), *both.signatures[1:])
    )
    with pytest.raises(SignatureError):
        TrustPolicy(origin=ORIGIN, keys=keys).verify_checkpoint(forged)


def with_blob(signed: Checkpoint, blob: bytes) -> Checkpoint:
    return replace(signed, signatures=(replace(signed.signatures[0], blob=blob),))


FORGED: dict[str, Callable[[Checkpoint], Checkpoint]] = {
    "another size": lambda c: replace(c, size=4),
    "another root": lambda c: replace(c, root=bytes(32)),
    "another time": lambda c: with_blob(c, bytes(8) + c.signatures[0].blob[8:]),
    "no signature in the blob": lambda c: with_blob(c, c.signatures[0].blob[:8]),
    "no room for the time": lambda c: with_blob(c, b"x"),
    "a byte behind the signature": lambda c: with_blob(c, c.signatures[0].blob + b"\0"),
    "a signature cut short": lambda c: with_blob(c, c.signatures[0].blob[:-1]),
    "another name": lambda c: replace(c, signatures=(replace(c.signatures[0], name="other"),)),
    "another key id": lambda c: replace(c, signatures=(replace(c.signatures[0], key_id=bytes(4)),)),
    "no lines": lambda c: replace(c, signatures=()),
}


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED)
def test_a_signature_moved_or_changed_is_refused(
    signer: Signer, change: Callable[[Checkpoint], Checkpoint]
) -> None:
    """It holds for this body, name and time alone."""
    signed = sign_checkpoint(BODY, signer, name=ORIGIN, time=1_767_574_923)

    with pytest.raises(SignatureError):
        trust_in(signer.public, sizes=(0, None)).verify_checkpoint(change(signed))


def test_a_cosignature_does_not_pass_for_another_cosigners(signer: Signer) -> None:
    """The signed bytes name the cosigner: the same key under two names signs two things."""
    signed = sign_checkpoint(BODY, signer, name="witness", time=1)
    moved = replace(signed.signatures[0], name=ORIGIN, key_id=key_id(ORIGIN, signer.public))

    with pytest.raises(SignatureError):
        trust_in(signer.public, sizes=(0, None)).verify_checkpoint(
            replace(signed, signatures=(moved,))
        )


def test_a_checkpoint_of_another_log_is_refused(signer: Signer) -> None:
    """Even if the same key signed it."""
    signed = sign_checkpoint(replace(BODY, origin="other"), signer, name=ORIGIN, time=1)

    with pytest.raises(VerificationError, match="the trust file is for the log"):
        trust_in(signer.public, sizes=(0, None)).verify_checkpoint(signed)


def test_a_time_beyond_the_calendar_is_refused(signer: Signer) -> None:
    """The year 9999 is the last one."""
    policy = trust_in(signer.public, sizes=(0, None))
    last = sign_checkpoint(BODY, signer, name=ORIGIN, time=253402300799)
    assert policy.verify_checkpoint(last)[0].year == 9999

    for time in (253402300800, 2**64 - 1):
        with pytest.raises(SignatureError, match="calendar"):
            policy.verify_checkpoint(sign_checkpoint(BODY, signer, name=ORIGIN, time=time))


class LyingSigner:
    """Returns a signature over something else."""

    def __init__(self, inner: Signer) -> None:
        self._inner = inner

    @property
    def public(self) -> PublicKey:
        return self._inner.public

    def sign(self, message: bytes, *, signer_id: bytes) -> bytes:
        return self._inner.sign(message + b"x", signer_id=signer_id)


def test_a_signer_is_not_believed(signer: Signer) -> None:
    """A wrong signature is found before it is written anywhere."""
    with pytest.raises(SignatureError):
        sign_checkpoint(BODY, LyingSigner(signer), name=ORIGIN, time=1)


def test_openssl_alone_verifies_a_checkpoint(signer: Signer, tmp_path: Path) -> None:
    """With the exported key, and with the trust file in its place; and not after a change."""
    signed = sign_checkpoint(BODY, signer, name=ORIGIN, time=1_767_574_923)
    export = export_openssl(signed, name=ORIGIN, public=signer.public)
    (tmp_path / "msg.bin").write_bytes(export.message)
    (tmp_path / "bad.bin").write_bytes(export.message.replace(b"\n3\n", b"\n4\n"))
    (tmp_path / "sig.der").write_bytes(export.signature)
    (tmp_path / "pub.pem").write_bytes(export.public_pem)
    (tmp_path / "trust.toml").write_text(trust_text(ORIGIN, signer.public))

    def check(key: str, message: str) -> int:
        command = ["openssl", "dgst", "-sm3", "-verify", key]
        command += ["-sigopt", f"distid:{DEFAULT_ID.decode()}", "-signature", "sig.der", message]
        return subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode

    assert check("pub.pem", "msg.bin") == 0
    assert check("trust.toml", "msg.bin") == 0
    assert check("pub.pem", "bad.bin") != 0
    with pytest.raises(SignatureError, match="no signature of `other`"):
        export_openssl(signed, name="other", public=signer.public)
