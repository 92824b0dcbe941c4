# SPDX-License-Identifier: Apache-2.0
"""What the onward guard says of one document: what was recognised, and what follows."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What happens to the document."""

    PASS = "pass"  # noqa: S105 - an outcome
    RECORD = "record"
    ALERT = "alert"
    DENY = "deny"


class Cause(StrEnum):
    """Which rule saw it; the list is closed."""

    CERTAIN = "certain"
    LIKELY = "likely"
    CONTAINED = "contained"
    ACCUMULATED = "accumulated"
    UNSCANNABLE = "unscannable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What of one release was recognised. Never a value.

    Attributes:
        receipt: The id of the receipt of the release.
        grant: The grant it was released under.
        resource: The resource it came from; the onward call is about this one.
        provider: The department that provided it.
        fields: Names of the fields recognised, as released, in order of name.
        certain: How many records of the release are certain.
        likely: How many more are likely, or show only by containment.
    """

    receipt: str
    grant: str
    resource: str
    provider: str
    fields: tuple[str, ...]
    certain: int
    likely: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is said of one document.

    Attributes:
        outcome: The strictest of what follows from each release recognised.
        causes: Which rules saw it, in the order of :class:`Cause`; empty if nothing was seen.
        evidence: One entry for each release recognised, in order of receipt id; at most 100.
        releases: How many releases were recognised, those without an entry included.
        rows: How many released records were recognised, certain and likely.
        segments: How many segments the document had.
        layers: What was taken off to read it.
        code: Why it cannot be read, for :attr:`Cause.UNSCANNABLE`; else empty.
    """

    outcome: Outcome
    causes: tuple[Cause, ...]
    evidence: tuple[Evidence, ...]
    releases: int
    rows: int
    segments: int
    layers: tuple[str, ...]
    code: str
