# SPDX-License-Identifier: Apache-2.0
"""``govshare egress canary`` and ``watermark``: what tells the files of two recipients apart."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from govshare_policy.cli.audit_common import there
from govshare_policy.cli.egress_common import KeysOption, show
from govshare_policy.cli.output import LangOption, OutputOption
from govshare_policy.egress.batchfile import Batch, form_of, read_batch
from govshare_policy.egress.canary import (
    attribution,
    consent_for,
    load_consents,
    load_register,
    plant,
)
from govshare_policy.egress.keys import generate_keys, load_keys
from govshare_policy.egress.watermark import detect, mark, mark_key
from govshare_policy.errors import CallError, ConfigError
from govshare_policy.identity import legal_day

CANARY = "canary"
ORDER = "order"
_SHARES = (0.01, 0.05, 0.1, 0.25)

BatchArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="The batch: .json, .ndjson, .jsonl or .csv.")
]
ReleaseOption = Annotated[
    str, typer.Option("--decision", metavar="ID", help="The decision under which it leaves.")
]
ToOption = Annotated[Path, typer.Option("--out", help="The file to be sent; it must not exist.")]


def key_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new key file.")],
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Make the key file of a department: for canaries, order and the tags of the onward guard.

    Example: govshare egress key egress.key
    """
    key = generate_keys(file)
    document: dict[str, object] = {"key_id": key.key_id.hex(), "epoch": key.epoch}
    words = f"{file.name} · {key.key_id.hex()}"
    show(document, output, lang, zh=f"已生成 · {words}", en=f"made · {words}")


def canary_command(  # noqa: PLR0913  each is an option of the command
    *,
    file: BatchArgument,
    decision: ReleaseOption,
    resource: Annotated[str, typer.Option("--resource", help="The entry that it is of.")],
    consents: Annotated[
        Path, typer.Option("--consents", help="Which providers agree to canaries (TSV).")
    ],
    register: Annotated[Path, typer.Option("--register", help="The register of canaries.")],
    keys: KeysOption,
    out: ToOption,
    count: Annotated[int, typer.Option("--count", min=1, max=1000, help="How many.")] = 20,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Plant invented rows in a copy of a batch file, and register keyed digests of them.

    Only for a resource whose provider agrees. The rows that are there stay as they are.

    Example: govshare egress canary batch.csv --decision 01996f26-3900-7052-802a-0017d0aa0550
    --resource R08 --consents consents.tsv --register canaries.jsonl --keys egress.key
    --out sent.csv
    """
    at = datetime.now(UTC)
    consent = consent_for(load_consents(there(consents)), resource, on=legal_day(at))
    if any(one.release == decision for one in load_register(register)):
        raise CallError("canaries of that decision are registered already")
    key = load_keys(keys)[-1].derive(CANARY)
    batch = _read(file)
    data, planted = plant(batch, key, release=decision, consent=consent, count=count, at=at)
    # What is sent without being registered would be an invented record and nothing else.
    _append(register, planted.to_line())
    _write(out, data)
    document: dict[str, object] = {
        "decision": decision,
        "resource": resource,
        "rows": len(batch.rows),
        "canaries": count,
        "root": f"sm3:{planted.root}",
        "attribution": {str(share): round(attribution(share, count), 4) for share in _SHARES},
    }
    show(
        document,
        output,
        lang,
        zh=f"已植入 {count} 行 · 登记于 {register.name}",
        en=f"planted {count} rows · registered in {register.name}",
    )


def watermark_command(
    file: BatchArgument,
    decision: ReleaseOption,
    keys: KeysOption,
    *,
    by: Annotated[
        str, typer.Option("--by", metavar="FIELDS", help="What tells rows apart, with commas.")
    ],
    out: Annotated[Path | None, typer.Option("--out", help="The marked file to be sent.")] = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Put the rows of a batch file in an order of its own, or look for that order in a file.

    With --out the marked file is written: the same rows, byte for byte. Without, the file is held
    against the mark of the decision; exits 1 if the order says nothing (surprise below 3).

    Example: govshare egress watermark batch.csv --decision 01996f26-3900-7052-802a-0017d0aa0550
    --keys egress.key --by id_no --out sent.csv
    """
    batch, fields = _read(file), tuple(by.split(","))
    masters = [key.derive(ORDER) for key in load_keys(keys)]
    if out is not None:
        _write(out, mark(batch, mark_key(masters[-1], decision), fields=fields))
        document: dict[str, object] = {"decision": decision, "rows": len(batch.rows)}
        show(document, output, lang, zh=f"已标记 · {out.name}", en=f"marked · {out.name}")
        return
    orders = [detect(batch.rows, mark_key(one, decision), fields=fields) for one in masters]
    best = max(orders, key=lambda order: order.surprise)
    document = {
        "decision": decision,
        "rows": best.rows,
        "rising": best.rising,
        "concordant": round(best.concordant, 4),
        "surprise": round(best.surprise, 2),
    }
    show(
        document,
        output,
        lang,
        zh=f"{best.rows} 行 · 偶然概率 1e-{best.surprise:.1f}",
        en=f"{best.rows} rows · by chance 1e-{best.surprise:.1f}",
    )
    raise typer.Exit(int(best.surprise < 3))  # noqa: PLR2004  one in a thousand


def _read(file: Path) -> Batch:
    return read_batch(there(file).read_bytes(), form_of(file.name))


def _write(path: Path, data: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        raise ConfigError(f"`{path.name}` exists; choose another name") from None


def _append(path: Path, line: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        file.write(line.encode())
        file.flush()
        os.fsync(file.fileno())
