# SPDX-License-Identifier: Apache-2.0
"""``govshare audit verify``: a whole log, some of its records, or one receipt."""

import re
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from govshare_policy.audit import (
    Checkpoint,
    LogDamageError,
    Receipt,
    TrustPolicy,
    format_time,
    load_trust,
    verify_log,
    verify_range,
    verify_receipt,
)
from govshare_policy.audit.continuation import Continuation
from govshare_policy.cli.audit_common import processors, there
from govshare_policy.cli.audit_several import logs_in, verify_several
from govshare_policy.cli.audit_verdict import (
    failure_document,
    fingerprints,
    verdict_document,
    witnessed_document,
)
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
    visible,
)
from govshare_policy.errors import CallError, ConfigError, VerificationError
from govshare_policy.inspection.rules import RULES

_RANGE: Final = re.compile(r"([0-9]{1,18}):([0-9]{1,18})", re.ASCII)
_RECEIPT: Final = "govshare-receipt/"
_MAX_KEPT_BYTES: Final = 1 << 18
_MAX_WORKERS: Final = 1024
_NAMES: Final = {
    "origin": "日志",
    "size": "记录数",
    "first": "首条记录",
    "last": "末条记录",
    "verified_first": "实际验证的首条",
    "verified_last": "实际验证的末条",
    "record": "记录序号",
    "root": "根",
    "checkpoints": "已验签检查点",
    "segments": "段",
    "first_time": "首个检查点",
    "last_time": "最近检查点",
    "signed_at": "签名时间",
    "key_fingerprints": "签名公钥",
    "witnessed_size": "已见证记录数",
    "witnesses": "见证方",
    "unread": "已移出、未读的记录",
    "warnings": "提示",
}


