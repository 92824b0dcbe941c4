# SPDX-License-Identifier: Apache-2.0
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.county.day import PROFILES, load_day
from examples.county.departments import ADULTS, CHILDREN, COMPANIES
from examples.county.people import credit_code, id_number

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 300
# The weights as the standards print them; the code under test derives its own.
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2, 1)
CREDIT_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28, 1)
CODE_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2, 1)
CREDIT_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def check_sum(text: str, weights: Sequence[int], alphabet: str) -> int:
    return sum(alphabet.index(char) * weight for char, weight in zip(text, weights, strict=True))


def is_id_number(text: str) -> bool:
    return check_sum(text, ID_WEIGHTS, "0123456789X") % 11 == 1


def is_credit_code(text: str) -> bool:
    return (
        check_sum(text, CREDIT_WEIGHTS, CREDIT_CHARACTERS) % 31 == 0
        and check_sum(text[8:17], CODE_WEIGHTS, "0123456789X") % 11 == 0
    )


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LC_")}
    return {**kept, "LANG": "en_US.UTF-8", "NO_COLOR": "1", **more}


def left_running(directory: Path) -> list[str]:
    """Return the commands of processes that know *directory* by their arguments."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            command = path.read_bytes().decode(errors="replace")
            if str(directory) in command:
                found.append(command)
    return found


def demo(directory: Path, *options: str, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "examples.county", "--directory", str(directory), *options]
    return subprocess.run(
        command,
        cwd=root,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    directory = tmp_path_factory.mktemp("demo") / "data"
    done = demo(directory)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return directory, done.stdout


def columns(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line)


def test_in_a_pipe_the_demo_is_plain_text_within_a_hundred_columns(ran: tuple[Path, str]) -> None:
    _, text = ran
    control = {char for char in text if unicodedata.category(char) == "Cc"}

    assert control == {"\n"}
    # A command has to stay on one line, to be copied.
    lines = [line for line in text.splitlines() if not line.startswith("  $ ")]
    assert max(columns(line) for line in lines) <= 100


def test_every_outcome_of_the_two_texts_is_shown_and_counted(ran: tuple[Path, str]) -> None:
    _, text = ran
    counts = {
        match[1]: (int(match[2]), int(match[3]))
        for match in re.finditer(r"^ ([a-z ]+?) +(\d+) +(\d+) *$", text, re.MULTILINE)
    }

    each = sum(step.times for step in load_day())
    assert counts.pop("calls") == (each, each)
    assert set(counts) == {
        "allow",
        "deny",
        "needs grant",
        "needs platform authorization",
        "out of scope",
    }
    assert tuple(map(sum, zip(*counts.values(), strict=True))) == (each, each)
    assert 2 * each >= 200


def test_the_logs_verify_and_a_changed_one_does_not(ran: tuple[Path, str]) -> None:
    directory, text = ran

    assert len(re.findall(r"✓ .*: \d+ records and \d+ SM2-signed checkpoints verified", text)) == 3
    assert re.search(r"✗ .* the first bad\s+record is \d+", text)
    assert "Verified OK" in text
    govshare = str(Path(sys.executable).with_name("govshare"))
    for profile in PROFILES:
        log, trust = directory / profile / "audit" / "log", directory / profile / "trust.toml"
        command = [govshare, "audit", "verify", str(log), "--trust", str(trust)]
        done = subprocess.run(command, check=True, capture_output=True)
        assert json.loads(done.stdout)["verified"] is True


def test_what_was_withheld_is_shown_beside_what_left(ran: tuple[Path, str]) -> None:
    _, text = ran
    lines = [line for line in text.splitlines() if '"reg_date"' in line or "internal_" in line]

    assert [line.split('"')[1] for line in lines] == ["reg_date", "internal_note", "internal_score"]
    assert all(len(line.split('"')) <= 5 and line.index('"') < 15 for line in lines)


def test_nothing_the_demo_started_is_left_running(ran: tuple[Path, str]) -> None:
    directory, text = ran

    assert len(re.findall(r"127\.0\.0\.1:\d+", text)) == 5
    assert left_running(directory) == []


def test_the_demo_speaks_chinese_and_wipes_only_what_is_its_own(ran: tuple[Path, str]) -> None:
    directory, _ = ran
    (directory / "left-over").touch()
    done = demo(directory, "--lang", "zh")

    assert done.returncode == 0
    assert "需平台授权" in done.stdout
    assert "不得用于授权外的信息系统" in done.stdout
    assert not (directory / "left-over").exists()


def test_a_directory_that_is_not_the_demos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("kept")
    done = demo(tmp_path)

    assert done.returncode == 2
    assert "was not made by the demo" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["theirs"]


def test_an_answer_other_than_the_scripts_makes_the_demo_fail(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    script = tmp_path / "examples" / "county" / "day.tsv"
    script.write_text(script.read_text().replace("deny HU-a24-04", "deny HU-a24-02"))
    done = demo(tmp_path / "data", root=tmp_path)

    assert done.returncode == 1
    assert "hubei D19: HU-a24-04 is cited where HU-a24-02 decides" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_demo_stops_what_it_started(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-u", "-m", "examples.county", "--directory", str(tmp_path / "d")]
    seen: list[str] = []
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            seen.append(line)
            if "calls under each text" in line:
                # What is looked for at the end is seen while it is there.
                assert len(left_running(tmp_path)) > 1
                process.send_signal(number)
        code = process.wait(TIMEOUT_S)

    addresses = re.findall(r"127\.0\.0\.1:\d+", "".join(seen))
    assert (code, len(addresses)) == (130, 5)
    assert left_running(tmp_path) == []


def test_the_script_covers_what_it_promises() -> None:
    steps = load_day()
    with (ROOT / "examples" / "county" / "day.tsv").open(encoding="utf-8") as file:
        assert len(steps) == len({row["id"] for row in csv.DictReader(file, delimiter="\t")})
    assert {step.certificate for step in steps} == {"own", "none", "stranger", "expired", "revoked"}
    onward = {step.check.recipient[0] for step in steps if step.check and step.check.recipient}
    assert onward == {"department", "company", "public"}
    differing = [step for step in steps if len({e.outcome for e in step.expected.values()}) > 1]
    assert len(differing) >= 3


def test_the_independent_check_knows_the_standards_example() -> None:
    assert is_id_number("11010519491231002X")
    assert not is_id_number("110105194912310021")


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)), st.integers(1, 999))
@settings(max_examples=200, deadline=None)
def test_identity_numbers_have_valid_check_digits(birth: date, sequence: int) -> None:
    number = id_number(birth, sequence)

    assert is_id_number(number)
    assert number[:6] == "999999"
    assert number[6:14] == f"{birth:%Y%m%d}"


@given(st.integers(0, 99_999_999))
@settings(max_examples=200, deadline=None)
def test_credit_codes_have_both_check_digits_valid(number: int) -> None:
    code = credit_code(number)

    assert len(code) == 18
    assert is_credit_code(code)
    assert code[2:8] == "999999"


def test_invented_people_are_distinct_and_of_the_gender_their_number_says() -> None:
    people = ADULTS + CHILDREN

    assert len({person.id_no for person in people}) == len(people)
    assert all((person.gender == "男") == bool(int(person.id_no[16]) % 2) for person in people)
    assert len({company.uscc for company in COMPANIES}) == len(COMPANIES)
