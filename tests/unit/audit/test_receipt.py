# SPDX-License-Identifier: Apache-2.0
"""A receipt proves one record, to anyone, from its text alone."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from govshare_policy.audit import (
    AuditLog,
    Receipt,
    TrustPolicy,
    encode_record,
    verify_receipt,
)
from govshare_policy.errors import InclusionError, SignatureError, VerificationError


@pytest.fixture
def receipt(create: Callable[[], AuditLog]) -> Receipt:
    return create().append(encode_record({"reason": "用途不符", "line": "\u2028\x85"}))


def test_a_receipt_survives_the_round_trip(receipt: Receipt, trust: TrustPolicy) -> None:
    """Its text is all there is to keep."""
    kept = Receipt.from_text(receipt.to_text())

    assert kept == receipt
    verify_receipt(kept, trust)


def test_a_changed_receipt_is_refused(receipt: Receipt, trust: TrustPolicy) -> None:
    """Each part of it counts."""
    for changed in (
        replace(receipt, record=receipt.record.replace(b"line", b"lane")),
        replace(receipt, index=0),
        replace(receipt, index=2),
        replace(receipt, proof=()),
        replace(receipt, proof=(bytes(32),)),
    ):
        with pytest.raises(InclusionError):
            verify_receipt(changed, trust)
    with pytest.raises(SignatureError):
        verify_receipt(
            replace(receipt, checkpoint=receipt.checkpoint.replace(b"\n2\n", b"\n3\n")), trust
        )
    with pytest.raises(VerificationError, match="the trust file is for the log"):
        verify_receipt(receipt, replace(trust, origin="other"))


MALFORMED: dict[str, tuple[str, str, str]] = {
    "another format": ("receipt/v1", "receipt/v2", "format"),
    "no empty line": ("\n\n", "\n", "base64"),
    "no record": ("record ", "rekord ", "record and index"),
    "no index": ("index ", "", "record and index"),
    "an index with a zero": ("index 1", "index 01", "record and index"),
    "an index that is none": ("index 1", "index x", "record and index"),
    "a proof that is no base64": ("index 1\n", "index 1\n?\n", "base64"),
    "a short hash": ("index 1\n", "index 1\nAAAA\n", "32 bytes"),
    "an endless proof": ("index 1\n", "index 1\n" + "AAAA\n" * 63, "too long"),
    "half a surrogate pair": ("用", "\ud800", "utf-8"),
}


@pytest.mark.parametrize(("old", "new", "says"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_receipt_is_refused(receipt: Receipt, old: str, new: str, says: str) -> None:
    """Before anything in it is believed."""
    text = receipt.to_text()
    assert old in text

    with pytest.raises(VerificationError, match=says):
        Receipt.from_text(text.replace(old, new, 1))


def test_a_record_of_no_text_has_no_receipt_text(receipt: Receipt) -> None:
    """The log takes canonical records; these are none."""
    with pytest.raises(VerificationError, match="utf-8"):
        replace(receipt, record=b"{\xff}").to_text()
    with pytest.raises(VerificationError, match="more than one line"):
        replace(receipt, record=b"{\n}").to_text()
