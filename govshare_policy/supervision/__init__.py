# SPDX-License-Identifier: Apache-2.0
"""Supervision: what a text calls a violation, and the steps that put one right.

The list is a table of the text (``rectification.toml``); what of it can be seen is found by
:mod:`govshare_policy.report`. A body of the text gives notice, and :class:`Bureau` records every
step in the audit log, which is also where the state of a proceeding is read from.
"""

from govshare_policy.supervision.bureau import Bureau
from govshare_policy.supervision.model import (
    Incident,
    Need,
    ProceedingKind,
    Side,
    StepRule,
    Supervision,
    Violation,
)
from govshare_policy.supervision.proceedings import Proceeding, Proceedings
from govshare_policy.supervision.rules import load_supervision
from govshare_policy.supervision.wish import StepTaken, Wish

__all__ = [
    "Bureau",
    "Incident",
    "Need",
    "Proceeding",
    "ProceedingKind",
    "Proceedings",
    "Side",
    "StepRule",
    "StepTaken",
    "Supervision",
    "Violation",
    "Wish",
    "load_supervision",
]
