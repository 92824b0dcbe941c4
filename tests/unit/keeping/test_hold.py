# SPDX-License-Identifier: Apache-2.0
"""Holds: recorded like everything else, and nothing is dropped while one stands."""

import json
from pathlib import Path

import pytest

from govshare_policy.audit import Receipt, SaltStore, encode_record
from govshare_policy.errors import CallError
from govshare_policy.keeping import lift_hold, place_hold, plan_drop, standing_holds
from tests.unit.keeping.conftest import NOW, TERM, Yard


def place(yard: Yard, salts: SaltStore, name: str = "case-1", *, lift: bool = False) -> Receipt:
    return (lift_hold if lift else place_hold)(
        name,
        reason="audit_investigation",
        actor="wang",
        standing=standing_holds(yard.log),
        salts=salts,
        append=yard.append,
        at=NOW,
    )


def test_while_a_hold_stands_nothing_is_dropped(yard: Yard, tmp_path: Path) -> None:
    """Lifting it, on record, ends that."""

    def plan() -> None:
        plan_drop(yard.log, yard.archives, trust=yard.trust, term=TERM, before=NOW, at=NOW)

    with SaltStore(tmp_path / "salts.sqlite") as salts:
        receipt = place(yard, salts)
        record = json.loads(receipt.record)
        assert (record["phase"], record["event"]) == ("admin", "hold")
        assert "wang" not in receipt.record.decode()
        salts.verify(record["id"], "actor", "wang", record["commitments"]["actor"])
        [hold] = standing_holds(yard.log)
        assert (hold.name, hold.index) == ("case-1", receipt.index)
        with pytest.raises(CallError, match="the hold `case-1` stands"):
            plan()
        place(yard, salts, lift=True)
    assert standing_holds(yard.log) == ()
    plan()


def test_a_hold_is_placed_once_and_lifted_once(yard: Yard, tmp_path: Path) -> None:
    """Another of another name stands beside it; a record that only looks like one is none."""
    yard.append(encode_record({"phase": "decision", "event": "hold"}))
    yard.append(encode_record({"phase": "admin", "event": "holding"}))
    yard.append(encode_record({"phase": "admin", "nested": {"event": "hold"}}))
    with SaltStore(tmp_path / "salts.sqlite") as salts:
        with pytest.raises(CallError, match="no hold `case-1` stands"):
            place(yard, salts, lift=True)
        place(yard, salts)
        place(yard, salts, "case-2")
        with pytest.raises(CallError, match="stands already"):
            place(yard, salts)
        place(yard, salts, lift=True)
    assert [hold.name for hold in standing_holds(yard.log)] == ["case-2"]


@pytest.mark.parametrize(
    ("name", "reason", "actor"),
    [("Case 1", "reason", "wang"), ("case-1", "A reason", "wang"), ("case-1", "reason", "")],
)
def test_a_hold_has_a_name_a_code_and_somebody(
    yard: Yard, tmp_path: Path, name: str, reason: str, actor: str
) -> None:
    """Otherwise nothing is recorded."""
    with SaltStore(tmp_path / "salts.sqlite") as salts, pytest.raises(CallError):
        place_hold(
            name,
            reason=reason,
            actor=actor,
            standing=(),
            salts=salts,
            append=yard.append,
            at=NOW,
        )
    assert standing_holds(yard.log) == ()
