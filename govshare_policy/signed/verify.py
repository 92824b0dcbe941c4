# SPDX-License-Identifier: Apache-2.0
"""Sign a bundle, verify it, and load nothing but what was verified."""

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Final

from govshare_policy.crypto import DEFAULT_ID, PublicKey, Signer, verify
from govshare_policy.errors import ConfigError, SignatureError, VerificationError
from govshare_policy.policy import Bundle
from govshare_policy.register import Register
from govshare_policy.signed.build import describe_file, load_copy
from govshare_policy.signed.manifest import (
    MANIFEST,
    MAX_MANIFEST_BYTES,
    SIGNATURE,
    BundleManifest,
    signed_message,
)

MAX_SIGNATURE_BYTES: Final = 72


def sign_bundle(directory: Path, signer: Signer) -> BundleManifest:
    """Sign the bundle in *directory*, once it holds what its manifest says and loads as that.

    A signature that was there is replaced.

    Raises:
        VerificationError: If the bundle is not what its manifest says.
        ConfigError: If it cannot be read or written, or the key cannot be used.
        FactError: If a register is wrong.
        PolicyError: If a file of a pack is wrong.
    """
    data = _read(directory, MANIFEST, MAX_MANIFEST_BYTES)
    manifest = BundleManifest.from_bytes(data)
    _verify_files(directory, manifest)
    _load(directory, manifest)
    signature = signer.sign(signed_message(data), signer_id=DEFAULT_ID)
    temporary = directory / f".{SIGNATURE}.tmp"
    try:
        temporary.write_bytes(signature)
        temporary.replace(directory / SIGNATURE)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise ConfigError(f"`{SIGNATURE}` cannot be written ({error.strerror})") from None
    return manifest


def verify_bundle(
    directory: Path, public: PublicKey, *, not_before: datetime | None = None
) -> BundleManifest:
    """Return the manifest of the bundle in *directory*, once every byte of it is vouched for.

    1. *public* signed the bytes of the manifest, as those of a bundle.
    2. They are the one spelling of a manifest.
    3. It was made at *not_before* or later: an older bundle would bring back revoked grants.
    4. The directory holds the files of the manifest and nothing else, none of them a link.
    5. Each has the length and the SM3 that the manifest gives.

    Args:
        directory: The bundle.
        public: From outside the bundle.
        not_before: The oldest bundle that is taken; without it any.

    Raises:
        SignatureError: If the bundle is not signed by *public*.
        VerificationError: If it is not what its manifest says; names the first bad file.
        ConfigError: If it cannot be read.
    """
    # 1.
    data = _read(directory, MANIFEST, MAX_MANIFEST_BYTES)
    if not os.path.lexists(directory / SIGNATURE):
        raise SignatureError(f"the bundle has no `{SIGNATURE}`; it is not signed")
    signature = _read(directory, SIGNATURE, MAX_SIGNATURE_BYTES)
    verify(public, signed_message(data), signature, signer_id=DEFAULT_ID)
    # 2.
    manifest = BundleManifest.from_bytes(data)
    # 3.
    if not_before is not None and manifest.created < not_before:
        raise VerificationError("the bundle is older than the oldest that is taken")
    # 4. 5.
    _verify_files(directory, manifest)
    return manifest


def load_signed_bundle(
    directory: Path, public: PublicKey, *, not_before: datetime | None = None
) -> tuple[Register, Bundle]:
    """Return the registers and the policy of a bundle that *public* signed.

    No register and no rule is parsed before the whole bundle is verified. Whoever changes a file
    after that changes the revision, which is compared once more with the signed one.

    Raises:
        SignatureError: If the bundle is not signed by *public*.
        VerificationError: If it is not what its manifest says; names the first bad file.
        ConfigError: If it cannot be read.
        FactError: If a register is wrong.
        PolicyError: If a file of a pack is wrong.
    """
    bundle = _load(directory, verify_bundle(directory, public, not_before=not_before))
    return bundle.register, bundle


def _load(directory: Path, manifest: BundleManifest) -> Bundle:
    bundle = load_copy(directory, manifest.profile, manifest.precedence)
    # INVARIANT: the revision covers every byte that was parsed, so nothing unsigned gets by.
    if bundle.revision != manifest.revision:
        raise VerificationError("the bundle does not load as the revision that its manifest names")
    return bundle


def _verify_files(directory: Path, manifest: BundleManifest) -> None:
    """Check the files from the first to the last in the order of their paths."""
    wanted = {file.path: file for file in manifest.files}
    there = _list_files(directory, {parent for path in wanted for parent in _parents(path)})
    for path in sorted({*there, *wanted}):
        if path not in wanted:
            raise VerificationError(f"`{_shown(path)}` is in the bundle but not in its manifest")
        if path not in there:
            raise VerificationError(f"`{path}` is missing from the bundle")
        if there[path] != wanted[path].size_bytes:
            raise VerificationError(f"`{path}` does not have the length that the manifest gives")
        try:
            found = describe_file(directory / path, path)
        except OSError as error:
            raise VerificationError(f"`{path}` cannot be read ({error.strerror})") from None
        if found != wanted[path]:
            raise VerificationError(f"`{path}` does not have the SM3 that the manifest gives")


def _list_files(directory: Path, directories: Collection[str]) -> dict[str, int]:
    """Return the size of every file by its path, below *directory* and the *directories* in it.

    Raises:
        VerificationError: If anything else is there.
    """
    files: dict[str, int] = {}
    for below in sorted({"", *directories}):
        try:
            entries = sorted(os.scandir(directory / below), key=lambda entry: entry.name)
        except OSError:
            raise VerificationError(f"`{below}` is missing from the bundle") from None
        for entry in entries:
            path = f"{below}{entry.name}"
            state = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(state.st_mode):
                files[path] = state.st_size
            elif not stat.S_ISDIR(state.st_mode):
                raise VerificationError(f"`{_shown(path)}` in the bundle is not a plain file")
            elif f"{path}/" not in directories:
                raise VerificationError(
                    f"`{_shown(path)}` is in the bundle but not in its manifest"
                )
    for own in (MANIFEST, SIGNATURE):
        files.pop(own, None)
    return files


def _parents(path: str) -> Iterator[str]:
    """Yield the directories above *path* in the bundle, each with its slash."""
    for parent in PurePosixPath(path).parents:
        if parent.name:
            yield f"{parent}/"


def _read(directory: Path, name: str, most: int) -> bytes:
    if not directory.is_dir():
        raise ConfigError(f"`{directory.name}` is not the directory of a bundle; check the path")
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(directory / name, flags), "rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise VerificationError(f"`{name}` cannot be read ({error.strerror})") from None
    if len(data) > most:
        raise VerificationError(f"`{name}` is longer than {most} bytes")
    return data


def _shown(path: str) -> str:
    # The name is whoever's who put the file there; only a plain one is repeated.
    return path if path.isascii() and path.isprintable() and "`" not in path else "a file"
