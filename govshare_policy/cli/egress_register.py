# SPDX-License-Identifier: Apache-2.0
"""``govshare egress register`` and ``allow``: what the guard is told by hand."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from govshare_policy.cli.audit_common import there
from govshare_policy.cli.egress_scan import DirectoryOption, KeysOption, station
from govshare_policy.cli.output import Output, OutputOption, chosen_output, dump
from govshare_policy.cli.passphrase import PassphraseOption, read_passphrase
from govshare_policy.crypto import load_public_key, open_signer
from govshare_policy.egress.allowed import FORMS, Allowance, add_allowance, load_allowances
from govshare_policy.egress.obtained import form_of_name, rows_of
from govshare_policy.egress.place import ALLOWED, Place
from govshare_policy.egress.register import ReleasedRows, ReleaseMeta
from govshare_policy.errors import CallError
from govshare_policy.identity import legal_day

PublicOption = Annotated[
    Path, typer.Option("--public", help="The public key that it has to be signed with.")
]
KeyOption = Annotated[Path, typer.Option("--key", help="The key file that signs.")]

allow_app = typer.Typer(
    no_args_is_help=True,
    help="What an approver lets pass unread, and to whom.\n\n"
    "Example: govshare egress allow list --directory egress --public keys/approver.pub",
)


def register_command(  # noqa: PLR0913  each is an option of the command
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What was obtained: JSON, JSON lines or CSV.")
    ],
    *,
    receipt: Annotated[str, typer.Option("--receipt", help="The id of the provider's record.")],
    resource: Annotated[str, typer.Option("--resource", help="The resource it is of.")],
    provider: Annotated[str, typer.Option("--provider", help="The department that provided it.")],
    grant: Annotated[str, typer.Option("--grant", help="The grant it was obtained under.")],
    directory: DirectoryOption,
    keys: KeysOption,
    subject: Annotated[
        list[str] | None, typer.Option("--subject", help="A field that says whom a row is about.")
    ] = None,
    sent: Annotated[
        list[str] | None, typer.Option("--sent", help="A field whose values were sent by us.")
    ] = None,
    holdings_key: Annotated[
        Path | None, typer.Option("--holdings-key", help="The public key of the own holdings.")
    ] = None,
    lapses_on: Annotated[str, typer.Option("--lapses-on", help="The last day of duties.")] = "",
    soft: Annotated[str, typer.Option("--soft", help="deny, alert or record.")] = "deny",
    output: OutputOption = None,
) -> None:
    """Register a file that was obtained without a sidecar, so that it is recognised later.

    Example: govshare egress register batch.csv --receipt 01996f26-3900-7052-802a-0017d0aa0550
    --resource R08 --provider D-CAB --grant G01 --subject id_no --directory egress
    --keys keys/egress.key
    """
    fields, rows = rows_of(there(file).read_bytes(), form_of_name(file.name))
    missing = {*(subject or ()), *(sent or ())} - set(fields)
    if not rows or missing:
        raise CallError("the file has no rows, or not all of the fields that were named")
    try:
        meta = ReleaseMeta(
            receipt_id=receipt,
            grant=grant,
            resource=resource,
            provider=provider,
            fields=fields,
            registered_at=datetime.now(UTC),
            lapses_on=parse_day(lapses_on, "--lapses-on") if lapses_on else None,
            strength=soft,
        )
    except ValueError as error:
        raise CallError(str(error)) from None
    values = frozenset(str(row[name]) for row in rows for name in sent or () if row.get(name))
    release = ReleasedRows(meta=meta, rows=rows, sent=values, subject_fields=tuple(subject or ()))
    place = Place(directory=directory, keys=there(keys), holdings_key=holdings_key)
    with station(place) as guard:
        counts = guard.register(release).counts
    document = {
        "receipt": receipt,
        "rows": len(rows),
        "kept": counts.kept,
        "too_common": counts.too_common,
        "sent": counts.sent,
        "held": counts.held,
    }
    show(document, output, f"已登记 registered · {len(rows)} 行 rows · {counts.kept} 值 values")


@allow_app.command("add")
def add_command(  # noqa: PLR0913  each is an option of the command
    *,
    destination: Annotated[str, typer.Option("--to", metavar="HOST:PORT", help="To whom.")],
    form: Annotated[str, typer.Option("--form", help=f"One of {', '.join(FORMS)}.")],
    approver: Annotated[str, typer.Option("--approver", help="Who answers for it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    until: Annotated[str, typer.Option("--until", metavar="DATE", help="The last day.")],
    directory: DirectoryOption,
    key: KeyOption,
    passphrase_file: PassphraseOption = None,
    output: OutputOption = None,
) -> None:
    """Let a form that cannot be read pass to one destination, until a day; signed by an approver.

    Example: govshare egress allow add --to archive.example:443 --form encrypted --approver
    deputy-director --reason "sealed archive" --until 2027-01-31 --directory egress
    --key keys/approver.pem --passphrase-file keys/approver.passphrase
    """
    allowance = Allowance(
        destination=destination,
        form=form,
        approver=approver,
        reason=reason,
        since=legal_day(datetime.now(UTC)),
        until=parse_day(until, "--until"),
    )
    signer = open_signer(f"file:{there(key)}", read_passphrase(passphrase_file))
    add_allowance(there(directory) / ALLOWED, allowance, signer=signer)
    show(_allowance(allowance), output, f"已许可 allowed · {destination} · {form} · {until}")


@allow_app.command("list")
def allowed_command(
    directory: DirectoryOption, public: PublicOption, output: OutputOption = None
) -> None:
    """List what an approver lets pass unread, once every line is verified.

    Example: govshare egress allow list --directory egress --public keys/approver.pub
    """
    found = load_allowances(there(directory) / ALLOWED, public=load_public_key(there(public)))
    documents = [_allowance(one) for one in found]
    lines = [f"{one.destination} · {one.form} · {one.until} · {one.approver}" for one in found]
    show({"allowances": documents}, output, "\n".join(lines))


def _allowance(allowance: Allowance) -> dict[str, object]:
    return {
        "destination": allowance.destination,
        "form": allowance.form,
        "approver": allowance.approver,
        "reason": allowance.reason,
        "since": allowance.since.isoformat(),
        "until": allowance.until.isoformat(),
    }


def parse_day(text: str, option: str) -> date:
    """Return the day *text*, as *option* has it.

    Raises:
        CallError: If it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CallError(f"`{option}` is a date such as 2027-01-31") from None


def show(document: dict[str, object], output: Output | None, line: str) -> None:
    """Print *document*, or *line* on a terminal."""
    if chosen_output(output, off_terminal=Output.JSON) is Output.TABLE:
        typer.echo(line)
    else:
        typer.echo(dump(document, output or Output.JSON))
