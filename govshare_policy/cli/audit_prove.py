# SPDX-License-Identifier: Apache-2.0
"""``govshare audit prove``: a receipt for any record, or that one checkpoint continues another."""

from pathlib import Path
from typing import Annotated, Final

import typer

from govshare_policy.audit import Checkpoint, load_trust, verify_receipt
from govshare_policy.cli.audit_common import MAX_NUMBER, LogArgument, TrustOption, outside, there
from govshare_policy.cli.output import Output, OutputOption, dump
from govshare_policy.errors import CallError, VerificationError
from govshare_policy.inspection.prove import find_checkpoint, make_receipt, prove_continuation

_MAX_DIGITS: Final = 18


def prove_command(
    log: LogArgument,
    index: Annotated[
        int | None,
        typer.Argument(metavar="INDEX", min=0, max=MAX_NUMBER, help="The number of the record."),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            "--size",
            min=1,
            max=MAX_NUMBER,
            help="Under the checkpoint of this size; else the last.",
        ),
    ] = None,
    consistency: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--consistency",
            metavar="OLD NEW",
            help="Instead: that one checkpoint continues the other; sizes, or files with notes.",
        ),
    ] = None,
    trust: TrustOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write to this file.")] = None,
    output: OutputOption = None,
) -> None:
    """Print a receipt for a record, as its caller got one, or a proof of consistency.

    The text is what to keep and hand on; whoever has the trust file can verify it without the
    log. With --trust, the signatures are verified here as well.

    Example: govshare audit prove audit/log 1234 --trust trust.toml --out 1234.receipt
    """
    if (index is None) is (consistency is None):
        raise CallError("name the number of a record, or --consistency OLD NEW; one of the two")
    policy = None if trust is None else load_trust(there(trust))
    outside(there(log), out)
    if index is not None:
        receipt = make_receipt(log, index, size=size)
        if policy is not None:
            verify_receipt(receipt, policy)
        checkpoint = Checkpoint.from_note(receipt.checkpoint)
        text = receipt.to_text()
        document: dict[str, object] = {"index": index, "size": checkpoint.size, "receipt": text}
    else:
        before, after = consistency or ("", "")
        old, new = _checkpoint(log, before), _checkpoint(log, after)
        if policy is not None:
            policy.verify_checkpoint(old)
            policy.verify_checkpoint(new)
        text = prove_continuation(log, old, new).to_text()
        document = {"old_size": old.size, "size": new.size, "continuation": text}
    _write(text, document | {"verified": policy is not None}, out, output)


def _checkpoint(log: Path, named: str) -> Checkpoint:
    if named.isascii() and named.isdecimal():
        if len(named) > _MAX_DIGITS:
            raise CallError("--consistency takes sizes of at most 18 digits, or files with notes")
        return find_checkpoint(log, int(named))
    data = there(Path(named)).read_bytes()
    try:
        return Checkpoint.from_note(data)
    except VerificationError as error:
        raise CallError(f"`{Path(named).name}` holds no checkpoint: {error}") from None


def _write(text: str, document: dict[str, object], out: Path | None, form: Output | None) -> None:
    if out is not None:
        out.write_bytes(text.encode())
    if form in (Output.JSON, Output.JSONL):
        typer.echo(dump(document, form))
    elif out is None:
        typer.echo(text, nl=False)
