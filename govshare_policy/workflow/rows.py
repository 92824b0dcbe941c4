# SPDX-License-Identifier: Apache-2.0
"""Matters and steps as rows of the store."""

import json
import sqlite3
from datetime import date, datetime
from typing import Any, Final

from govshare_policy.deadline import Event
from govshare_policy.workflow.change import Change
from govshare_policy.workflow.model import Matter, MatterKind, Role, Taken

MATTERS: Final = (
    "SELECT id, kind, route, department, provider, resource, parent, salt, content FROM matter"
)


def insert_matter(db: sqlite3.Connection, matter: Matter) -> None:
    """Insert *matter* without its states."""
    _, year, number = matter.id.split("-")
    db.execute(
        "INSERT INTO matter VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            matter.id,
            matter.kind.value,
            int(year),
            int(number),
            matter.route,
            matter.department,
            matter.provider,
            matter.resource,
            matter.parent,
            matter.salt,
            json.dumps(dict(matter.content), ensure_ascii=False),
        ),
    )


def insert_step(db: sqlite3.Connection, change: Change, record: int) -> None:
    """Insert the step of *change*, and the rows it writes, not yet published."""
    db.execute(
        "INSERT INTO step SELECT ?, ?, count(*), ?, ?, ?, ?, ?, ?, ? FROM step WHERE matter = ?",
        (
            change.step_id,
            change.subject,
            change.step,
            change.at.isoformat(),
            change.body,
            change.person,
            change.role.value,
            record,
            json.dumps(dict(change.detail), ensure_ascii=False),
            change.subject,
        ),
    )
    db.executemany(
        "INSERT INTO edit VALUES (?, ?, ?, ?, ?, 0)",
        [
            (
                change.step_id,
                number,
                edit.file,
                edit.key,
                None if edit.cells is None else json.dumps(dict(edit.cells)),
            )
            for number, edit in enumerate(change.edits)
        ],
    )


def read_matter(db: sqlite3.Connection, row: tuple[Any, ...]) -> Matter:
    """Return the matter in *row* of :data:`MATTERS`, with its states and steps."""
    ident, kind, route, department, provider, resource, parent, salt, content = row
    states = db.execute(
        "SELECT profile, state FROM state WHERE matter = ? ORDER BY position", (ident,)
    ).fetchall()
    stamps: dict[str, dict[Event, date]] = {profile: {} for profile, _ in states}
    for profile, event, day in db.execute(
        "SELECT profile, event, day FROM stamp WHERE matter = ?", (ident,)
    ):
        stamps[profile][Event(event)] = date.fromisoformat(day)
    steps = db.execute(
        "SELECT id, step, at, body, person, role, record, detail FROM step"
        " WHERE matter = ? ORDER BY number",
        (ident,),
    ).fetchall()
    return Matter(
        id=ident,
        kind=MatterKind(kind),
        route=route,
        department=department,
        provider=provider,
        resource=resource,
        parent=parent,
        salt=salt,
        content=json.loads(content),
        states=dict(states),
        stamps=stamps,
        steps=tuple(
            Taken(
                id=step_id,
                step=step,
                at=datetime.fromisoformat(at),
                body=body,
                person=person,
                role=Role(role),
                record=record,
                detail=json.loads(detail),
            )
            for step_id, step, at, body, person, role, record, detail in steps
        ),
    )
