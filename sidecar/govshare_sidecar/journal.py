# SPDX-License-Identifier: Apache-2.0
"""Opening the audit log at start, and reading off it what was already used today."""

import json
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from govshare_policy.audit import AuditLog, read_records
from govshare_policy.audit.pin import load_marks, load_worn
from govshare_policy.audit.pin_open import join_pins, open_pin
from govshare_policy.crypto import open_signer
from govshare_policy.errors import AuditError, ConfigError
from govshare_policy.identity import legal_day
from govshare_sidecar._table import why
from govshare_sidecar.config import LogConfig

_MANIFEST: Final = "log.json"
_log: Final = logging.getLogger(__name__)


@contextmanager
def open_log(config: LogConfig, *, now: Callable[[], datetime]) -> Iterator[AuditLog]:
    """Open the log that *config* names: a new one if its directory is empty or not there.

    A new log without a configured origin is called ``govshare/`` and the name of this host. On the
    way out it is closed, and pins that are behind catch up.

    Raises:
        ConfigError: If the key cannot be used, or the log has another origin than configured.
        AuditError: If the log is damaged, in use, or cannot be written, or a pin cannot be read;
            on the way out, if a pin does not catch up.
    """
    signer = open_signer(config.key, config.passphrase)
    pins = [open_pin(name) for name in config.pins.names]
    pin = join_pins(pins, lag=config.pins.lag)
    with ExitStack() as stack:
        stack.callback(pin.close)
        if _is_empty(config.directory):
            origin = config.origin or f"govshare/{socket.gethostname()}"
            log = AuditLog.create(config.directory, origin=origin, signer=signer, now=now, pin=pin)
        else:
            for one, mark in zip(pins, load_marks(pin), strict=True):
                if mark is None:
                    _log.warning("the pin `%s` is missing: a log cut back cannot be told", one.name)
            for worn in load_worn(pin):
                _log.warning("a block of the pin `%s` is damaged; its other one counts", worn.name)
            log = AuditLog.open(config.directory, signer=signer, now=now, pin=pin)
        stack.callback(log.close)
        if config.origin not in ("", log.origin):
            raise ConfigError(f"`log.origin` is not the name of the log, which is `{log.origin}`")
        yield log


def used_on(day: date, directory: Path) -> Iterator[tuple[str, date]]:
    """Yield grant and day of every call that the log in *directory* allowed on *day*.

    Raises:
        AuditError: If the log cannot be read.
    """
    if _is_empty(directory):
        return
    # A day in Asia/Shanghai begins the UTC day before; records are in one spelling, so most of
    # them can be passed over unread.
    stamps = tuple(f'"t":"{utc.isoformat()}T'.encode() for utc in (day - timedelta(days=1), day))
    try:
        for index, record in read_records(directory):
            if any(stamp in record for stamp in stamps):
                yield from ((grant, day) for grant in _counted(record, index, day))
    except OSError as error:
        raise AuditError(f"the log `{directory.name}` cannot be read") from error


def _counted(record: bytes, index: int, day: date) -> list[str]:
    """Return the grants under which the call of *record* was counted on *day*."""
    content = json.loads(record)
    if content.get("phase") != "decision":
        return []
    try:
        counted: list[str] = content["counted"]
        return counted if legal_day(datetime.fromisoformat(content["t"])) == day else []
    except (KeyError, ValueError):
        raise AuditError(f"record {index} of the log is not what the gate writes") from None


def _is_empty(directory: Path) -> bool:
    try:
        names = {path.name for path in directory.iterdir()}
    except FileNotFoundError:
        return True
    except OSError as error:
        raise ConfigError(f"`log.directory` cannot be read: {why(error)}") from None
    if names and _MANIFEST not in names:
        # Nobody got an answer out of a log whose beginning failed: the manifest is written last.
        raise AuditError(
            f"`log.directory` is not empty but holds no `{_MANIFEST}`: put it back, or, if the "
            "very first start failed, remove the directory and the pin"
        )
    return not names
