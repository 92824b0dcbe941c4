# SPDX-License-Identifier: Apache-2.0
"""Names and values that somebody else chose, on the terminal of whoever reads a log."""

import json
import os
import shutil
from pathlib import Path

import pytest

from govshare_policy.cli.audit_records import print_records
from govshare_policy.cli.output import Output, dump, visible
from tests.unit.cli.audited import Audited, make
from tests.unit.cli.conftest import Command

HOSTILE = b"a\x1b]0;ok\x07\xff"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Audited:
    return make(tmp_path_factory.mktemp("names"), data)


@pytest.fixture
def log(made: Audited, tmp_path: Path) -> Path:
    """A copy that a test may put files into."""
    shutil.copytree(made.log, tmp_path / "log")
    return tmp_path / "log"


def put(directory: Path) -> None:
    Path(os.fsdecode(os.fsencode(directory) + b"/" + HOSTILE)).touch()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b", r"\x9b"),
        ("\x7f\r\n\0", r"\x7f\r\n\x00"),
        ("\u202a\u202e\u2066\u2069\u200e\u200f", r"\u202a\u202e\u2066\u2069\u200e\u200f"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\udcff", r"\udcff"),
        ("青澜 café 𠀀 `x`", "青澜 café 𠀀 `x`"),
    ],
)
def test_what_a_terminal_obeys_is_spelt_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_json_spells_out_a_name_that_is_no_utf_8_and_reads_it_back() -> None:
    for form in (Output.JSON, Output.JSONL):
        text = dump({"name": "审\udcff"}, form)
        assert "审" in text
        assert json.loads(text.encode("utf-8")) == {"name": "审\udcff"}


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("below", ["", "seg"])
def test_verify_shows_a_name_and_does_not_obey_it(
    below: str, lang: str, govshare: Command, made: Audited, log: Path
) -> None:
    """Where it is a remark, and where it is what is wrong."""
    put(log / below)
    done = govshare(
        *("audit", "verify", log, "--trust", made.trust, "--output", "table", "--lang", lang)
    )
    plain = govshare("audit", "verify", log, "--trust", made.trust, "--output", "json")

    assert done.code == plain.code == (1 if below else 0)
    assert r"a\x1b]0;ok\x07\udcff" in done.out
    assert "\x1b]" not in done.out
    assert plain.json["verified"] is not bool(below)


def test_a_report_is_written_about_a_log_with_such_a_name(
    govshare: Command, made: Audited, log: Path, tmp_path: Path
) -> None:
    put(log)
    out = tmp_path / "report.html"
    done = govshare("audit", "report", log, "--trust", made.trust, "--out", out)

    assert (done.code, done.json["verified"]) == (0, True)
    assert r"\udcff" in out.read_text("utf-8")


def test_values_of_records_are_shown_and_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    hostile, shown = "\x1b[8m\u202e", r"\x1b[8m\u202e"
    record = {
        "t": "2025",
        "system": hostile,
        "outcome": hostile,
        "call": {"resource": hostile},
        "clauses": [hostile],
    }
    print_records([(1, record)], chinese=False)
    out = capsys.readouterr().out

    assert out.count(shown) == 4
    assert "\x1b" not in out
