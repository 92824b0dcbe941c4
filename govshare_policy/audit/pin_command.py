# SPDX-License-Identifier: Apache-2.0
"""A pin behind any command that compares and swaps: an object store, a ledger, another host.

The command is run once a question, without a shell, with an environment of two variables. Its
standard input and output are lines of ASCII; docs/how-to/pins.md has the exact bytes.
"""

import json
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from govshare_policy.audit.pin import Mark
from govshare_policy.errors import AuditError, ConfigError, VerificationError

SCHEME: Final = "command:"
ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
_NONE: Final = b"none\n"
_STORED: Final = b"stored\n"
_CONFLICT: Final = b"conflict\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandPin:
    """A mark that a command keeps.

    Attributes:
        argv: The program, an absolute path, and its arguments.
        timeout_s: How long one run may take; then it is killed, with all that it started.
    """

    argv: tuple[str, ...]
    timeout_s: float

    @classmethod
    def parse(cls, uri: str, *, timeout_s: float) -> Self:
        """Return the pin that *uri* (``command:["/opt/pin", "county-1"]``) names.

        Raises:
            ConfigError: If it is anything else.
        """
        return cls(argv=parse_argv(uri), timeout_s=timeout_s)

    @property
    def name(self) -> str:
        """The name of the program; its arguments are not shown."""
        return Path(self.argv[0]).name

    def load(self) -> Mark | None:
        """Return the mark that the command prints, or none if it says that there is none.

        Raises:
            VerificationError: If it prints anything else.
            AuditError: If it fails, or takes too long.
        """
        said = self._run(b"load\n")
        if said == _NONE:
            return None
        text = said.replace(b" ", b"\n") if said.count(b"\n") == 1 else b""
        try:
            return Mark.from_bytes(text)
        except VerificationError:
            raise VerificationError(f"the pin `{self.name}` answered with no mark") from None

    def advance(self, old: Mark | None, new: Mark) -> None:
        """Have the command put *new* in the place of *old*.

        Raises:
            AuditError: If it does not say that it did.
        """
        if old is not None:
            old.verify_next(new, name=self.name)
        said = self._run(b"advance\n" + (_line(old) if old else _NONE) + _line(new))
        if said == _CONFLICT:
            raise AuditError(f"the pin `{self.name}` was moved by another writer")
        if said != _STORED:
            raise AuditError(f"the pin `{self.name}` did not say that it stored the mark")

    def close(self) -> None:
        """Do nothing: no process is kept."""

    def _run(self, question: bytes) -> bytes:
        """Return what the command prints when it is asked *question*."""
        try:
            process = subprocess.Popen(  # noqa: S603  the operator names it; there is no shell
                self.argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=ENVIRONMENT,
                start_new_session=True,
            )
        except OSError:
            raise AuditError(f"the pin `{self.name}` cannot be run") from None
        with process:
            try:
                answer, _ = process.communicate(question, timeout=self.timeout_s)
            except subprocess.TimeoutExpired:
                # What it started holds the pipe open as well.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise AuditError(f"the pin `{self.name}` took too long") from None
        if process.returncode != 0:
            raise AuditError(f"the pin `{self.name}` failed with status {process.returncode}")
        return answer


def parse_argv(uri: str) -> tuple[str, ...]:
    """Return program and arguments of ``command:[...]``.

    Raises:
        ConfigError: If it is no list of texts, or the program no absolute path.
    """
    try:
        argv = json.loads(uri.removeprefix(SCHEME))
    except ValueError:
        argv = None
    texts = isinstance(argv, list) and all(isinstance(word, str) for word in argv)
    if not texts or not argv or not argv[0].startswith("/") or "\0" in "".join(argv):
        raise ConfigError('a pin behind a command is named `command:["/PROGRAM", "ARGUMENT"]`')
    return tuple(argv)


def _line(mark: Mark) -> bytes:
    """Return *mark* as one line, its own lines separated by spaces."""
    return mark.to_bytes()[:-1].replace(b"\n", b" ") + b"\n"
