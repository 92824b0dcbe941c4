# SPDX-License-Identifier: Apache-2.0
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from govshare_policy.audit import TrustKey, format_trust, load_trust
from govshare_policy.audit.checkpoint import sign_checkpoint
from govshare_policy.crypto import generate_key, open_signer
from govshare_policy.inspection.prove import find_checkpoint, prove_continuation
from tests.unit.cli.audited import AT, Audited, make
from tests.unit.cli.conftest import Command


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Audited:
    return make(tmp_path_factory.mktemp("verify"), data)


@pytest.fixture
def own(made: Audited, tmp_path: Path) -> Audited:
    """A copy that a test may spoil."""
    shutil.copytree(made.log, tmp_path / "log")
    shutil.copyfile(made.receipt, tmp_path / "receipt")
    return made._replace(log=tmp_path / "log", receipt=tmp_path / "receipt")


def test_a_range_is_verified_with_its_segment_and_no_more(govshare: Command, made: Audited) -> None:
    done = govshare("audit", "verify", made.log, "--trust", made.trust, "--range", "1:3")
    document = done.json

    assert done.code == 0
    assert (document["first"], document["last"], document["size"]) == (1, 2, 5)
    assert (document["verified_first"], document["verified_last"]) == (0, 4)


def test_a_range_that_is_spoilt_or_not_there_is_exit_1(govshare: Command, own: Audited) -> None:
    verify = ("audit", "verify", own.log, "--trust", own.trust, "--range")
    beyond = govshare(*verify, "4:6")
    [segment] = (own.log / "seg").iterdir()
    data = bytearray(segment.read_bytes())
    data[data.index(b"grant_unknown")] ^= 1
    segment.write_bytes(data)
    spoilt = govshare(*verify, "0:3")

    assert (beyond.code, beyond.json["kind"]) == (1, "short")
    assert (spoilt.code, spoilt.json["first_bad_record"]) == (1, 2)


@pytest.mark.parametrize("text", ["3:1", "1:1", "1", ":", "a:b", "-1:2", "1:2:3"])
def test_a_range_that_is_none_is_exit_2(text: str, govshare: Command, made: Audited) -> None:
    done = govshare("audit", "verify", made.log, "--trust", made.trust, f"--range={text}")

    assert (done.code, done.out) == (2, "")
    assert "--range takes A:B" in done.err


def test_a_receipt_verifies_without_the_log(govshare: Command, made: Audited) -> None:
    done = govshare("audit", "verify", "--receipt", made.receipt, "--trust", made.trust)

    assert (done.code, done.json["record"], done.json["size"]) == (0, 1, 2)
    assert done.json["signed_at"].startswith("2025-09-22T02:00:00")


def test_a_receipt_with_one_changed_byte_is_exit_1(govshare: Command, own: Audited) -> None:
    for old, new in ((b"D-HCB", b"D-HCC"), (b"index 1", b"index 0"), (b"\n2\n", b"\n3\n")):
        own.receipt.write_bytes(_with(own.receipt.read_bytes(), old, new))
        done = govshare("audit", "verify", "--receipt", own.receipt, "--trust", own.trust)
        assert (done.code, done.json["verified"]) == (1, False)
        own.receipt.write_bytes(_with(own.receipt.read_bytes(), new, old))


