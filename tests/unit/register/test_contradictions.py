# SPDX-License-Identifier: Apache-2.0
"""Grants add up, and only those that cannot both hold are refused, with the place of the later."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.unit.register.small import SPKI, fault, load

COLUMNS = (
    "grant_id",
    "resource_id",
    "user_dept",
    "systems",
    "purposes",
    "fields",
    "channels",
    "valid_from",
    "valid_to",
    "granted_by",
    "daily_quota",
    "cert_spki",
    "reply_ref",
)
ONE = {
    "grant_id": "G1",
    "resource_id": "R1",
    "user_dept": "D-B",
    "systems": "S-B",
    "purposes": "check",
    "fields": "id,name",
    "channels": "api",
    "valid_from": "2025-01-01",
    "valid_to": "2025-12-31",
    "granted_by": "provider",
}


def grants(*rows: Mapping[str, str]) -> dict[str, bytes]:
    """Return the grants of *rows*, each what it says and otherwise the first."""
    table = [
        [{**ONE, "grant_id": f"G{number}", **row}.get(column, "") for column in COLUMNS]
        for number, row in enumerate(rows, 1)
    ]
    lines = ["\t".join(cells) for cells in (list(COLUMNS), *table)]
    return {"grants.tsv": ("\n".join(lines) + "\n").encode()}


SAME = "contradicts grant `G1`, the same permission on the same days"
REPLY = "contradicts grant `G1`, which rests on the same reply"
TERMS = f"{REPLY} and answers the same use in other terms on the same days"
LIMIT = f"{REPLY} and sets another limit on the same days"
QUOTAS = f"column `daily_quota`: {SAME}: how many calls it carries cannot be told"
WRONG: Mapping[str, tuple[Sequence[Mapping[str, str]], str]] = {
    "two ceilings": (({"daily_quota": "10"}, {"daily_quota": "100"}), QUOTAS),
    "a ceiling and none": (({"daily_quota": "10"}, {}), QUOTAS),
    "none and a ceiling": (({}, {"daily_quota": "10"}), QUOTAS),
    "the same ceiling twice": (({"daily_quota": "10"}, {"daily_quota": "10"}), QUOTAS),
    "on one day": (
        ({"daily_quota": "10"}, {"valid_from": "2025-12-31", "valid_to": "2026-12-31"}),
        QUOTAS,
    ),
    "fields in another order": (({"daily_quota": "10"}, {"fields": "name,id"}), QUOTAS),
    "bound to a key and to none": (
        ({"cert_spki": SPKI}, {}),
        f"column `cert_spki`: {SAME}: only one of them is bound to a certificate",
    ),
    "one reply with other fields": (
        ({"reply_ref": "R-7"}, {"reply_ref": "R-7", "fields": "id"}),
        f"column `fields`: {TERMS}",
    ),
    "one reply with more purposes": (
        ({"reply_ref": "R-7"}, {"reply_ref": "R-7", "purposes": "check|audit"}),
        f"column `purposes`: {TERMS}",
    ),
    "one reply with two ceilings": (
        ({"reply_ref": "R-7", "daily_quota": "1"}, {"reply_ref": "R-7", "daily_quota": "2"}),
        f"column `daily_quota`: {LIMIT}",
    ),
    "one reply of two bodies": (
        (
            {"reply_ref": "R-7"},
            {"reply_ref": "R-7", "granted_by": "platform_operator", "valid_from": "2025-12-31"},
        ),
        f"column `granted_by`: {REPLY} by another grantor",
    ),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=list(WRONG))
def test_grants_that_contradict_are_refused_with_file_line_and_column(
    case: tuple[Sequence[Mapping[str, str]], str], tmp_path: Path
) -> None:
    rows, said = case

    assert fault(tmp_path, grants(*rows)) == f"grants.tsv line 3 {said}"


def test_the_row_that_stands_later_is_named_though_it_begins_earlier(tmp_path: Path) -> None:
    rows = ({"valid_from": "2025-06-01", "daily_quota": "10"}, {"valid_from": "2025-02-01"})

    assert fault(tmp_path, grants(*rows)).startswith("grants.tsv line 3 column `daily_quota`: ")


FINE: Mapping[str, Sequence[Mapping[str, str]]] = {
    "a renewal that overlaps": ({}, {"valid_from": "2025-12-01", "valid_to": "2026-12-31"}),
    "a renewal after the end": (
        {"daily_quota": "10"},
        {"daily_quota": "20", "valid_from": "2026-01-01", "valid_to": "2026-12-31"},
    ),
    "more fields by a second grant": ({"daily_quota": "10"}, {"fields": "id"}),
    "another purpose": ({"daily_quota": "10"}, {"purposes": "audit"}),
    "the platform beside the provider": (
        {"daily_quota": "10"},
        {"daily_quota": "10", "granted_by": "platform_operator"},
    ),
    "two keys of one system": ({"cert_spki": SPKI}, {"cert_spki": "ab" * 32}),
    "two uses by one reply": (
        {"reply_ref": "R-7"},
        {"reply_ref": "R-7", "purposes": "audit", "fields": "id"},
    ),
    "one reply in two rows": ({"reply_ref": "R-7"}, {"reply_ref": "R-7"}),
    "one reply about two years": (
        {"reply_ref": "R-7"},
        {
            "reply_ref": "R-7",
            "fields": "id",
            "valid_from": "2026-01-01",
            "valid_to": "2026-12-31",
        },
    ),
}


@pytest.mark.parametrize("rows", FINE.values(), ids=list(FINE))
def test_grants_that_add_up_load(rows: Sequence[Mapping[str, str]], tmp_path: Path) -> None:
    assert len(load(tmp_path, grants(*rows)).grants) == len(rows)


def test_a_grant_keeps_the_reply_it_rests_on(tmp_path: Path) -> None:
    assert load(tmp_path, grants({"reply_ref": "甲函〔2025〕7号"})).grants["G1"].reply == (
        "甲函〔2025〕7号"
    )


def test_many_renewals_of_one_permission_are_compared_in_bounded_time(tmp_path: Path) -> None:
    """Twenty thousand rows of one permission; each with each would be 200 million pairs."""
    rows = [{"grant_id": f"G{number}"} for number in range(20_000)]
    rows.append({"grant_id": "LAST", "daily_quota": "1"})
    start = time.process_time()

    said = fault(tmp_path, grants(*rows))

    assert said.startswith("grants.tsv line 20002 column `daily_quota`: contradicts grant ")
    assert time.process_time() - start < 5
