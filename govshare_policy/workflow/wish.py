# SPDX-License-Identifier: Apache-2.0
"""A step that somebody wants to take, and what it would do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from govshare_policy.workflow.answer import Refusal
from govshare_policy.workflow.machine import Inputs, Move
from govshare_policy.workflow.model import Actor, Matter, RowEdit


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a step is taken.

    Attributes:
        stated: Whether somebody stated the time; otherwise the platform's clock did.
    """

    at: datetime
    stated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a step does besides moving its matter.

    Attributes:
        content: What is set in the content of the matter.
        edits: Rows of the data directory.
        others: Other matters that move along, and how.
        shown: More for the answer and the record; nothing personal.
        texts: Free texts and names, which the record only commits to.
    """

    content: Mapping[str, Any] = field(default_factory=dict)
    edits: tuple[RowEdit, ...] = ()
    others: tuple[tuple[Matter, Move], ...] = ()
    shown: Mapping[str, Any] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A step that somebody wants to take.

    Attributes:
        opens: Whether the step opens the matter.
        plan: Called once the tables allow the step; may still refuse it.
        fault: Why it is refused before the tables are asked, if it is.
    """

    matter: Matter
    step: str
    actor: Actor
    moment: Moment
    inputs: Inputs = field(default_factory=Inputs)
    opens: bool = False
    plan: Callable[[Move], Plan | Refusal] = lambda _: Plan()
    fault: Refusal | None = None
