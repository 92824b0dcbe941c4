# SPDX-License-Identifier: Apache-2.0
"""What the registers show of each violation: the catalogue, suspensions, data that are kept."""

import csv
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.audit import AuditLog, SaltStore
from govshare_policy.crypto import Signer
from govshare_policy.errors import PolicyError
from govshare_policy.register import load_register
from govshare_policy.report import Span
from govshare_policy.supervision import (
    Bureau,
    ProceedingKind,
    Proceedings,
    Wish,
    load_supervision,
)
from govshare_policy.workflow import Actor, Moment, Role
from tests.county import Change, write_county
from tests.unit.mutated import swap, write_packs
from tests.unit.report.listed import (
    DAY,
    PERSON,
    listed,
)
from tests.unit.report.logs import county, diary, noon


def test_the_catalogue_is_listed_by_file_and_line(tmp_path: Path, signer: Signer) -> None:
    """An error is shown, a warning is a sign; both are for whoever provides the entry."""
    with diary(tmp_path / "log", signer):
        pass
    found = listed(tmp_path, "hubei")
    lines = (tmp_path / "data" / "resources.tsv").read_text("utf-8").splitlines()
    of_catalogue = [one for one in found.findings if one.code in ("basis_level", "own_source")]

    assert {one.violation for one in of_catalogue} == {"hu-catalogue"}
    assert {one.grade.value for one in of_catalogue} == {"shown"}
    for one in of_catalogue:
        file, _, number = one.evidence[0].place.partition(":")
        assert file == "resources.tsv"
        assert lines[int(number) - 1].startswith(f"{one.resource}\t")
        assert one.department == county().resources[one.resource].provider


def test_a_copied_entry_is_only_a_sign_of_collecting_again(tmp_path: Path, signer: Signer) -> None:
    """The act itself happens at a counter, out of sight."""
    with diary(tmp_path / "log", signer):
        pass
    (one,) = listed(tmp_path, "henan-hebi").of("hb-repeat")

    assert (one.code, one.grade.value, one.department) == ("own_source", "sign", "D-CAB")


IS_OLD = ["older_than_cycle"]
OLD: dict[str, tuple[str, int, list[str]]] = {
    "monthly, 31 days": ("每月", 31, []),
    "monthly, 32 days": ("每月", 32, IS_OLD),
    "yearly, 367 days": ("每年", 367, IS_OLD),
    "of no cycle": ("不定期", 900, []),
    "in real time, which a date cannot show": ("实时", 900, []),
}


@pytest.mark.parametrize(("cycle", "days", "shown"), OLD.values(), ids=OLD)
def test_data_older_than_their_own_cycle_are_a_sign(
    cycle: str, days: int, shown: list[str], tmp_path: Path, signer: Signer
) -> None:
    stated = (DAY - timedelta(days=days)).isoformat()
    change: Change = {
        "resources.tsv": [
            {"resource_id": "R09", "update_cycle": cycle, "updated_on": stated},
        ]
    }
    with diary(tmp_path / "log", signer):
        pass
    data = write_county(tmp_path / "data", change)
    found = listed(tmp_path, "hubei", data=data, as_of=DAY)
    ages = [one for one in found.of("hu-quality") if one.resource == "R09"]

    assert [one.code for one in ages] == shown


def suspension(ident: str, recorded_on: str, lifted_on: str = "") -> dict[str, str]:
    return {
        "suspension_id": ident,
        "user_dept": "D-HCB",
        "resource_id": "R08",
        "recorded_on": recorded_on,
        "lifted_on": lifted_on,
    }


def test_a_suspended_right_stands_for_a_violation_that_was_found(
    tmp_path: Path, signer: Signer
) -> None:
    """In the period, or before it and not restored yet."""
    rows = [
        suspension("SUS-1", "2025-02-01", "2025-03-01"),
        suspension("SUS-2", "2025-02-02"),
        suspension("SUS-3", "2025-09-10", "2025-09-12"),
        suspension("SUS-4", "2025-11-01"),
    ]
    with diary(tmp_path / "log", signer):
        pass
    data = write_county(tmp_path / "data", {"suspensions.tsv": rows})
    span = Span(first=date(2025, 9, 1), last=date(2025, 9, 30))
    found = listed(tmp_path, "national-809", data=data, span=span)

    shown = [one for one in found.of("nr-40-2") if one.grade.value == "shown"]
    assert [one.evidence[0].place for one in shown] == ["SUS-2", "SUS-3"]


def ended(days: int, **others: str) -> Change:
    last = (DAY - timedelta(days=days)).isoformat()
    return {"grants.tsv": [{"grant_id": "G01", "valid_to": last}, *([others] if others else [])]}


def used(tmp_path: Path, signer: Signer, status: str = "released") -> None:
    with diary(tmp_path / "log", signer, profile="national-809") as book:
        book.conclude(book.call(noon(DAY - timedelta(days=30))), status, rows=1)
        book.call(noon(DAY), purpose="work_reference")


def kept(tmp_path: Path, change: Change, **more: Any) -> list[str]:  # noqa: ANN401
    data = write_county(tmp_path / "data", change)
    found = listed(tmp_path, "national-809", data=data, **more)
    return [one.code for one in found.of("nr-40-4")]


