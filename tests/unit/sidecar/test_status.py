# SPDX-License-Identifier: Apache-2.0
"""No error is without a status."""

import inspect
import re

import grpc
import pytest

from govshare_policy import errors
from govshare_policy.audit import Damage, LogDamageError, Part
from govshare_policy.errors import AuditError, CallError, GovshareError
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.status import (
    CAUSES,
    FAULTS,
    REFUSALS,
    STATUSES,
    detail_zh,
    http_status_of,
    retry_after_s,
    status_of,
)
from govshare_sidecar.upstream import Fault, UpstreamError

# In the order of their names.
CLASSES: list[type[GovshareError]] = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, GovshareError)
]


def test_no_class_of_errors_was_forgotten() -> None:
    assert set(STATUSES) == set(CLASSES)


def test_no_cause_and_no_fault_was_forgotten() -> None:
    assert (set(CAUSES), set(FAULTS)) == (set(Cause), set(Fault))


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_no_error_looks_like_success(kind: type[GovshareError]) -> None:
    status = status_of(kind("something"))

    assert status.grpc is not grpc.StatusCode.OK
    assert status.http >= 400
    assert status.title
    assert status.title_zh


@pytest.mark.parametrize("cause", Cause)
def test_every_refusal_is_the_callers_to_act_on_and_says_how(cause: Cause) -> None:
    error = RefusedError(cause)

    assert status_of(error) is REFUSALS.get(cause, STATUSES[CallError])
    assert str(error)
    assert 400 <= http_status_of(error) < 500 or http_status_of(error) in (501, 503)


@pytest.mark.parametrize("cause", REFUSALS)
def test_a_refusal_with_a_status_of_its_own_has_one_over_http_too(cause: Cause) -> None:
    status = status_of(RefusedError(cause))

    assert status.http is CAUSES[cause]
    assert status.grpc is not STATUSES[CallError].grpc


def test_only_who_comes_while_the_gateway_is_full_is_told_to_come_again() -> None:
    waits = {cause: retry_after_s(RefusedError(cause)) for cause in Cause}

    assert waits.pop(Cause.BUSY) > 0
    assert set(waits.values()) == {0}
    assert retry_after_s(AuditError("the log has stopped")) == 0


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_of_the_department_has_a_status_of_its_own(fault: Fault) -> None:
    assert http_status_of(UpstreamError(fault, "something")) in (404, 502, 504)


def test_what_is_said_in_chinese_holds_no_english() -> None:
    causes = [detail_zh(RefusedError(cause)) for cause in Cause]
    faults = [detail_zh(UpstreamError(fault, "something")) for fault in Fault]
    others = [detail_zh(kind("something")) for kind in CLASSES if not issubclass(kind, CallError)]

    assert len(set(causes)) == len(Cause)
    assert len(set(faults)) == len(Fault)
    assert not [text for text in (*faults, *others) if re.search("[A-Za-z]", text)]
    assert not [text for text in causes if re.search(r"[a-z]{2,} [a-z]{2,}", text)]


def test_a_complaint_about_a_call_keeps_its_words() -> None:
    assert detail_zh(CallError("`at` is odd")) == "调用不符合接口规定：`at` is odd"


def test_a_class_below_one_of_the_table_has_the_status_of_the_nearest() -> None:
    damage = LogDamageError(Damage.FRAME, Part(file="f", offset=0, what="w"), 1)

    assert status_of(damage) is STATUSES[AuditError]
    assert http_status_of(damage) == 503
