# SPDX-License-Identifier: Apache-2.0
"""What was passed on by consent was not released by its provider once more."""

from govshare_policy.cli.audit_common import OUTCOMES
from govshare_policy.report.events import Concluded, Ending
from govshare_sidecar.egress.clearance import PASSED_ON


def test_what_was_passed_on_can_be_sought_and_is_no_release() -> None:
    ended = Concluded(decision="D", status=PASSED_ON, rows=3, size_bytes=10)

    assert PASSED_ON in OUTCOMES
    assert ended.ending is Ending.OTHER
