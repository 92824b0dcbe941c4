# SPDX-License-Identifier: Apache-2.0
"""Why one text refused a call, where the record gives the reasons of the texts that decided.

The record keeps what every text found about the call. Asked again with the same findings, the
rules of the text say by which of them it refused.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from govshare_policy.identity import Flaw
from govshare_policy.legal import Effect
from govshare_policy.policy import Bundle
from govshare_policy.report.events import taken

_UNPROVEN: Final = "identity_unproven"
_FLAWS: Final = frozenset(Flaw)
_ASKED_BEFORE: Final = 4096


class OwnReasons:
    """The reasons of one text, from what a record says it found."""

    def __init__(self, bundle: Bundle) -> None:
        """Ask the one text of *bundle*."""
        (text,) = bundle.texts
        self._pack, self._columns = text.pack, bundle.columns
        self._ask = lru_cache(_ASKED_BEFORE)(self._asked)

    def of(self, reasons: Sequence[str], answer: Mapping[str, Any]) -> tuple[str, ...]:
        """Return why the text refused, the deciding reason first.

        Args:
            reasons: Those of the record as a whole.
            answer: What the record says of this text; without findings the reasons stand as they
                are, since then no text was asked.

        Raises:
            VerificationError: If the findings are not what the gate writes.
        """
        stated = taken(answer, "findings", list) if "findings" in answer else []
        found = dict(str(one).partition("=")[::2] for one in stated)
        if set(found) != set(self._columns):
            return tuple(reasons)
        own = self._ask(tuple(found[column] for column in self._columns))
        # What exactly is wrong with the evidence says more than that something is.
        flaws = tuple(reason for reason in reasons if reason in _FLAWS)
        return tuple(
            code for reason in own for code in (flaws if reason == _UNPROVEN else ()) or (reason,)
        )

    def _asked(self, findings: tuple[str, ...]) -> tuple[str, ...]:
        matched = (self._pack.rules[number] for number in self._pack.policy.ask(findings).lines)
        denying = (rule.reason for rule in matched if rule.outcome.effect is Effect.DENY)
        return tuple(dict.fromkeys(denying))
