# SPDX-License-Identifier: Apache-2.0
"""The configuration of ``govshare witness serve``: one TOML file, read once, strictly."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from govshare_policy.audit import TrustPolicy, load_trust
from govshare_policy.audit.checkpoint import check_name
from govshare_policy.errors import VerificationError
from govshare_sidecar._settings import (
    Address,
    load_table,
    read_address,
    read_key,
    read_passphrase,
)
from govshare_sidecar._table import Table

_LISTEN = "127.0.0.1:9444"


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessConfig:
    """Everything a witness is told.

    Attributes:
        state: Directory of what it signed last. Never restore it from a backup.
        name: In its signature lines.
        key: ``file:PATH``.
        passphrase: What the key is encrypted under; never shown.
        logs: By origin, the trust policy of each log that it watches.
    """

    listen: Address
    state: Path
    name: str
    key: str
    passphrase: bytes = field(repr=False)
    logs: Mapping[str, TrustPolicy]


def load_witness_config(path: Path) -> WitnessConfig:
    """Load the configuration file *path*; the paths in it are relative to it.

    Raises:
        ConfigError: If the file or one it names cannot be read, or a key is unknown, missing or
            wrong. The message names the file and the key.
    """
    table = load_table(path)
    config = WitnessConfig(
        listen=read_address(table, default=_LISTEN),
        state=table.path("state"),
        name=_read_name(table),
        key=read_key(table),
        passphrase=read_passphrase(table),
        logs=_read_logs(table),
    )
    table.finish()
    return config


def _read_name(table: Table) -> str:
    try:
        return check_name(table.text("name"))
    except VerificationError as error:
        raise table.error("name", f"is no name: {error}") from None


def _read_logs(table: Table) -> Mapping[str, TrustPolicy]:
    logs: dict[str, TrustPolicy] = {}
    for entry in table.tables("log"):
        trust = load_trust(entry.file("trust"))
        entry.finish()
        if trust.origin in logs:
            raise entry.error("trust", "is of a log that another table names")
        logs[trust.origin] = trust
    return logs
