# SPDX-License-Identifier: Apache-2.0
"""``govshare egress prove``, ``verify`` and ``prov``: what the log says of a single release."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from govshare_policy.audit import SaltStore, load_trust, parse_record, read_records, verify_receipt
from govshare_policy.audit.salttree import day_of
from govshare_policy.cli.audit_common import LogArgument, TrustOption, outside, there
from govshare_policy.cli.egress_common import show
from govshare_policy.cli.output import LangOption, Output, OutputOption, dump
from govshare_policy.egress.batchfile import Row, form_of, read_batch, row_digest
from govshare_policy.egress.leafstore import RELEASES, LeafStore
from govshare_policy.egress.provenance import trace_path
from govshare_policy.egress.released import (
    ReleaseProof,
    leaf_of,
    prove_released,
    release_key,
    released_in,
    verify_released,
)
from govshare_policy.errors import CallError, VerificationError
from govshare_policy.inspection.prove import make_receipt

_MAX_PROOF_BYTES = 1 << 20

DecisionOption = Annotated[
    str, typer.Option("--decision", metavar="ID", help="The id of the decision record.")
]
SaltStoreOption = Annotated[Path, typer.Option("--salts", help="The salt store beside the log.")]
OutOption = Annotated[Path | None, typer.Option("--out", help="Write to this file.")]


class ProvForm(StrEnum):
    """How PROV is written down."""

    JSON = "json"
    N = "n"


def records_of(log: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the records of the log with their numbers, in order."""
    return ((number, parse_record(data)) for number, data in read_records(there(log)))


def read_rows(path: Path) -> tuple[Row, ...]:
    """Return the records in the file *path*, whose name says its form.

    Raises:
        CallError: If it holds none.
    """
    return read_batch(there(path).read_bytes(), form_of(path.name)).rows


def key_of(salts: SaltStore, decision: str) -> bytes:
    """Return the key of the release under *decision*, from a store that is only read.

    Raises:
        VerificationError: If it has been erased; says by which record.
    """
    if by := salts.erased_by(decision) or salts.erased_by(day_of(decision).isoformat()):
        raise VerificationError(f"the salt of the release was erased by record `{by}`")
    return release_key(salts, decision)


def prove_command(
    log: LogArgument,
    row: Annotated[
        Path, typer.Option("--row", help="A .json, .ndjson or .csv file with the one record.")
    ],
    decision: DecisionOption,
    salts: SaltStoreOption,
    *,
    trust: TrustOption = None,
    out: OutOption = None,
) -> None:
    """Print a proof that one record left in a release; of the others it shows hashes alone.

    The record has to have the fields that left, as they were. With --trust, the receipt in the
    proof is verified as well.

    Example: govshare egress prove audit/log --decision 01996f26-3900-7052-802a-0017d0aa0550
    --row one.json --salts audit/salts.sqlite --out one.proof
    """
    outside(there(log), out)
    rows = read_rows(row)
    if len(rows) != 1:
        raise CallError("name a file with exactly one record")
    number = next(
        (
            n
            for n, said in records_of(log)
            if said.get("decision") == decision and "release" in said
        ),
        None,
    )
    if number is None:
        raise CallError("the log has no release with a root under that decision")
    receipt = make_receipt(log, number)
    if trust is not None:
        verify_receipt(receipt, load_trust(there(trust)))
    with SaltStore(there(salts), read_only=True) as store:
        key = key_of(store, decision)
    one = released_in(parse_record(receipt.record))["records"] == 1
    leaves = leaf_of(key, row_digest(rows[0].cells)) if one else _leaves(salts, decision)
    proof = prove_released(rows[0].cells, key=key, leaves=leaves, receipt=receipt)
    if out is None:
        typer.echo(proof.to_text(), nl=False)
    else:
        out.write_text(proof.to_text(), encoding="utf-8")


def verify_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The proof.")],
    trust: Annotated[Path, typer.Option("--trust", help="The trust file of the log.")],
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Verify that a record left in the release that a proof names; exit 1 if that is not certain.

    Needs neither the log nor a salt. What is printed names the release, and nothing of the record.

    Example: govshare egress verify one.proof --trust trust.toml
    """
    with there(file).open("rb") as opened:
        data = opened.read(_MAX_PROOF_BYTES)
    proof = ReleaseProof.from_text(data.decode("utf-8", "replace"))
    record = verify_released(proof, load_trust(there(trust)))
    release = record["release"]
    document = {"released": True, "at": record["t"], "decision": record["decision"], **release}
    words = (
        f"{record['t']} · {release['department']} {release['resource']} · "
        f"{proof.index + 1}/{release['records']}"
    )
    show(document, output, lang, zh=f"验证通过 · {words}", en=f"verified · {words}")


def prov_command(
    log: LogArgument,
    decision: DecisionOption,
    *,
    form: Annotated[
        ProvForm, typer.Option("--form", help="PROV-JSON, or PROV-N (n).")
    ] = ProvForm.JSON,
    out: OutOption = None,
) -> None:
    """Print how a release came about, and what followed: application, grant, decision, release.

    Says nothing about trust: verify the log first.

    Example: govshare egress prov audit/log --decision 01996f26-3900-7052-802a-0017d0aa0550 --form n
    """
    outside(there(log), out)
    path = trace_path(lambda: records_of(log), decision)
    text = path.to_provn() if form is ProvForm.N else dump(path.to_json(), Output.JSON) + "\n"
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")


def _leaves(salts: Path, decision: str) -> bytes:
    with LeafStore(there(salts.with_name(RELEASES)), read_only=True) as store:
        return store.leaves(decision)
