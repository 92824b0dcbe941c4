# SPDX-License-Identifier: Apache-2.0
"""Which texts and registers are decided by, in how many processes, and ``[shadow]``."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from govshare_policy.policy import Precedence
from govshare_sidecar._table import Table

MAX_WORKERS: Final = 64
_REPORT_BYTES: Final = 64 << 20
_QUEUE: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPolicy:
    """Registers and texts read as they lie there: for development and small deployments."""

    profile: str
    precedence: Precedence
    data: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPolicy:
    """Production mode: registers and texts out of a bundle that *key* signed, or none at all.

    Attributes:
        key: PEM file of the SM2 public key.
        not_before: A bundle made earlier is refused, so that an old one cannot come back.
    """

    bundle: Path
    key: Path
    not_before: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowConfig:
    """What is evaluated beside the policy in force, and never decides.

    Attributes:
        policy: What is tried out.
        report: A file for the differences, a line of JSON each; none if they are only counted.
        report_bytes: How large the file may become; what comes later is only counted.
        queue: How many answers may wait for their evaluation; those beyond are passed over.
    """

    policy: OpenPolicy | SignedPolicy
    report: Path | None = None
    report_bytes: int = _REPORT_BYTES
    queue: int = _QUEUE


def read_policy(table: Table) -> OpenPolicy | SignedPolicy:
    """Return what *table* says of texts and registers; more may stand in it.

    Raises:
        ConfigError: If a key is missing or wrong.
    """
    if not table.has("bundle"):
        return OpenPolicy(
            profile=table.text("profile"),
            precedence=Precedence(table.choice("precedence", tuple(Precedence), "strictest")),
            data=table.path("data"),
        )
    for key in ("profile", "precedence", "data"):
        if table.has(key):
            raise table.error(key, "stands in the signed bundle; leave it out beside `bundle`")
    return SignedPolicy(
        bundle=table.path("bundle"),
        key=table.file("bundle_key"),
        not_before=table.instant("bundle_not_before") if table.has("bundle_not_before") else None,
    )


def read_workers(root: Table) -> int:
    """Return how many workers the top level of the file asks for.

    Raises:
        ConfigError: If that is no number, or more than a machine carries.
    """
    workers = root.count("workers", 1)
    if workers > MAX_WORKERS:
        raise root.error("workers", f"is at most {MAX_WORKERS}")
    return workers


def read_shadow(table: Table) -> ShadowConfig:
    """Return what the table ``[shadow]`` says.

    Raises:
        ConfigError: If a key is unknown, missing or wrong.
    """
    config = ShadowConfig(
        policy=read_policy(table),
        report=table.path("report") if table.has("report") else None,
        report_bytes=table.count("report_bytes", _REPORT_BYTES),
        queue=table.count("queue", _QUEUE),
    )
    table.finish()
    return config