def verify_command(  # noqa: PLR0913  each is an option of the command
    *,
    trust: Annotated[
        list[Path],
        typer.Option("--trust", help="The trust file of the auditor; of several logs, each."),
    ],
    log: Annotated[
        Path | None, typer.Argument(metavar="LOGDIR", help="The directory of the log.")
    ] = None,
    part: Annotated[
        str | None,
        typer.Option("--range", metavar="A:B", help="Only records A up to, but without, B."),
    ] = None,
    receipt: Annotated[
        Path | None, typer.Option("--receipt", help="One receipt; needs no log.")
    ] = None,
    known: Annotated[
        list[Path] | None,
        typer.Option("--known", help="A checkpoint or receipt that was kept. May be repeated."),
    ] = None,
    continued: Annotated[
        list[Path] | None,
        typer.Option("--continued", help="That a later checkpoint continues the receipt's."),
    ] = None,
    archive: Annotated[
        list[Path] | None,
        typer.Option("--archive", help="Where dropped segments are read. May be repeated."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", min=1, max=_MAX_WORKERS, help="Processes; by default one a processor."
        ),
    ] = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Verify every byte of a log, offline: frames, roots, signatures, order, checkpoint.

    Exits 0 when it verifies and 1 when it does not, naming the first bad record or part. Where
    LOGDIR holds the logs of several workers, all are verified: give --trust for each; one that has
    no log, and a log that has none, do not verify.

    Example: govshare audit verify audit/log --trust trust.toml
    """
    form, chinese = chosen_output(output, off_terminal=Output.JSON), chosen_lang(lang) is Lang.ZH
    if (log is None) is (receipt is None):
        raise CallError("name the directory of a log, or --receipt; one of the two")
    if (receipt or part) and (known or archive or (receipt and part)):
        raise CallError("--range and --receipt go with neither --known nor --archive")
    if continued and receipt is None:
        raise CallError("--continued goes with --receipt only")
    policies = [load_trust(there(path)) for path in trust]
    several = [] if log is None else logs_in(log)
    _verify_fitting(several, policies, goes_with_one=bool(part or known or archive))
    if several:
        if not verify_several(several, policies, form, chinese=chinese, workers=workers):
            raise typer.Exit(1)
        return
    [policy] = policies
    try:
        if receipt is not None:
            later = [_continuation(path) for path in continued or ()]
            document = _receipt(_kept(receipt), policy, later)
        elif part is not None:
            document = _part(there(log or Path()), policy, part)
        else:
            archives = [_log_in(there(path)) for path in archive or ()]
            document = _whole(there(log or Path()), policy, known or [], (archives, workers))
    except VerificationError as error:
        _print_failure(error, form, chinese=chinese)
        raise typer.Exit(1) from None
    _print_verdict(document, form, chinese=chinese)


def _verify_fitting(
    several: list[Path], policies: list[TrustPolicy], *, goes_with_one: bool
) -> None:
    if several and goes_with_one:
        raise CallError("--range, --known and --archive go with one log; name its directory")
    if not several and len(policies) != 1:
        raise CallError("--trust is given once for one log")


def _whole(
    log: Path, policy: TrustPolicy, known: list[Path], means: tuple[list[Path], int | None]
) -> dict[str, object]:
    archives, workers = means
    checkpoints = [_known(path, policy) for path in known]
    with progress("bytes") as tick:
        verdict = verify_log(
            log,
            policy,
            known=checkpoints,
            archives=archives,
            progress=tick,
            workers=workers or processors(),
        )
    return verdict_document(verdict)


def _log_in(archive: Path) -> Path:
    """Return the log in an archive; a copy of a log is one itself."""
    return archive / "log" if (archive / "log").is_dir() else archive


def _part(log: Path, policy: TrustPolicy, part: str) -> dict[str, object]:
    match = _RANGE.fullmatch(part)
    if match is None or int(match[1]) >= int(match[2]):
        raise CallError("--range takes A:B, the first record and the one behind the last: 100:200")
    with progress("bytes") as tick:
        found = verify_range(log, policy, int(match[1]), int(match[2]) - 1, progress=tick)
    document: dict[str, object] = {
        "verified": True,
        "origin": found.origin,
        "first": found.first,
        "last": found.last,
        "verified_first": found.verified_first,
        "verified_last": found.verified_last,
        "size": found.published.size,
        "root": found.published.root.hex(),
        "checkpoints": found.checkpoints,
        "first_time": format_time(found.first_time),
        "last_time": format_time(found.last_time),
        "key_fingerprints": fingerprints(found.key_fingerprints),
    }
    return document | witnessed_document(found.witnessed) | {"warnings": list(found.warnings)}


def _receipt(text: str, policy: TrustPolicy, later: list[Continuation]) -> dict[str, object]:
    receipt = Receipt.from_text(text)
    verify_receipt(receipt, policy, later=later)
    checkpoint = Checkpoint.from_note(receipt.checkpoint)
    at, keys = policy.verify_checkpoint(checkpoint)
    return {
        "verified": True,
        "origin": checkpoint.origin,
        "record": receipt.index,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "signed_at": format_time(at),
        "key_fingerprints": fingerprints(tuple(key.fingerprint for key in keys)),
    }


def _continuation(path: Path) -> Continuation:
    try:
        return Continuation.from_text(_kept(path))
    except VerificationError as error:
        raise CallError(f"`{path.name}` holds no proof of consistency: {error}") from None


def _known(path: Path, policy: TrustPolicy) -> Checkpoint:
    """Return the checkpoint in *path*, which may only be held against the log if it is trusted."""
    text = _kept(path)
    try:
        if text.startswith(_RECEIPT):
            receipt = Receipt.from_text(text)
            verify_receipt(receipt, policy)
            return Checkpoint.from_note(receipt.checkpoint)
        checkpoint = Checkpoint.from_note(text.encode())
        policy.verify_checkpoint(checkpoint)
    except VerificationError as error:
        raise CallError(f"`{path.name}` cannot be held against the log: {error}") from None
    return checkpoint


def _kept(path: Path) -> str:
    """Return the text of a receipt or checkpoint, whose line ends have to be as they were."""
    with there(path).open("rb") as file:
        data = file.read(_MAX_KEPT_BYTES + 1)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ConfigError(f"`{path.name}` is neither a receipt nor a checkpoint") from None
    if len(data) > _MAX_KEPT_BYTES:
        raise ConfigError(f"`{path.name}` is neither a receipt nor a checkpoint")
    return text


def _print_verdict(document: dict[str, object], form: Output, *, chinese: bool) -> None:
    if form is not Output.TABLE:
        typer.echo(dump(document, form))
        return
    out = console()
    out.print(Text(f"✓ {'验证通过' if chinese else 'verified'}", style="bold green"))
    table = Table(box=None, show_header=False, padding=(0, 1))
    for key, name in _NAMES.items():
        value = document.get(key, "")
        values = value if isinstance(value, list) else [value]
        shown = "\n".join(visible(str(each)) for each in values)
        if shown:
            table.add_row(Text(name if chinese else key.replace("_", " "), style="dim"), shown)
    out.print(table)


def _print_failure(error: VerificationError, form: Output, *, chinese: bool) -> None:
    document = failure_document(error)
    if form is not Output.TABLE:
        typer.echo(dump(document, form))
        return
    said = "验证不通过" if chinese else "does not verify"
    out = console()
    out.print(Text(f"✗ {said}: {visible(str(error))}", style="bold red"))
    if chinese and isinstance(error, LogDamageError):
        out.print(Text(f"  {RULES[error.kind].zh}"))
