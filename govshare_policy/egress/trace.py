# SPDX-License-Identifier: Apache-2.0
"""Which releases leaked rows fit, and how well: by leaves, canaries, order, fields, number, time.

Each sign adds its weight, a common logarithm of odds, for "from this release" against "from
anywhere else". The likelihood of a release follows from the weights of all of them and that
of none. It says where to look; what proves something is a leaf, by ``prove``.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import log10
from typing import Any, Final

from govshare_policy.audit import leaf_hash, root_hash
from govshare_policy.egress.batchfile import Row, row_digest
from govshare_policy.egress.canary import Planted, found
from govshare_policy.egress.released import leaf_of, split
from govshare_policy.egress.watermark import detect, mark_key

# A row that has its leaf in a release is there word for word; it may be in others too, and a
# leaked row may have been changed.
LEAF: Final = 2.0
NO_LEAF: Final = -0.1
# An invented value was given to nobody else.
CANARY: Final = 6.0
# Of so many releases, one may seem to be in order by chance.
ORDER_PRICE: Final = 2.0
KNOWN_FIELDS: Final = 0.3
FOREIGN_FIELD: Final = -2.0
TOO_MANY_ROWS: Final = -3.0
# What rows and canaries may add at most; the rest of the signs stays visible.
_MOST: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One release, as its outcome record states it.

    Attributes:
        decision: The id of the decision record.
        number: Of the outcome record in the log.
        key: Of the leaves; empty where the salt is erased or not at hand.
        leaves: 32 bytes each; empty where none are kept.
    """

    decision: str
    number: int
    at: datetime
    department: str
    system: str
    resource: str
    fields: tuple[str, ...]
    records: int
    root: bytes
    key: bytes = b""
    leaves: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How well the leaked rows fit one release.

    Attributes:
        weights: By the name of the sign: ``leaves``, ``canaries``, ``order``, ``fields``, ``rows``.
        counts: What was counted on the way; never a value.
        likelihood: Between 0 and 1; those of all fits and of "none of them" add up to 1.
    """

    candidate: Candidate
    weights: Mapping[str, float]
    counts: Mapping[str, int]
    likelihood: float = 0.0

    @property
    def weight(self) -> float:
        """The sum of the weights."""
        return sum(self.weights.values())

    def to_document(self) -> dict[str, Any]:
        """Return the fit for JSON."""
        one = self.candidate
        return {
            "decision": one.decision,
            "record": one.number,
            "at": one.at.isoformat(),
            "department": one.department,
            "system": one.system,
            "resource": one.resource,
            "records": one.records,
            "signs": {name: round(weight, 2) for name, weight in self.weights.items()},
            "counts": dict(self.counts),
            "weight": round(self.weight, 2),
            "likelihood": round(self.likelihood, 6),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What is at hand to tell releases apart.

    Attributes:
        canary_keys: Of the register, each that was ever in use.
        planted: The register of canaries.
        order_keys: The master keys of the marks, likewise.
        order_fields: What told the rows apart when they were marked.
    """

    canary_keys: Sequence[bytes] = ()
    planted: Sequence[Planted] = ()
    order_keys: Sequence[bytes] = ()
    order_fields: Sequence[str] = ()


def trace(
    rows: Sequence[Row], candidates: Iterable[Candidate], signs: Signs, *, seen: datetime | None
) -> tuple[Fit, ...]:
    """Return how well *rows* fit each of *candidates*, the best first.

    Args:
        rows: As they were found, in their order.
        candidates: The releases.
        signs: Keys and registers.
        seen: When the rows were found; what left later is out.
    """
    digests = frozenset(row_digest(row.cells) for row in rows)
    names = frozenset(name for row in rows for name in row.cells)
    hits: Counter[str] = Counter()
    for key in signs.canary_keys:
        hits.update(found(rows, key, signs.planted))
    possible = [one for one in candidates if seen is None or one.at <= seen]
    known = frozenset(name for one in possible for name in one.fields)
    fits = []
    for one in possible:
        weights, counts = {}, {"rows": len(rows)}
        for name, (weight, count) in {
            "leaves": _by_leaves(digests, one),
            "canaries": _by_canaries(hits.get(one.decision, 0)),
            "order": _by_order(rows, one, signs),
            "fields": _by_fields(names & known, one),
            "rows": (TOO_MANY_ROWS if len(digests) > one.records else 0.0, one.records),
        }.items():
            weights[name] = weight
            counts[name] = count
        fits.append(Fit(candidate=one, weights=weights, counts=counts))
    return _weighed(fits)


def _weighed(fits: Sequence[Fit]) -> tuple[Fit, ...]:
    """Return *fits* with their likelihoods, the best first; "none of them" has the weight 0."""
    top = max((fit.weight for fit in fits), default=0.0)
    top = max(top, 0.0)
    whole = 10**-top + sum(10 ** (fit.weight - top) for fit in fits)
    weighed = (
        Fit(
            candidate=fit.candidate,
            weights=fit.weights,
            counts=fit.counts,
            likelihood=10 ** (fit.weight - top) / whole,
        )
        for fit in fits
    )
    return tuple(sorted(weighed, key=lambda fit: (-fit.weight, fit.candidate.number)))


def _by_leaves(digests: frozenset[bytes], one: Candidate) -> tuple[float, int]:
    if not one.key:
        return 0.0, 0
    made = {leaf_of(one.key, digest) for digest in digests}
    if one.leaves:
        there = len(made & frozenset(split(one.leaves)))
    else:
        # Of a single record the root is all there is to say.
        there = sum(root_hash([leaf_hash(leaf)]) == one.root for leaf in made)
    if not there:
        # The rows may have been changed, or columns taken away: it says nothing.
        return 0.0, 0
    return min(_MOST, LEAF * there + NO_LEAF * (len(digests) - there)), there


def _by_canaries(count: int) -> tuple[float, int]:
    return min(_MOST, CANARY * count), count


def _by_order(rows: Sequence[Row], one: Candidate, signs: Signs) -> tuple[float, int]:
    fields = signs.order_fields or one.fields
    keys = (mark_key(master, one.decision) for master in signs.order_keys)
    orders = [detect(rows, key, fields=fields) for key in keys]
    if not orders:
        return 0.0, 0
    best = max(orders, key=lambda order: order.surprise)
    weight = best.surprise - ORDER_PRICE - log10(len(orders))
    return min(_MOST, max(0.0, weight)), best.rising


def _by_fields(names: frozenset[str], one: Candidate) -> tuple[float, int]:
    """Weigh the names that any release has; others may be new names for the same."""
    if not names:
        return 0.0, 0
    foreign = len(names - frozenset(one.fields))
    return (FOREIGN_FIELD if foreign else KNOWN_FIELDS), len(names) - foreign


def candidates_in(
    records: Iterable[tuple[int, Mapping[str, Any]]],
    *,
    instant: Callable[[str], datetime],
    resource: str = "",
) -> list[Candidate]:
    """Return the releases in *records* that have a root, of *resource* where that is named."""
    return [
        Candidate(
            decision=record["decision"],
            number=number,
            at=instant(record["t"]),
            department=release["department"],
            system=release["system"],
            resource=release["resource"],
            fields=tuple(release["fields"]),
            records=release["records"],
            root=bytes.fromhex(release["root"]),
        )
        for number, record in records
        if record.get("phase") == "outcome" and (release := record.get("release"))
        if not resource or release["resource"] == resource
    ]
