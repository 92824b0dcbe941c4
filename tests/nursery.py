# SPDX-License-Identifier: Apache-2.0
"""Programs of ours as processes of their own that start quickly: the imports are done once.

A nursery is a process that has imported the modules below and does nothing with them; for every
program it forks, and the child runs ``python -m MODULE`` from there. It has no thread, no loop and
no listener, so that a child has nothing that a fresh interpreter would not have, but its imports.

Usage: ``python -m tests.nursery FD``, a socket at which it is told what to run.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import IO, Any

# What `python -m govshare_sidecar` imports in any case, but the module that `-m` names.
IMPORTED = ("govshare_sidecar.config", "govshare_sidecar.server", "govshare_sidecar.workers")
# Of what it writes and of what becomes of it.
ENDS = 3
ORDER_BYTES = 1 << 20


class Grown:
    """A program that runs, with what :class:`subprocess.Popen` offers of it.

    Attributes:
        returncode: As Popen's; None while it is not known to have ended.
    """

    def __init__(self, nursery: socket.socket, order: Mapping[str, Any]) -> None:
        (out, out_end), (err, err_end) = os.pipe(), os.pipe()
        self._fate, fate_end = socket.socketpair()
        ends = [out_end, err_end, fate_end.fileno()]
        socket.send_fds(nursery, [json.dumps(order).encode()], ends)
        for end in (out_end, err_end):
            os.close(end)
        fate_end.close()
        self.stdout: IO[str] = open(out, encoding="utf-8")  # noqa: PTH123, SIM115  a pipe
        self.stderr: IO[str] = open(err, encoding="utf-8")  # noqa: PTH123, SIM115  a pipe
        self.returncode: int | None = None
        self._told = b""
        self.pid = int(self._line() or 0)
        assert self.pid, "the nursery has gone"

    def _line(self) -> bytes:
        """Return what the nursery says next of the program; empty at the end."""
        while b"\n" not in self._told:
            data = self._fate.recv(64)
            if not data:
                return b""
            self._told += data
        line, _, self._told = self._told.partition(b"\n")
        return line

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(timeout=0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not self._told and not select.select([self._fate], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("govshare", timeout or 0)
            self.returncode = int(self._line())
            self._fate.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self) -> tuple[str, str]:
        """Return what it wrote, once it has ended; for little text only."""
        said = self.stdout.read(), self.stderr.read()
        self.wait()
        return said


def environment() -> dict[str, str]:
    """Return the environment of this process, but what pytest changes with every test."""
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


Program = Grown | subprocess.Popen[str]
# Before any test has changed it.
AT_START: Mapping[str, str] = environment()


@cache
def _nursery() -> socket.socket:
    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.nursery", str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            env=AT_START,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def end() -> None:
        ours.close()
        process.wait(30)

    atexit.register(end)
    return ours


def run_module(module: str, *words: str, under: tuple[str, ...] = ()) -> Program:
    """Start ``python -m MODULE WORDS``; the caller reads its output and waits for its end.

    *under* another command, or in another environment than the nursery's, an interpreter is
    started: some variables are read by imports.
    """
    if not under and environment() == AT_START:
        return Grown(_nursery(), {"module": module, "words": words, "directory": os.getcwd()})  # noqa: PTH109
    return subprocess.Popen(
        (*under, sys.executable, "-m", module, *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _next_order(orders: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Fork for every order that comes; return it in the child, and nothing at the end."""
    while True:
        data, fds, _, _ = socket.recv_fds(orders, ORDER_BYTES, ENDS)
        if not data:
            return None
        if not os.fork():
            orders.close()
            return json.loads(data), fds
        for fd in fds:
            os.close(fd)


def _fork_and_tell(out: int, err: int, fate: int) -> None:
    """Fork once more, and tell *fate* the pid and the exit code; only the child returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # Before the pid is known to anybody who might send it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    child = os.fork()
    if child:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.close(out)
        os.close(err)
        os.write(fate, b"%d\n" % child)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(fate, b"%d\n" % code)
        os._exit(0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    for fd in (out, err, fate):
        os.close(fd)


def main() -> None:
    # The sidecar sets it before it imports the library that reads it, for the same reason.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    for name in IMPORTED:
        importlib.import_module(name)
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who tell
    found = _next_order(socket.socket(fileno=int(sys.argv[1])))
    if found is None:
        return
    order, fds = found
    _fork_and_tell(*fds)
    os.chdir(order["directory"])
    sys.argv[1:] = order["words"]
    runpy.run_module(order["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
