# SPDX-License-Identifier: Apache-2.0
"""What the logs say of the day: compared with every answer, then verified from outside."""

import asyncio
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from examples.county.calls import Made
from examples.county.sites import DemoError
from govshare_policy.audit import (
    Checkpoint,
    OpenSslExport,
    export_openssl,
    load_trust,
    parse_record,
    read_records,
)

VERIFY_OPTIONS: Final = ("-sigopt", "distid:1234567812345678")


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The records of one log.

    Attributes:
        decisions: By record id.
        outcomes: How many records say what became of an allowed call.
    """

    decisions: Mapping[str, Mapping[str, Any]]
    outcomes: int

    def without_release(self, record: str) -> "Log":
        """Return the log without the one release under *record*, which has to be there."""
        kept = {ident: said for ident, said in self.decisions.items() if ident != record}
        gone = len(self.decisions) - len(kept)
        return Log(decisions=kept, outcomes=self.outcomes - gone)


def read_log(directory: Path) -> Log:
    """Return the records of the log in *directory*."""
    records = [parse_record(data) for _, data in read_records(directory)]
    decisions = {str(record["id"]): record for record in records if record["phase"] == "decision"}
    outcomes = sum(1 for record in records if record["phase"] == "outcome")
    return Log(decisions=decisions, outcomes=outcomes)


def find_faults(made: Sequence[Made], log: Log) -> list[str]:
    """Return what differs from the script, or between an answer and its record.

    Empty when all is well.
    """
    faults = []
    for call in made:
        fault = call.fault or _fault(call, log.decisions.get(call.record))
        if fault:
            faults.append(f"{call.profile} {call.step.id}: {fault}")
    if len(log.decisions) != len(made):
        faults.append(f"{len(made)} calls were made and {len(log.decisions)} were recorded")
    released = sum(1 for call in made if call.body is not None)
    if log.outcomes != released:
        faults.append(f"{released} answers left and {log.outcomes} are recorded as having left")
    return faults


def _fault(call: Made, record: Mapping[str, Any] | None) -> str:
    expected = call.step.expected[call.profile]
    if record is None:
        return "the answer names no record of the log"
    if (call.outcome, record["outcome"]) != (expected.outcome, expected.outcome):
        return f"{call.outcome} is answered where {expected.outcome} is right"
    clause = call.clause or record["clauses"][0]
    if (clause, record["clauses"][0]) != (expected.clause, expected.clause):
        return f"{clause} is cited where {expected.clause} decides"
    left = {name for item in items(call.body) for name in item}
    if not left <= set(record["fields"]) or (call.body is not None and not left):
        return "other fields left than were released"
    return ""


def items(body: object) -> list[dict[str, object]]:
    """Return the records in what left, or was there before."""
    if isinstance(body, dict) and isinstance(body.get("data"), dict):
        return list(body["data"]["items"])
    return [body] if isinstance(body, dict) else []


async def verify(log: Path, trust: Path) -> dict[str, Any]:
    """Run ``govshare audit verify`` and return what it prints.

    Raises:
        DemoError: If the log does not verify, or the command says nothing that can be read.
    """
    code, printed = await _run(*_verify_command(log, trust))
    if code != 0:
        raise DemoError(f"the log `{log}` does not verify")
    verdict: dict[str, Any] = json.loads(printed)
    return verdict


async def verify_tampered(log: Path, trust: Path, copy: Path) -> str:
    """Copy *log* to *copy*, flip one bit of a record, and return what the verification says.

    Raises:
        DemoError: If the copy verifies.
    """
    shutil.copytree(log, copy)
    _flip_a_bit(copy)
    code, printed = await _run(*_verify_command(copy, trust))
    if code != 1:
        raise DemoError("a log with one bit flipped verifies")
    return str(json.loads(printed)["error"])


async def verify_with_openssl(log: Path, trust: Path, directory: Path) -> tuple[str, str]:
    """Check the signature of the log's checkpoint with OpenSSL alone.

    Returns:
        The command, to be run in *directory*, and what it printed.

    Raises:
        DemoError: If OpenSSL does not accept the signature.
    """
    key = load_trust(trust).keys[0]
    checkpoint = Checkpoint.from_note((log / "checkpoint").read_bytes())
    export = export_openssl(checkpoint, name=key.name, public=key.public)
    _write_export(directory, export)
    arguments = ["dgst", "-sm3", "-verify", "pub.pem", *VERIFY_OPTIONS]
    arguments += ["-signature", "sig.der", "msg.bin"]
    code, printed = await _run("openssl", *arguments, cwd=directory)
    if code != 0:
        raise DemoError("openssl does not accept the signature of the checkpoint")
    return " ".join(("openssl", *arguments)), printed.strip()


def _verify_command(log: Path, trust: Path) -> tuple[str, ...]:
    command = str(Path(sys.executable).with_name("govshare"))
    return (command, "audit", "verify", str(log), "--trust", str(trust), "--output", "json")


def _flip_a_bit(log: Path) -> None:
    """Flip one bit of the record in the middle of *log*, which has one segment."""
    records = [data for _, data in read_records(log)]
    record = records[len(records) // 2]
    (segment,) = log.glob("seg/*")
    data = bytearray(segment.read_bytes())
    data[data.index(record) + len(record) // 2] ^= 1
    segment.write_bytes(data)


def _write_export(directory: Path, export: OpenSslExport) -> None:
    directory.mkdir()
    (directory / "msg.bin").write_bytes(export.message)
    (directory / "sig.der").write_bytes(export.signature)
    (directory / "pub.pem").write_bytes(export.public_pem)


async def _run(command: str, *arguments: str, cwd: Path | None = None) -> tuple[int, str]:
    try:
        process = await asyncio.create_subprocess_exec(
            command,
            *arguments,
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except FileNotFoundError:
        raise DemoError(f"`{Path(command).name}` is not installed") from None
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()
