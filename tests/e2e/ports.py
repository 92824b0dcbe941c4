# SPDX-License-Identifier: Apache-2.0
"""Ports that are said before anybody listens on them."""

import itertools
import os
import socket
from collections.abc import Iterator

# Below those that the system gives to whoever asks for any, and to whoever connects: what is
# chosen here is taken by nobody in the meantime, nor while whoever listens there is started anew.
_FIRST, _MANY = 10_000, 22_000
# Apart for processes whose numbers are close together, as those of one test run are.
_STRIDE = 619


def _turns() -> Iterator[int]:
    start = os.getpid() * _STRIDE
    return (_FIRST + (start + number) % _MANY for number in itertools.count())


_turn = _turns()


def free_port() -> int:
    """Return a port of this machine that nobody listens on, another one each time."""
    for port in itertools.islice(_turn, 1000):
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
    raise AssertionError("no port is free")
