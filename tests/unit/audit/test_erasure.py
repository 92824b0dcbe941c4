# SPDX-License-Identifier: Apache-2.0
"""An erasure is on record before it is done, and done once it is on record."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.audit import (
    AuditLog,
    Receipt,
    SaltStore,
    TrustPolicy,
    encode_record,
    format_time,
    new_record_id,
    read_records,
    verify_log,
    verify_receipt,
)
from govshare_policy.audit.erasure import Erased, Erasure, finish_erasures, want_erasure
from govshare_policy.crypto import Signer
from govshare_policy.errors import AuditError, CallError, VerificationError

PERSON = "330102199001011234"
AT = datetime(2026, 1, 5, 4, tzinfo=UTC)
LATER = AT + timedelta(days=1)
ORIGIN = "audit.example/one"


@dataclass
class World:
    """A log and its salts, and what was committed to in them."""

    log: AuditLog
    salts: SaltStore
    directory: Path
    trust: TrustPolicy

    def record(self, phase: str = "decision", **more: object) -> tuple[str, Receipt]:
        """Append a record that commits to the person."""
        ident = new_record_id(AT)
        committed = self.salts.commit(ident, {"operator": PERSON})
        content = {"phase": phase, "id": ident, "t": format_time(AT), "commitments": committed}
        return ident, self.log.append(encode_record({**content, **more}))

    def committed(self, receipt: Receipt) -> str:
        return str(json.loads(receipt.record)["commitments"]["operator"])

    def want(self, *records: str, days: tuple[date, ...] = ()) -> str:
        erasure = Erasure(records=records, days=days, reason="on_request", actor="wang")
        return want_erasure(self.salts, self.directory, erasure, at=LATER, log_size=self.log.size)

    def finish(self, log: Any = None) -> tuple[Erased, ...]:  # noqa: ANN401  a log that breaks
        return finish_erasures(self.salts, log or self.log, self.directory, at=LATER)

    def erasures(self) -> list[dict[str, Any]]:
        records = [json.loads(data) for _, data in read_records(self.directory)]
        return [record for record in records if record.get("event") == "erasure"]


@pytest.fixture
def world(tmp_path: Path, signer: Signer, trust: TrustPolicy) -> Iterator[World]:
    directory = tmp_path / "log"
    with (
        AuditLog.create(
            directory, origin=ORIGIN, signer=signer, now=lambda: AT, preallocate=4096
        ) as log,
        SaltStore(tmp_path / "salts.sqlite") as salts,
    ):
        yield World(log=log, salts=salts, directory=directory, trust=trust)


def test_an_erasure_is_a_record_that_names_what_went_and_not_who_wanted_it(world: World) -> None:
    ident, _ = world.record()

    wanted = world.want(ident)
    [done] = world.finish()

    [record] = world.erasures()
    actor = record.pop("commitments")["actor"]
    assert done == Erased(record=wanted, index=world.log.size - 1)
    assert record == {
        "v": 1,
        "phase": "admin",
        "event": "erasure",
        "id": wanted,
        "t": "2026-01-06T04:00:00.000000Z",
        "records": [ident],
        "days": [],
        "reason": "on_request",
    }
    world.salts.verify(wanted, "actor", "wang", actor)


def test_the_value_is_gone_and_every_proof_stays(world: World) -> None:
    """The receipt of before, the log, and the values of the other records verify as before."""
    ident, receipt = world.record()
    other, kept = world.record()
    before = verify_log(world.directory, world.trust).size

    wanted = world.want(ident)
    world.finish()

    verify_receipt(receipt, world.trust)
    assert verify_log(world.directory, world.trust).size == before + 1
    world.salts.verify(other, "operator", PERSON, world.committed(kept))
    with pytest.raises(VerificationError, match=f"was erased by record `{wanted}`"):
        world.salts.verify(ident, "operator", PERSON, world.committed(receipt))


def test_a_day_that_is_over_goes_whole(world: World) -> None:
    ident, receipt = world.record()

    wanted = world.want(days=(date(2026, 1, 5),))
    world.finish()

    assert world.erasures()[0]["days"] == ["2026-01-05"]
    with pytest.raises(VerificationError, match=f"was erased by record `{wanted}`"):
        world.salts.verify(ident, "operator", PERSON, world.committed(receipt))


def test_nothing_is_erased_before_it_is_recorded(world: World) -> None:
    ident, receipt = world.record()

    world.want(ident)

    world.salts.verify(ident, "operator", PERSON, world.committed(receipt))
    assert world.erasures() == []


class Broken:
    """A log that stops, before or after the record is on the disk."""

    def __init__(self, log: AuditLog, *, recorded: bool) -> None:
        self._log = log
        self._recorded = recorded

    def append(self, record: bytes) -> Receipt:
        if self._recorded:
            self._log.append(record)
        raise AuditError("the power went")


@pytest.mark.parametrize("recorded", [False, True], ids=["before the record", "after the record"])
def test_what_broke_off_is_finished_once_and_recorded_once(world: World, *, recorded: bool) -> None:
    ident, receipt = world.record()
    wanted = world.want(ident)

    with pytest.raises(AuditError, match="the power went"):
        world.finish(Broken(world.log, recorded=recorded))
    world.salts.verify(ident, "operator", PERSON, world.committed(receipt))

    assert [done.record for done in world.finish()] == [wanted]
    assert [record["id"] for record in world.erasures()] == [wanted]
    assert world.finish() == ()
    with pytest.raises(VerificationError, match="was erased"):
        world.salts.verify(ident, "operator", PERSON, world.committed(receipt))


def test_a_record_that_only_mentions_the_erasure_is_not_taken_for_it(world: World) -> None:
    ident, _ = world.record()
    wanted = world.want(ident)
    world.record(note=wanted)
    world.log.append(encode_record({"phase": "admin", "note": wanted}))

    world.finish()

    assert [record["id"] for record in world.erasures()] == [wanted]


def test_several_erasures_are_carried_out_in_the_order_they_were_asked_for(world: World) -> None:
    first, second = (world.want(world.record()[0]) for _ in range(2))

    assert [done.record for done in world.finish()] == sorted((first, second))


def test_only_what_has_a_salt_of_its_own_can_be_erased(world: World) -> None:
    ident, _ = world.record()
    outcome, _ = world.record("outcome", decision=ident)

    with pytest.raises(CallError, match=rf"no salt of its own; name `{ident}`$"):
        world.want(outcome)
    with pytest.raises(CallError, match=r"^the log holds no record `"):
        world.want(new_record_id(AT))
    with pytest.raises(VerificationError, match="not a UUIDv7"):
        world.want("case")
    with pytest.raises(CallError, match="is not over"):
        world.want(days=(date(2026, 1, 6),))
    assert world.salts.wanted() == {}


def test_nothing_is_erased_twice(world: World) -> None:
    ident, _ = world.record()
    wanted = world.want(ident)
    world.finish()

    with pytest.raises(CallError, match=f"was erased before, as record `{wanted}` says"):
        world.want(ident)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"records": ()}, "name a record or a day"),
        ({"records": ("x",) * 1001}, "at most 1000"),
        ({"reason": "Because of Wang"}, "the reason is a code"),
        ({"actor": ""}, "say who wants"),
    ],
)
def test_an_erasure_says_what_why_and_for_whom(change: dict[str, Any], sentence: str) -> None:
    whole: dict[str, Any] = {"records": ("x",), "reason": "on_request", "actor": "wang"}

    with pytest.raises(CallError, match=sentence):
        Erasure(**(whole | change))


def test_a_log_that_cannot_be_read_is_told(world: World, tmp_path: Path) -> None:
    erasure = Erasure(records=(new_record_id(AT),), reason="on_request", actor="wang")
    (tmp_path / "gone" / "seg").mkdir(parents=True)

    with pytest.raises(AuditError):
        want_erasure(world.salts, tmp_path / "gone", erasure, at=LATER, log_size=0)
