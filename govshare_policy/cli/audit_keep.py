# SPDX-License-Identifier: Apache-2.0
"""``govshare audit archive``, ``drop`` and ``hold``: what the operator does to keep a log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.text import Text

from govshare_policy.audit import AuditLog, Receipt, SaltStore, load_trust
from govshare_policy.audit.disk import describe
from govshare_policy.audit.live import is_in_use
from govshare_policy.cli.audit_common import WorkerOption, there
from govshare_policy.cli.output import (
    Lang,
    LangOption,
    Output,
    OutputOption,
    chosen_lang,
    chosen_output,
    console,
    dump,
    progress,
)
from govshare_policy.crypto import open_signer
from govshare_policy.errors import AuditError, CallError, ConfigError
from govshare_policy.identity import SHANGHAI, legal_day
from govshare_policy.keeping import (
    archive_log,
    drop_segments,
    lift_hold,
    load_terms,
    longest,
    place_hold,
    plan_drop,
    record_archive,
    standing_holds,
)

if TYPE_CHECKING:
    from govshare_sidecar.config import Config

ConfigOption = Annotated[Path, typer.Option("--config", help="The sidecar's configuration file.")]
TrustFile = Annotated[Path, typer.Option("--trust", help="The trust file of the log.")]
_SAID: Final = {
    "archived": ("已归档，副本已核验并记入日志", "archived; the copy was verified, and recorded"),
    "copied": (
        "副本已核验；网关正在使用日志，停止后再次运行即记入日志",
        "copied and verified; stop the sidecar and run this again to have it recorded",
    ),
    "dropped": ("已移出，移出前已记入日志", "dropped; the log said so before"),
    "to_drop": ("核验通过，尚未移出；加 --yes 执行", "verified, not dropped yet; --yes does it"),
    "holds": ("冻结", "holds that stand"),
}


def archive_command(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="The archive, on another disk.")],
    *,
    config: ConfigOption,
    trust: TrustFile,
    place: Annotated[
        str, typer.Option("--place", help="What the record calls DIR; by default its name.")
    ] = "",
    worker: WorkerOption = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Copy the full segments of the log to DIR, verify the whole copy, and record it.

    What DIR has is compared and never overwritten. Should this be cut short, run it again.

    Example: govshare audit archive /mnt/second/audit --config govshare.toml --trust trust.toml
    """
    now, loaded = datetime.now(UTC), _load(config, worker)
    log = loaded.log
    with _refusing("the log cannot be archived"), progress("bytes") as tick:
        archive = archive_log(
            log.directory,
            target,
            trust=load_trust(there(trust)),
            signer=open_signer(log.key, log.passphrase),
            at=now,
            progress=tick,
        )
        state = "archived"
        if not archive.is_recorded:
            if is_in_use(log.directory):
                state = "copied"
            else:
                with _writer(loaded) as append:
                    record_archive(archive, append, place=place or target.name, at=now)
    document: dict[str, object] = {
        "state": state,
        "records": archive.listing.size,
        "root": archive.listing.root.hex(),
        "manifest": f"sm3:{archive.digest.hex()}",
        "warnings": [*archive.verdict.warnings, *_same_disk(log.directory, (target,))],
    }
    _print(document, output, lang)


