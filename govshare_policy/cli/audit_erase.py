# SPDX-License-Identifier: Apache-2.0
"""``govshare audit erase``: make recorded commitments to personal values unprovable, on record."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from govshare_policy.audit import Checkpoint, SaltStore
from govshare_policy.audit.erasure import Erasure, finish_erasures, want_erasure
from govshare_policy.audit.live import is_in_use
from govshare_policy.audit.salttree import day_of
from govshare_policy.cli.audit_common import WorkerOption
from govshare_policy.cli.output import (
    Lang,
    LangOption,
    Output,
    OutputOption,
    chosen_lang,
    chosen_output,
    console,
    dump,
)
from govshare_policy.errors import CallError, ConfigError, VerificationError


def erase_command(
    records: Annotated[
        list[str] | None,
        typer.Argument(metavar="RECORD…", help="Ids of decision records, or of a step's record."),
    ] = None,
    *,
    config: Annotated[Path, typer.Option("--config", help="The sidecar's configuration file.")],
    day: Annotated[
        list[str] | None,
        typer.Option("--day", help="A day (Asia/Shanghai) that is over; may be given again."),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="A code, recorded as it is.")] = "",
    actor: Annotated[
        str, typer.Option("--actor", help="Who wants it; recorded as a commitment.")
    ] = "",
    worker: WorkerOption = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Erase the salts of records or of whole days, so that no value in them can be proven again.

    The erasure is a record of its own, written before the salts go; every record stays, and every
    proof of it. While the sidecar runs, the erasure is kept in mind, and carried out when the
    sidecar is told to reload (SIGHUP) or starts again. Without a record or a day, what was kept in
    mind or broke off is finished.

    Example: govshare audit erase 01996f26-3900-7052-802a-0017d0aa0550 --config govshare.toml
    --reason request_of_the_person --actor wang
    """
    form = chosen_output(output, off_terminal=Output.JSON)
    erasure = None
    if records or day:
        erasure = Erasure(
            records=tuple(dict.fromkeys(records or ())),
            days=tuple(dict.fromkeys(_day(text) for text in day or ())),
            reason=reason,
            actor=actor,
        )
        _verify_ids(erasure.records)
    document = _carry_out(erasure, config, worker, at=datetime.now(UTC))
    if form is not Output.TABLE:
        typer.echo(dump(document, form))
        return
    chinese = chosen_lang(lang) is Lang.ZH
    said = {
        "erased": ("已抹除，记录仍在，证明仍有效", "erased; the records and their proofs stay"),
        "wanted": (
            "已登记；网关正在使用日志，请令其重载（SIGHUP）后执行",
            "kept in mind: the sidecar uses the log; have it reload (SIGHUP) to carry it out",
        ),
    }[str(document["state"])][0 if chinese else 1]
    console().print(Text(said, style="bold"))
    console().print(Text(dump(document, Output.JSON)))


def _carry_out(
    erasure: Erasure | None, config: Path, worker: int | None, *, at: datetime
) -> dict[str, object]:
    """Have *erasure*, if any, and whatever is unfinished carried out, and return what was done."""
    try:
        from govshare_sidecar.config import load_config  # noqa: PLC0415  an extra
        from govshare_sidecar.journal import open_log  # noqa: PLC0415
        from govshare_sidecar.share import log_of  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigError(f"this needs `{error.name}`; install govshare-policy[sidecar]") from None
    log_config = log_of(load_config(config), worker)
    directory = log_config.directory
    for path in (directory / "checkpoint", log_config.salts):
        if not path.exists():
            raise ConfigError(f"`{path.name}` does not exist; nothing has been recorded yet")
    wanted = ""
    with SaltStore(log_config.salts) as salts:
        if erasure is not None:
            size = Checkpoint.from_note((directory / "checkpoint").read_bytes()).size
            wanted = want_erasure(salts, directory, erasure, at=at, log_size=size)
        if is_in_use(directory):
            return {"state": "wanted", "record": wanted, "finished": []}
        with open_log(log_config, now=lambda: datetime.now(UTC)) as log:
            done = finish_erasures(salts, log, directory, at=at)
    finished = [{"record": one.record, "index": one.index} for one in done]
    return {"state": "erased", "record": wanted, "finished": finished}


def _verify_ids(records: tuple[str, ...]) -> None:
    try:
        for record in records:
            day_of(record)
    except VerificationError as error:
        raise CallError(f"{error}; RECORD takes an id such as `audit query` shows") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CallError("--day takes a date, such as 2026-01-05") from None
