# SPDX-License-Identifier: Apache-2.0
"""Every byte of what is kept outside the log is changed once, and cut off once: nobody takes it."""

import os
from collections.abc import Iterator

import pytest

from tests.conformance.court import Court, Kit, evidence

# Every byte with the whole product, every so many otherwise.
STRIDE = 1 if os.environ.get("GOVSHARE_SOAK") else 31


def flipped(data: bytes, offset: int) -> Iterator[bytes]:
    """Yield *data* with one bit changed, at every STRIDE-th byte."""
    for place in range(offset, len(data), STRIDE):
        yield data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]


def cut(data: bytes, offset: int) -> Iterator[bytes]:
    """Yield *data* cut short, at every fourth STRIDE-th byte."""
    for place in range(offset, len(data), 4 * STRIDE):
        yield data[:place]


@pytest.mark.parametrize("kind", ["note", "receipt", "continuation"])
def test_all_three_accept_what_is_good(court: Court, kit: Kit, kind: str) -> None:
    """What the others change was good before."""
    assert court.try_all([evidence(kit, kind)]) == ["good"]


@pytest.mark.parametrize("kind", ["note", "receipt", "continuation"])
def test_a_changed_or_missing_byte_is_refused_by_all(court: Court, kit: Kit, kind: str) -> None:
    """T1 and T4, of what is kept outside the log."""
    whole = evidence(kit, kind).data
    changed = [*flipped(whole, 0), *flipped(whole, 4), *cut(whole, 0)]

    verdicts = court.try_all([evidence(kit, kind, data) for data in changed])

    assert "good" not in verdicts
    assert len(verdicts) >= len(whole) // 16
