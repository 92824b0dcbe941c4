# SPDX-License-Identifier: Apache-2.0
"""Allowed answers whose data have not been released yet, for the while in which they may be."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from govshare_policy.call import Call
from govshare_policy.gate import Answer
from govshare_policy.legal import Effect
from govshare_sidecar.refusal import Cause, RefusedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """A call that was allowed, and until when its data may be released (monotonic seconds)."""

    call: Call
    answer: Answer
    until: float


class Releases:
    """What may still be released, to whom. A permission is given out once; owned by the loop."""

    def __init__(
        self, *, ttl_s: float, most: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ttl_s = ttl_s
        self._most = most
        self._clock = clock
        # By key of the caller, then by record, the oldest first.
        self._callers: dict[bytes, OrderedDict[str, Allowed]] = {}

    def keep(self, call: Call, answer: Answer) -> None:
        """Remember *answer* if it allows; nobody can release under one that does not.

        Where too many are remembered, the caller with the most loses its oldest.
        """
        spki = answer.identity.spki
        if answer.decision.effect is not Effect.ALLOW or spki is None:
            return
        mine = self._callers.setdefault(spki, OrderedDict())
        now = self._clock()
        while mine and next(iter(mine.values())).until < now:
            mine.popitem(last=False)
        # The receipt is in the caller's hands, and as large as all the rest.
        kept = answer.with_receipt(None)
        mine[answer.record_id] = Allowed(call=call, answer=kept, until=now + self._ttl_s)
        if sum(map(len, self._callers.values())) > self._most:
            max(self._callers.values(), key=len).popitem(last=False)

    def take(self, record_id: str, spki: bytes | None) -> Allowed:
        """Return what was allowed under *record_id* to the holder of *spki*, and forget it.

        Raises:
            RefusedError: If there is nothing, the time is over, or it is another caller's; nobody
                learns which, and the right caller's permission stays.
        """
        allowed = self._callers.get(spki, OrderedDict()).pop(record_id, None) if spki else None
        if allowed is None or allowed.until < self._clock():
            raise RefusedError(Cause.NO_RELEASE)
        return allowed
