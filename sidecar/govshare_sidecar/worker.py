# SPDX-License-Identifier: Apache-2.0
"""One of several workers: a sidecar that takes its orders from the process that started it.

Orders come on standard input and news go out on standard output, a line of JSON each. Where the
input ends, nobody can stop the worker any more, so it drains and goes.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import uvloop

from govshare_policy.errors import AuditError, GovshareError
from govshare_sidecar._settings import Address
from govshare_sidecar.config import load_config
from govshare_sidecar.heap import settle_heap
from govshare_sidecar.logs import configure_logs
from govshare_sidecar.overrides import read_overrides
from govshare_sidecar.quotas import SharedUsage
from govshare_sidecar.server import Sidecar
from govshare_sidecar.share import config_of
from govshare_sidecar.signals import heard

BAD_INPUT: Final = 2
CANNOT: Final = 3
RELOAD: Final = b"reload\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a worker is told first.

    Attributes:
        config: The path of the configuration file.
        text: What it said when the deployment was started, whatever it says now.
        flags: As :func:`govshare_sidecar.run.run` takes them.
        number: Which of the workers this is.
        listens: Where to listen, by the name of the setting's table.
        beside: The logs of the others.
    """

    config: Path
    text: str
    flags: tuple[str, ...]
    number: int
    listens: Mapping[str, Address]
    beside: tuple[Path, ...]

    def to_line(self) -> bytes:
        """Return the orders as one line."""
        document = {
            "config": str(self.config),
            "text": self.text,
            "flags": self.flags,
            "number": self.number,
            "listens": {name: asdict(listen) for name, listen in self.listens.items()},
            "beside": [str(path) for path in self.beside],
        }
        return json.dumps(document).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Return what :meth:`to_line` made *line* of."""
        document: dict[str, Any] = json.loads(line)
        return cls(
            config=Path(document["config"]),
            text=document["text"],
            flags=tuple(document["flags"]),
            number=document["number"],
            listens={name: Address(**listen) for name, listen in document["listens"].items()},
            beside=tuple(map(Path, document["beside"])),
        )


async def work(orders: Orders, *, environment: Mapping[str, str]) -> None:
    """Serve as *orders* say, until standard input ends or SIGTERM comes.

    Raises:
        GovshareError: As :meth:`Sidecar.running`.
    """
    overrides = read_overrides(environment, orders.flags)
    whole = load_config(orders.config, overrides, text=orders.text.encode())
    config = config_of(whole, orders.number, orders.listens)
    configure_logs(config.messages)
    told = asyncio.Event()
    # Two are meant for the process above, and a terminal sends them to all of its processes.
    heeds: dict[signal.Signals, Callable[[], None]] = {
        signal.SIGTERM: told.set,
        signal.SIGINT: _heed_not,
        signal.SIGHUP: _heed_not,
    }
    with heard(heeds), SharedUsage.open(whole.log.directory) as usage:
        async with Sidecar.running(
            config, now=lambda: datetime.now(UTC), usage=usage, beside=orders.beside
        ) as sidecar:
            obeying = asyncio.create_task(_obey(sidecar, told))
            settle_heap()
            _tell(ready={name: str(place) for name, place in sidecar.addresses.items()})
            _tell(revision=sidecar.revision)
            await told.wait()
            obeying.cancel()


def _heed_not() -> None:
    pass


async def _obey(sidecar: Sidecar, told: asyncio.Event) -> None:
    """Reload whenever that is asked for, and set *told* once nobody asks any more."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer
    )
    try:
        async for line in reader:
            if line == RELOAD:
                await sidecar.reload()
                _tell(revision=sidecar.revision)
    finally:
        transport.close()
        told.set()


def _tell(**news: object) -> None:
    sys.stdout.write(json.dumps(news) + "\n")
    sys.stdout.flush()


def main(_words: Sequence[str] = ()) -> int:
    """Work; return 0, 2 for a wrong file or setting, 3 for a log in trouble."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    # Unbuffered, so that what comes after the first line is still there for the loop.
    first = b""
    while not first.endswith(b"\n"):
        byte = os.read(sys.stdin.fileno(), 1)
        if not byte:
            return 0
        first += byte
    orders = Orders.from_line(first)
    try:
        uvloop.run(work(orders, environment=os.environ))
    except GovshareError as error:
        sys.stderr.write(f"govshare_sidecar: worker `w{orders.number}`: {error}\n")
        return CANNOT if isinstance(error, AuditError) else BAD_INPUT
    return 0


if __name__ == "__main__":
    sys.exit(main())
