# SPDX-License-Identifier: Apache-2.0
"""``govshare witness``: be a witness, and look at what two checkpoints say together."""

from pathlib import Path
from typing import Annotated

import typer

from govshare_policy.audit import (
    Checkpoint,
    Conflict,
    LogTree,
    Receipt,
    TrustPolicy,
    find_conflict,
    load_trust,
    verify_conflict,
)
from govshare_policy.cli.output import (
    Lang,
    LangOption,
    Output,
    OutputOption,
    chosen_lang,
    chosen_output,
    dump,
)
from govshare_policy.errors import ConfigError, VerificationError

_MAX_BYTES = 1 << 20

witness_app = typer.Typer(no_args_is_help=True, help="Witness logs; compare their checkpoints.")

TrustOption = Annotated[Path, typer.Option("--trust", help="The trust file of the log.")]


@witness_app.command("serve")
def serve_command(
    config: Annotated[Path, typer.Option("--config", help="The configuration file (TOML).")],
) -> None:
    """Sign the checkpoints of other logs, each only if it continues the last (SIGTERM stops).

    Example: govshare witness serve --config witness.toml
    """
    try:
        from govshare_sidecar.witness.server import run  # noqa: PLC0415  the sidecar is an extra
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"a witness needs `{error.name}`; install govshare-policy[sidecar]"
        ) from None
    run(config)


@witness_app.command("compare")
def compare_command(
    one: Annotated[Path, typer.Argument(metavar="ONE", help="A checkpoint or a receipt.")],
    other: Annotated[Path, typer.Argument(metavar="OTHER", help="Another of the same log.")],
    trust: TrustOption,
    log: Annotated[
        Path | None,
        typer.Option("--log", help="The log of the larger one; not needed for equal sizes."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Where the evidence of a fork is written.")
    ] = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Say whether two checkpoints are states of one log; exit 1 and write the evidence if not.

    Example: govshare witness compare receipt.txt audit/log/checkpoint --log audit/log
    --trust trust.toml
    """
    policy = load_trust(trust)
    checkpoints = [_read_checkpoint(path, policy) for path in (one, other)]
    conflict = find_conflict(*checkpoints, tree=None if log is None else LogTree(log))
    if conflict is not None and out is not None:
        out.write_text(conflict.to_text(), encoding="utf-8")
    sizes = sorted(checkpoint.size for checkpoint in checkpoints)
    document = {"forked": conflict is not None, "origin": policy.origin, "sizes": sizes}
    chinese = chosen_lang(lang) is Lang.ZH
    said = {
        (False, False): "one continues the other",
        (False, True): "其中一个检查点延续另一个",
        (True, False): "the log was forked: one key signed both, and they exclude each other",
        (True, True): "日志已分叉：同一密钥签署了两个互相排斥的检查点",
    }
    _print(document, said[conflict is not None, chinese], output)
    raise typer.Exit(int(conflict is not None))


@witness_app.command("evidence")
def evidence_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The evidence.")],
    trust: TrustOption,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Verify evidence that a log was forked or set back; exit 0 if it proves that.

    Example: govshare witness evidence fork.txt --trust trust.toml
    """
    conflict = Conflict.from_text(_read(file))
    verify_conflict(conflict, load_trust(trust))
    sizes = [Checkpoint.from_note(note).size for note in (conflict.smaller, conflict.larger)]
    document = {"proven": True, "forked": conflict.is_fork, "sizes": sizes}
    chinese = chosen_lang(lang) is Lang.ZH
    said = {
        (True, False): "proven: the log was forked",
        (True, True): "证据成立：日志已分叉",
        (False, False): f"signed: the log once had {sizes[1]} records; any of it has as many",
        (False, True): f"签名成立：日志曾有 {sizes[1]} 条记录，现存日志不应更短",
    }
    _print(document, said[conflict.is_fork, chinese], output)


def _read_checkpoint(path: Path, policy: TrustPolicy) -> Checkpoint:
    """Return the checkpoint in the file *path*, which may be a receipt, once it is trusted."""
    text = _read(path)
    try:
        note = Receipt.from_text(text).checkpoint
    except VerificationError:
        note = text.encode()
    checkpoint = Checkpoint.from_note(note)
    policy.verify_checkpoint(checkpoint)
    return checkpoint


def _read(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(_MAX_BYTES)
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise VerificationError(f"`{path.name}` is not utf-8") from None


def _print(document: dict[str, object], sentence: str, output: Output | None) -> None:
    form = chosen_output(output, off_terminal=Output.JSON)
    typer.echo(sentence if form is Output.TABLE else dump(document, form))
