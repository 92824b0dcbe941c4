# SPDX-License-Identifier: Apache-2.0
"""Keeping a log (保存与归档): how long, where copies are, and what may leave the disk.

Nothing is removed that was not verified elsewhere just before, and nothing before the log says so.
"""

from govshare_policy.keeping.archive import Archive, archive_log, record_archive, verify_archive
from govshare_policy.keeping.drop import Plan, drop_segments, plan_drop
from govshare_policy.keeping.forecast import Forecast, forecast, read_points
from govshare_policy.keeping.hold import Hold, lift_hold, place_hold, standing_holds
from govshare_policy.keeping.retention import Term, load_terms, longest
from govshare_policy.keeping.salts import SaltReport, copy_salts, inspect_salts, repeat_erasures

__all__ = [
    "Archive",
    "Forecast",
    "Hold",
    "Plan",
    "SaltReport",
    "Term",
    "archive_log",
    "copy_salts",
    "drop_segments",
    "forecast",
    "inspect_salts",
    "lift_hold",
    "load_terms",
    "longest",
    "place_hold",
    "plan_drop",
    "read_points",
    "record_archive",
    "repeat_erasures",
    "standing_holds",
    "verify_archive",
]
