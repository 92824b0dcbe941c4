# SPDX-License-Identifier: Apache-2.0
"""What one worker has to itself, and what it shares with the others of its deployment.

Listeners are shared, but for that of heartbeats, which the first worker has. Everything that is
written is not: each worker has a log with an origin, pins and salts of its own, in which nobody
else ever writes.
"""

import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

from govshare_policy.audit.layout import MANIFEST
from govshare_policy.audit.pin_open import name_beside
from govshare_policy.errors import ConfigError
from govshare_sidecar._settings import Address
from govshare_sidecar._table import why
from govshare_sidecar.config import Config, LogConfig
from govshare_sidecar.egress.settings import (
    EgressConfig,
    EnvoyEgressConfig,
    ForwardConfig,
    ReverseConfig,
)

_WORKER: Final = re.compile(r"w(0|[1-9][0-9]{0,2})", re.ASCII)
_ENTRANCES: Final = (
    *("grpc", "http", "grpc_proxy", "envoy", "authzen", "auth_request", "national_tls"),
)
_EGRESS: Final = ("forward", "reverse", "envoy")
# One has to see all heartbeats to know that one is missing.
_ENTRANCES_OF_THE_FIRST: Final = ("heartbeats",)
_CANARY: Final = "envoy.canary"


def name_of(number: int) -> str:
    """Return what worker *number* is called, in messages and in the names of its files."""
    return f"w{number}"


def logs_of(directory: Path) -> Iterator[Path]:
    """Yield the logs in *directory*, those of workers that there are no more included.

    Raises:
        ConfigError: If it cannot be read, or is the log of a process that ran alone.
    """
    try:
        names = sorted(path.name for path in directory.iterdir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(f"`log.directory` cannot be read: {why(error)}") from None
    if MANIFEST in names:
        raise ConfigError(
            "`log.directory` is one log, and `workers` need a directory of logs; name a new one"
        )
    yield from (directory / name for name in names if _WORKER.fullmatch(name))


def listens_of(config: Config) -> dict[str, Address]:
    """Return where the workers listen, or one of them, by the name of the setting's table."""
    entrances = {name: getattr(config, name) for name in _ENTRANCES + _ENTRANCES_OF_THE_FIRST}
    listens = {name: entrance.listen for name, entrance in entrances.items() if entrance}
    listens |= {f"egress.{name}": door.listen for name, door in _egress_doors(config).items()}
    return listens | ({_CANARY: config.envoy.canary} if config.envoy else {})


def reserve(stack: ExitStack, config: Config) -> dict[str, Address]:
    """Take the addresses that *config* names, and return them, each port with its number.

    They stay taken until *stack* is left, whether or not a worker listens there just then; what
    is sent there goes to those that do.

    Raises:
        ConfigError: If one is taken by another program, or by another deployment.
    """
    return {
        name: _reserved(stack, listen, f"{name}.listen")
        for name, listen in listens_of(config).items()
    }


def _reserved(stack: ExitStack, listen: Address, key: str) -> Address:
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    held = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
    try:
        # Once alone: with the option, the kernel would let two deployments share their callers.
        with socket.socket(family, socket.SOCK_STREAM) as alone:
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind((listen.host, listen.port))
            if listen.port:
                alone.listen(0)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((listen.host, listen.port))
    except OSError as error:
        raise ConfigError(f"`{key}` cannot be listened on: {listen}, {why(error)}") from None
    return Address(host=listen.host, port=held.getsockname()[1], shared=True)


def config_of(config: Config, number: int, listens: Mapping[str, Address]) -> Config:
    """Return what *config* means for worker *number*, which listens at *listens* with others."""
    shared = {
        name: replace(getattr(config, name), listen=listens[name])
        for name in _ENTRANCES + _ENTRANCES_OF_THE_FIRST
        if getattr(config, name)
    }
    if number:
        shared |= dict.fromkeys(_ENTRANCES_OF_THE_FIRST)
    if config.envoy:
        shared["envoy"] = replace(shared["envoy"], canary=listens[_CANARY])
    if config.egress is not None:
        shared["egress"] = _egress_of(config.egress, number, listens)
    shadow = config.shadow
    if shadow is not None and shadow.report is not None:
        shadow = replace(shadow, report=_beside(shadow.report, name_of(number)))
    return replace(
        config,
        **shared,
        log=_log_of(config.log, name_of(number)),
        # Asked by the process above, which is asked by everybody else.
        metrics=Address(host="127.0.0.1", port=0) if config.metrics else None,
        shadow=shadow,
        watch_s=None,
        workers=0,
    )


def _egress_doors(config: Config) -> dict[str, ForwardConfig | ReverseConfig | EnvoyEgressConfig]:
    doors = {name: getattr(config.egress, name, None) for name in _EGRESS}
    return {name: door for name, door in doors.items() if door}


def _egress_of(egress: EgressConfig, number: int, listens: Mapping[str, Address]) -> EgressConfig:
    """Return what *egress* means for worker *number*: one index for all, one voice for all."""
    doors = {
        name: replace(getattr(egress, name), listen=listens[f"egress.{name}"])
        for name in _EGRESS
        if getattr(egress, name)
    }
    heartbeat = egress.heartbeat
    if heartbeat is not None:
        heartbeat = replace(heartbeat, speaks=number == 0)
    return replace(egress, **doors, heartbeat=heartbeat)


def written_logs(config: Config) -> tuple[LogConfig, ...]:
    """Return the logs that a deployment with *config* writes: one of its own for each worker.

    Raises:
        ConfigError: If `log.directory` is a log, where it has to be a directory of logs.
    """
    if not config.workers:
        return (config.log,)
    for _ in logs_of(config.log.directory):
        pass
    return tuple(_log_of(config.log, name_of(number)) for number in range(config.workers))


def log_of(config: Config, worker: int | None) -> LogConfig:
    """Return the log of *worker*, or the one log of a deployment that has no workers.

    A worker that there is no more has one too.

    Raises:
        ConfigError: If there are several and none is said, or there is one and a worker is said.
    """
    if worker is None:
        if config.workers:
            raise ConfigError("each of the `workers` has a log of its own; say whose: --worker N")
        return config.log
    if not config.workers:
        raise ConfigError("the configuration has no `workers`; leave --worker out")
    return _log_of(config.log, name_of(worker))


def _log_of(log: LogConfig, name: str) -> LogConfig:
    directory = log.directory / name
    # Without a configured name, a log that is there keeps the one that it has.
    origin = f"{log.origin or f'govshare/{socket.gethostname()}'}/{name}"
    if not log.origin and (directory / MANIFEST).exists():
        origin = ""
    pins = tuple(name_beside(pin, name) for pin in log.pins.names)
    return replace(
        log,
        directory=directory,
        origin=origin,
        pins=replace(log.pins, names=pins),
        # In a directory of its own, with all that is kept beside the salts.
        salts=log.salts.parent / name / log.salts.name,
    )


def _beside(path: Path, name: str) -> Path:
    return path.with_name(f"{path.stem}-{name}{path.suffix}")
