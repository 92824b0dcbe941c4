# SPDX-License-Identifier: Apache-2.0
"""Signals of the operating system, heard by the event loop."""

import asyncio
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

# What stops a process: the supervisor's signal, and the one of a terminal.
STOP = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def heard(heeds: Mapping[signal.Signals, Callable[[], object]]) -> Iterator[None]:
    """While inside the ``with``, have the running loop call what *heeds* names for a signal.

    Afterwards these signals are ignored until the process has ended: one that is told twice to
    stop has stopped in good order all the same, and says so with its exit code. (What a loop hears
    by itself goes back to the default when the loop is closed, and the default is to die.)

    Only for the main thread of a process that ends soon after.
    """
    loop = asyncio.get_running_loop()

    def hear(number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(heeds[signal.Signals(number)])

    for number in heeds:
        signal.signal(number, hear)
    try:
        yield
    finally:
        for number in heeds:
            signal.signal(number, signal.SIG_IGN)
