# SPDX-License-Identifier: Apache-2.0
"""What was decided of a call holds for every like call of the day, as long as the basis stands.

Systems ask the same question thousands of times a day. What is asked again is who calls, whether
the evidence still proves it, and what is counted; the rest is remembered whole, with the
spelling of its record. docs/adr/0022 says what may be remembered and why no answer changes.
"""

import threading
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from operator import attrgetter
from typing import Final

from govshare_policy.answer import Answer
from govshare_policy.audit import RecordForm, format_time, parse_record
from govshare_policy.call import Call
from govshare_policy.decision import Decision
from govshare_policy.facts import Facts
from govshare_policy.identity import Identity
from govshare_policy.legal import Duty, Effect

MOST: Final = 4096
# A call that asks for more, and a record that holds more, is decided each time: what is
# remembered stays within some tens of megabytes, whatever is asked.
_MOST_FIELDS: Final = 64
_MOST_BYTES: Final = 8192
_BLANKS: Final = (("call", "id"), ("commitments",), ("id",), ("t",))
# Of questions that were asked once; remembering one costs more than deciding it.
_MOST_ONCE: Final = 65536
# No decision rests on these: the clock and a commitment are all that sees them. A subject is
# counted, so no call that names one is looked up.
_ASIDE: Final = frozenset(("id", "at", "operator", "subject"))
_asked: Final = attrgetter(*(one.name for one in fields(Call) if one.name not in _ASIDE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The decision, the duties and the record of a call, but for what is each record's own."""

    decision: Decision
    duties: tuple[Duty, ...]
    form: RecordForm

    def recorded(
        self, call: Call, record_id: str, *, at: datetime, committed: Mapping[str, str]
    ) -> bytes:
        """Return the record of *call*, which is like the one that was settled.

        Raises:
            AuditError: If no record can hold it.
        """
        return self.form.fill(
            {
                "call.id": call.id,
                "commitments": committed,
                "id": record_id,
                "t": format_time(at),
            }
        )


class Memory:
    """The settled calls of one day under one basis; any number of threads may ask.

    Nothing is pushed out: what is asked often is soon among the first, and a memory that is full
    costs no more than one that is empty. It is emptied by the day, and gone with the basis.

    No department takes more of it than is left for all others: whoever varies what may be said
    freely, such as the code of an item, slows down itself.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # The day is changed under the lock, together with all of the others; whoever reads
        # without it takes what they belong to from the key.
        self._day = date.min
        self._settled: dict[Hashable, Settled] = {}
        self._once: set[int] = set()
        # How many of the settled calls are of which department.
        self._taken: dict[str, int] = {}

    def find(self, call: Call, identity: Identity, day: date) -> Settled | None:
        """Return what is settled of *call* by *identity* on *day*, if anything is."""
        return self._settled.get((_asked(call), identity, day))

    def is_wanted(self, call: Call, identity: Identity, day: date) -> bool:
        """Tell whether *call* was asked before, so that it will probably be asked again."""
        question = hash((_asked(call), identity, day))
        with self._lock:
            if day != self._day:
                self._day, self._settled, self._once, self._taken = day, {}, set(), {}
            if not self._has_room(identity):
                return False
            if question in self._once:
                return True
            if len(self._once) >= _MOST_ONCE:
                self._once.clear()
            self._once.add(question)
            return False

    def keep(self, call: Call, identity: Identity, day: date, settled: Settled) -> None:
        """Remember *settled* for the rest of *day*."""
        with self._lock:
            if day == self._day and self._has_room(identity):
                known = len(self._settled)
                self._settled[(_asked(call), identity, day)] = settled
                # Of two threads that ask the same thing at once, one is the second to say so.
                more = len(self._settled) - known
                self._taken[identity.department] = self._taken.get(identity.department, 0) + more

    def _has_room(self, identity: Identity) -> bool:
        return self._taken.get(identity.department, 0) < MOST - len(self._settled)


def settle(memory: Memory, call: Call, answer: Answer, facts: Facts, record: bytes) -> None:
    """Remember what was decided of *call*, if all of it is sure to hold and it was asked before.

    Only what is allowed is: who is refused everything can ask for no end of things.
    """
    decision, day = answer.decision, facts.day
    if not facts.lasting or decision.effect is Effect.DENY or decision.spends:
        return
    if len(call.fields) > _MOST_FIELDS or len(record) > _MOST_BYTES:
        return
    if memory.is_wanted(call, answer.identity, day):
        form = RecordForm.of(parse_record(record), _BLANKS)
        memory.keep(
            call, answer.identity, day, Settled(decision=decision, duties=answer.duties, form=form)
        )
