# SPDX-License-Identifier: Apache-2.0
"""Make an unsigned bundle: copy packs and registers, load the copy, write down what it is."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from govshare_policy.crypto import sm3_new
from govshare_policy.errors import ConfigError, FactError, PolicyError
from govshare_policy.policy import Bundle, Precedence, load_bundle, packs_directory
from govshare_policy.register import load_register
from govshare_policy.signed.manifest import (
    MANIFEST,
    MAX_FILE_BYTES,
    PATH,
    BundleManifest,
    FileEntry,
)

COMMON: Final = "common"
_CHUNK_BYTES: Final = 1 << 20


def build_bundle(
    target: Path,
    *,
    profile: str,
    data: Path,
    precedence: Precedence,
    created: datetime,
    packs: Path | None = None,
) -> BundleManifest:
    """Write the texts that *precedence* asks and the registers in *data* to the new *target*.

    The same input gives the same bytes. What is written was loaded from the copy, so a bundle
    that does not load is never made.

    Args:
        target: A directory that does not exist yet; it appears whole or not at all.
        profile: A profile id, such as ``hubei``.
        data: The data directory.
        precedence: Which texts the bundle decides by.
        created: When it is made; stated in the manifest and used for nothing else.
        packs: The directory of the packs; by default the one that came with the library.

    Raises:
        ConfigError: If *target* exists or cannot be written.
        FactError: If a register is wrong.
        PolicyError: If the profile is unknown or a file of a pack is wrong.
    """
    if target.exists() or target.is_symlink():
        raise ConfigError(f"`{target.name}` exists; choose another name")
    source = packs or packs_directory()
    texts = load_bundle(profile, load_register(data), precedence=precedence, packs=source).texts
    names = (COMMON, *(text.pack.profile for text in texts))
    # A bundle must name its own profile even where only the national text is asked.
    names = (*names, profile) if profile not in names else names
    try:
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.absolute().parent))
    except OSError as error:
        raise ConfigError(f"`{target.name}` cannot be written ({error.strerror})") from None
    try:
        for name in names:
            _copy_all(_pack_files(source / name), work / "packs" / name)
        _copy_all(_data_files(data), work / "data")
        manifest = _describe(work, load_copy(work, profile, precedence), created=created)
        (work / MANIFEST).write_bytes(manifest.to_bytes())
        work.chmod(0o755)
        work.rename(target)
    except OSError as error:
        raise ConfigError(f"`{target.name}` cannot be written ({error.strerror})") from None
    finally:
        with suppress(FileNotFoundError):  # renamed: nothing is left to clear
            shutil.rmtree(work)
    return manifest


def load_copy(directory: Path, profile: str, precedence: Precedence) -> Bundle:
    """Load the policy of the bundle in *directory*, without asking whether it is signed.

    Raises:
        FactError: If a register is wrong.
        PolicyError: If a file of a pack is wrong.
    """
    register = load_register(directory / "data")
    return load_bundle(profile, register, precedence=precedence, packs=directory / "packs")


def describe_file(path: Path, name: str) -> FileEntry:
    """Return the entry of the regular file *path*, which the bundle calls *name*.

    Raises:
        OSError: If it cannot be read, or is a symbolic link.
        VerificationError: If it is longer than a file of a bundle may be.
    """
    state, size = sm3_new(), 0
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        while size <= MAX_FILE_BYTES and (chunk := file.read(_CHUNK_BYTES)):
            state.update(chunk)
            size += len(chunk)
    return FileEntry(path=name, size_bytes=size, digest=state.digest())


def _describe(work: Path, bundle: Bundle, *, created: datetime) -> BundleManifest:
    names = sorted(p.relative_to(work).as_posix() for p in work.rglob("*") if p.is_file())
    return BundleManifest(
        profile=bundle.profile,
        precedence=bundle.precedence,
        revision=bundle.revision,
        created=created,
        files=tuple(describe_file(work / name, name) for name in names),
    )


def _pack_files(directory: Path) -> Iterator[Path]:
    """Yield what a pack says; its cases are evidence about it and stay behind."""
    for path in sorted(directory.iterdir()):
        if PATH.fullmatch(f"packs/{directory.name}/{path.name}"):
            yield _bounded(path, PolicyError)


def _data_files(directory: Path) -> Iterator[Path]:
    """Yield what a register is loaded from: everything but hidden files and notes."""
    for path in sorted(directory.iterdir()):
        if not path.name.startswith(".") and path.suffix != ".md":
            yield _bounded(path, FactError)


def _bounded(path: Path, error: type[FactError | PolicyError]) -> Path:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise error(f"{path.name}: larger than {MAX_FILE_BYTES >> 20} MiB")
    return path


def _copy_all(paths: Iterator[Path], directory: Path) -> None:
    directory.mkdir(parents=True)
    for path in paths:
        shutil.copyfile(path, directory / path.name)