def drop_command(  # noqa: PLR0913  each is an option of the command
    *,
    config: ConfigOption,
    trust: TrustFile,
    copy: Annotated[list[Path], typer.Option("--copy", help="An archive; give two or more.")],
    before: Annotated[
        str,
        typer.Option("--before", help="Drop what was signed before this day; default: past term."),
    ] = "",
    copies: Annotated[
        int, typer.Option("--copies", min=1, help="In how many archives it has to be.")
    ] = 2,
    profile: Annotated[
        str, typer.Option("--profile", help="The text whose term of keeping counts as well.")
    ] = "national-809",
    yes: Annotated[bool, typer.Option("--yes", help="Do it, and do not only verify.")] = False,
    worker: WorkerOption = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Drop full segments from the log that are old enough and in archives, and record it first.

    Every archive is verified whole at that moment. Without --yes nothing is changed. Stop the
    sidecar before.

    Example: govshare audit drop --config govshare.toml --trust trust.toml --copy /mnt/second/audit
    --copy /mnt/third/audit --before 2027-01-01 --yes
    """
    now, loaded = datetime.now(UTC), _load(config, worker)
    log = loaded.log
    if is_in_use(log.directory):
        raise AuditError("the sidecar uses the log; stop it before something is dropped")
    term = longest(load_terms(profile))
    with _refusing("nothing was dropped that was not said"):
        plan = plan_drop(
            log.directory,
            [there(path) for path in copy],
            trust=load_trust(there(trust)),
            term=term,
            before=_start(before) if before else _years_ago(now, term.years),
            at=now,
            least=copies,
        )
        document: dict[str, object] = {
            "state": "dropped" if yes else "to_drop",
            "segments": [segment.file for segment in plan.segments],
            "bytes": sum(listed.size_bytes for listed in plan.digests),
            "keep_until": plan.keep_until.isoformat(),
            "clause": term.clause,
            "warnings": list(_same_disk(log.directory, tuple(copy))),
        }
        if yes:
            with _writer(loaded) as append:
                receipts = drop_segments(log.directory, plan, append, at=now)
            document["records"] = [receipt.index for receipt in receipts]
    _print(document, output, lang)


def hold_command(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="The hold, such as the number of a case.")
    ] = "",
    *,
    config: ConfigOption,
    lift: Annotated[bool, typer.Option("--lift", help="It no longer stands.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="A code, recorded as it is.")] = "",
    actor: Annotated[
        str, typer.Option("--actor", help="Who wants it; recorded as a commitment.")
    ] = "",
    worker: WorkerOption = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Have nothing dropped from the log until the hold is lifted. Without NAME, list the holds.

    Example: govshare audit hold case-2026-17 --config govshare.toml --reason audit_investigation
    --actor wang
    """
    now, loaded = datetime.now(UTC), _load(config, worker)
    with _refusing("the holds of the log cannot be read"):
        standing = standing_holds(loaded.log.directory)
        if name:
            change = lift_hold if lift else place_hold
            with SaltStore(loaded.log.salts) as salts, _writer(loaded) as append:
                change(
                    name,
                    reason=reason,
                    actor=actor,
                    standing=standing,
                    salts=salts,
                    append=append,
                    at=now,
                )
            standing = standing_holds(loaded.log.directory)
    holds = [{"hold": one.name, "reason": one.reason, "record": one.index} for one in standing]
    _print({"state": "holds", "holds": holds}, output, lang)


def _print(document: dict[str, object], output: Output | None, lang: Lang | None) -> None:
    form = chosen_output(output, off_terminal=Output.JSON)
    if form is not Output.TABLE:
        typer.echo(dump(document, form))
        return
    zh, en = _SAID[str(document["state"])]
    console().print(Text(zh if chosen_lang(lang) is Lang.ZH else en, style="bold"))
    console().print(Text(dump(document, Output.JSON)))


def _load(path: Path, worker: int | None) -> "Config":
    try:
        from govshare_sidecar.config import load_config  # noqa: PLC0415  an extra
        from govshare_sidecar.share import log_of  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigError(f"this needs `{error.name}`; install govshare-policy[sidecar]") from None
    config = load_config(path)
    config = replace(config, log=log_of(config, worker))
    if not (config.log.directory / "log.json").exists():
        raise ConfigError("`log.directory` holds no log; nothing has been recorded yet")
    return config


@contextmanager
def _writer(config: "Config") -> Iterator[Callable[[bytes], Receipt]]:
    """Open the log, so that nobody else does, and give what appends to it."""
    from govshare_sidecar.journal import open_log  # noqa: PLC0415  an extra

    log: AuditLog
    with open_log(config.log, now=lambda: datetime.now(UTC)) as log:
        yield log.append


@contextmanager
def _refusing(sentence: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AuditError(f"{sentence}: {describe(error)}") from error


def _same_disk(directory: Path, places: tuple[Path, ...]) -> Iterator[str]:
    """Yield what the operator should know about copies that one broken disk would take along."""
    disks = [path.stat().st_dev for path in (directory, *places)]
    for number, place in enumerate(places, 1):
        if disks[number] in disks[:number]:
            yield f"`{place.name}` is on the same disk as the log or another copy"


def _start(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time.min, SHANGHAI)
    except ValueError:
        raise CallError("--before takes a date, such as 2027-01-01") from None


def _years_ago(at: datetime, years: int) -> datetime:
    """Return the start of the day *years* ago: what is older is past its term."""
    day = legal_day(at)
    try:
        return datetime.combine(day.replace(year=day.year - years), time.min, SHANGHAI)
    except ValueError:
        return datetime.combine(date(day.year - years, 2, 28), time.min, SHANGHAI)
