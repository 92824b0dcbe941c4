# SPDX-License-Identifier: Apache-2.0
"""The manifest of an index: which of its files are in force, and under which key and folding."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from govshare_policy.audit.disk import Disk, describe
from govshare_policy.egress.folding import fold_id
from govshare_policy.egress.keys import DepartmentKey
from govshare_policy.egress.tags import Mac
from govshare_policy.errors import ConfigError, VerificationError

NAME: Final = "manifest.json"
FORMAT: Final = 2
"""Of the files of an index; another one has another prefilter, and nothing would be found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What is in force.

    Attributes:
        generation: Grows by one with each manifest.
        next_row: The row reference that no run uses.
        runs: The sorted files, in order of rows.
        journal: The journal behind them.
        dropped: First rows of the releases in *runs* that are gone.
    """

    generation: int
    next_row: int
    runs: tuple[str, ...]
    journal: str
    dropped: frozenset[int]


def store_manifest(
    disk: Disk, directory: Path, manifest: Manifest, *, key: DepartmentKey, mac: Mac
) -> None:
    """Put *manifest* in force: all of it or, if this fails, nothing of it.

    Raises:
        OSError: If it may not be on the disk.
    """
    form = {
        "format": FORMAT,
        "key": key.key_id.hex(),
        "fold": fold_id().hex(),
        "generation": manifest.generation,
        "next_row": manifest.next_row,
        "runs": manifest.runs,
        "journal": manifest.journal,
        "dropped": sorted(manifest.dropped),
    }
    body = json.dumps(form).encode() + b"\n"
    code = mac.digest(b"manifest ", body).hex().encode()
    disk.replace(directory / NAME, body + code + b"\n")


def load_manifest(directory: Path, *, key: DepartmentKey, mac: Mac) -> Manifest:
    """Return what is in force in *directory*.

    Raises:
        ConfigError: If there is no index, it is of another format or key, or values were folded in
            another way when it was made, so that nothing would be found.
        VerificationError: If the manifest is not what was written.
    """
    path = directory / NAME
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"there is no index in `{directory}`: {describe(error)}") from None
    body, _, code = text.rstrip(b"\n").rpartition(b"\n")
    body += b"\n"
    try:
        form = json.loads(body)
        key_id, fold = form["key"], form["fold"]
    except (ValueError, KeyError, TypeError):
        raise VerificationError(f"the manifest `{path}` is not what was written") from None
    if key_id != key.key_id.hex():
        raise ConfigError(f"the index in `{directory}` is not under the key of epoch `{key.epoch}`")
    if code != mac.digest(b"manifest ", body).hex().encode():
        raise VerificationError(f"the manifest `{path}` is not what was written")
    if form.get("format") != FORMAT:
        raise ConfigError(
            f"the index in `{directory}` is of an older format; register the releases again"
        )
    if fold != fold_id().hex():
        raise ConfigError(
            f"the index in `{directory}` was made with other character tables; use the versions "
            "of Python and OpenCC it was made with until it has lapsed"
        )
    return Manifest(
        generation=form["generation"],
        next_row=form["next_row"],
        runs=tuple(form["runs"]),
        journal=form["journal"],
        dropped=frozenset(form["dropped"]),
    )
