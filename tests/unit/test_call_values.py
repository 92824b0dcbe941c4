# SPDX-License-Identifier: Apache-2.0
"""The two values of a call that have a form of their own: the recipient and the instant."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from govshare_policy import check
from govshare_policy.call import parse_call
from govshare_policy.errors import CallError
from govshare_policy.legal import Effect
from govshare_policy.register import Register
from tests.county import PLAIN, basis_over, county_register

PROFILES = (
    "henan-fengqiu",
    "henan-yanjin",
    "jiangxi-pingxiang",
    "henan-hebi",
    "hubei",
    "national-809",
)

SECRET = "王小明-330102199001011234"  # noqa: S105  a value that must never be repeated


@pytest.fixture(scope="module")
def register(tmp_path_factory: pytest.TempPathFactory) -> Register:
    return county_register(tmp_path_factory.mktemp("county"))


def document(**change: object) -> dict[str, Any]:
    return {**PLAIN, **change}


def fault(data: str) -> str:
    with pytest.raises(CallError) as caught:
        parse_call(data)
    return str(caught.value)


RECIPIENTS: Mapping[str, tuple[object, str]] = {
    "null": (None, "`recipient` is an object with `kind` and `id`"),
    "a text": ("D-TRA", "`recipient` is an object with `kind` and `id`"),
    "a list": ([], "`recipient` is an object with `kind` and `id`"),
    "nothing in it": ({}, "`recipient.kind` is a string"),
    "a kind of another type": ({"kind": 1, "id": "a"}, "`recipient.kind` is a string"),
    "an unknown kind": (
        {"kind": "bank", "id": "a"},
        "`recipient.kind` is `department`, `company`, `person` or `public`",
    ),
    "another key": (
        {"kind": "public", "name": SECRET},
        "`recipient` has the keys `kind` and `id` and no others",
    ),
    "a department without id": (
        {"kind": "department"},
        "`recipient.id` is required unless the recipient is the public",
    ),
    "a person without id": (
        {"kind": "person"},
        "`recipient.id` is required unless the recipient is the public",
    ),
    "an id of another type": ({"kind": "company", "id": 5}, "`recipient.id` is a string"),
    "an id that is null": ({"kind": "public", "id": None}, "`recipient.id` is a string"),
    "an id with a control character": (
        {"kind": "person", "id": "\x07"},
        "`recipient.id` holds a control character",
    ),
}


@pytest.mark.parametrize(("recipient", "said"), RECIPIENTS.values(), ids=list(RECIPIENTS))
@pytest.mark.parametrize("action", ["read", "onward"])
def test_a_recipient_of_another_shape_is_refused(recipient: object, said: str, action: str) -> None:
    assert fault(json.dumps(document(action=action, recipient=recipient))) == said


SHAPE = "`at` is an instant with an offset, such as 2026-01-05T09:30:00+08:00"
NO_SUCH = "`at` names a date or time that does not exist"
YEARS = "`at` is in a year from 1970 to 2999"
INSTANTS: Mapping[str, tuple[object, str]] = {
    "a number": (1758506400, "`at` is a string"),
    "naive": ("2025-09-22T10:00:00", SHAPE),
    "a date": ("2025-09-22", SHAPE),
    "a blank for the T": ("2025-09-22 10:00:00+08:00", SHAPE),
    "a week date": ("2025-W39-1T10:00:00+08:00", SHAPE),
    "basic format": ("20250922T100000+0800", SHAPE),
    "a named zone": ("2025-09-22T10:00:00 CST", SHAPE),
    "a small z": ("2025-09-22T10:00:00z", SHAPE),
    "nanoseconds": ("2025-09-22T10:00:00.123456789Z", SHAPE),
    "nothing": ("", SHAPE),
    "31 June": ("2025-06-31T10:00:00+08:00", NO_SUCH),
    "29 February of a common year": ("2025-02-29T10:00:00+08:00", NO_SUCH),
    "hour 25": ("2025-06-30T25:00:00+08:00", NO_SUCH),
    "a leap second": ("2016-12-31T23:59:60Z", NO_SUCH),
    "an offset of a day": ("2025-06-30T10:00:00+24:00", NO_SUCH),
    "digits of another script": ("２０２５-09-22T10:00:00+08:00", NO_SUCH),
    "year 1, before which no zone reaches": ("0001-01-01T00:00:00+23:59", YEARS),
    "year 9999, after which no zone reaches": ("9999-12-31T23:59:59-23:59", YEARS),
}


@pytest.mark.parametrize(("at", "said"), INSTANTS.values(), ids=list(INSTANTS))
def test_an_instant_that_is_not_one_is_refused(at: object, said: str) -> None:
    assert fault(json.dumps(document(at=at))) == said


@pytest.mark.parametrize(
    "at",
    [
        "2025-09-22T10:00+08:00",
        "2025-09-22T02:00:00Z",
        "2025-09-22T02:00:00.000000+00:00",
        "2025-09-21T22:30:00-03:30",
    ],
)
def test_one_instant_has_many_spellings(at: str) -> None:
    assert parse_call(json.dumps(document(at=at))).at == parse_call(json.dumps(PLAIN)).at


BLANK = ["", " ", "\u3000\u3000", "\u200b", "\u2060\ufeff", "—", "...", "★"]


@pytest.mark.parametrize("purpose", BLANK, ids=ascii)
@pytest.mark.parametrize("profile", PROFILES)
def test_a_purpose_that_says_nothing_is_denied_like_none(
    profile: str, purpose: str, register: Register
) -> None:
    stated = {**PLAIN, "resource": "R05", "fields": ["*"], "grant": "", "purpose": purpose}
    answer = check(parse_call(json.dumps(stated)), basis_over(register, profile))
    assert answer.decision.effect is Effect.DENY
    assert "purpose_missing" in [reason.code for reason in answer.decision.reasons]


@pytest.mark.parametrize("purpose", ["核验", "data_verification", "7"])
def test_a_purpose_in_any_script_is_stated(purpose: str) -> None:
    assert parse_call(json.dumps(document(purpose=purpose))).states_purpose
