# SPDX-License-Identifier: Apache-2.0
"""``govshare audit``: what auditors run over a log, and what its operator does to keep it."""

from itertools import islice
from typing import Annotated

import typer

from govshare_policy.audit import parse_record, read_records
from govshare_policy.cli.audit_common import MAX_NUMBER, LogArgument, there
from govshare_policy.cli.audit_envelope import envelope_command
from govshare_policy.cli.audit_erase import erase_command
from govshare_policy.cli.audit_export import export_command
from govshare_policy.cli.audit_forecast import forecast_command, salts_command
from govshare_policy.cli.audit_keep import archive_command, drop_command, hold_command
from govshare_policy.cli.audit_prove import prove_command
from govshare_policy.cli.audit_query import query_command
from govshare_policy.cli.audit_records import print_records
from govshare_policy.cli.audit_replay import replay_command
from govshare_policy.cli.audit_report import report_command
from govshare_policy.cli.audit_verify import verify_command
from govshare_policy.cli.output import (
    Lang,
    LangOption,
    Output,
    OutputOption,
    chosen_lang,
    chosen_output,
    dump,
)

audit_app = typer.Typer(no_args_is_help=True, help="Verify, read and report on an audit log.")
audit_app.command("verify")(verify_command)


@audit_app.command("show")
def show_command(
    log: LogArgument,
    first: Annotated[
        int, typer.Option("--from", min=0, max=MAX_NUMBER, help="The first record shown.")
    ] = 0,
    count: Annotated[
        int, typer.Option("--count", min=1, max=MAX_NUMBER, help="The most records shown.")
    ] = 100,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Show the records of a log as they stand. Says nothing about trust: verify first.

    Example: govshare audit show audit/log --from 0 --count 20
    """
    form = chosen_output(output, off_terminal=Output.JSON)
    wanted = islice(read_records(there(log)), first, min(first + count, MAX_NUMBER))
    records = ((index, parse_record(data)) for index, data in wanted)
    if form is Output.TABLE:
        print_records(records, chinese=chosen_lang(lang) is Lang.ZH)
        return
    rows = ({"index": index, "record": record} for index, record in records)
    if form is Output.JSONL:
        for row in rows:
            typer.echo(dump(row, form))
    else:
        typer.echo(dump({"records": list(rows)}, form))


audit_app.command("query")(query_command)
audit_app.command("prove")(prove_command)
audit_app.command("export")(export_command)
audit_app.command("report")(report_command)
audit_app.command("replay")(replay_command)
audit_app.command("envelope")(envelope_command)
audit_app.command("erase")(erase_command)
audit_app.command("archive")(archive_command)
audit_app.command("drop")(drop_command)
audit_app.command("hold")(hold_command)
audit_app.command("forecast")(forecast_command)
audit_app.command("salts")(salts_command)
