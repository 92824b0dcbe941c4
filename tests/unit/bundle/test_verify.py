# SPDX-License-Identifier: Apache-2.0
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.crypto import DEFAULT_ID, PublicKey, Signer
from govshare_policy.errors import (
    GovshareError,
    SignatureError,
    VerificationError,
)
from govshare_policy.signed import (
    load_signed_bundle,
    sign_bundle,
    verify_bundle,
)
from govshare_policy.signed.manifest import MAX_MANIFEST_BYTES


def _remove(name: str) -> Callable[[Path], object]:
    return lambda bundle: (bundle / name).unlink()


def _write(name: str, data: bytes = b"") -> Callable[[Path], object]:
    return lambda bundle: (bundle / name).write_bytes(data)


def _append(name: str) -> Callable[[Path], object]:
    return lambda bundle: (bundle / name).write_bytes((bundle / name).read_bytes() + b"\n")


def _flip(name: str) -> Callable[[Path], object]:
    def flip(bundle: Path) -> None:
        data = bytearray((bundle / name).read_bytes())
        data[len(data) // 2] ^= 1
        (bundle / name).write_bytes(data)

    return flip


def _link(name: str) -> Callable[[Path], object]:
    def link(bundle: Path) -> None:
        shutil.move(bundle / name, bundle.with_name("moved"))
        (bundle / name).symlink_to(bundle.with_name("moved"))

    return link


def _rename(name: str, to: str) -> Callable[[Path], object]:
    return lambda bundle: (bundle / name).rename(bundle / to)


CHANGES: dict[str, tuple[Callable[[Path], object], type[VerificationError], str]] = {
    "a flipped bit in a register": (
        _flip("data/grants.tsv"),
        VerificationError,
        "`data/grants.tsv` does not have the SM3",
    ),
    "a flipped bit in a rule": (
        _flip("packs/hubei/policy.csv"),
        VerificationError,
        "`packs/hubei/policy.csv` does not have the SM3",
    ),
    "a byte more": (
        _append("data/systems.tsv"),
        VerificationError,
        "`data/systems.tsv` does not have the length",
    ),
    "a register missing": (
        _remove("data/roles.tsv"),
        VerificationError,
        "`data/roles.tsv` is missing",
    ),
    "a pack missing": (
        lambda bundle: shutil.rmtree(bundle / "packs" / "national-809"),
        VerificationError,
        "`packs/national-809/` is missing",
    ),
    "a register more": (
        _write("data/suspensions.tsv"),
        VerificationError,
        "`data/suspensions.tsv` is in the bundle but not in its manifest",
    ),
    "a hidden file": (_write(".x"), VerificationError, "`.x` is in the bundle"),
    "a file whose name is no text": (
        lambda bundle: (bundle / os.fsdecode(b"\xff\x1b[2J`")).touch(),
        VerificationError,
        "`a file` is in the bundle",
    ),
    "an empty directory": (
        lambda bundle: (bundle / "data" / "more").mkdir(),
        VerificationError,
        "`data/more` is in the bundle",
    ),
    "a register that is a link": (
        _link("data/grants.tsv"),
        VerificationError,
        "`data/grants.tsv` in the bundle is not a plain file",
    ),
    "a directory that is a link": (
        _link("data"),
        VerificationError,
        "`data` in the bundle is not a plain file",
    ),
    "a pipe": (
        lambda bundle: os.mkfifo(bundle / "data" / "x.tsv"),
        VerificationError,
        "`data/x.tsv` in the bundle is not a plain file",
    ),
    "two files exchanged by name": (
        _rename("data/roles.tsv", "data/systems.tsv"),
        VerificationError,
        "`data/roles.tsv` is missing",
    ),
    "a flipped bit in the manifest": (_flip("manifest.json"), SignatureError, "signature"),
    "no manifest": (_remove("manifest.json"), VerificationError, "`manifest.json` cannot be read"),
    "a manifest that is a link": (
        _link("manifest.json"),
        VerificationError,
        "`manifest.json` cannot be read",
    ),
    "a manifest without end": (
        _write("manifest.json", b"x" * (MAX_MANIFEST_BYTES + 1)),
        VerificationError,
        "`manifest.json` is longer",
    ),
    "no signature": (_remove("manifest.sig"), SignatureError, "it is not signed"),
    "an empty signature": (_write("manifest.sig"), SignatureError, ""),
    "a signature and more": (_append("manifest.sig"), VerificationError, ""),
    "a flipped bit in the signature": (_flip("manifest.sig"), SignatureError, ""),
    "a signature without end": (
        _write("manifest.sig", bytes(73)),
        VerificationError,
        "`manifest.sig` is longer",
    ),
}


@pytest.mark.parametrize(("change", "error", "says"), CHANGES.values(), ids=CHANGES)
def test_whatever_was_changed_is_named(
    change: Callable[[Path], object],
    error: type[VerificationError],
    says: str,
    bundle: Path,
    public: PublicKey,
) -> None:
    """A bundle is taken whole as it was signed, or not at all."""
    change(bundle)

    with pytest.raises(error) as caught:
        load_signed_bundle(bundle, public)
    assert says in str(caught.value)


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_no_byte_of_any_file_can_change(
    data: st.DataObject, made: Path, signer: Signer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """One flipped bit anywhere is found before anything is parsed."""
    bundle = shutil.copytree(made, tmp_path_factory.mktemp("flipped") / "bundle")
    files = sorted(path for path in bundle.rglob("*") if path.is_file() and path.stat().st_size)
    path = data.draw(st.sampled_from(files))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)

    with pytest.raises(VerificationError):
        verify_bundle(bundle, signer.public)


def test_the_first_bad_file_is_named(bundle: Path, public: PublicKey) -> None:
    """First means in the order of the paths, whatever is wrong with each."""
    _flip("packs/common/rules.conf")(bundle)
    _remove("data/systems.tsv")(bundle)

    with pytest.raises(VerificationError, match=r"`data/systems\.tsv` is missing"):
        verify_bundle(bundle, public)


def test_anybody_elses_signature_is_refused(
    bundle: Path, signer: Signer, other_signer: Signer
) -> None:
    """A key of a policy is one key."""
    with pytest.raises(SignatureError):
        verify_bundle(bundle, other_signer.public)

    sign_bundle(bundle, other_signer)
    verify_bundle(bundle, other_signer.public)
    with pytest.raises(SignatureError):
        verify_bundle(bundle, signer.public)


def test_a_signature_over_the_bare_manifest_is_none(bundle: Path, signer: Signer) -> None:
    """What the same key signed for another end is not a signature over a bundle."""
    data = (bundle / "manifest.json").read_bytes()
    (bundle / "manifest.sig").write_bytes(signer.sign(data, signer_id=DEFAULT_ID))

    with pytest.raises(SignatureError):
        verify_bundle(bundle, signer.public)


def test_no_message_shows_a_path_outside_the_bundle(bundle: Path, public: PublicKey) -> None:
    """Messages name files of the bundle, never where it lies."""
    for change, _, _ in CHANGES.values():
        work = shutil.copytree(bundle, bundle.with_name("work"), symlinks=True)
        change(work)
        with pytest.raises(GovshareError) as caught:
            load_signed_bundle(work, public)
        assert str(bundle.parent) not in str(caught.value)
        shutil.rmtree(work)
        moved = bundle.with_name("moved")
        if moved.is_dir():
            shutil.rmtree(moved)
        else:
            moved.unlink(missing_ok=True)
