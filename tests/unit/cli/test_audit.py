# SPDX-License-Identifier: Apache-2.0
import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from govshare_policy.audit import AuditLog, SaltStore, trust_text
from govshare_policy.crypto import generate_key, open_signer
from govshare_policy.gate import Basis, Gate, Outcome
from govshare_policy.identity import AssumedTrust, Evidence
from govshare_policy.policy import Precedence
from govshare_policy.register import load_register
from tests.county import basis_over
from tests.unit.cli.conftest import Command
from tests.unit.gathered import plain_call

ORIGIN = "qinglan/audit"
AT = datetime(2025, 9, 22, 2, tzinfo=UTC)


class Kept(NamedTuple):
    log: Path
    trust: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Kept:
    """A log over two decisions, one of them a denial, and one outcome."""
    here = tmp_path_factory.mktemp("audit")
    generate_key(here / "key.pem", b"correct horse")
    signer = open_signer(f"file:{here / 'key.pem'}", b"correct horse")
    trust = here / "trust.toml"
    trust.write_text(trust_text(ORIGIN, signer.public), "utf-8")
    basis: Basis = basis_over(load_register(data), "hubei", Precedence.STRICTEST)
    assert isinstance(basis.trust, AssumedTrust)
    with (
        AuditLog.create(
            here / "log", origin=ORIGIN, signer=signer, now=lambda: AT, preallocate=1024
        ) as log,
        SaltStore(here / "salts.sqlite") as salts,
    ):
        gate = Gate(basis=lambda: basis, log=log, salts=salts, now=lambda: AT)
        answer = gate.answer(plain_call(operator="330102199001011234"), Evidence())
        gate.answer(plain_call(grant="G99"), Evidence())
        gate.conclude(answer, Outcome(status="released", rows=1, size_bytes=40)).result()
    return Kept(here / "log", trust)


@pytest.fixture
def kept(made: Kept, tmp_path: Path) -> Kept:
    """A copy of it that a test may spoil."""
    shutil.copytree(made.log, tmp_path / "log")
    shutil.copyfile(made.trust, tmp_path / "trust.toml")
    return Kept(tmp_path / "log", tmp_path / "trust.toml")


def verify(govshare: Command, kept: Kept, *more: object) -> tuple[int, str, str]:
    done = govshare("audit", "verify", kept.log, "--trust", kept.trust, *more)
    return done.code, done.out, done.err


def test_a_log_that_verifies_is_exit_0_and_says_what_it_is(govshare: Command, kept: Kept) -> None:
    code, out, err = verify(govshare, kept)

    verdict = json.loads(out)
    assert (code, err) == (0, "")
    assert (verdict["verified"], verdict["origin"], verdict["size"]) == (True, ORIGIN, 4)
    assert len(verdict["root"]) == 64
    assert verdict["last_time"].startswith("2025-09-22T02:00:00")
    assert [print_[:4] for print_ in verdict["key_fingerprints"]] == ["sm3:"]


def test_a_verdict_is_a_table_in_one_language(govshare: Command, kept: Kept) -> None:
    _, english, _ = verify(govshare, kept, "-o", "table", "--lang", "en")
    _, chinese, _ = verify(govshare, kept, "-o", "table", "--lang", "zh")

    assert english.startswith("✓ verified\n")
    assert chinese.startswith("✓ 验证通过\n")
    assert "记录数" in chinese
    assert ORIGIN in english


def flip(path: Path, place: bytes) -> None:
    """Flip the last bit of the first byte of *place* in the file."""
    content = bytearray(path.read_bytes())
    content[content.index(place)] ^= 1
    path.write_bytes(content)


def segment(kept: Kept) -> Path:
    [path] = (path for path in (kept.log / "seg").iterdir() if path.stat().st_size)
    return path


def test_one_flipped_byte_of_a_record_is_exit_1_and_names_the_record(
    govshare: Command, kept: Kept
) -> None:
    flip(segment(kept), b'"grant_unknown"')

    code, out, err = verify(govshare, kept)

    failure = json.loads(out)
    assert (code, err, failure["verified"]) == (1, "", False)
    assert failure["first_bad_record"] == 2
    assert failure["file"] == f"seg/{segment(kept).name}"
    assert failure["error"].endswith("the first bad record is 2")


def test_one_flipped_byte_of_the_checkpoint_is_exit_1_and_names_the_part(
    govshare: Command, kept: Kept
) -> None:
    flip(kept.log / "checkpoint", b"\n4\n"[1:])

    code, out, _ = verify(govshare, kept)

    assert (code, json.loads(out)["file"]) == (1, "checkpoint")


