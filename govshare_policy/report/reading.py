# SPDX-License-Identifier: Apache-2.0
"""Read the logs of a report once, from the first to the last."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from govshare_policy.report.source import Source

_REPORT_EVERY: Final = 1000


class Known(NamedTuple):
    """The first and the last instant that the logs know, if any, and how many records are later."""

    earliest: str
    latest: str
    later: int


class Numbered(NamedTuple):
    """One record, and which it is of which log."""

    record: dict[str, Any]
    origin: str
    number: int


def read_until(
    sources: Sequence[Source],
    until: str,
    take: Callable[[Numbered], None],
    *,
    progress: Callable[[int, int], None] | None,
) -> Known:
    """Have *take* follow each record before *until*; return what is known of them and the others.

    Args:
        sources: Read in this order.
        until: An instant as records write it; empty leaves none out.
        take: What counts.
        progress: Told now and then how many records were read, and how many there are as far as
            that was verified.

    Raises:
        VerificationError: If a log cannot be read to its end.
        AuditError: If a file cannot be read.
    """
    earliest, latest, number, later = "", "", 0, 0
    verified = sum(source.verdict.size for source in sources if source.verdict is not None)
    for source in sources:
        for index, record in source.numbered():
            number += 1
            if progress is not None and number % _REPORT_EVERY == 0:
                progress(number, max(number, verified))
            at = str(record.get("t", ""))
            if until and at >= until:
                later += 1
                continue
            take(Numbered(record, source.origin, index))
            earliest, latest = min(earliest or at, at), max(latest, at)
    return Known(earliest, latest, later)