def test_data_of_a_grant_that_ended_are_listed_until_somebody_states_their_disposal(
    tmp_path: Path, signer: Signer
) -> None:
    used(tmp_path, signer)

    assert kept(tmp_path, ended(1)) == ["disposal_not_stated"]
    assert kept(tmp_path, ended(0)) == [], "the last day of a grant is one of it"
    assert kept(tmp_path, ended(-90)) == []


def test_a_grant_that_went_on_still_needs_the_data(tmp_path: Path, signer: Signer) -> None:
    used(tmp_path, signer)
    with (write_county(tmp_path / "plain") / "grants.tsv").open(encoding="utf-8") as file:
        row = next(row for row in csv.DictReader(file, delimiter="\t") if row["grant_id"] == "G01")
    renewed = row | {"grant_id": "G99", "valid_from": DAY.isoformat()}

    assert kept(tmp_path, ended(1, **renewed)) == []


def test_a_grant_under_which_nothing_left_leaves_nothing_to_dispose_of(
    tmp_path: Path, signer: Signer
) -> None:
    used(tmp_path, signer, status="upstream_timeout")

    assert kept(tmp_path, ended(1)) == []


def test_what_was_used_before_the_period_has_to_be_disposed_of_too(
    tmp_path: Path, signer: Signer
) -> None:
    used(tmp_path, signer)

    assert kept(tmp_path, ended(1), span=Span(first=DAY, last=DAY)) == ["disposal_not_stated"]


def test_a_grant_that_left_the_register_ended_with_its_last_use(
    tmp_path: Path, signer: Signer
) -> None:
    """What the log knows of it is enough."""
    used(tmp_path, signer)
    data = write_county(tmp_path / "data")
    grants = data / "grants.tsv"
    lines = grants.read_text("utf-8").splitlines(keepends=True)
    grants.write_text("".join(line for line in lines if not line.startswith("G01\t")), "utf-8")
    last = DAY - timedelta(days=30)
    of_day = [
        [one.code for one in listed(tmp_path, "national-809", data=data, as_of=day).of("nr-40-4")]
        for day in (last, last + timedelta(days=1))
    ]

    assert of_day == [[], ["disposal_not_stated"]]


def bureau(log: AuditLog, salts: SaltStore, data: Path, profile: str) -> Bureau:
    return Bureau(
        text=load_supervision(profile),
        register=load_register(data),
        proceedings=Proceedings(),
        log=log,
        salts=salts,
        revision=bytes(32),
    )


def steps(tmp_path: Path, signer: Signer, data: Path, *wishes: Wish) -> None:
    """Take steps, all under Order 809, in a log of their own."""
    with (
        AuditLog.create(
            tmp_path / "steps", origin="report.example/steps", signer=signer, now=lambda: noon(DAY)
        ) as log,
        SaltStore(tmp_path / "salts.sqlite") as salts,
    ):
        office = bureau(log, salts, data, "national-809")
        for wish in wishes:
            assert office.take(wish).refusal is None


def wish(step: str, body: str, **more: Any) -> Wish:  # noqa: ANN401
    kind = ProceedingKind.DISPOSAL if "grant" in more else ProceedingKind.RECTIFICATION
    return Wish(
        kind=kind,
        step=step,
        actor=Actor(body=body, person=PERSON, role=Role.MANAGE),
        moment=Moment(at=noon(DAY), stated=True),
        **more,
    )


def test_a_disposal_that_was_required_is_overdue_and_one_that_was_stated_is_done(
    tmp_path: Path, signer: Signer
) -> None:
    used(tmp_path, signer)
    data = write_county(tmp_path / "data", ended(1))
    require = wish("require", "D-CAB", grant="G01", way="destroyed", until=DAY)
    steps(tmp_path, signer, data, require)
    tomorrow = DAY + timedelta(days=1)

    assert kept(tmp_path, ended(1), as_of=DAY) == ["disposal_not_stated"]
    assert kept(tmp_path, ended(1), as_of=tomorrow) == ["disposal_overdue"]

    other = tmp_path / "other"
    used(other, signer)
    steps(other, signer, data, wish("dispose", "D-HCB", grant="G01", way="destroyed"))
    assert kept(other, ended(1), as_of=tomorrow) == []


def test_a_finding_says_which_open_notice_it_is_part_of(tmp_path: Path, signer: Signer) -> None:
    used(tmp_path, signer)
    data = write_county(tmp_path / "data")
    notice = wish("notice", "D-DATA", told="D-HCB", violation="nr-40-2", reason="x")
    steps(tmp_path, signer, data, notice)
    found = listed(tmp_path, "national-809", data=data)
    (one,) = found.of("nr-40-2")

    assert (one.notice, [row.id for row in found.proceedings]) == (
        "REC-2025-0001",
        ["REC-2025-0001"],
    )
    assert all(not other.notice for other in found.findings if other is not one)


def test_a_rule_that_the_catalogue_does_not_have_is_refused(tmp_path: Path, signer: Signer) -> None:
    """It would never be found, and nobody would know."""
    with diary(tmp_path / "log", signer):
        pass
    edit = {"hubei/rectification.toml": swap('"hu-copy-offered"', '"hu-copied"')}
    with pytest.raises(PolicyError, match="`hu-copied` is no rule"):
        listed(tmp_path, "hubei", packs=write_packs(tmp_path, edit))
