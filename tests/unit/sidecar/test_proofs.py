# SPDX-License-Identifier: Apache-2.0
"""Proofs are read off a log that goes on growing, one at a time."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.audit import (
    AuditLog,
    Checkpoint,
    encode_record,
    parse_trust,
    trust_text,
    verify_receipt,
)
from govshare_policy.audit.layout import segment_file
from govshare_policy.crypto import generate_key, open_signer
from govshare_policy.errors import AuditError
from govshare_sidecar.proofs import MAX_WAITING, Proofs
from govshare_sidecar.refusal import Cause, RefusedError

ORIGIN = "audit.example/one"


def everybody(_record: bytes) -> bool:
    return True


def nobody(_record: bytes) -> bool:
    return False


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    generate_key(tmp_path / "key.pem", b"correct horse")
    signer = open_signer(f"file:{tmp_path}/key.pem", b"correct horse")
    with AuditLog.create(
        tmp_path / "log", origin=ORIGIN, signer=signer, now=lambda: datetime.now(UTC)
    ) as opened:
        for number in range(300):
            opened.submit(encode_record({"n": number}))
        opened.append(encode_record({"n": 300}))
        yield opened


@pytest.fixture
def proofs(log: AuditLog, tmp_path: Path) -> Proofs:
    return Proofs(log, tmp_path / "log")


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, timeout=120))


def test_every_receipt_verifies_under_the_newest_checkpoint(log: AuditLog, proofs: Proofs) -> None:
    async def scenario() -> None:
        trust = parse_trust(trust_text(ORIGIN, log.public))
        for index in (0, 1, 255, 256, log.size - 1):
            receipt = await proofs.receipt(index, may_have=everybody)
            verify_receipt(receipt, trust)
            assert Checkpoint.from_note(receipt.checkpoint).size == log.size
            log.append(encode_record({"more": index}))

    run(scenario())


def test_every_earlier_state_is_continued_as_the_log_grows(log: AuditLog, proofs: Proofs) -> None:
    async def scenario() -> None:
        old = log.checkpoint()
        for _ in range(5):
            later = (await proofs.consistency(old.size)).verify(old)
            assert later.size == log.size
            old = later
            log.append(encode_record({"more": old.size}))

    run(scenario())


def test_what_may_not_be_had_is_as_if_it_were_not_there(log: AuditLog, proofs: Proofs) -> None:
    async def scenario() -> None:
        for index, may_have in ((0, nobody), (log.size, everybody), (10**15, everybody)):
            with pytest.raises(RefusedError) as caught:
                await proofs.receipt(index, may_have=may_have)
            assert caught.value.cause is Cause.NO_RECEIPT
        for size in (0, log.size + 1):
            with pytest.raises(RefusedError) as caught:
                await proofs.consistency(size)
            assert caught.value.cause is Cause.NO_SIZE

    run(scenario())


def test_one_reads_some_wait_and_the_rest_are_refused_at_once(proofs: Proofs) -> None:
    async def scenario() -> None:
        goes_on = threading.Event()
        reading = [
            asyncio.create_task(proofs.receipt(0, may_have=lambda _: goes_on.wait(60)))
            for _ in range(MAX_WAITING)
        ]
        await asyncio.sleep(0)
        with pytest.raises(RefusedError) as caught:
            await proofs.consistency(1)
        assert caught.value.cause is Cause.BUSY
        goes_on.set()
        await asyncio.gather(*reading)
        assert (await proofs.consistency(1)).old_size == 1

    run(scenario())


def test_a_caller_that_goes_away_does_not_pass_its_turn_on_before_its_reading_is_done(
    proofs: Proofs,
) -> None:
    async def scenario() -> None:
        begun, goes_on, order = threading.Event(), threading.Event(), []

        def first(_: bytes) -> bool:
            begun.set()
            goes_on.wait(60)
            order.append("first")
            return True

        def second(_: bytes) -> bool:
            order.append("second")
            return True

        leaving = asyncio.create_task(proofs.receipt(0, may_have=first))
        waiting = asyncio.create_task(proofs.receipt(0, may_have=second))
        await asyncio.to_thread(begun.wait, 60)
        leaving.cancel()
        await asyncio.sleep(0.05)
        goes_on.set()
        await waiting
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert order == ["first", "second"]

    run(scenario())


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_log_that_cannot_be_read_says_nothing_of_itself(
    proofs: Proofs, tmp_path: Path, damage: str
) -> None:
    segment = tmp_path / "log" / segment_file(0)
    whole = segment.read_bytes()
    if damage == "missing":
        segment.unlink()
    else:
        segment.write_bytes(whole[:200])

    async def scenario() -> None:
        with pytest.raises(AuditError, match=r"^the log cannot be read$"):
            await proofs.receipt(250, may_have=everybody)
        with pytest.raises(AuditError, match=r"^the log cannot be read$"):
            await proofs.consistency(250)

    run(scenario())
