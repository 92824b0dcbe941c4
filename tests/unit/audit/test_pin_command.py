# SPDX-License-Identifier: Apache-2.0
"""A pin behind a command: asked in exact bytes, believed only if it answers in them."""

import os
import re
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from govshare_policy.audit import Mark
from govshare_policy.audit.pin_command import ENVIRONMENT, CommandPin
from govshare_policy.errors import AuditError, ConfigError, VerificationError

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "pins.md"
MARK = Mark(origin="one", size=3, root=bytes(range(32)), time=1_767_600_000)
OLDER = replace(MARK, time=None)
NEXT = replace(MARK, size=4, root=bytes(32))
LINE = f"govshare-pin/v2 one 3 {bytes(range(32)).hex()} 1767600000"


def command(path: Path, text: str, *arguments: str, timeout_s: float = 60) -> CommandPin:
    """Return the pin that the shell script *text* keeps."""
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o700)
    return CommandPin(argv=(str(path), *arguments), timeout_s=timeout_s)


def printing(path: Path, output: str) -> CommandPin:
    """Return a pin that answers every question with *output*."""
    (path / "output").write_text(output, encoding="utf-8")
    return command(path / "pin", f"cat > {path}/question; cat {path}/output")


def test_the_command_of_the_page_keeps_a_pin(tmp_path: Path) -> None:
    """It compares, swaps and remembers, as its bytes are described there."""
    [script] = re.findall(r"```sh\n#!/bin/sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (tmp_path / "kept").mkdir()
    pin = command(tmp_path / "keep", script, str(tmp_path / "kept"))

    assert pin.load() is None
    pin.advance(None, OLDER)
    assert pin.load() == OLDER
    pin.advance(OLDER, MARK)
    with pytest.raises(AuditError, match="`keep` was moved by another writer"):
        pin.advance(None, NEXT)
    with pytest.raises(AuditError, match="moved by another writer"):
        pin.advance(OLDER, NEXT)
    with pytest.raises(AuditError, match="never goes back"):
        pin.advance(NEXT, MARK)
    assert pin.load() == MARK
    pin.advance(MARK, NEXT)
    assert pin.load() == NEXT
    pin.close()


def test_the_questions_are_these_bytes(tmp_path: Path) -> None:
    question = tmp_path / "question"

    printing(tmp_path, "none\n").load()
    assert question.read_bytes() == b"load\n"
    printing(tmp_path, "stored\n").advance(None, MARK)
    assert question.read_bytes() == f"advance\nnone\n{LINE}\n".encode()
    printing(tmp_path, "stored\n").advance(OLDER, MARK)
    older = LINE.replace("/v2", "/v1").removesuffix(" 1767600000")
    assert question.read_bytes() == f"advance\n{older}\n{LINE}\n".encode()


def test_a_mark_is_one_line(tmp_path: Path) -> None:
    assert printing(tmp_path, f"{LINE}\n").load() == MARK


WRONG = {
    "nothing": "",
    "an empty line": "\n",
    "no end": LINE,
    "two ends": f"{LINE}\n\n",
    "two spaces": f"{LINE.replace(' one', '  one')}\n",
    "lines": LINE.replace(" ", "\n") + "\n",
    "none, and more": "none\nnone\n",
    "none without an end": "none",
    "stored": "stored\n",
    "half a mark": f"{LINE[:40]}\n",
    "too late a time": f"{LINE}0000\n",
}


@pytest.mark.parametrize("output", WRONG.values(), ids=WRONG)
def test_another_answer_is_neither_a_mark_nor_none(tmp_path: Path, output: str) -> None:
    """A command that is broken does not pass for a pin that is new."""
    with pytest.raises(VerificationError, match="the pin `pin` answered with no mark"):
        printing(tmp_path, output).load()


@pytest.mark.parametrize("output", ["", "stored", "stored\n\n", "none\n", " stored\n"])
def test_only_one_word_means_that_it_is_stored(tmp_path: Path, output: str) -> None:
    with pytest.raises(AuditError, match="`pin` did not say that it stored the mark"):
        printing(tmp_path, output).advance(None, MARK)


def test_a_command_that_fails_is_not_believed(tmp_path: Path) -> None:
    """Whatever it printed, and without what it said on standard error."""
    pin = command(tmp_path / "pin", "cat >/dev/null; echo stored; echo secret >&2; exit 3")
    with pytest.raises(AuditError, match=r"^the pin `pin` failed with status 3$"):
        pin.advance(None, MARK)


def test_a_command_that_reads_nothing_is_judged_by_its_answer(tmp_path: Path) -> None:
    assert command(tmp_path / "pin", "exec 0<&-; echo none").load() is None


def test_a_command_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="the pin `nothing` cannot be run"):
        CommandPin(argv=(str(tmp_path / "nothing"),), timeout_s=60).load()


def test_a_slow_command_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    """Its children hold the pipe open, and would hold the log up."""
    text = f"sleep 600 & echo $! > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/child; wait"
    # A busy machine may not have begun it in half a second; then it gets more.
    for timeout_s in (0.5, 5, 50):
        with pytest.raises(AuditError, match="`pin` took too long"):
            command(tmp_path / "pin", text, timeout_s=timeout_s).load()
        if (tmp_path / "child").exists():
            break
    child = int((tmp_path / "child").read_text())
    until = time.monotonic() + 60
    while Path(f"/proc/{child}/stat").exists() and time.monotonic() < until:
        if " Z " in Path(f"/proc/{child}/stat").read_text():
            break
        time.sleep(0.01)
    else:
        assert not Path(f"/proc/{child}/stat").exists()


def test_a_command_gets_its_arguments_and_two_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No shell looks at them, and nothing of our environment or files is handed on."""
    monkeypatch.setenv("PGPASSWORD", "secret")
    seen = tmp_path / "seen"
    code = (
        "import os,sys;open(sys.argv[1],'w').write(repr((sys.argv[2:],dict(os.environ),"
        "os.getcwd(),sorted(os.listdir('/proc/self/fd'))[:4])));print('none')"
    )
    reading, writing = os.pipe()
    os.set_inheritable(reading, True)  # noqa: FBT003
    pin = CommandPin(
        argv=(sys.executable, "-I", "-c", code, str(seen), "$HOME; true", "*"), timeout_s=60
    )
    assert pin.load() is None
    os.close(reading)
    os.close(writing)
    arguments, environment, directory, files = eval(seen.read_text())  # noqa: S307
    assert arguments == ["$HOME; true", "*"]
    assert environment == ENVIRONMENT
    assert directory == "/"
    assert files[:3] == ["0", "1", "2"]
    assert str(reading) not in files


REFUSED = [
    "command:",
    "command:/opt/pin",
    "command:[]",
    'command:"/opt/pin"',
    'command:["pin"]',
    "command:[1]",
    'command:["/opt/pin", 1]',
    'command:["/opt/pin", "a\\u0000b"]',
    'command:["/opt/pin"',
]


@pytest.mark.parametrize("uri", REFUSED)
def test_another_spelling_of_a_command_is_refused(uri: str) -> None:
    with pytest.raises(ConfigError, match="a pin behind a command is named"):
        CommandPin.parse(uri, timeout_s=1)
