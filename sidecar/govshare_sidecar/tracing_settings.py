# SPDX-License-Identifier: Apache-2.0
"""The table ``[tracing]``: where traces go, of how many calls, and what callers may say."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from govshare_sidecar._table import Table

_ALL_PERCENT: Final = 100


class Callers(StrEnum):
    """What is made of the ``traceparent`` of a caller, which anybody can write."""

    LINK = "link"
    PARENT = "parent"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingConfig:
    """What the ``[tracing]`` table says.

    Attributes:
        endpoint: Where spans go, by OTLP over HTTP; empty means as the environment says.
        service: The name of this sidecar in the traces.
        percent: How many of a hundred calls are traced, at random.
        callers: What is made of the ``traceparent`` of a caller.
    """

    endpoint: str
    service: str
    percent: int
    callers: Callers


def read_tracing(table: Table) -> TracingConfig:
    """Return what *table* says.

    Raises:
        ConfigError: If a key is wrong, or not one of these.
    """
    config = TracingConfig(
        endpoint=table.text("endpoint", ""),
        service=table.text("service", "govshare"),
        percent=table.count("percent", _ALL_PERCENT),
        callers=Callers(table.choice("callers", tuple(Callers), Callers.LINK)),
    )
    if config.percent > _ALL_PERCENT:
        raise table.error("percent", "is at most 100")
    if config.endpoint and not _is_url(config.endpoint):
        raise table.error("endpoint", "is an http:// or https:// URL, such as of `/v1/traces`")
    table.finish()
    return config


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