def test_a_failure_is_said_in_one_language(govshare: Command, kept: Kept) -> None:
    flip(segment(kept), b'"grant_unknown"')

    english = verify(govshare, kept, "-o", "table", "--lang", "en")
    chinese = verify(govshare, kept, "-o", "table", "--lang", "zh")

    assert (english[0], chinese[0]) == (1, 1)
    assert english[1].startswith("✗ does not verify: ")
    assert chinese[1].startswith("✗ 验证不通过: ")


def test_the_key_of_another_does_not_vouch_for_the_log(
    govshare: Command, kept: Kept, tmp_path: Path
) -> None:
    other = generate_key(tmp_path / "other.pem", b"correct horse")
    kept.trust.write_text(trust_text(ORIGIN, other), "utf-8")

    code, out, _ = verify(govshare, kept)

    assert (code, json.loads(out)["verified"]) == (1, False)


def test_the_log_of_another_is_not_this_log(govshare: Command, kept: Kept) -> None:
    text = kept.trust.read_text("utf-8")
    kept.trust.write_text(text.replace(ORIGIN, "qinglan/other"), "utf-8")

    assert verify(govshare, kept)[0] == 1


def test_what_is_not_there_is_exit_2_and_named(govshare: Command, kept: Kept) -> None:
    nowhere = kept._replace(trust=kept.trust.with_name("nowhere.toml"))

    assert verify(govshare, nowhere) == (
        2,
        "",
        "govshare: `nowhere.toml` does not exist; check the path\n",
    )
    code, out, err = verify(govshare, kept._replace(log=kept.log.with_name("nolog")))
    assert (code, out, err) == (2, "", "govshare: `nolog` does not exist; check the path\n")


def test_a_trust_file_that_is_none_is_exit_2(govshare: Command, kept: Kept) -> None:
    kept.trust.write_text("trust everybody", "utf-8")

    code, out, err = verify(govshare, kept)

    assert (code, out) == (2, "")
    assert re.match("govshare: `[^`]+`: the trust file is not toml: ", err)


def test_an_empty_directory_is_no_log(govshare: Command, kept: Kept, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert verify(govshare, kept._replace(log=tmp_path / "empty"))[0] == 1
    assert govshare("audit", "show", tmp_path / "empty").code == 1


def test_show_gives_the_records_as_they_stand(govshare: Command, kept: Kept) -> None:
    done = govshare("audit", "show", kept.log)

    records = done.json["records"]
    assert (done.code, [row["index"] for row in records]) == (0, [0, 1, 2, 3])
    assert [row["record"].get("phase") for row in records[1:]] == [
        "decision",
        "decision",
        "outcome",
    ]
    assert records[1]["record"]["outcome"] == "allow"
    assert records[3]["record"]["decision"] == records[1]["record"]["id"]
    assert "330102199001011234" not in done.out


def test_show_gives_a_part_of_the_log(govshare: Command, kept: Kept) -> None:
    part = govshare("audit", "show", kept.log, "--from", 1, "--count", 2, "-o", "jsonl")
    beyond = govshare("audit", "show", kept.log, "--from", 99)

    assert [row["index"] for row in part.lines] == [1, 2]
    assert beyond.json == {"records": []}


def test_show_is_a_table_in_one_language(govshare: Command, kept: Kept) -> None:
    english = govshare("audit", "show", kept.log, "-o", "table", "--lang", "en")
    chinese = govshare("audit", "show", kept.log, "-o", "table", "--lang", "zh")

    assert english.out.split("\n")[0].split() == [
        *("#", "time", "phase", "department", "system", "resource", "outcome", "clause"),
    ]
    assert chinese.out.split("\n")[0].split()[:3] == ["序号", "时间", "阶段"]
    rows = english.out.splitlines()
    assert any("decision" in row and "R08" in row and "allow" in row for row in rows)
    assert any("outcome" in row and "released" in row for row in rows)


@pytest.mark.parametrize("option", [("--from", "-1"), ("--count", "0"), ("--from", "x")], ids=str)
def test_a_part_that_is_none_is_bad_usage(
    option: tuple[str, str], govshare: Command, kept: Kept
) -> None:
    done = govshare("audit", "show", kept.log, *option)

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"govshare: Invalid value for '{option[0]}': ")
    assert done.err.count("\n") == 1


def test_show_of_a_spoilt_record_is_exit_1(govshare: Command, kept: Kept) -> None:
    """A frame whose checksum is wrong ends what can be read; nothing behind it is shown."""
    flip(segment(kept), b'"grant_unknown"')

    done = govshare("audit", "show", kept.log)

    assert "grant_unknown" not in done.out


def test_the_program_verifies_and_finds_one_flipped_byte(program: Command, kept: Kept) -> None:
    good = program("audit", "verify", kept.log, "--trust", kept.trust)
    flip(segment(kept), b'"within_grant"')
    bad = program("audit", "verify", kept.log, "--trust", kept.trust)

    assert (good.code, good.json["size"]) == (0, 4)
    assert (bad.code, bad.json["first_bad_record"]) == (1, 1)
