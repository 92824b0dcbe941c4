# SPDX-License-Identifier: Apache-2.0
"""``govshare egress scan``: what of files was obtained by sharing, without a sidecar."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from govshare_policy.cli.audit_common import there
from govshare_policy.cli.output import Output, OutputOption, chosen_output, dump, visible
from govshare_policy.egress.guard import Envelope
from govshare_policy.egress.onward import evidence_of
from govshare_policy.egress.place import Place
from govshare_policy.egress.station import Station
from govshare_policy.egress.verdict import Outcome, Verdict
from govshare_policy.errors import AuditError, CallError, VerificationError

_MAX_BYTES = 256 << 20

DirectoryOption = Annotated[
    Path, typer.Option("--directory", help="Of the guard: `egress.directory` of the sidecar.")
]
KeysOption = Annotated[Path, typer.Option("--keys", help="The key file of the department.")]


@contextmanager
def station(place: Place) -> Iterator[Station]:
    """Open the guard at *place*; one that is damaged is a system that cannot do it.

    Raises:
        AuditError: If it is damaged.
        ConfigError: If a file cannot be used.
    """
    try:
        opened = Station.open(place)
    except VerificationError as error:
        raise AuditError(str(error)) from None
    with opened:
        yield opened


def scan_command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="What is to be sent.")],
    directory: DirectoryOption,
    keys: KeysOption,
    *,
    to: Annotated[
        str, typer.Option("--to", help="To whom; files to one destination add up over a day.")
    ] = "",
    output: OutputOption = None,
) -> None:
    """Look for obtained data in files, in any ordinary form; exits 1 if one may not be passed on.

    What is printed names receipts, fields and counts, and nothing of the data. Without --to each
    file stands for itself. Nothing is recorded: that does the sidecar, for what really leaves.

    Example: govshare egress scan letter.docx list.xlsx --directory egress --keys keys/egress.key
    """
    at, place = datetime.now(UTC), Place(directory=there(directory), keys=there(keys))
    documents = []
    with station(place) as guard:
        for number, file in enumerate(files):
            body = _read(there(file))
            caller, destination = ("cli", to) if to else (f"cli-{at.timestamp()}", str(number))
            envelope = Envelope(caller=caller, destination=destination, at=at, name=file.name)
            documents.append(_document(file, guard.scan([(body, "")], envelope)))
    chosen = chosen_output(output, off_terminal=Output.JSON)
    if chosen is Output.TABLE:
        for one in documents:
            typer.echo(_line(one))
    elif chosen is Output.JSONL:
        for one in documents:
            typer.echo(dump(one, Output.JSONL))
    else:
        typer.echo(dump({"files": documents}, Output.JSON))
    raise typer.Exit(int(any(one["outcome"] == Outcome.DENY.value for one in documents)))


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        body = opened.read(_MAX_BYTES + 1)
    if len(body) > _MAX_BYTES:
        raise CallError(f"`{file.name}` is larger than {_MAX_BYTES} bytes")
    return body


def _document(file: Path, verdict: Verdict) -> dict[str, object]:
    return {
        "file": file.name,
        "outcome": verdict.outcome.value,
        "causes": [cause.value for cause in verdict.causes],
        "code": verdict.code,
        "records": verdict.rows,
        "releases": verdict.releases,
        "layers": list(verdict.layers),
        "evidence": [dict(evidence_of(one)) for one in verdict.evidence],
    }


def _line(document: dict[str, object]) -> str:
    name, outcome = visible(str(document["file"])), document["outcome"]
    if document["code"]:
        return f"✗ {name} · 无法检查 cannot be read: {document['code']}"
    if outcome == Outcome.PASS.value:
        return f"✓ {name}"
    return (
        f"✗ {name} · {outcome} · {document['records']} 条记录 records · "
        f"{document['releases']} 份回执 receipts"
    )
