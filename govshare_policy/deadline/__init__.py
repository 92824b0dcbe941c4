# SPDX-License-Identifier: Apache-2.0
"""When each step is due under a text of law, and whether it was taken in time."""

from govshare_policy.deadline.calendar import Calendar, load_calendar
from govshare_policy.deadline.engine import due_stages
from govshare_policy.deadline.model import (
    Clock,
    Event,
    Kind,
    Question,
    Share,
    ShareType,
    Stage,
    Status,
    share_of,
)
from govshare_policy.deadline.rules import load_clocks

__all__ = [
    "Calendar",
    "Clock",
    "Event",
    "Kind",
    "Question",
    "Share",
    "ShareType",
    "Stage",
    "Status",
    "due_stages",
    "load_calendar",
    "load_clocks",
    "share_of",
]
