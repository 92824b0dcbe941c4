# SPDX-License-Identifier: Apache-2.0
"""The guides for procedures, command by command, on what ``govshare init`` writes."""

import re
import shlex
import subprocess
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from govshare_policy.cli.__main__ import main
from govshare_policy.cli.init import init
from govshare_policy.policy import Precedence
from tools.check_docs import known_commands

GUIDES: Final = Path(__file__).resolve().parents[3] / "docs" / "how-to"
FENCE: Final = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TODAY: Final = date(2026, 11, 22)
AT: Final = "2026-11-22T10:00:00+08:00"
# What the deployment of Hubei and Order 809 is not asked, as the guide says.
ELSEWHERE: Final = {"application need": "henan-fengqiu", "grant consent": "national-809"}
# Those that say no where nothing has gone wrong: an empty file, a notice that is closed already.
SAY_NO: Final = ("correction check", "rectification escalate")


class Step(NamedTuple):
    """One command of a guide, and where it is given."""

    line: str
    words: tuple[str, ...]
    profile: str

    @property
    def name(self) -> str:
        return " ".join(self.words[1:3])


def steps_of(guide: str) -> list[Step]:
    steps = []
    for block in FENCE.findall((GUIDES / guide).read_text("utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            words = tuple(shlex.split(line, comments=" #" in line))
            steps.append(Step(line, words, ELSEWHERE.get(" ".join(words[1:3]), "hubei")))
    return steps


def deployment(directory: Path, profile: str) -> Path:
    """Return what ``init`` writes, with the delivery that one of the guides has checked."""
    precedence = Precedence.STRICTEST if profile == "hubei" else Precedence.LOCAL
    made = init(directory / profile, profile=profile, precedence=precedence, today=TODAY).directory
    (made / "r12.csv").write_text("id_no,owner_name\n")
    return made


def run(step: Step) -> int:
    """Run one command at a time that does not depend on the day of the test."""
    program, *words = step.words
    if program != "govshare":
        return subprocess.run(["sh", "-c", step.line], check=False).returncode
    takes = max((path for path in known_commands() if tuple(words[: len(path)]) == path), key=len)
    stated = ("--at", AT) if "--at" in known_commands()[takes] else ()
    return main([*words, *stated])


@pytest.mark.parametrize("guide", ["applications.md", "supervision.md"])
def test_every_command_does_what_its_guide_says(
    guide: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the top of the page to its end; ids are those that the page names."""
    steps = [step for step in steps_of(guide) if step.name != "report rectification"]
    places = {profile: deployment(tmp_path, profile) for profile in {one.profile for one in steps}}

    for step in steps:
        monkeypatch.chdir(places[step.profile])
        code = run(step)
        said = capsys.readouterr()
        assert code == (1 if step.name in SAY_NO else 0), (step.line, said.out, said.err)
