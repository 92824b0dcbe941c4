# SPDX-License-Identifier: Apache-2.0
"""``govshare egress scan``: what of files was obtained by sharing, without a sidecar."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from govshare_policy.cli.audit_common import there
from govshare_policy.cli.egress_common import DirectoryOption, KeysOption
from govshare_policy.cli.egress_words import lines_of
from govshare_policy.cli.output import (
    Lang,
    LangOption,
    Output,
    OutputOption,
    chosen_lang,
    chosen_output,
    dump,
)
from govshare_policy.egress.guard import Envelope
from govshare_policy.egress.onward import evidence_of
from govshare_policy.egress.place import Place
from govshare_policy.egress.reading import Limits
from govshare_policy.egress.station import Station
from govshare_policy.egress.verdict import Outcome, Verdict
from govshare_policy.errors import AuditError, VerificationError

_USUAL: Final = Limits()
_MOST_BYTES: Final = 1 << 30


@contextmanager
def station(place: Place, *, limits: Limits | None = None) -> Iterator[Station]:
    """Open the guard at *place*; one that is damaged is a system that cannot do it.

    Raises:
        AuditError: If it is damaged.
        ConfigError: If a file cannot be used.
    """
    try:
        opened = Station.open(place, limits=limits)
    except VerificationError as error:
        raise AuditError(str(error)) from None
    with opened:
        yield opened


def scan_command(  # noqa: PLR0913  each is an option of the command
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="What is to be sent.")],
    directory: DirectoryOption,
    keys: KeysOption,
    *,
    to: Annotated[
        str, typer.Option("--to", help="To whom; files to one destination add up over a day.")
    ] = "",
    max_bytes: Annotated[
        int, typer.Option("--max-bytes", min=1, max=_MOST_BYTES, help="Of one file.")
    ] = _USUAL.body_bytes,
    max_expanded_bytes: Annotated[
        int,
        typer.Option(
            "--max-expanded-bytes", min=1, max=_MOST_BYTES, help="Of what is unpacked of it."
        ),
    ] = _USUAL.expanded_bytes,
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, help="Seconds to read one file.")
    ] = _USUAL.seconds,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Look for obtained data in files, in any ordinary form; exits 1 if one may not be passed on.

    What is printed names receipts, fields and counts, and nothing of the data. Without --to each
    file stands for itself. Nothing is recorded: that does the sidecar, for what really leaves.

    Example: govshare egress scan letter.docx list.xlsx --directory egress --keys keys/egress.key
    """
    at, place = datetime.now(UTC), Place(directory=there(directory), keys=there(keys))
    limits = Limits(body_bytes=max_bytes, expanded_bytes=max_expanded_bytes, seconds=timeout)
    documents = []
    with station(place, limits=limits) as guard:
        for number, file in enumerate(files):
            body = _read(there(file), limits.body_bytes)
            caller, destination = ("cli", to) if to else (f"cli-{at.timestamp()}", str(number))
            envelope = Envelope(caller=caller, destination=destination, at=at, name=file.name)
            documents.append(_document(file, guard.scan([(body, "")], envelope)))
    _print(documents, output, lang)
    raise typer.Exit(int(any(one["outcome"] == Outcome.DENY.value for one in documents)))


def _print(
    documents: Iterable[dict[str, object]], output: Output | None, lang: Lang | None
) -> None:
    chosen = chosen_output(output, off_terminal=Output.JSON)
    if chosen is Output.TABLE:
        for one in documents:
            for line in lines_of(one, chosen_lang(lang)):
                typer.echo(line)
    elif chosen is Output.JSONL:
        for one in documents:
            typer.echo(dump(one, Output.JSONL))
    else:
        typer.echo(dump({"files": list(documents)}, Output.JSON))


def _read(file: Path, most: int) -> bytes:
    # One byte more than may be read is enough to be refused as too large.
    with file.open("rb") as opened:
        return opened.read(most + 1)


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
