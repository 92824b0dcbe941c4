# SPDX-License-Identifier: Apache-2.0
"""A receipt is for whoever got the answer."""

from dataclasses import replace

import pytest

from govshare_policy.audit import Receipt
from govshare_policy.gate import Answer, check
from govshare_policy.register import load_register
from govshare_sidecar.receipts import PLACE, Receipts
from govshare_sidecar.refusal import Cause, RefusedError
from tests.county import COUNTY, basis_over
from tests.unit.gathered import plain_call

MINE, THEIRS = bytes([7]) * 32, bytes([8]) * 32


@pytest.fixture(scope="module")
def plain() -> Answer:
    return check(plain_call(), basis_over(load_register(COUNTY), "hubei"))


def answer(plain: Answer, number: int, spki: bytes | None = MINE) -> Answer:
    receipt = Receipt(index=number, record=b"{}", proof=(), checkpoint=b"note")
    identity = replace(plain.identity, spki=spki)
    return replace(plain, record_id=f"id-{number}", receipt=receipt, identity=identity)


def test_the_answer_names_the_place_and_the_receipt_is_there(plain: Answer) -> None:
    receipts = Receipts()

    headers = receipts.keep(answer(plain, 5))

    assert headers == {"Govshare-Receipt": f"{PLACE}id-5"}
    text = receipts.text(headers["Govshare-Receipt"], MINE)
    assert Receipt.from_text(text) == answer(plain, 5).receipt


@pytest.mark.parametrize("path", [f"{PLACE}id-5?", f"{PLACE}id-6", PLACE, f"{PLACE}id-5/", ""])
def test_nothing_else_is_there(path: str, plain: Answer) -> None:
    receipts = Receipts()
    receipts.keep(answer(plain, 5))

    with pytest.raises(RefusedError) as caught:
        receipts.text(path, MINE)
    assert caught.value.cause is Cause.NO_RECEIPT


@pytest.mark.parametrize("spki", [THEIRS, None], ids=["another key", "no key"])
def test_another_caller_cannot_tell_that_there_is_one(spki: bytes | None, plain: Answer) -> None:
    receipts = Receipts()
    receipts.keep(answer(plain, 5))

    with pytest.raises(RefusedError) as theirs:
        receipts.text(f"{PLACE}id-5", spki)
    with pytest.raises(RefusedError) as nobodys:
        receipts.text(f"{PLACE}id-6", spki)
    assert str(theirs.value) == str(nobodys.value)


def test_an_answer_to_nobody_leaves_no_receipt_for_everybody(plain: Answer) -> None:
    receipts = Receipts()

    assert receipts.keep(answer(plain, 5, None)) == {}
    assert receipts.keep(replace(answer(plain, 5), receipt=None)) == {}
    with pytest.raises(RefusedError):
        receipts.text(f"{PLACE}id-5", None)


def test_only_the_last_ones_are_kept(plain: Answer) -> None:
    receipts = Receipts(most=2)
    for number in range(3):
        receipts.keep(answer(plain, number))

    with pytest.raises(RefusedError):
        receipts.text(f"{PLACE}id-0", MINE)
    assert "index 1\n" in receipts.text(f"{PLACE}id-1", MINE)
    assert "index 2\n" in receipts.text(f"{PLACE}id-2", MINE)
