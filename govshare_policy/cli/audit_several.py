# SPDX-License-Identifier: Apache-2.0
"""``govshare audit verify`` where a directory holds the logs of several workers."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import typer
from rich.text import Text

from govshare_policy.audit import TrustPolicy, verify_log
from govshare_policy.audit.layout import MANIFEST
from govshare_policy.audit.manifest import load_manifest
from govshare_policy.cli.audit_common import processors
from govshare_policy.cli.audit_verdict import failure_document, verdict_document
from govshare_policy.cli.output import Output, console, dump, progress, visible
from govshare_policy.errors import ConfigError, VerificationError

_WORKER: Final = re.compile(r"w(0|[1-9][0-9]{0,2})", re.ASCII)


def logs_in(directory: Path) -> list[Path]:
    """Return the logs in *directory*, those of workers in their order; none if it is one itself.

    What is called like a worker's log is meant to be one, even if nothing in it says so.
    """
    if not directory.is_dir() or (directory / MANIFEST).exists():
        return []
    within = (path for path in directory.iterdir() if path.is_dir())
    logs = (path for path in within if _WORKER.fullmatch(path.name) or (path / MANIFEST).exists())
    return sorted(logs, key=lambda path: (len(path.name), path.name))


def verify_several(
    logs: Sequence[Path],
    policies: Sequence[TrustPolicy],
    form: Output,
    *,
    chinese: bool,
    workers: int | None,
) -> bool:
    """Verify each of *logs* and print a line for it; tell whether all verify.

    Raises:
        ConfigError: If two of *policies* are for one log.
    """
    origins = {policy.origin: policy for policy in policies}
    if len(origins) != len(policies):
        raise ConfigError("two of the trust files are for one log")
    rows: list[dict[str, object]] = []
    for row in _verified(logs, origins, workers or processors()):
        rows.append(row)
        if form is Output.JSONL:
            typer.echo(dump(row, form))
        elif form is Output.TABLE:
            _print(row, chinese=chinese)
    good = all(row["verified"] is True for row in rows)
    if form is Output.JSON:
        typer.echo(dump({"verified": good, "logs": rows}, form))
    return good


def _verified(
    logs: Sequence[Path], policies: dict[str, TrustPolicy], workers: int
) -> Iterator[dict[str, object]]:
    """Yield what each log comes to, and then which policies have no log."""
    left = dict(policies)
    for log in logs:
        try:
            with progress("bytes") as tick:
                policy = _policy_of(log, left, policies)
                verdict = verify_log(log, policy, progress=tick, workers=workers)
            yield {"log": log.name} | verdict_document(verdict)
        except VerificationError as error:
            yield {"log": log.name} | failure_document(error)
    for origin in left:
        missing = VerificationError("there is no log of this name in the directory")
        yield {"log": "", "origin": origin} | failure_document(missing)


def _policy_of(
    log: Path, left: dict[str, TrustPolicy], policies: dict[str, TrustPolicy]
) -> TrustPolicy:
    """Take out of *left* the policy for *log*; which one that is the log says, and it decides.

    Raises:
        VerificationError: If there is none, or it was another log's.
    """
    try:
        origin = load_manifest(log).origin
    except OSError as error:
        kind = type(error).__name__
        raise VerificationError(f"its `{MANIFEST}` cannot be read ({kind})") from None
    if origin not in policies:
        raise VerificationError("none of the trust files is for this log")
    if origin not in left:
        raise VerificationError("it has the name of another log of the directory")
    return left.pop(origin)


def _print(row: dict[str, object], *, chinese: bool) -> None:
    name = str(row["log"] or row["origin"])
    if row["verified"] is True:
        records = "条记录" if chinese else "records"
        said, style = f"✓ {name}  {row['origin']}  {row['size']} {records}", "green"
        said += "".join(f"  {one}" for one in _texts(row["warnings"]))
    else:
        said, style = f"✗ {name}  {row['error']}", "bold red"
    console().print(Text(visible(said), style=style))


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
