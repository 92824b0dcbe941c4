# SPDX-License-Identifier: Apache-2.0
"""What a verdict shows of the releases that were recognised."""

from collections.abc import Iterable, Mapping

from govshare_policy.egress.register import ReleaseMeta
from govshare_policy.egress.score import Ints
from govshare_policy.egress.verdict import Evidence


def evidence_of(
    metas: Mapping[int, ReleaseMeta], certain: Iterable[int], pairs: Ints
) -> tuple[Evidence, ...]:
    """Return what of each release was recognised, in order of receipt id."""
    sure = frozenset(certain)
    fields: dict[str, set[str]] = {}
    for row, number in pairs.tolist():
        if row in metas:
            names = fields.setdefault(metas[row].receipt_id, set())
            names.add(metas[row].fields[number])
    releases: dict[str, ReleaseMeta] = {meta.receipt_id: meta for meta in metas.values()}
    counts = {receipt: [0, 0] for receipt in releases}
    for row, meta in metas.items():
        counts[meta.receipt_id][row not in sure] += 1
    return tuple(
        Evidence(
            receipt=receipt,
            grant=meta.grant,
            resource=meta.resource,
            provider=meta.provider,
            fields=tuple(sorted(fields.get(receipt, ()))),
            certain=counts[receipt][0],
            likely=counts[receipt][1],
        )
        for receipt, meta in sorted(releases.items())
    )
