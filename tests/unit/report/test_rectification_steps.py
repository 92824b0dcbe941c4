# SPDX-License-Identifier: Apache-2.0
"""Notices and disposals are steps of named bodies, and their records are all there is of them."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.audit import AuditLog, SaltStore, read_records, verify_log
from govshare_policy.crypto import Signer
from govshare_policy.errors import CallError, VerificationError
from govshare_policy.identity import SHANGHAI
from govshare_policy.register import Register
from govshare_policy.supervision import (
    Bureau,
    Proceeding,
    ProceedingKind,
    Proceedings,
    StepTaken,
    Wish,
    load_supervision,
)
from govshare_policy.workflow import Actor, Moment, Role
from tests.unit.report.logs import county, trust_in

MONDAY = datetime(2025, 9, 22, 10, tzinfo=SHANGHAI)
ORIGIN = "report.example/steps"
WORDS = "张三未经许可使用数据"
ROLES = {
    "functional_department": "D-ECO",
    "leading_group": "D-FIN",
    "competent_authority": "D-DATA",
}


def with_roles(profile: str) -> Register:
    register = county()
    held = {(profile, role, body) for role, body in ROLES.items()}
    return replace(register, roles=frozenset(held | register.roles))


class Desk:
    """A bureau that is opened anew for every step, as on the command line."""

    def __init__(self, directory: Path, signer: Signer, profile: str) -> None:
        self.log, self._salts = directory / "log", directory / "salts.sqlite"
        self._signer, self.profile, self.at = signer, profile, MONDAY
        self.register = with_roles(profile)

    def take(self, step: str, body: str, person: str = "", **more: Any) -> StepTaken:  # noqa: ANN401
        """Take a step an hour after the one before."""
        self.at += timedelta(hours=1)
        role = more.pop("role", Role.OPERATE if step == "reply" else Role.MANAGE)
        at = more.pop("at", self.at)
        wish = Wish(
            kind=more.pop("kind", ProceedingKind.RECTIFICATION),
            step=step,
            actor=Actor(body=body, person=person or f"{body}-1", role=role),
            moment=Moment(at=at, stated=True),
            **more,
        )
        with self._open() as log, SaltStore(self._salts) as salts:
            bureau = Bureau(
                text=load_supervision(self.profile),
                register=self.register,
                proceedings=self.proceedings(),
                log=log,
                salts=salts,
                revision=bytes(32),
            )
            return bureau.take(wish)

    def notice(self, **more: Any) -> StepTaken:  # noqa: ANN401
        """Give notice to the housing bureau."""
        stated: dict[str, Any] = {
            "told": "D-HCB",
            "violation": "hu-purpose",
            "resource": "R08",
            "reason": WORDS,
            "until": date(2025, 9, 30),
        }
        return self.take("notice", "D-ECO", **(stated | more))

    def records(self) -> list[dict[str, Any]]:
        """Return the records of steps."""
        records = (json.loads(data) for _, data in read_records(self.log))
        return [record for record in records if record["phase"] == "supervision"]

    def proceedings(self) -> Proceedings:
        """Return what the log tells."""
        found = Proceedings()
        for index, data in read_records(self.log):
            found.take(json.loads(data), origin=ORIGIN, index=index)
        return found

    def only(self) -> Proceeding:
        """Return the one proceeding that there is."""
        (one,) = self.proceedings()
        return one

    def _open(self) -> AuditLog:
        now = lambda: self.at  # noqa: E731  the clock of the desk
        if self.log.exists():
            return AuditLog.open(self.log, signer=self._signer, now=now)
        return AuditLog.create(self.log, origin=ORIGIN, signer=self._signer, now=now)


Make = Callable[[str], Desk]


@pytest.fixture
def desk(tmp_path: Path, signer: Signer) -> Make:
    def make(profile: str) -> Desk:
        return Desk(tmp_path, signer, profile)

    return make


def test_a_notice_goes_from_the_body_to_the_department_until_it_is_closed(desk: Make) -> None:
    here = desk("hubei")
    given = here.notice(evidence=("audit.example/calls#12",))
    here.take("reply", "D-HCB", matter=given.matter, reason="已停止")
    done = here.take("close", "D-ECO", matter=given.matter)
    one = here.only()

    assert (given.matter, given.state, given.clauses) == (
        "REC-2025-0001",
        "notified",
        ("HU-a31-05",),
    )
    assert [(row["to"], row["bodies"], row["clause"]) for row in given.told] == [
        ("told", "D-HCB", "HU-a31-05")
    ]
    assert (done.state, one.state, one.is_over) == ("closed", "closed", True)
    assert one.evidence == ("audit.example/calls#12",)
    assert [step.step for step in one.steps] == ["notice", "reply", "close"]
    assert one.steps[0].index == given.record


def test_what_is_not_mended_in_time_goes_to_the_leading_group(desk: Make) -> None:
    """And not a day before the time is over."""
    here = desk("hubei")
    given = here.notice()
    here.at = datetime(2025, 9, 30, 20, tzinfo=SHANGHAI)
    early = here.take("report", "D-ECO", matter=given.matter)
    here.at += timedelta(days=1)
    late = here.take("report", "D-ECO", matter=given.matter)

    assert early.refusal is not None
    assert (early.refusal.code, early.state) == ("not_overdue", "notified")
    assert "2025-09-30" in early.refusal.text
    assert (late.state, late.told[0]["bodies"]) == ("reported", "D-FIN")
    assert late.clauses == ("HU-a31-05", "HU-a05-01")


def test_a_notice_is_overdue_from_the_day_after_until_it_is_closed(desk: Make) -> None:
    here = desk("hubei")
    given = here.notice()
    last = date(2025, 9, 30)
    open_now = here.only()
    here.take("close", "D-ECO", matter=given.matter)

    assert (open_now.is_overdue(last), open_now.is_overdue(last + timedelta(days=1))) == (
        False,
        True,
    )
    assert not here.only().is_overdue(last + timedelta(days=1))


def test_the_records_hold_codes_and_never_words_or_persons(desk: Make) -> None:
    """They verify like any others, and say under which table of the text a step was taken."""
    here = desk("hubei")
    given = here.notice(person="赵某某")
    here.take("reply", "D-HCB", "钱某某", matter=given.matter, reason=WORDS)
    here.take("close", "D-HCB", "钱某某", matter=given.matter)
    verify_log(here.log, trust_in(here._signer, ORIGIN))
    written = json.dumps(here.records(), ensure_ascii=False)
    digest = load_supervision("hubei").digest.hex()

    assert [record["outcome"] for record in here.records()] == ["taken", "taken", "refused"]
    assert not [secret for secret in (WORDS, "赵某某", "钱某某") if secret in written]
    assert set(here.records()[0]["commitments"]) == {"person", "reason"}
    assert {record["policy"]["rectification"] for record in here.records()} == {f"sm3:{digest}"}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "by a body without the role": ({"body": "D-MSA"}, "not_your_step"),
    "in the wrong role": ({"role": Role.OPERATE}, "not_your_step"),
    "to itself": ({"told": "D-ECO"}, "own_notice"),
    "without a day": ({"until": None}, "need_missing"),
    "without words": ({"reason": ""}, "need_missing"),
    "to be mended yesterday": ({"until": date(2025, 9, 21)}, "until_before_notice"),
}


@pytest.mark.parametrize(("change", "code"), REFUSED.values(), ids=REFUSED)
def test_a_notice_is_refused(change: dict[str, Any], code: str, desk: Make) -> None:
    """The refusal is recorded, and no proceeding is opened."""
    here, stated = desk("hubei"), dict(change)
    body = stated.pop("body", "D-ECO")
    base: dict[str, Any] = {
        "told": "D-HCB",
        "violation": "hu-purpose",
        "resource": "R08",
        "reason": WORDS,
        "until": date(2025, 9, 30),
    }
    answer = here.take("notice", body, **(base | stated))

    assert answer.refusal is not None
    assert (answer.refusal.code, answer.matter, list(here.proceedings())) == (code, "", [])
    assert [record["code"] for record in here.records()] == [code]
    assert here.notice().matter == "REC-2025-0001"


def test_a_role_that_nobody_holds_is_said_to_be_missing(desk: Make) -> None:
    """The register has to name the office of the government before it can give notice."""
    here = desk("henan-hebi")
    answer = here.take("notice", "D-DATA", told="D-HCB", violation="hb-control", reason=WORDS)

    assert answer.refusal is not None
    assert (answer.refusal.code, "city_gov_office" in answer.refusal.text) == (
        "nobody_named",
        True,
    )


def test_one_person_does_not_act_for_two_sides(desk: Make) -> None:
    here = desk("hubei")
    given = here.notice(person="zhao")
    both = here.take("reply", "D-HCB", "zhao", matter=given.matter, reason="已停止")
    other = here.take("reply", "D-HCB", "qian", matter=given.matter, reason="已停止")
    again = here.take("close", "D-ECO", "zhao", matter=given.matter)

    assert both.refusal is not None
    assert both.refusal.code == "same_person"
    assert (other.refusal, again.refusal) == (None, None)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown body": ({"told": "D-NONE"}, "a body is not in the register"),
    "nobody": ({"person": " "}, "a step is taken by a person"),
    "an unknown resource": ({"resource": "R99"}, "no such resource"),
    "a violation of no list": ({"violation": "hu-none"}, "it lists hu-catalogue, "),
    "an unknown proceeding": ({"matter": "REC-2025-0009"}, "no such proceeding"),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_judged_is_an_error(
    change: dict[str, Any], message: str, desk: Make
) -> None:
    here = desk("hubei")
    with pytest.raises(CallError, match=message):
        here.notice(**change)


def test_a_step_is_not_dated_before_the_last_one(desk: Make) -> None:
    here = desk("hubei")
    given = here.notice()
    with pytest.raises(CallError, match="dated before"):
        here.take("close", "D-ECO", matter=given.matter, at=MONDAY)


def test_a_notice_of_one_text_is_none_of_another(desk: Make) -> None:
    here = desk("hubei")
    given = here.notice()
    here.profile = "national-809"
    with pytest.raises(CallError, match="no such proceeding"):
        here.take("close", "D-DATA", matter=given.matter)


DISPOSAL = {"kind": ProceedingKind.DISPOSAL, "grant": "G07", "way": "destroyed"}


def test_the_provider_says_how_and_the_user_states_that_it_is_done(desk: Make) -> None:
    """Grant G07 of the education bureau ended in August."""
    here = desk("national-809")
    asked = here.take("require", "D-HEC", **DISPOSAL, until=date(2025, 10, 31))
    stated = here.take(
        "dispose",
        "D-EDU",
        kind=ProceedingKind.DISPOSAL,
        matter=asked.matter,
        way="returned",
    )
    one = here.only()

    assert (asked.matter, asked.told[0]["bodies"]) == ("DSP-2025-0001", "D-EDU")
    assert (stated.told[0]["bodies"], one.way, one.until) == (
        "D-HEC",
        "returned",
        date(2025, 10, 31),
    )
    assert (one.told, one.resource, one.grant, one.is_over) == ("D-EDU", "R15", "G07", True)


def test_the_data_of_a_grant_in_force_are_not_disposed_of(desk: Make) -> None:
    here = desk("national-809")
    answer = here.take("dispose", "D-HCB", **(DISPOSAL | {"grant": "G01"}))

    assert answer.refusal is not None
    assert answer.refusal.code == "grant_in_force"


def test_a_disposal_is_one_proceeding(desk: Make) -> None:
    here = desk("national-809")
    here.take("require", "D-HEC", **DISPOSAL)
    with pytest.raises(CallError, match="a proceeding already"):
        here.take("dispose", "D-EDU", **DISPOSAL)
    with pytest.raises(CallError, match="no such grant"):
        here.take("dispose", "D-EDU", **(DISPOSAL | {"grant": "G99"}))


GOOD: dict[str, Any] = {
    "phase": "supervision",
    "outcome": "taken",
    "matter": "REC-2025-0001",
    "kind": "rectification",
    "profile": "hubei",
    "from": "new",
    "to": "notified",
    "t": "2025-09-22T02:00:00.000000Z",
    "role": "manage",
    "step": "notice",
    "department": "D-ECO",
    "id": "x",
    "told_body": "D-HCB",
    "violation": "hu-purpose",
    "resource": "",
    "grant": "",
    "until": "",
    "way": "",
    "clauses": ["HU-a31-05"],
    "evidence": [],
    "commitments": {},
}
BROKEN: dict[str, dict[str, Any]] = {
    "no matter": {"matter": 1},
    "an unknown kind": {"kind": "other"},
    "no instant": {"t": "yesterday"},
    "an unknown role": {"role": "king"},
    "a day that does not exist": {"until": "2025-02-30"},
    "clauses that are no list": {"clauses": "HU-a31-05"},
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_a_record_that_is_not_a_step_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(VerificationError):
        Proceedings().take(GOOD | change, origin=ORIGIN, index=1)


def test_a_step_that_does_not_follow_from_the_one_before_is_refused() -> None:
    found = Proceedings()
    found.take(GOOD, origin=ORIGIN, index=1)
    with pytest.raises(VerificationError, match="does not follow"):
        found.take(GOOD, origin=ORIGIN, index=2)


def test_other_records_change_nothing() -> None:
    found = Proceedings()
    for change in ({"phase": "workflow"}, {"outcome": "refused"}):
        found.take(GOOD | change, origin=ORIGIN, index=1)

    assert list(found) == []
    assert found.next_id(ProceedingKind.RECTIFICATION, 2026) == "REC-2026-0001"
