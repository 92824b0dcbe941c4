# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from tests.unit.cli.audited import Audited, make
from tests.unit.cli.conftest import Command
from tests.unit.cli.test_audit_query import make_other


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Audited:
    return make(tmp_path_factory.mktemp("prove"), data)


def test_a_receipt_made_from_the_log_verifies_without_it(
    govshare: Command, made: Audited, tmp_path: Path
) -> None:
    kept = tmp_path / "2.receipt"
    done = govshare("audit", "prove", made.log, 2, "--trust", made.trust, "--out", kept)
    verified = govshare("audit", "verify", "--receipt", kept, "--trust", made.trust).json

    assert (done.code, done.out) == (0, "")
    assert (verified["verified"], verified["record"], verified["size"]) == (True, 2, 5)


def test_the_receipt_of_the_caller_is_made_again_to_the_byte(
    govshare: Command, made: Audited
) -> None:
    done = govshare("audit", "prove", made.log, 1, "--size", 2)

    assert done.out.encode() == made.receipt.read_bytes()


def test_a_receipt_in_json_says_what_was_checked(govshare: Command, made: Audited) -> None:
    plain = govshare("audit", "prove", made.log, 1, "-o", "json").json
    checked = govshare("audit", "prove", made.log, 1, "-o", "json", "--trust", made.trust).json

    assert (plain["verified"], checked["verified"]) == (False, True)
    assert plain["receipt"] == checked["receipt"]
    assert (plain["index"], plain["size"]) == (1, 5)


def test_one_checkpoint_is_proven_to_continue_another(
    govshare: Command, made: Audited, tmp_path: Path
) -> None:
    note = made.receipt.read_text("utf-8").split("\n\n", 1)[1]
    (tmp_path / "old.note").write_text(note, "utf-8", newline="")
    by_file = govshare(
        "audit", "prove", made.log, "--consistency", tmp_path / "old.note", made.log / "checkpoint",
        "--trust", made.trust,
    )  # fmt: skip
    by_size = govshare("audit", "prove", made.log, "--consistency", 2, 5)

    assert (by_file.code, by_file.err) == (0, "")
    assert by_file.out == by_size.out
    assert by_file.out.startswith("old 2\n")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "one of the two"),
        ((1, "--consistency", "1", "2"), "one of the two"),
        (("--consistency", "1", "nothing"), "does not exist"),
        ((-1,), "INDEX"),
        ((2**63,), "INDEX"),
        ((1, "--size", 2**63), "--size"),
        (("--consistency", "9" * 5000, "2"), "at most 18 digits"),
    ],
    ids=str,
)
def test_bad_usage_is_exit_2(
    options: tuple[object, ...], words: str, govshare: Command, made: Audited
) -> None:
    done = govshare("audit", "prove", made.log, *options)

    assert (done.code, done.out) == (2, "")
    assert words in done.err or "No such option" in done.err


def test_a_file_that_holds_no_checkpoint_is_exit_2(
    govshare: Command, made: Audited, tmp_path: Path
) -> None:
    (tmp_path / "letter").write_text("dear sir")
    done = govshare("audit", "prove", made.log, "--consistency", tmp_path / "letter", 5)

    assert (done.code, done.out) == (2, "")
    assert "`letter` holds no checkpoint" in done.err


@pytest.mark.parametrize(
    "options",
    [(5,), (1, "--size", 99), ("--consistency", "5", "2"), ("--consistency", "0", "2")],
    ids=str,
)
def test_what_the_log_does_not_hold_is_exit_1(
    options: tuple[object, ...], govshare: Command, made: Audited
) -> None:
    done = govshare("audit", "prove", made.log, *options)

    assert (done.code, done.out) == (1, "")
    assert done.err.count("\n") == 1


def test_a_proof_under_the_key_of_another_is_exit_1(
    govshare: Command, made: Audited, tmp_path: Path
) -> None:
    other = make_other(tmp_path)
    for options in ((1,), ("--consistency", 2, 5)):
        done = govshare("audit", "prove", made.log, *options, "--trust", other)
        assert (done.code, done.out) == (1, "")
