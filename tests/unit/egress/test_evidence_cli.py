# SPDX-License-Identifier: Apache-2.0
"""The commands for evidence say in one sentence what to do, and print gaps and nothing of a row."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from govshare_policy.cli.__main__ import main
from govshare_policy.cli.egress import COMMANDS
from govshare_policy.crypto import generate_key, open_signer
from govshare_policy.egress.heartbeat import next_heartbeat, sign_heartbeat


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(one) for one in arguments])
    out = capsys.readouterr()
    return code, out.out, out.err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    code, out, _ = call(capsys, "egress", name, "--help")

    assert code == 0
    assert f"Example: govshare egress {name}" in " ".join(out.split())


def test_the_group_lists_its_commands_without_loading_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, out, _ = call(capsys, "egress", "--help")

    assert all(f"  {name} " in out for name in COMMANDS)
    assert call(capsys, "egress", "nothing")[0] == 2


def test_heartbeats_are_taken_and_their_gaps_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public = generate_key(tmp_path / "guard.pem", b"secret")
    (tmp_path / "guard.pub").write_bytes(public.to_pem())
    signer = open_signer(f"file:{tmp_path / 'guard.pem'}", b"secret")
    first = sign_heartbeat(
        next_heartbeat(b"", guard="g", at=datetime.now(UTC), index=bytes(32), counts={}), signer
    )
    (tmp_path / "0.beat").write_bytes(first)
    store = tmp_path / "heartbeats.sqlite"
    take = ("--take", tmp_path / "0.beat", "--key", tmp_path / "guard.pub")

    code, out, _ = call(capsys, "egress", "heartbeats", store, *take)
    assert (code, json.loads(out)) == (0, {"gaps": []})
    code, out, _ = call(capsys, "egress", "heartbeats", store, "--as-of", "2099-01-01")
    assert (code, [gap["fault"] for gap in json.loads(out)["gaps"]]) == (1, ["silent"])
    code, _, err = call(capsys, "egress", "heartbeats", store, "--take", tmp_path / "0.beat")
    assert (code, "go together" in err) == (2, True)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("rows.txt", "a\n1\n", ".csv"),
        ("rows.csv", "a,b\n1\n", "no csv of records"),
        ("rows.csv", "a\n", "no row"),
        ("rows.json", "SECRET", "no json of records"),
    ],
)
def test_a_file_that_cannot_be_traced_is_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, says: str
) -> None:
    (tmp_path / name).write_text(text)
    code, _, err = call(capsys, "egress", "trace", tmp_path / name, tmp_path)

    assert (code, says in err, "SECRET" in err) == (2, True, False)


def test_a_text_that_is_no_proof_does_not_verify(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("proof", "trust"):
        (tmp_path / name).write_bytes(b"\xff{}")
    code, _, err = call(
        capsys, "egress", "verify", tmp_path / "proof", "--trust", tmp_path / "trust"
    )

    assert (code, "no proof" in err) == (1, True)
