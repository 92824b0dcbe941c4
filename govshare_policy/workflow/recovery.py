# SPDX-License-Identifier: Apache-2.0
"""What broke off is finished or forgotten: the log says which."""

import json
from pathlib import Path
from typing import Final

from govshare_policy.audit import AuditLog, read_records
from govshare_policy.errors import AuditError, ConsistencyError
from govshare_policy.workflow.publish import publish
from govshare_policy.workflow.store import Store

PHASE: Final = "workflow"
TAKEN: Final = "taken"


def recover(store: Store, log: AuditLog, *, log_directory: Path, data: Path) -> None:
    """Bring *store* and *data* to what *log* says; does nothing where they are there already.

    1. A step whose record is in the log is applied; one whose record is not, was not taken.
    2. Every step in the log is known to the store.
    3. Rows that may not have been written are written again.

    Args:
        store: The matters.
        log: Open, so that nobody else takes a step meanwhile.
        log_directory: Where *log* writes.
        data: The data directory.

    Raises:
        ConsistencyError: If the log is shorter than the store remembers, or holds steps that the
            store does not know: one of them was restored from an older copy.
        AuditError: If the log stopped. Only opening it again shows what it kept.
        FactError: If the data directory does not load with the rows.
    """
    if log.failure is not None:
        raise AuditError(str(log.failure))
    size, known = log.size, store.log_size
    if size < known:
        raise ConsistencyError("the log is shorter than the store remembers; restore the log")
    intents = store.intents()
    if intents or size > known:
        # 1.
        records = _steps_since(known, log_directory)
        for intent in intents:
            if intent.id in records:
                store.apply(intent.change, record=records[intent.id], log_size=known)
            else:
                store.drop(intent)
        # 2.
        if not all(store.knows_step(step) for step in records):
            raise ConsistencyError(
                "the log holds steps that the store does not know; restore the store"
            )
        store.remember(size)
    # 3.
    for step, edits in store.unpublished():
        publish(data, edits)
        store.mark_published(step)


def _steps_since(known: int, directory: Path) -> dict[str, int]:
    """Return the steps taken that the log holds from record *known* on, with their numbers."""
    steps: dict[str, int] = {}
    try:
        for index, data in read_records(directory):
            if index < known:
                continue
            record = json.loads(data)
            if record.get("phase") == PHASE and record.get("outcome") == TAKEN:
                steps[record["id"]] = index
    except OSError as error:
        raise AuditError(f"the log `{directory.name}` cannot be read") from error
    return steps
