# SPDX-License-Identifier: Apache-2.0
"""The office: takes steps, each recorded in the audit log before it takes effect.

The order is: try the rows on a copy of the data directory, keep an intent, append the record,
apply the change, write the rows. :func:`recover` finishes what broke off.
"""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from govshare_policy.audit import (
    AuditLog,
    SaltStore,
    encode_record,
    format_time,
    new_record_id,
)
from govshare_policy.crypto import sm3
from govshare_policy.errors import CallError
from govshare_policy.identity import legal_day
from govshare_policy.policy import Bundle
from govshare_policy.workflow.answer import Refusal, StepAnswer
from govshare_policy.workflow.change import Change
from govshare_policy.workflow.machine import Move, move
from govshare_policy.workflow.model import (
    Matter,
    MatterKind,
    RowEdit,
    Workflow,
)
from govshare_policy.workflow.parties import person_key
from govshare_policy.workflow.publish import try_edits
from govshare_policy.workflow.recovery import PHASE, TAKEN, recover
from govshare_policy.workflow.rules import NEW
from govshare_policy.workflow.store import Store
from govshare_policy.workflow.wish import Moment, Plan, Wish

_SALT_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Takes steps in the matters of one deployment; whoever holds the log open is the one.

    Attributes:
        bundle: The texts that are asked, over the register in *data* as it was when the office
            was opened: after :func:`recover`, and again after a step that changed the register.
        texts: Their procedures, in the order of the bundle.
        log_directory: Where *log* writes; read when something has to be found out again.
    """

    bundle: Bundle
    texts: tuple[Workflow, ...]
    data: Path
    store: Store
    log: AuditLog
    log_directory: Path
    salts: SaltStore

    def in_force(self, moment: Moment) -> tuple[Workflow, ...]:
        """Return the texts in force on the day of *moment*.

        Raises:
            CallError: If none is.
        """
        profiles = {text.pack.profile for text in self.bundle.in_force(legal_day(moment.at))}
        texts = tuple(text for text in self.texts if text.profile in profiles)
        if not texts:
            raise CallError("no text of this deployment is in force on that day")
        return texts

    def of(self, matter: Matter) -> tuple[Workflow, ...]:
        """Return the texts under which *matter* was opened."""
        return tuple(text for text in self.texts if text.profile in matter.states)

    def new_matter(  # noqa: PLR0913  a matter has that many sides
        self,
        kind: MatterKind,
        moment: Moment,
        *,
        texts: Iterable[Workflow],
        department: str,
        provider: str,
        resource: str,
        route: str = "",
        parent: str = "",
        content: Mapping[str, Any] | None = None,
    ) -> Matter:
        """Return a matter that no step has been taken in; nothing is kept of it yet.

        Those of *texts* take part that have steps for such matters.
        """
        return Matter(
            id=self.store.next_id(kind, legal_day(moment.at).year),
            kind=kind,
            route=route,
            department=department,
            provider=provider,
            resource=resource,
            parent=parent,
            states={text.profile: NEW for text in texts if text.rules(kind, route)},
            stamps={},
            content=content or {},
            salt=secrets.token_bytes(_SALT_BYTES),
        )

    def take(self, wish: Wish) -> StepAnswer:
        """Take the step of *wish*, or say and record why not.

        Raises:
            CallError: If the step cannot even be judged: an unknown body, an earlier time.
            FactError: If the data directory would not load with the rows of the step.
            AuditError: If the record did not reach the log. The step was not taken, unless the
                log turns out to hold it when it is opened again.
        """
        recover(self.store, self.log, log_directory=self.log_directory, data=self.data)
        self._check(wish)
        moved = wish.fault or move(
            wish.matter,
            wish.step,
            wish.actor,
            texts=self.of(wish.matter) or self.texts,
            register=self.bundle.register,
            inputs=wish.inputs,
        )
        if isinstance(moved, Refusal):
            return self._refused(wish, moved)
        plan = wish.plan(moved)
        if isinstance(plan, Refusal):
            return self._refused(wish, plan)
        return self._taken(wish, moved, plan)

    def _check(self, wish: Wish) -> None:
        if wish.actor.body not in self.bundle.register.departments:
            raise CallError("the body that acts is not in the register of departments")
        if not wish.actor.person.strip():
            raise CallError("a step is taken by a person; name one")
        last = max((taken.at for taken in wish.matter.steps), default=wish.moment.at)
        if wish.moment.at < last:
            raise CallError("the step is dated before the last one of its matter")

    def _refused(self, wish: Wish, refusal: Refusal) -> StepAnswer:
        step_id = new_record_id(wish.moment.at)
        matter = wish.matter
        known = {} if wish.opens else {"matter": matter.id}
        record = _said(wish, step_id, self) | known
        record |= {
            "outcome": "refused",
            "code": refusal.code,
            "clauses": list(refusal.clauses),
            "commitments": self.salts.commit(step_id, {"person": wish.actor.person}),
        }
        receipt = self.log.append(encode_record(record))
        self.store.remember(self.log.size)
        return StepAnswer(
            matter="" if wish.opens else matter.id,
            kind=matter.kind,
            step=wish.step,
            step_id=step_id,
            record=receipt.index,
            clauses=refusal.clauses,
            states={} if wish.opens else matter.states,
            refusal=refusal,
        )

    def _taken(self, wish: Wish, moved: Move, plan: Plan) -> StepAnswer:
        step_id = new_record_id(wish.moment.at)
        change = self._change(wish, moved, plan, step_id)
        try_edits(self.data, change.edits)
        texts = {want.value: text for want, text in wish.inputs.texts.items()} | dict(plan.texts)
        committed = {"person": wish.actor.person} | {k: text for k, text in texts.items() if text}
        record = _said(wish, step_id, self) | {
            "matter": wish.matter.id,
            "outcome": TAKEN,
            "clauses": list(moved.clauses),
            "moves": [
                {
                    "matter": matter.id,
                    "profile": profile,
                    "from": matter.states[profile],
                    "to": state,
                }
                for matter, by in ((wish.matter, moved), *plan.others)
                for profile, state in by.states.items()
            ],
            "told": [dict(told) for told in moved.told],
            "stated": dict(plan.shown),
            "edits": [_edit_document(edit) for edit in change.edits],
            "commitments": self.salts.commit(step_id, committed),
        }
        encoded = encode_record(record)
        # INVARIANT: from here the log decides whether the step was taken.
        self.store.intend(change, log_size=self.log.size)
        receipt = self.log.append(encoded)
        self.store.apply(change, record=receipt.index, log_size=self.log.size)
        recover(self.store, self.log, log_directory=self.log_directory, data=self.data)
        return StepAnswer(
            matter=wish.matter.id,
            kind=wish.matter.kind,
            step=wish.step,
            step_id=step_id,
            record=receipt.index,
            clauses=moved.clauses,
            states=moved.states,
            told=moved.told,
            more=plan.shown,
        )

    def _change(self, wish: Wish, moved: Move, plan: Plan, step_id: str) -> Change:
        day = legal_day(wish.moment.at).isoformat()
        matter = wish.matter
        moves = ((matter, moved), *plan.others)
        return Change(
            step_id=step_id,
            subject=matter.id,
            step=wish.step,
            at=wish.moment.at,
            body=wish.actor.body,
            person=person_key(matter, wish.actor.person),
            role=wish.actor.role,
            detail={
                "texts": {want.value: text for want, text in wish.inputs.texts.items() if text},
                "reason_code": wish.inputs.reason_code,
                "days": wish.inputs.days,
            },
            opened=(matter,) if wish.opens else (),
            states={of.id: dict(by.states) for of, by in moves},
            stamps={
                of.id: {
                    profile: {event.value: day for event in by.stamps(profile)}
                    for profile in by.rules
                }
                for of, by in moves
            },
            contents={matter.id: dict(plan.content)},
            edits=plan.edits,
        )


def _said(wish: Wish, step_id: str, office: Office) -> dict[str, object]:
    """Return what every record of a step says, taken or refused."""
    bundle, matter = office.bundle, wish.matter
    return {
        "v": 1,
        "phase": PHASE,
        "id": step_id,
        "t": format_time(wish.moment.at),
        "clock": "stated" if wish.moment.stated else "platform",
        "kind": matter.kind.value,
        "step": wish.step,
        "department": wish.actor.body,
        "role": wish.actor.role.value,
        "applicant": matter.department,
        "resource": matter.resource,
        "reason_code": wish.inputs.reason_code,
        "policy": {
            "profile": bundle.profile,
            "precedence": bundle.precedence.value,
            "revision": f"sm3:{bundle.revision.hex()}",
            "workflow": f"sm3:{sm3(b''.join(text.digest for text in office.texts)).hex()}",
        },
    }


def _edit_document(edit: RowEdit) -> dict[str, str]:
    """Return what the record says of a row: which one, and the digest of what is set in it."""
    cells = "" if edit.cells is None else json.dumps(dict(edit.cells), sort_keys=True)
    return {
        "file": edit.file,
        "key": edit.key,
        "act": "remove" if edit.cells is None else "set",
        "cells": f"sm3:{sm3(cells.encode()).hex()}",
    }