def _with(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data
    return data.replace(old, new)


def test_what_was_kept_is_held_against_the_log(govshare: Command, own: Audited) -> None:
    """A log set back to its first checkpoint verifies, until somebody shows a receipt."""
    verify = ("audit", "verify", own.log, "--trust", own.trust)
    assert govshare(*verify, "--known", own.receipt, "--known", own.log / "checkpoint").code == 0
    _set_back(own.log)

    assert govshare(*verify).code == 0
    done = govshare(*verify, "--known", own.receipt)
    assert (done.code, done.json["kind"]) == (1, "short")


def _set_back(log: Path) -> None:
    from govshare_policy.inspection.reading import read_batches  # noqa: PLC0415  only here

    first = next(iter(read_batches(log)))
    [segment] = (log / "seg").iterdir()
    segment.write_bytes(segment.read_bytes()[: first.end.offset])
    (log / "checkpoint").write_bytes(first.note)


def test_what_was_kept_and_is_not_to_be_trusted_says_nothing_about_the_log(
    govshare: Command, own: Audited, tmp_path: Path
) -> None:
    own.receipt.write_bytes(_with(own.receipt.read_bytes(), b"D-HCB", b"D-HCC"))
    note = (own.log / "checkpoint").read_bytes()
    (tmp_path / "unsigned").write_bytes(note[: note.index("\n— ".encode()) + 1])
    (tmp_path / "foreign").write_bytes(_with(note, b"qinglan/audit\n5", b"qinglan/other\n5"))
    (tmp_path / "letter").write_text("dear sir")
    for kept in (own.receipt, *(tmp_path / name for name in ("unsigned", "foreign", "letter"))):
        done = govshare("audit", "verify", own.log, "--trust", own.trust, "--known", kept)
        assert (done.code, done.out) == (2, "")
        assert f"`{kept.name}` cannot be held against the log" in done.err


def test_a_receipt_counts_with_what_continues_it(
    govshare: Command, made: Audited, tmp_path: Path
) -> None:
    """A witness saw the log only later: the proof leads from the receipt to what it saw."""
    trust, seen = witnessed(made, tmp_path)
    verify = ("audit", "verify", "--receipt", made.receipt, "--trust", trust)
    wrong = tmp_path / "wrong"
    wrong.write_text(seen.read_text("utf-8").replace("old 2", "old 3", 1), "utf-8", newline="")
    (tmp_path / "letter").write_text("dear sir")

    assert govshare(*verify).code == 1
    assert govshare(*verify, "--continued", seen).code == 0
    assert govshare(*verify, "--continued", seen, "--continued", wrong).code == 1
    malformed = govshare(*verify, "--continued", tmp_path / "letter")
    assert (malformed.code, malformed.out) == (2, "")
    assert "`letter` holds no proof of consistency" in malformed.err
    alone = govshare("audit", "verify", made.log, "--trust", trust, "--continued", seen)
    assert (alone.code, alone.out) == (2, "")


def witnessed(made: Audited, directory: Path) -> tuple[Path, Path]:
    """Return a trust file that requires a witness, and what that witness has seen, from size 2."""
    generate_key(directory / "eye.pem", b"correct horse")
    eye = open_signer(f"file:{directory / 'eye.pem'}", b"correct horse")
    policy = load_trust(made.trust)
    policy = replace(policy, witnesses=(TrustKey(name="eye", public=eye.public),), required=1)
    (directory / "watched.toml").write_text(format_trust(policy), "utf-8")
    old, new = find_checkpoint(made.log, 2), find_checkpoint(made.log, 5)
    cosigned = sign_checkpoint(new, eye, name="eye", time=int(AT.timestamp()) + 90_000)
    proven = prove_continuation(made.log, old, cosigned)
    (directory / "seen").write_text(proven.to_text(), "utf-8", newline="")
    return directory / "watched.toml", directory / "seen"


def test_the_verdict_does_not_depend_on_the_number_of_processes(
    govshare: Command, made: Audited
) -> None:
    verify = ("audit", "verify", made.log, "--trust", made.trust, "--workers")

    assert govshare(*verify, 1).json == govshare(*verify, 3).json


@pytest.mark.parametrize("what", ["nothing", "both", "known", "range and receipt"])
def test_one_thing_is_verified_at_a_time(what: str, govshare: Command, made: Audited) -> None:
    options: dict[str, tuple[object, ...]] = {
        "nothing": (),
        "both": (made.log, "--receipt", made.receipt),
        "known": (made.log, "--range", "0:1", "--known", made.receipt),
        "range and receipt": ("--receipt", made.receipt, "--range", "0:1"),
    }
    done = govshare("audit", "verify", *options[what], "--trust", made.trust)

    assert (done.code, done.out) == (2, "")


def test_what_is_no_receipt_is_said(govshare: Command, made: Audited, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("dear sir")
    (tmp_path / "picture").write_bytes(b"\xff\xd8")
    (tmp_path / "novel").write_bytes(b"x" * (1 << 19))
    verify = ("audit", "verify", "--trust", made.trust, "--receipt")

    assert govshare(*verify, tmp_path / "letter").code == 1
    for name in ("picture", "novel"):
        done = govshare(*verify, tmp_path / name)
        assert (done.code, done.out) == (2, "")
        assert f"`{name}`" in done.err


def test_a_failure_says_the_rule_in_the_words_of_the_reader(
    govshare: Command, own: Audited
) -> None:
    (own.log / "checkpoint").unlink()
    verify = ("audit", "verify", own.log, "--trust", own.trust, "-o", "table")

    assert "checkpoint 文件缺失" in govshare(*verify, "--lang", "zh").out
    assert "文件" not in govshare(*verify, "--lang", "en").out


def test_a_receipt_is_a_table_too(govshare: Command, made: Audited) -> None:
    done = govshare(
        "audit", "verify", "--receipt", made.receipt, "--trust", made.trust, "-o", "table",
        "--lang", "zh",
    )  # fmt: skip

    assert "✓ 验证通过" in done.out
    assert "记录序号" in done.out
