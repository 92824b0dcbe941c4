# SPDX-License-Identifier: Apache-2.0
"""Who may have the receipt of a record."""

from datetime import UTC, datetime, timedelta

import pytest

from govshare_policy.identity import Evidence
from govshare_sidecar.auditors import NO_AUDITORS, Auditors

AT = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)
ME, YOU = bytes([1]) * 32, bytes([2]) * 32
AUDITED = Auditors(keys=frozenset((YOU,)))


def shown(spki: bytes | None, *, start: timedelta = -DAY, end: timedelta = DAY) -> Evidence:
    return Evidence(spki=spki, not_before=AT + start, not_after=AT + end)


def test_the_caller_that_the_record_names_may_have_it_and_so_may_an_auditor() -> None:
    assert NO_AUDITORS.may_read(ME.hex(), shown(ME), at=AT)
    assert AUDITED.may_read(ME.hex(), shown(YOU), at=AT)
    assert AUDITED.may_read(None, shown(YOU), at=AT)


@pytest.mark.parametrize(
    "evidence",
    [
        Evidence(),
        shown(None),
        shown(YOU),
        shown(ME, end=-timedelta(seconds=1)),
        shown(ME, start=timedelta(seconds=1)),
        Evidence(spki=ME),
        Evidence(spki=ME, not_before=AT),
    ],
    ids=["nobody", "no key", "another", "expired", "early", "no time", "no end"],
)
def test_nobody_else_may(evidence: Evidence) -> None:
    assert not NO_AUDITORS.may_read(ME.hex(), evidence, at=AT)


def test_a_record_that_names_no_certificate_is_nobodys() -> None:
    assert not NO_AUDITORS.may_read(None, shown(ME), at=AT)
    assert not NO_AUDITORS.may_read("", shown(ME), at=AT)
