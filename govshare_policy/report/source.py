# SPDX-License-Identifier: Apache-2.0
"""The logs that a report is made from: verified first where a trust file is given, then read."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from govshare_policy.audit import TrustPolicy, Verdict, format_time, read_records, verify_log
from govshare_policy.audit.manifest import load_manifest
from govshare_policy.errors import AuditError, CallError, ConfigError, VerificationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One log and what is known of it.

    Attributes:
        origin: The name of the log.
        verdict: What it verified as; ``None`` where nobody asked, so that nothing vouches for it.
    """

    directory: Path
    origin: str
    verdict: Verdict | None

    def numbered(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the records in order, with their numbers: those that were verified, or all.

        Raises:
            VerificationError: If the log cannot be read to its end, or a record is no object.
            AuditError: If a file cannot be read.
        """
        try:
            for index, data in read_records(self.directory):
                if self.verdict is not None and index >= self.verdict.size:
                    break  # written since; the next report has it
                yield index, _parse(data, index)
        except OSError as error:
            raise AuditError(f"the log `{self.origin}` cannot be read ({error.strerror})") from None

    def to_document(self) -> dict[str, object]:
        """Return what the report says of the log."""
        document: dict[str, object] = {
            "origin": self.origin,
            "verified": self.verdict is not None,
        }
        if self.verdict is not None:
            document |= {
                "records": self.verdict.size,
                "root": self.verdict.root.hex(),
                "checkpoints": self.verdict.checkpoints,
                "last_time": format_time(self.verdict.last_time),
                "warnings": list(self.verdict.warnings),
            }
        return document


def open_sources(
    directories: Sequence[Path],
    trusts: Sequence[TrustPolicy] = (),
    *,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Source, ...]:
    """Return the logs in *directories*, each verified if *trusts* are given.

    Args:
        directories: At least one; the same log twice would count its calls twice.
        trusts: One for each log, in any order; empty means that nothing is verified.
        progress: Told the bytes verified of the present log, and those there are.

    Raises:
        CallError: If a log stands there twice.
        ConfigError: If a directory holds no log, or no trust file is about it.
        VerificationError: If a log does not verify.
    """
    by_origin = {trust.origin: trust for trust in trusts}
    sources: list[Source] = []
    seen: set[bytes] = set()
    for directory in directories:
        try:
            manifest = load_manifest(directory)
        except OSError as error:
            raise ConfigError(_no_log(directory, error)) from None
        if manifest.genesis in seen:
            raise CallError(f"the log `{manifest.origin}` is given twice")
        seen.add(manifest.genesis)
        verdict = None
        if trusts:
            if manifest.origin not in by_origin:
                given = ", ".join(f"`{origin}`" for origin in by_origin)
                raise ConfigError(
                    f"no trust file is for the log `{manifest.origin}`; those given are for {given}"
                )
            verdict = verify_log(directory, by_origin[manifest.origin], progress=progress)
        sources.append(Source(directory=directory, origin=manifest.origin, verdict=verdict))
    return tuple(sources)


def _no_log(directory: Path, error: OSError) -> str:
    """Return what is wrong with a path at which no log could be opened."""
    name = directory.name or str(directory)
    if not directory.exists():
        return f"`{name}` does not exist; --log takes the directory of a log"
    if not directory.is_dir():
        return f"`{name}` is a file; --log takes the directory of a log"
    inside = sorted(path.parent.relative_to(directory) for path in directory.glob("*/log.json"))
    if isinstance(error, FileNotFoundError) and inside:
        return f"`{name}` is not a log but holds one; give `{name}/{inside[0]}`"
    if isinstance(error, FileNotFoundError):
        return f"`{name}` is not the directory of a log: it holds no `log.json`"
    return f"the log in `{name}` cannot be read: {str(error.strerror).lower()}"


def _parse(data: bytes, index: int) -> dict[str, Any]:
    try:
        record = json.loads(data)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise VerificationError(f"record {index} of the log is not an object")
    return record
