# SPDX-License-Identifier: Apache-2.0
"""``govshare egress register`` and ``allow``: what the guard is told by hand."""

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from govshare_policy.cli.audit_common import there
from govshare_policy.cli.egress_common import (
    DirectoryOption,
    KeyOption,
    KeysOption,
    PublicOption,
    parse_day,
    show,
)
from govshare_policy.cli.egress_scan import station
from govshare_policy.cli.output import LangOption, OutputOption
from govshare_policy.cli.passphrase import PassphraseOption, read_passphrase
from govshare_policy.cli.workflow import print_rows
from govshare_policy.crypto import load_public_key, open_signer
from govshare_policy.egress.allowed import FORMS, Allowance, add_allowance, load_allowances
from govshare_policy.egress.obtained import form_of_name, rows_of
from govshare_policy.egress.place import ALLOWED, Place
from govshare_policy.egress.register import Counts, ReleasedRows, ReleaseMeta, Scalar
from govshare_policy.errors import CallError
from govshare_policy.identity import legal_day

_ALLOWED: Final = {
    "destination": "目的地",
    "form": "形式",
    "until": "截止日",
    "approver": "审批人",
    "reason": "理由",
}

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
    lang: LangOption = None,
) -> None:
    """Register a file that was obtained without a sidecar, so that it is recognised later.

    Example: govshare egress register batch.csv --receipt 01996f26-3900-7052-802a-0017d0aa0550
    --resource R08 --provider D-CAB --grant G01 --subject id_no --directory egress
    --keys keys/egress.key
    """
    fields, rows = _rows_in(file, named={*(subject or ()), *(sent or ())})
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
    show(
        _registered(release, counts),
        output,
        lang,
        zh=f"已登记 · {len(rows)} 行 · 保留 {counts.kept} 值",
        en=f"registered · {len(rows)} rows · {counts.kept} values kept",
    )


def _rows_in(
    file: Path, *, named: Collection[str]
) -> tuple[tuple[str, ...], list[dict[str, Scalar]]]:
    fields, rows = rows_of(there(file).read_bytes(), form_of_name(file.name))
    if not rows or set(named) - set(fields):
        raise CallError("the file has no rows, or not all of the fields that were named")
    return fields, rows


def _registered(release: ReleasedRows, counts: Counts) -> dict[str, object]:
    return {
        "receipt": release.meta.receipt_id,
        "rows": len(release.rows),
        "kept": counts.kept,
        "too_common": counts.too_common,
        "sent": counts.sent,
        "held": counts.held,
    }


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
    lang: LangOption = None,
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
    words = f"{destination} · {form} · {until}"
    show(_allowance(allowance), output, lang, zh=f"已许可 · {words}", en=f"allowed · {words}")


@allow_app.command("list")
def allowed_command(
    directory: DirectoryOption,
    public: PublicOption,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """List what an approver lets pass unread, once every line is verified.

    Example: govshare egress allow list --directory egress --public keys/approver.pub
    """
    found = load_allowances(there(directory) / ALLOWED, public=load_public_key(there(public)))
    documents = [_allowance(one) for one in found]
    print_rows("allowances", documents, _ALLOWED, output=output, lang=lang)


def _allowance(allowance: Allowance) -> dict[str, object]:
    return {
        "destination": allowance.destination,
        "form": allowance.form,
        "approver": allowance.approver,
        "reason": allowance.reason,
        "since": allowance.since.isoformat(),
        "until": allowance.until.isoformat(),
    }
