# SPDX-License-Identifier: Apache-2.0
"""``govshare audit report``: one page for people about one log."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from govshare_policy.audit import TrustPolicy, Verdict, load_trust, verify_log
from govshare_policy.cli.audit_common import LogArgument, outside, processors, there
from govshare_policy.cli.audit_verdict import failure_document, verdict_document
from govshare_policy.cli.output import Lang, LangOption, Output, chosen_lang, dump, progress
from govshare_policy.errors import VerificationError
from govshare_policy.inspection.counts import count
from govshare_policy.inspection.page import Inspected, page
from govshare_policy.policy.registry import load_registry


def report_command(
    log: LogArgument,
    *,
    trust: Annotated[Path, typer.Option("--trust", help="The trust file of the auditor.")],
    out: Annotated[Path, typer.Option("--out", help="The HTML file to write.")],
    lang: LangOption = None,
) -> None:
    """Verify a log and write a report on it: one HTML file that opens offline, in both languages.

    A log that does not verify gives a report that says where, without figures, and exits 1.

    Example: govshare audit report audit/log --trust trust.toml --out report.html
    """
    outside(there(log), out)
    policy = load_trust(there(trust))
    result, counts = _verified(log, policy), None
    if isinstance(result, Verdict):
        with progress("records") as tick:
            counts = count(log, result, progress=tick)
    inspected = Inspected(
        name=log.resolve().name,
        origin=policy.origin,
        trusted=tuple(key.public.fingerprint for key in policy.keys),
        result=result,
        counts=counts,
        made_at=datetime.now(UTC),
    )
    html = page(inspected, load_registry().clauses, chinese=chosen_lang(lang) is Lang.ZH)
    out.write_text(html, encoding="utf-8", errors="backslashreplace")
    if isinstance(result, Verdict):
        typer.echo(dump(verdict_document(result) | {"report": out.name}, Output.JSON))
        return
    typer.echo(dump(failure_document(result) | {"report": out.name}, Output.JSON))
    raise typer.Exit(1)


def _verified(log: Path, policy: TrustPolicy) -> Verdict | VerificationError:
    with progress("bytes") as tick:
        try:
            return verify_log(log, policy, progress=tick, workers=processors())
        except VerificationError as error:
            return error
