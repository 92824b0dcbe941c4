# SPDX-License-Identifier: Apache-2.0
"""Procedures: applications, disputes, corrections, consents, suspensions and revocations.

What a text allows is a table of steps in its ``workflow.toml``; :class:`Office` takes them, and
records every one in the audit log before it takes effect.
"""

from govshare_policy.workflow.answer import Refusal, StepAnswer
from govshare_policy.workflow.machine import Inputs, next_steps
from govshare_policy.workflow.model import (
    Actor,
    Matter,
    MatterKind,
    Role,
    Want,
    Workflow,
)
from govshare_policy.workflow.office import Office
from govshare_policy.workflow.rules import load_workflow
from govshare_policy.workflow.store import Store
from govshare_policy.workflow.wish import Moment

__all__ = [
    "Actor",
    "Inputs",
    "Matter",
    "MatterKind",
    "Moment",
    "Office",
    "Refusal",
    "Role",
    "StepAnswer",
    "Store",
    "Want",
    "Workflow",
    "load_workflow",
    "next_steps",
]
