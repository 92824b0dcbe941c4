# SPDX-License-Identifier: Apache-2.0
"""``govshare audit envelope``: did the caller sign what the record says it asked?"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from govshare_policy.audit import parse_record, read_records
from govshare_policy.cli.audit_common import LogArgument, there
from govshare_policy.cli.output import (
    Lang,
    LangOption,
    Output,
    OutputOption,
    chosen_lang,
    chosen_output,
    console,
    dump,
    visible,
)
from govshare_policy.crypto import sm3
from govshare_policy.envelope import read_signed, verify_kept, verify_signed
from govshare_policy.errors import CallError, VerificationError
from govshare_policy.identity import CertificateTrust, legal_day
from govshare_policy.register import load_register


def envelope_command(
    log: LogArgument,
    records: Annotated[
        list[str] | None,
        typer.Argument(metavar="RECORD…", help="Ids of decisions; by default all with one."),
    ] = None,
    *,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="The registers as they were then: whose keys they are."),
    ] = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Verify the envelopes that records keep, and compare what they say with their records.

    Exits 0 if each is good, and 1 if one is not, or a RECORD keeps none. Without --data it is not
    known whose keys signed. Says nothing about the log: verify it first.

    Example: govshare audit envelope audit/log 01996f26-3900-7052-802a-0017d0aa0550 --data data
    """
    form, chinese = chosen_output(output, off_terminal=Output.JSON), chosen_lang(lang) is Lang.ZH
    trust = CertificateTrust(register=load_register(there(data))) if data is not None else None
    wanted, counts = set(records or ()), Counter[bool]()
    found: list[dict[str, object]] = []
    for index, record in _decisions(there(log), wanted):
        row = {"index": index, "id": record.get("id")} | _examined(record, trust)
        counts[row["verified"] is True] += 1
        wanted.discard(str(record.get("id")))
        if form is Output.JSON:
            found.append(row)
        elif form is Output.JSONL:
            typer.echo(dump(row, form))
        else:
            _print(row, chinese=chinese)
    if wanted:
        raise CallError("the log has no decision of one of the ids; check RECORD")
    if form is Output.JSON:
        totals = {"good": counts[True], "bad": counts[False]}
        typer.echo(dump({**totals, "envelopes": found}, form))
    if counts[False]:
        raise typer.Exit(1)


def _decisions(log: Path, wanted: set[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the decisions of the ids *wanted*, or else all that keep an envelope."""
    chosen = frozenset(wanted)
    for index, data in read_records(log):
        record = parse_record(data)
        if record.get("phase") != "decision":
            continue
        if record.get("id") in chosen or (not chosen and "envelope" in record):
            yield index, record


def _examined(record: Mapping[str, Any], trust: CertificateTrust | None) -> dict[str, object]:
    """Return what the envelope of *record* is worth, ready for JSON."""
    signed = record.get("envelope")
    if not isinstance(signed, str):
        return {"verified": False, "error": "the record keeps no envelope"}
    try:
        content = verify_signed(signed)
        key = sm3(read_signed(signed)[3].to_spki())
        shown = {
            **{name: content[name] for name in ("system", "department", "audience", "at")},
            "key": f"sm3:{key.hex()}",
        }
        verify_kept(content, record)
        if trust is not None:
            _verify_owner(trust, key, record)
            shown["registered"] = True
    except (CallError, VerificationError) as error:
        return {"verified": False, "error": str(error)}
    return {"verified": True, **shown}


def _verify_owner(trust: CertificateTrust, key: bytes, record: Mapping[str, Any]) -> None:
    flaw, system = trust.registered(key, legal_day(datetime.fromisoformat(record["t"])))
    if flaw is not None or system != record["system"]:
        raise VerificationError("the key is not registered for the system on the day of the call")


def _print(row: Mapping[str, object], *, chinese: bool) -> None:
    good = row["verified"] is True
    mark, style = ("✓", "green") if good else ("✗", "bold red")
    if good:
        signed = "签名有效，与记录一致" if chinese else "signed, and as the record says"
        said = f"{row['system']}  {row['at']}  {signed}"
    else:
        said = str(row["error"])
    console().print(Text(f"{mark} {row['index']}  {row['id']}  {visible(said)}", style=style))
