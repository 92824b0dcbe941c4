# SPDX-License-Identifier: Apache-2.0
import shutil
from pathlib import Path

import pytest

from tests.unit.cli.audited import ORIGIN, Audited, make
from tests.unit.cli.conftest import Command


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Audited:
    return make(tmp_path_factory.mktemp("report"), data)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_report_is_one_file(lang: str, govshare: Command, made: Audited, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    done = govshare(
        "audit", "report", made.log, "--trust", made.trust, "--out", out, "--lang", lang
    )
    html = out.read_text("utf-8")

    assert (done.code, done.json["verified"], done.json["report"]) == (0, True, "report.html")
    assert f'<html lang="{lang}">' in html
    assert ORIGIN in html
    assert done.json["root"] in html
    assert "民政" not in html, "names of departments are in registers and not in the log"
    assert "D-HCB" in html


def test_the_report_on_a_spoilt_log_says_where_and_is_exit_1(
    govshare: Command, made: Audited, tmp_path: Path
) -> None:
    shutil.copytree(made.log, tmp_path / "log")
    [segment] = (tmp_path / "log" / "seg").iterdir()
    data = bytearray(segment.read_bytes())
    data[data.index(b"grant_unknown")] ^= 1
    segment.write_bytes(data)
    out = tmp_path / "report.html"
    done = govshare("audit", "report", tmp_path / "log", "--trust", made.trust, "--out", out)
    html = out.read_text("utf-8")

    assert (done.code, done.json["verified"], done.json["first_bad_record"]) == (1, False, 2)
    assert 'class="verdict no"' in html
    assert "D-HCB" not in html


def test_a_report_needs_a_trust_file_and_a_place(
    govshare: Command, made: Audited, tmp_path: Path
) -> None:
    assert govshare("audit", "report", made.log, "--out", tmp_path / "r.html").code == 2
    assert govshare("audit", "report", made.log, "--trust", made.trust).code == 2
    nowhere = govshare(
        "audit", "report", made.log, "--trust", made.trust, "--out", tmp_path / "no" / "r.html"
    )
    assert (nowhere.code, nowhere.out) == (2, "")
