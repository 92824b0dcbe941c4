# SPDX-License-Identifier: Apache-2.0
"""Where the log's pins are, and how far behind they may be."""

from dataclasses import dataclass
from typing import Final

from govshare_policy.audit.pin_lag import Lag
from govshare_policy.audit.pin_open import full_name, open_pin
from govshare_policy.errors import ConfigError
from govshare_sidecar._table import Table

_LAG_S: Final = 1.0
_LAG_RECORDS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PinConfig:
    """The pins of a log.

    Attributes:
        names: At least one, each of them as :func:`open_pin` takes it.
        lag: How far behind they may be; none if every commit waits for them.
    """

    names: tuple[str, ...]
    lag: Lag | None = None


def read_pins(table: Table) -> PinConfig:
    """Return what ``pin`` or ``pins``, ``pin_lag_s`` and ``pin_lag_records`` say.

    Raises:
        ConfigError: If both or none of the first two are there, or one names no pin.
    """
    key = "pins" if table.has("pins") else "pin"
    if table.has("pins") and table.has("pin"):
        raise table.error("pin", "stands beside `pins`; name all of them there")
    given = table.texts(key) if key == "pins" else (table.text(key),)
    names = tuple(full_name(text, directory=table.resolve("")) for text in given)
    for name in names:
        try:
            open_pin(name).close()
        except ConfigError as error:
            raise table.error(key, f"names no pin: {error}") from None
    if len(set(names)) != len(names):
        raise table.error(key, "names a pin twice")
    lag = None
    if table.has("pin_lag_s") or table.has("pin_lag_records"):
        lag = Lag(
            records=table.count("pin_lag_records", _LAG_RECORDS),
            seconds=table.seconds("pin_lag_s", _LAG_S),
        )
    return PinConfig(names=names, lag=lag)
