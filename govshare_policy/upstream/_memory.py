# SPDX-License-Identifier: Apache-2.0
"""The nonces of one process, remembered while a request could be replayed."""

import threading
from collections import deque
from datetime import datetime
from typing import Final

from govshare_policy.errors import AuditError

MOST: Final = 1 << 20


class Memory:
    """Exact within one process that is not restarted; several share a ``NonceStore`` instead.

    Callable from any thread.
    """

    def __init__(self, *, most: int = MOST) -> None:
        """Begin with none.

        Args:
            most: How many are remembered at once; beyond, requests are refused, not believed.
        """
        self._most = most
        self._lock = threading.Lock()
        self._known: set[tuple[bytes, str]] = set()
        # In the order in which they came. One that came early and lasts long holds up the rest.
        self._order: deque[tuple[datetime, tuple[bytes, str]]] = deque()

    def claim(self, key: bytes, nonce: str, *, at: datetime, until: datetime) -> bool:
        """Remember *nonce* of *key* until then, and say whether it is new.

        Raises:
            AuditError: If there are too many to remember one more.
        """
        with self._lock:
            while self._order and self._order[0][0] < at:
                self._known.discard(self._order.popleft()[1])
            if (key, nonce) in self._known:
                return False
            if len(self._known) >= self._most:
                raise AuditError("too many requests arrived at once to remember their nonces")
            self._known.add((key, nonce))
            self._order.append((until, (key, nonce)))
            return True
