# SPDX-License-Identifier: Apache-2.0
"""The table ``[heartbeats]``: whose guards a provider expects to hear of, and where."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from govshare_policy.crypto import PublicKey, load_public_key
from govshare_sidecar._settings import Address, read_address
from govshare_sidecar._table import Table

_NAME: Final = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownGuard:
    """A guard of a consumer.

    Attributes:
        system: The system that posts its heartbeats, as its client certificate proves.
        public: What it signs them with.
        every: How often one is due.
    """

    name: str
    system: str
    public: PublicKey
    every: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatsConfig:
    """The listener for heartbeats.

    Attributes:
        kept: The SQLite file in which all of them are kept.
        guards: By name.
    """

    listen: Address
    network: str
    kept: Path
    guards: Mapping[str, KnownGuard]


def read_heartbeats(table: Table) -> HeartbeatsConfig:
    """Return what *table* says.

    Raises:
        ConfigError: If a key is unknown, missing or wrong, or a file cannot be read.
    """
    guards = tuple(map(_guard, table.tables("guard")))
    config = HeartbeatsConfig(
        listen=read_address(table),
        network=table.text("network", "extranet"),
        kept=table.path("kept"),
        guards={one.name: one for one in guards},
    )
    if not guards or len(config.guards) != len(guards):
        raise table.error("guard", "names no guard, or one twice")
    table.finish()
    return config


def _guard(table: Table) -> KnownGuard:
    name = table.text("name")
    if _NAME.fullmatch(name) is None:
        raise table.error("name", "is 1 to 128 visible ascii characters")
    guard = KnownGuard(
        name=name,
        system=table.text("system"),
        public=load_public_key(table.file("key")),
        every=timedelta(seconds=table.seconds("every_s", 60.0)),
    )
    table.finish()
    return guard
