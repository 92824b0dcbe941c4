# SPDX-License-Identifier: Apache-2.0
"""The command as a whole: help, exit codes, terminals, readers that leave."""

import errno
import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from govshare_policy import errors
from govshare_policy.cli import __main__ as command
from govshare_policy.cli.output import Lang, Output, chosen_lang, chosen_output, progress
from govshare_policy.errors import GovshareError
from tests.unit.cli.conftest import PROGRAM, Command, call_line

COMMANDS = [
    ("init",),
    ("check",),
    ("explain",),
    ("serve",),
    ("audit", "verify"),
    ("audit", "show"),
    ("keys", "generate"),
    ("keys", "show"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(words: tuple[str, ...], govshare: Command) -> None:
    done = govshare(*words, "--help")

    assert (done.code, done.err) == (0, "")
    assert f"Example: {'' if words != ('explain',) else 'echo'}" in done.out
    assert f"govshare {' '.join(words)}" in done.out


@pytest.mark.parametrize("words", [(), ("audit",), ("keys",)], ids=["govshare", "audit", "keys"])
def test_a_command_without_a_verb_shows_its_help_line_by_line(
    words: tuple[str, ...], govshare: Command
) -> None:
    done = govshare(*words)

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Usage: govshare")
    assert "\nCommands:\n" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("enforce",), "govshare: No such command 'enforce'; see --help\n"),
        (("audit", "undo"), "govshare: No such command 'undo'; see --help\n"),
        (("check", "--force"), "govshare: No such option: --force; see --help\n"),
        (("check", "extra"), "govshare: Got unexpected extra argument(s) (extra); see --help\n"),
    ],
)
def test_a_word_that_is_none_is_one_sentence(
    words: tuple[str, ...], said: str, govshare: Command, data: Path
) -> None:
    done = govshare(*words, *(("--profile", "hubei", "--data", data) * (words[0] == "check")))

    assert (done.code, done.out, done.err) == (2, "", said)


def kinds_of(base: type[GovshareError]) -> Iterator[type[GovshareError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from kinds_of(kind)


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(**_options: object) -> None:
        raise error

    monkeypatch.setattr(command, "app", fail)


@pytest.mark.parametrize(
    "name",
    sorted(kind.__name__ for kind in kinds_of(GovshareError) if hasattr(errors, kind.__name__)),
)
def test_every_error_has_an_exit_code_and_is_one_line(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kind: type[GovshareError] = getattr(errors, name)
    raising(monkeypatch, kind("something is\nwrong"))
    verification = issubclass(kind, errors.VerificationError)
    ours = kind in (errors.EvaluationError, errors.ObligationError, errors.AuditError)

    code = command.main([])

    assert code == (1 if verification else 3 if ours else 2)
    assert capsys.readouterr().err == "govshare: something is wrong\n"


def path_error(number: int) -> OSError:
    return OSError(number, os.strerror(number), "/var/lib/secret/calls.jsonl")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (path_error(errno.ENOENT), 2, "`calls.jsonl`: No such file or directory"),
        (path_error(errno.EISDIR), 2, "`calls.jsonl`: Is a directory"),
        (path_error(errno.ENOTDIR), 2, "`calls.jsonl`: Not a directory"),
        (path_error(errno.EACCES), 2, "`calls.jsonl`: Permission denied"),
        (path_error(errno.ENOSPC), 3, "the system could not do it: No space left on device"),
        (path_error(errno.EIO), 3, "the system could not do it: Input/output error"),
        (KeyboardInterrupt(), 3, "stopped"),
        (typer.Abort(), 3, "stopped"),
    ],
    ids=["no file", "a directory", "no directory", "no right", "disk", "device", "^C", "abort"],
)
def test_what_the_system_refuses_is_one_sentence(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    raising(monkeypatch, error)

    assert command.main([]) == code
    assert capsys.readouterr().err == f"govshare: {said}\n"


def test_a_reader_that_leaves_is_no_error(data: Path, tmp_path: Path) -> None:
    """`govshare check … | head -1` says nothing on standard error."""
    calls = tmp_path / "calls.jsonl"
    calls.write_bytes(call_line() * 2000)
    with subprocess.Popen(
        [PROGRAM, "check", "--profile", "hubei", "--data", data, "--calls", calls],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b'"allow"' in process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()

    assert (process.returncode, said) == (0, b"")


def test_typers_own_end_for_a_reader_that_left_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, SystemExit(1))

    assert command.main([]) == 0


def test_serve_without_a_configuration_is_exit_2(govshare: Command, tmp_path: Path) -> None:
    done = govshare("serve", "--config", tmp_path / "nowhere.toml")

    assert (done.code, done.out) == (2, "")
    assert "nowhere.toml" in done.err
    assert done.err.count("\n") == 1


def hear_interrupts() -> None:
    """Undo what a shell does to the commands that it runs in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_command_that_is_interrupted_says_so(data: Path) -> None:
    with subprocess.Popen(
        [PROGRAM, "check", "--profile", "hubei", "--data", data],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=hear_interrupts,  # noqa: PLW1509  the test has one thread
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(call_line() * 200)
        process.stdin.flush()
        process.stdout.readline()  # it is at work, and waits for more
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=300)

    assert (process.returncode, said) == (3, b"govshare: stopped\n")


class Terminal(io.StringIO):
    """What is written to a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_table_and_a_pipe_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen_output(None, off_terminal=Output.JSONL) is Output.JSONL
    monkeypatch.setattr(sys, "stdout", Terminal())

    assert chosen_output(None, off_terminal=Output.JSONL) is Output.TABLE
    assert chosen_output(Output.JSON, off_terminal=Output.JSONL) is Output.JSON


def test_a_language_that_was_asked_for_comes_before_the_locale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")

    assert (chosen_lang(Lang.EN), chosen_lang(None)) == (Lang.EN, Lang.ZH)


def test_a_bar_is_shown_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe, terminal = io.StringIO(), Terminal()
    for stream in (pipe, terminal):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress("calls") as tick:
            tick(1, 2)
            tick(2, 2)

    assert pipe.getvalue() == ""
    assert "calls" in terminal.getvalue()


def test_a_passphrase_is_asked_for_on_a_terminal_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked: list[dict[str, object]] = []

    def prompt(text: str, **options: object) -> str:
        asked.append({"text": text, **options})
        return "correct horse"

    monkeypatch.setattr(typer, "prompt", prompt)
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.delenv("GOVSHARE_PASSPHRASE", raising=False)
    code = command.main(["keys", "generate", str(tmp_path / "k.pem")])

    assert code == 0
    assert "correct horse" not in "".join(capsys.readouterr())
    assert asked == [{"text": "passphrase", "hide_input": True, "confirmation_prompt": True}]


def test_the_version_is_that_of_the_package(govshare: Command) -> None:
    run = govshare("--version")

    assert (run.code, run.out) == (0, "govshare 0.1.0\n")
