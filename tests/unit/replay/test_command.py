# SPDX-License-Identifier: Apache-2.0
"""``audit replay`` as an auditor runs it."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from govshare_policy.audit import AuditLog
from govshare_policy.cli.audit_replay import SHOWN, replay_command
from govshare_policy.crypto import generate_key, open_signer
from govshare_policy.errors import CallError, ConfigError, VerificationError
from govshare_policy.gate import Basis, Gate
from govshare_policy.identity import Evidence
from govshare_policy.policy import Precedence
from govshare_policy.register import load_register
from govshare_policy.signed import build_bundle
from tests.county import basis_over, write_county
from tests.unit.gathered import plain_call
from tests.unit.recording import AT, MemorySalts

Command = Callable[..., Result]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 103 calls under one policy and three under another, with both archived."""
    here = tmp_path_factory.mktemp("replay")
    generate_key(here / "key.pem", b"correct horse")
    signer = open_signer(f"file:{here / 'key.pem'}", b"correct horse")
    bases: list[Basis] = []
    for name, change in (("old", {}), ("new", {"grant_id": "G01", "purposes": "work_reference"})):
        data = write_county(here / f"data-{name}", {"grants.tsv": [change]} if change else None)
        bases.append(basis_over(load_register(data), "hubei", Precedence.STRICTEST))
        build_bundle(
            here / name,
            profile="hubei",
            data=data,
            precedence=Precedence.STRICTEST,
            created=datetime(2026, 1, 5, tzinfo=UTC),
        )
    with AuditLog.create(
        here / "log", origin="replay.example", signer=signer, now=lambda: AT, preallocate=1024
    ) as log:
        current = [bases[0]]
        gate = Gate(basis=lambda: current[0], log=log, salts=MemorySalts(), now=lambda: AT)
        for _ in range(SHOWN + 3):
            gate.answer(plain_call(), Evidence())
        current[0] = bases[1]
        for _ in range(3):
            gate.answer(plain_call(), Evidence())
    return here


@pytest.fixture
def command() -> Command:
    app = typer.Typer()
    app.command()(replay_command)

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


def counts(document: dict[str, Any]) -> dict[str, int]:
    return {key: value for key, value in document.items() if isinstance(value, int) and value}


def test_with_every_policy_archived_all_calls_are_the_same(command: Command, here: Path) -> None:
    done = command(here / "log", "--bundle", here / "old", "--bundle", here / "new")

    assert done.exit_code == 0
    assert counts(json.loads(done.output)) == {"calls": SHOWN + 6, "same": SHOWN + 6}


def test_registers_and_packs_serve_as_well_as_a_bundle(command: Command, here: Path) -> None:
    done = command(
        here / "log",
        *("--profile", "hubei", "--data", here / "data-old", "--packs", here / "old" / "packs"),
        *("--bundle", here / "new"),
    )

    assert (done.exit_code, json.loads(done.output)["findings"]) == (0, [])


def test_a_policy_that_is_missing_is_named_and_the_answer_is_no(
    command: Command, here: Path
) -> None:
    done = command(here / "log", "--bundle", here / "old")
    document = json.loads(done.output)

    assert done.exit_code == 1
    assert counts(document) == {"calls": SHOWN + 6, "same": SHOWN + 3, "missing": 3}
    [(revision, count)] = document["missing_revisions"].items()
    assert (revision[:4], count) == ("sm3:", 3)
    assert [one["index"] for one in document["findings"]] == [SHOWN + 4, SHOWN + 5, SHOWN + 6]


def test_another_policy_is_tried_on_all_calls(command: Command, here: Path) -> None:
    done = command(here / "log", "--bundle", here / "new", "--as-if")
    document = json.loads(done.output)

    assert done.exit_code == 1
    assert counts(document) == {"calls": SHOWN + 6, "same": 3, "differs": SHOWN + 3}
    assert len(document["findings"]) == SHOWN
    first = document["findings"][0]
    assert (first["index"], first["recorded"]["outcome"], first["replayed"]["outcome"]) == (
        1,
        "allow",
        "deny",
    )


def test_lines_are_never_cut_off(command: Command, here: Path) -> None:
    done = command(here / "log", "--bundle", here / "new", "--as-if", "--output", "jsonl")
    lines = [json.loads(line) for line in done.output.splitlines()]

    assert len(lines) == SHOWN + 4
    assert lines[-1]["differs"] == SHOWN + 3


@pytest.mark.parametrize(
    ("lang", "words"),
    [("zh", ("缺少当时的规则包", "序号")), ("en", ("not among those given", "decided again"))],
)
def test_people_read_a_table(
    lang: str, words: tuple[str, ...], command: Command, here: Path
) -> None:
    done = command(here / "log", "--bundle", here / "old", "--output", "table", "--lang", lang)

    assert [word for word in words if word not in done.output] == []
    tried = command(here / "log", "--bundle", here / "new", "--as-if", "-o", "table")
    assert "allow" in tried.output
    assert "HU-a24-04" in tried.output


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ((), CallError, "give an archived policy"),
        (("--profile", "hubei"), CallError, "--profile and --data go together"),
        (("--bundle", "old", "--bundle", "new", "--as-if"), CallError, "exactly one policy"),
        (("--bundle", "log"), ConfigError, "`log` is not the directory of a bundle"),
    ],
)
def test_what_is_missing_is_said(
    arguments: tuple[str, ...],
    error: type[Exception],
    sentence: str,
    command: Command,
    here: Path,
) -> None:
    named = [here / word if (here / word).exists() else word for word in arguments]

    done = command(here / "log", *named)

    assert isinstance(done.exception, error)
    assert sentence in str(done.exception)


def test_a_place_without_a_log_is_said(command: Command, here: Path) -> None:
    done = command(here / "nothing", "--bundle", here / "old")

    assert isinstance(done.exception, ConfigError)


def test_a_bundle_that_was_changed_is_not_taken_for_the_one_of_then(
    command: Command, here: Path, tmp_path: Path
) -> None:
    shutil.copytree(here / "old", tmp_path / "old")
    path = tmp_path / "old" / "data" / "grants.tsv"
    path.write_text(path.read_text("utf-8").replace("data_verification", "work_reference"), "utf-8")

    done = command(here / "log", "--bundle", tmp_path / "old")

    assert isinstance(done.exception, VerificationError)
    assert "has another revision" in str(done.exception)
