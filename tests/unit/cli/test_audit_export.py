# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

import pytest

from tests.unit.cli.audited import OPERATOR, Audited, make
from tests.unit.cli.conftest import Command
from tests.unit.cli.test_audit_query import make_other


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Audited:
    return make(tmp_path_factory.mktemp("export"), data)


@pytest.mark.parametrize("form", ["jsonl", "cadf", "ocsf"])
def test_an_event_a_line(form: str, govshare: Command, made: Audited) -> None:
    done = govshare("audit", "export", made.log, "--format", form)

    assert (done.code, done.err, len(done.lines)) == (0, "", 5)


def test_csv_has_a_head_and_marks_its_encoding_in_a_file(
    govshare: Command, made: Audited, tmp_path: Path
) -> None:
    out = govshare("audit", "export", made.log, "--format", "csv").out
    govshare("audit", "export", made.log, "--format", "csv", "--out", tmp_path / "log.csv")

    assert len(out.splitlines()) == 6
    assert out.startswith("index,id,t,phase,")
    assert (tmp_path / "log.csv").read_bytes() == b"\xef\xbb\xbf" + out.encode()


def test_the_same_options_choose_as_for_a_query(govshare: Command, made: Audited) -> None:
    export = ("audit", "export", made.log, "--format", "jsonl")
    denied = govshare(*export, "--effect", "deny", "--trust", made.trust).lines
    about = govshare(*export, "--person", f"operator={OPERATOR}", "--salts", made.salts).lines
    late = govshare(*export, "--from", "2025-09-23").lines

    assert [[line["index"] for line in lines] for lines in (denied, about, late)] == [[2], [1], [4]]


def test_an_outcome_names_its_caller_although_only_outcomes_are_asked_for(
    govshare: Command, made: Audited
) -> None:
    [event] = govshare("audit", "export", made.log, "--format", "ocsf", "--phase", "outcome").lines

    assert event["actor"]["app_uid"] == "SYS-HCB-PRH"


def test_what_is_not_vouched_for_is_not_exported(
    govshare: Command, made: Audited, tmp_path: Path
) -> None:
    done = govshare(
        "audit", "export", made.log, "--format", "cadf", "--trust", make_other(tmp_path),
        "--out", tmp_path / "out",
    )  # fmt: skip

    assert (done.code, done.out) == (1, "")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [(), ("--format", "xml"), ("--format", "csv", "--to", "x")])
def test_bad_usage_is_exit_2(options: tuple[str, ...], govshare: Command, made: Audited) -> None:
    done = govshare("audit", "export", made.log, *options)

    assert (done.code, done.out) == (2, "")


def test_the_program_writes_utf_8_whatever_the_locale(program: Command, made: Audited) -> None:
    done = program("audit", "export", made.log, "--format", "jsonl", environment={"LC_ALL": "C"})

    assert (done.code, len(done.out.splitlines())) == (0, 5)
    assert all(json.loads(line)["record"] for line in done.out.splitlines())
