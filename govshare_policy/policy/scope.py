# SPDX-License-Identifier: Apache-2.0
"""What a grant covers under one text: its scope lines, asked once for every way they can compare.

The matcher of ``scope.conf`` sees of a grant only how its cells compare with those of the request:
is the department the same, is the day before, in or after the period, is the value named. So two
grants that compare alike are answered alike, and there are few ways to compare. Each is asked
once, of both evaluators, over the lines of the grant at hand, and remembered: a grant that nobody
looked at before costs no more than any other.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import Final

from govshare_policy.facts import Facts
from govshare_policy.policy._casbin import CasbinModel, CasbinPolicy
from govshare_policy.policy._law import DIMENSIONS
from govshare_policy.policy.pack import Pack
from govshare_policy.register import Grant

EVERY_VALUE: Final = "*"
_LATELY_ASKED: Final = 4096
# All that a matcher may compare if grants that compare alike are to be answered alike.
_COMPARED: Final = frozenset(
    (
        "r_grant == p_grant",
        "r_dimension == p_dimension",
        '(p_value == "*" || r_value == p_value)',
        "r_department == p_department",
        "r_resource == p_resource",
        "r_day >= p_valid_from",
        "r_day <= p_valid_to",
    )
)
_NAMED: Final[Mapping[str, Callable[[Grant], tuple[str, ...]]]] = {
    "field": attrgetter("fields"),
    "purpose": attrgetter("purposes"),
    "channel": attrgetter("channels"),
    "system": attrgetter("systems"),
    "certificate": lambda grant: (EVERY_VALUE,) if grant.spki is None else (grant.spki.hex(),),
}
_Standing = tuple[bool, bool, bool]


def _unbound(_grant: Grant) -> tuple[str, ...]:
    return (EVERY_VALUE,)


class ScopeLines:
    """The scope of every grant under one text, as Casbin lines."""

    def __init__(self, model: CasbinModel, pack: Pack) -> None:
        self._model = model
        self._pack = pack
        self._policy = lru_cache(maxsize=_LATELY_ASKED)(self._build)
        parts = frozenset(part.strip() for part in model.matcher.split("&&"))
        self._alike = parts <= _COMPARED
        self.values = {
            dimension: _NAMED[dimension] if dimension in pack.scope else _unbound
            for dimension in DIMENSIONS
        }
        self._reaches: dict[_Standing, Reach] = {}

    def lines(self, grant: Grant) -> list[list[str]]:
        """Return the ``p`` lines of *grant*, without their ``p``.

        A dimension that the text does not bind is covered whole. One that it binds is covered by
        the values the grant names; a grant that names none covers nothing.
        """
        period = (grant.period.valid_from.isoformat(), grant.period.valid_to.isoformat())
        head = [grant.id, grant.department, grant.resource, *period]
        return [
            [*head, dimension, value, self._pack.scope.get(dimension, self._pack.silence), "allow"]
            for dimension in DIMENSIONS
            for value in self.named(grant, dimension)
        ]

    def named(self, grant: Grant, dimension: str) -> Sequence[str]:
        """Return the values of *dimension* that the lines of *grant* have."""
        return self.values[dimension](grant)

    def reach(self, grant: Grant, facts: Facts) -> "Reach":
        """Return what *grant* covers for the caller on the day of the call."""
        if not self._alike:
            return Reach(self)
        department, day, period = facts.identity.department, facts.day, grant.period
        standing = (department == grant.department, day < period.valid_from, day > period.valid_to)
        known = self._reaches.get(standing)
        return known or self._reaches.setdefault(standing, Reach(self))

    def covers(self, grant: Grant, facts: Facts, dimension: str, value: str) -> bool:
        """Whether *grant* covers *value* for the caller on the day of the call."""
        return self.reach(grant, facts).covers(grant, facts, dimension, (value,))

    def ask(self, grant: Grant, department: str, day: date, dimension: str, value: str) -> bool:
        """Ask both evaluators about the lines of *grant*.

        Raises:
            EvaluationError: If they disagree.
        """
        request = (grant.id, department, grant.resource, day.isoformat(), dimension, value)
        return self._policy(grant).ask(request).allowed

    def _build(self, grant: Grant) -> CasbinPolicy:
        return CasbinPolicy(self._model, self.lines(grant))


class Reach:
    """What is covered by the grants that stand alike to a caller and a day."""

    def __init__(self, scope: ScopeLines) -> None:
        self._scope = scope
        self._values = scope.values
        # By dimension, for values that are named, that are covered by "*", and all others.
        self._named: dict[str, bool] = {}
        self._every: dict[str, bool] = {}
        self._other: dict[str, bool] = {}

    def covers(self, grant: Grant, facts: Facts, dimension: str, values: Sequence[str]) -> bool:
        """Whether *grant*, which stands so, covers all of *values*; ``*`` is no value.

        Raises:
            EvaluationError: If the two evaluators disagree; it is not remembered.
        """
        named = self._values[dimension](grant)
        for value in values:
            if value == EVERY_VALUE:
                return False
            if value in named:
                known = self._named
            else:
                known = self._every if EVERY_VALUE in named else self._other
            covered = known.get(dimension)
            if covered is None:
                covered = known[dimension] = self._scope.ask(
                    grant, facts.identity.department, facts.day, dimension, value
                )
            if not covered:
                return False
        return True
