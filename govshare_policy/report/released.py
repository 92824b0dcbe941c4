# SPDX-License-Identifier: Apache-2.0
"""What was released to each department in sum, so that people can judge what it reveals together.

A field by itself may be harmless and several together not (Order 809, article 25). Nothing is
judged here: the table says which fields of which resources a department was given, and by which
of them the resources can be linked.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from govshare_policy.register import Register


@dataclass(slots=True)
class Held:
    """What one department was given of one resource.

    Attributes:
        fields: Released for certain.
        possible: Of calls that were allowed and of whose end the log does not know.
        calls: Released calls.
        open_calls: Calls whose end is not known.
    """

    fields: set[str] = field(default_factory=set)
    possible: set[str] = field(default_factory=set)
    calls: int = 0
    open_calls: int = 0
    rows: int = 0
    first: date | None = None
    last: date | None = None

    def release(self, fields: list[str], rows: int, day: date) -> None:
        """Add one released call."""
        self.fields.update(fields)
        self.calls += 1
        self.rows += rows
        self.first = day if self.first is None else min(self.first, day)
        self.last = day if self.last is None else max(self.last, day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What one department holds in sum.

    Attributes:
        held: Resource to what it was given of it, in the order of the ids.
        linking: Fields that it was given of several resources, with how many.
    """

    department: str
    held: Mapping[str, Held]
    linking: Mapping[str, int]

    @property
    def fields(self) -> int:
        """How many fields of resources it holds for certain."""
        return sum(len(held.fields) for held in self.held.values())

    def to_document(self, register: Register) -> dict[str, object]:
        """Return the sum, ready for JSON."""
        entries = register.resources
        return {
            "department": self.department,
            "resources": len(self.held),
            "fields": self.fields,
            "linking_fields": dict(self.linking),
            "lines": [
                {
                    "resource": resource,
                    "provider": entries[resource].provider if resource in entries else "",
                    "fields": sorted(held.fields),
                    "possibly_also": sorted(held.possible - held.fields),
                    "calls": held.calls,
                    "not_concluded": held.open_calls,
                    "rows": held.rows,
                    "first": held.first.isoformat() if held.first is not None else None,
                    "last": held.last.isoformat() if held.last is not None else None,
                }
                for resource, held in self.held.items()
            ],
        }


def sums(held: Mapping[tuple[str, str], Held]) -> Iterator[Sum]:
    """Yield what each department holds in sum, the one with most fields first.

    Args:
        held: Department and resource to what was given.
    """
    by_department: dict[str, dict[str, Held]] = {}
    for (department, resource), one in sorted(held.items()):
        by_department.setdefault(department, {})[resource] = one
    found = []
    for department, of_resources in by_department.items():
        counted = Counter(name for one in of_resources.values() for name in one.fields)
        linking = {name: number for name, number in sorted(counted.items()) if number > 1}
        found.append(Sum(department=department, held=of_resources, linking=linking))
    yield from sorted(found, key=lambda one: (-one.fields, one.department))
