# SPDX-License-Identifier: Apache-2.0
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from govshare_policy.crypto import DEFAULT_ID, PublicKey, Signer
from govshare_policy.errors import (
    ConfigError,
    FactError,
    VerificationError,
)
from govshare_policy.policy import Precedence, load_bundle
from govshare_policy.register import load_register
from govshare_policy.signed import (
    BundleManifest,
    FileEntry,
    load_signed_bundle,
    sign_bundle,
    signed_message,
    verify,
    verify_bundle,
)
from govshare_policy.signed.build import describe_file
from tests.county import COUNTY
from tests.unit.bundle.conftest import CREATED


def manifest_of(bundle: Path) -> BundleManifest:
    return BundleManifest.from_bytes((bundle / "manifest.json").read_bytes())


def resign(bundle: Path, signer: Signer, manifest: BundleManifest) -> None:
    """Sign whatever *manifest* says, as somebody who holds the key could."""
    data = manifest.to_bytes()
    (bundle / "manifest.json").write_bytes(data)
    signature = signer.sign(signed_message(data), signer_id=DEFAULT_ID)
    (bundle / "manifest.sig").write_bytes(signature)


def test_a_signed_bundle_loads_as_what_was_signed(bundle: Path, public: PublicKey) -> None:
    """The registers and the policy are those of the directory it was made from."""
    register, policy = load_signed_bundle(bundle, public)
    outside = load_bundle("hubei", load_register(COUNTY), precedence=Precedence.STRICTEST)

    assert policy.revision == outside.revision == manifest_of(bundle).revision
    assert (policy.profile, policy.precedence) == ("hubei", Precedence.STRICTEST)
    assert register is policy.register


def test_openssl_checks_the_signature(bundle: Path, public: PublicKey, tmp_path: Path) -> None:
    """Nobody has to trust this program for it."""
    (tmp_path / "key.pem").write_bytes(public.to_pem())
    message = b"govshare-bundle/v1\n" + (bundle / "manifest.json").read_bytes()
    (tmp_path / "msg.bin").write_bytes(message)
    command = ["openssl", "dgst", "-sm3", "-verify", str(tmp_path / "key.pem")]
    command += ["-sigopt", "distid:1234567812345678"]
    command += ["-signature", str(bundle / "manifest.sig"), str(tmp_path / "msg.bin")]
    done = subprocess.run(command, capture_output=True, check=False)

    assert done.stdout == b"Verified OK\n", done.stderr


def test_an_older_bundle_can_be_refused(bundle: Path, public: PublicKey) -> None:
    """Otherwise an old bundle would bring back what was revoked since."""
    verify_bundle(bundle, public, not_before=CREATED)

    with pytest.raises(VerificationError, match="older"):
        load_signed_bundle(bundle, public, not_before=CREATED + timedelta(microseconds=1))


def test_a_revision_that_does_not_load_is_refused(bundle: Path, signer: Signer) -> None:
    """The revision in the manifest is what decision records will name; it has to be true."""
    manifest = manifest_of(bundle)
    forged = BundleManifest(
        profile=manifest.profile,
        precedence=manifest.precedence,
        revision=bytes(32),
        created=manifest.created,
        files=manifest.files,
    )
    resign(bundle, signer, forged)

    verify_bundle(bundle, signer.public)
    with pytest.raises(VerificationError, match="does not load as the revision"):
        load_signed_bundle(bundle, signer.public)
    with pytest.raises(VerificationError, match="does not load as the revision"):
        sign_bundle(bundle, signer)


def test_a_laxer_precedence_is_another_revision(bundle: Path, signer: Signer) -> None:
    """Signing the same files for other texts does not go unseen."""
    manifest = manifest_of(bundle)
    laxer = BundleManifest(
        profile=manifest.profile,
        precedence=Precedence.LOCAL,
        revision=manifest.revision,
        created=manifest.created,
        files=manifest.files,
    )
    resign(bundle, signer, laxer)

    with pytest.raises(VerificationError, match="does not load as the revision"):
        load_signed_bundle(bundle, signer.public)


def test_a_file_changed_after_verification_is_noticed(
    bundle: Path, public: PublicKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between verifying and parsing lies time; the revision closes it."""
    verified = verify.verify_bundle

    def then_change(*args: object, **named: object) -> BundleManifest:
        manifest = verified(*args, **named)  # type: ignore[arg-type]
        grants = bundle / "data" / "grants.tsv"
        text = grants.read_text(encoding="utf-8").replace("2026-12-31", "2036-12-31")
        grants.write_text(text, encoding="utf-8")
        return manifest

    monkeypatch.setattr(verify, "verify_bundle", then_change)

    with pytest.raises(VerificationError, match="does not load as the revision"):
        load_signed_bundle(bundle, public)


def test_a_file_that_disappears_meanwhile_is_named(
    bundle: Path, public: PublicKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is read through one descriptor that follows no link."""

    def vanish(path: Path, name: str) -> FileEntry:
        if name == "data/roles.tsv":
            path.unlink()
            path.symlink_to("systems.tsv")
        return describe_file(path, name)

    monkeypatch.setattr(verify, "describe_file", vanish)

    with pytest.raises(VerificationError, match=r"`data/roles\.tsv` cannot be read"):
        verify_bundle(bundle, public)


def test_a_signed_register_that_is_wrong_is_still_refused(bundle: Path, signer: Signer) -> None:
    """A signature says who made it, not that it is right."""
    (bundle / "data" / "roles.tsv").write_bytes(b"nonsense\n")
    manifest = manifest_of(bundle)
    forged = BundleManifest(
        profile=manifest.profile,
        precedence=manifest.precedence,
        revision=manifest.revision,
        created=manifest.created,
        files=tuple(describe_file(bundle / file.path, file.path) for file in manifest.files),
    )
    resign(bundle, signer, forged)

    with pytest.raises(FactError, match=r"roles\.tsv line 1"):
        load_signed_bundle(bundle, signer.public)


def test_only_what_its_manifest_says_is_signed(bundle: Path, signer: Signer) -> None:
    """Nobody signs what they did not get to see."""
    with (bundle / "data" / "grants.tsv").open("ab") as file:
        file.write(b"\n")

    with pytest.raises(VerificationError, match=r"`data/grants\.tsv`"):
        sign_bundle(bundle, signer)


def test_a_signature_that_cannot_be_written_leaves_no_trace(
    bundle: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old signature stays, and the bundle verifies as before."""

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(ConfigError, match="No space left"):
        sign_bundle(bundle, signer)
    monkeypatch.undo()

    verify_bundle(bundle, signer.public)


def test_what_is_no_bundle_is_said_to_be_none(tmp_path: Path, public: PublicKey) -> None:
    """A slip in a path is not an attack."""
    with pytest.raises(ConfigError, match="not the directory of a bundle"):
        load_signed_bundle(tmp_path / "nowhere", public)
