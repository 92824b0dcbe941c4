# SPDX-License-Identifier: Apache-2.0
"""``govshare audit export``: a log as lines that other tools read."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer

from govshare_policy.audit import load_trust, verify_log
from govshare_policy.cli.audit_common import (
    ClauseOption,
    DepartmentOption,
    EffectOption,
    GrantOption,
    LogArgument,
    OutcomeOption,
    PersonOption,
    PhaseOption,
    ResourceOption,
    SaltsOption,
    SinceOption,
    SystemOption,
    TrustOption,
    UntilOption,
    choice_of,
    outside,
    processors,
    sought_by,
    there,
)
from govshare_policy.cli.output import progress
from govshare_policy.inspection.export import Form, export


def export_command(  # noqa: PLR0913  one parameter an option
    log: LogArgument,
    *,
    form: Annotated[Form, typer.Option("--format", help="What a line is.")],
    department: DepartmentOption = None,
    system: SystemOption = None,
    resource: ResourceOption = None,
    grant: GrantOption = None,
    outcome: OutcomeOption = None,
    effect: EffectOption = None,
    clause: ClauseOption = None,
    phase: PhaseOption = None,
    person: PersonOption = None,
    salts: SaltsOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    trust: TrustOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write to this file.")] = None,
) -> None:
    """Write the records of a log as JSON lines, CSV, CADF or OCSF events, one line each.

    With --trust the log is verified first, and only what it vouches for is written. The memory
    it takes does not grow with the log.

    Example: govshare audit export audit/log --format ocsf --from 2026-01-01 --trust trust.toml
    """
    choice = choice_of(
        department=department,
        system=system,
        resource=resource,
        grant=grant,
        outcome=outcome,
        effect=effect,
        clause=clause,
        phase=phase,
        person=person,
        since=since,
        until=until,
    )
    outside(there(log), out)
    verdict = None
    if trust is not None:
        with progress("bytes") as tick:
            policy = load_trust(there(trust))
            verdict = verify_log(log, policy, progress=tick, workers=processors())
    with sought_by(person, salts) as sought, progress("records") as tick, _opened(out, form) as to:
        for line in export(log, form, choice, sought=sought, verdict=verdict, progress=tick):
            to.write(line)


@contextmanager
def _opened(out: Path | None, form: Form) -> Iterator[TextIO]:
    """Give a file or standard output; line ends stay as they are."""
    if out is None:
        yield sys.stdout
        return
    # The mark tells spreadsheets that it is UTF-8.
    encoding = "utf-8-sig" if form is Form.CSV else "utf-8"
    with out.open("w", encoding=encoding, newline="") as file:
        yield file
