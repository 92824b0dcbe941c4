# SPDX-License-Identifier: Apache-2.0
"""The tables ``[envelope]`` and ``[subjects]``: what is counted for all processes together."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from govshare_policy.envelope import Opener
from govshare_policy.nonces import NonceStore
from govshare_policy.subjects import DAILY, SubjectStore
from govshare_sidecar._table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeConfig:
    """How the envelopes of callers are opened.

    Attributes:
        audience: The name they have to be addressed to; empty means that of the log.
        window_s: How far their instant may be from now, in seconds.
        nonces: The file that remembers them.
    """

    audience: str
    window_s: float
    nonces: Path

    def open(self, stack: AsyncExitStack, *, origin: str) -> Opener:
        """Return what opens envelopes, until *stack* closes.

        Raises:
            AuditError: If the file of the nonces cannot be used.
        """
        nonces = NonceStore(self.nonces)
        stack.callback(nonces.close)
        window = timedelta(seconds=self.window_s)
        return Opener(audience=self.audience or origin, nonces=nonces, window=window)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectsConfig:
    """How distinct subjects are counted.

    Attributes:
        daily: Subjects a day of a grant that states no number.
        store: The file that counts them.
    """

    daily: int
    store: Path

    def open(self, stack: AsyncExitStack) -> SubjectStore:
        """Return what counts subjects, until *stack* closes.

        Raises:
            AuditError: If the file cannot be used.
        """
        store = SubjectStore(self.store, daily=self.daily)
        stack.callback(store.close)
        return store


def read_envelope(root: Table, log: Path, *, origin: str) -> EnvelopeConfig:
    """Return what the table ``[envelope]`` says.

    Its file lies beside the *log* unless it says otherwise; and so are callers to name the
    *origin* of the log, where that is configured.

    Raises:
        ConfigError: If a key is unknown or wrong.
    """
    usual = log.with_name("nonces.sqlite")
    if not root.has("envelope"):
        return EnvelopeConfig(audience=origin, window_s=300.0, nonces=usual)
    table = root.table("envelope")
    config = EnvelopeConfig(
        audience=table.text("audience", origin),
        window_s=table.seconds("window_s", 300.0),
        nonces=table.path("nonces") if table.has("nonces") else usual,
    )
    table.finish()
    return config


def read_subjects(root: Table, log: Path) -> SubjectsConfig:
    """Return what the table ``[subjects]`` says; its file lies beside the *log* unless it says.

    Raises:
        ConfigError: If a key is unknown or wrong.
    """
    usual = log.with_name("subjects.sqlite")
    if not root.has("subjects"):
        return SubjectsConfig(daily=DAILY, store=usual)
    table = root.table("subjects")
    config = SubjectsConfig(
        daily=table.count("daily", DAILY),
        store=table.path("store") if table.has("store") else usual,
    )
    table.finish()
    return config
