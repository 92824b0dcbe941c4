# SPDX-License-Identifier: Apache-2.0
"""Everything that one step changes, as a value that survives a crash."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from govshare_policy.workflow.model import Matter, MatterKind, Role, RowEdit


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Everything that one step changes.

    Attributes:
        matter: Set where the step opens a matter; its states are those after the step.
        states: Matter to profile to the state after the step.
        stamps: Matter to profile to event to day.
        contents: Matter to keys of its content that are set.
        edits: Rows of the data directory.
    """

    step_id: str
    subject: str
    step: str
    at: datetime
    body: str
    person: str
    role: Role
    detail: Mapping[str, Any]
    opened: tuple[Matter, ...] = ()
    states: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    stamps: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    contents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    edits: tuple[RowEdit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A step of which only the log knows whether it was taken."""

    id: str
    log_size: int
    change: Change


def change_to_json(change: Change) -> dict[str, Any]:
    """Return *change* as the store keeps it while it is an intent."""
    return {
        "step_id": change.step_id,
        "subject": change.subject,
        "step": change.step,
        "at": change.at.isoformat(),
        "body": change.body,
        "person": change.person,
        "role": change.role.value,
        "detail": dict(change.detail),
        "opened": [
            {
                "id": matter.id,
                "kind": matter.kind.value,
                "route": matter.route,
                "department": matter.department,
                "provider": matter.provider,
                "resource": matter.resource,
                "parent": matter.parent,
                "salt": matter.salt.hex(),
                "content": dict(matter.content),
            }
            for matter in change.opened
        ],
        "states": {ident: dict(states) for ident, states in change.states.items()},
        "stamps": {
            ident: {profile: dict(events) for profile, events in stamps.items()}
            for ident, stamps in change.stamps.items()
        },
        "contents": {ident: dict(content) for ident, content in change.contents.items()},
        "edits": [
            [edit.file, edit.key, None if edit.cells is None else dict(edit.cells)]
            for edit in change.edits
        ],
    }


def change_from_json(document: Mapping[str, Any]) -> Change:
    """Return the change that :func:`change_to_json` wrote as *document*."""
    opened = tuple(
        Matter(
            **{key: value for key, value in matter.items() if key not in ("salt", "kind")},
            kind=MatterKind(matter["kind"]),
            salt=bytes.fromhex(matter["salt"]),
            states={},
            stamps={},
        )
        for matter in document["opened"]
    )
    edits = tuple(
        RowEdit(file=file, key=key, cells=cells) for file, key, cells in document["edits"]
    )
    plain = {key: document[key] for key in ("step_id", "subject", "step", "body", "person")}
    return Change(
        **plain,
        at=datetime.fromisoformat(document["at"]),
        role=Role(document["role"]),
        detail=document["detail"],
        opened=opened,
        states=document["states"],
        stamps=document["stamps"],
        contents=document["contents"],
        edits=edits,
    )
