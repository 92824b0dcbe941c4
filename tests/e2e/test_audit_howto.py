# SPDX-License-Identifier: Apache-2.0
"""The guide for auditors, command by command, on a log as a gate writes it."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from govshare_policy.audit import AuditLog, SaltStore, trust_text
from govshare_policy.call import call_from_document
from govshare_policy.gate import Gate, Outcome
from govshare_policy.identity import Evidence
from govshare_policy.policy import Precedence
from tests.county import PLAIN, basis_over
from tests.unit.report.logs import ORIGIN, county, make_signer, noon

ROOT: Final = Path(__file__).resolve().parents[2]
GUIDE: Final = ROOT / "docs" / "how-to" / "audit.md"
FENCE: Final = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PERSON: Final = "330102199001011234"
DAYS: Final = 40


class Block(NamedTuple):
    """Commands of the guide, and the lines they have to print."""

    commands: str
    expected: list[str]


def blocks() -> Iterator[Block]:
    found = FENCE.findall(GUIDE.read_text("utf-8"))
    for number, (kind, text) in enumerate(found):
        follows = found[number + 1] if number + 1 < len(found) else ("", "")
        if kind == "sh":
            yield Block(text, follows[1].splitlines() if follows[0] == "text" else [])


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an auditor has before him: the stick, the trust file, a receipt, an old checkpoint."""
    here = tmp_path_factory.mktemp("desk")
    signer, clock = make_signer(here), {"now": noon(date(2025, 6, 1))}
    basis = basis_over(county(), "hubei", Precedence.LOCAL)
    (here / "stick").mkdir()
    with (
        AuditLog.create(
            here / "stick" / "log", origin=ORIGIN, signer=signer, now=lambda: clock["now"]
        ) as log,
        SaltStore(here / "salts.sqlite") as salts,
    ):
        gate = Gate(basis=lambda: basis, log=log, salts=salts, now=lambda: clock["now"])
        for day in range(DAYS):
            clock["now"] += timedelta(days=1)
            change = {"operator": PERSON} if day % 3 else {"system": "SYS-HCB-WEB"}
            document = {**PLAIN, "at": clock["now"].isoformat(), **change}
            answer = gate.answer(call_from_document(document), Evidence())
            assert answer.receipt is not None
            if day == 10:
                (here / "call.receipt").write_text(answer.receipt.to_text(), "utf-8", newline="")
                (here / "last-visit.checkpoint").write_bytes(answer.receipt.checkpoint)
            if answer.decision.effect == "allow":
                gate.conclude(answer, Outcome(status="released", rows=1)).result()
    (here / "trust.toml").write_text(trust_text(ORIGIN, signer.public), "utf-8")
    shutil.copytree(ROOT / "tools", here / "tools")
    return here


def run(commands: str, desk: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(desk),
        "LC_ALL": "C.UTF-8",
    }
    return subprocess.run(
        ["sh", "-euc", commands],
        cwd=desk,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def test_every_command_of_the_guide_does_what_the_guide_says(desk: Path) -> None:
    """In their order, as an auditor would type them; nothing is written to the stick."""
    before = {path: path.stat().st_mtime_ns for path in (desk / "stick").rglob("*")}
    ran = 0
    for block in blocks():
        done = run(block.commands, desk)
        assert done.returncode == 0, f"{block.commands}\n{done.stdout}\n{done.stderr}"
        for line in block.expected:
            pattern = ".*".join(map(re.escape, line.split("…")))
            assert re.search(pattern, done.stdout), f"{line}\n{done.stdout}"
        ran += 1

    assert ran >= 12
    assert {path: path.stat().st_mtime_ns for path in (desk / "stick").rglob("*")} == before
    assert (desk / "report.html").read_text("utf-8").startswith("<!doctype html>")
    assert (desk / "log.csv").read_bytes().startswith(b"\xef\xbb\xbfindex,")


def test_the_person_of_the_guide_is_found(desk: Path) -> None:
    [command] = [one.commands for one in blocks() if "--person" in one.commands]
    done = run(command, desk)

    records = json.loads(done.stdout)["records"]
    assert PERSON not in done.stdout
    assert len(records) == sum(bool(day % 3) for day in range(DAYS))
    assert {row["record"]["system"] for row in records} == {"SYS-HCB-PRH"}


def test_every_way_of_the_guide_refuses_a_log_that_was_changed(desk: Path, tmp_path: Path) -> None:
    """The three verifiers agree on one changed byte; the script sees it in the checkpoint."""
    for name in ("trust.toml", "call.receipt"):
        shutil.copyfile(desk / name, tmp_path / name)
    shutil.copytree(desk / "tools", tmp_path / "tools")
    shutil.copytree(desk / "stick", tmp_path / "stick")
    [segment] = (tmp_path / "stick" / "log" / "seg").iterdir()
    data = bytearray(segment.read_bytes())
    data[data.index(b"marital_status")] ^= 1
    segment.write_bytes(data)
    checkpoint = tmp_path / "stick" / "log" / "checkpoint"
    checkpoint.write_bytes(checkpoint.read_bytes().replace(b"\n", b"\n1", 1))

    verdicts = {
        command.split()[0]: run(command, tmp_path).returncode
        for block in blocks()
        for command in block.commands.splitlines()
        if re.search(
            r"verify_log\.(sh checkpoint|py stick)|audit verify stick/log .*table", command
        )
    }
    assert verdicts == {"sh": 1, "python3": 1, "govshare": 1}
