# SPDX-License-Identifier: Apache-2.0
"""What a register is asked by department and resource is what a search of its rows would find."""

from dataclasses import replace
from datetime import date

import pytest

from govshare_policy.register import Agreement, Approval, Register, Suspension
from govshare_policy.register.model import Period
from tests.county import county_register

DAYS = Period(valid_from=date(2025, 1, 1), valid_to=date(2025, 12, 31))
PAIRS = [("D-CAB", "R08"), ("D-HCB", "R08"), ("D-HCB", "R10"), ("D-HCB", "R08")]


@pytest.fixture(scope="module")
def register(tmp_path_factory: pytest.TempPathFactory) -> Register:
    rows = [
        Suspension(id=f"S{number}", department=department, resource=resource,
                   recorded_on=DAYS.valid_from, lifted_on=None)
        for number, (department, resource) in enumerate([*PAIRS, ("D-HCB", "*")])
    ]  # fmt: skip
    return replace(
        county_register(tmp_path_factory.mktemp("county")),
        approvals=tuple(
            Approval(id=f"A{number}", resource=resource, department=department,
                     approved_by="provincial_agency", period=DAYS)
            for number, (department, resource) in enumerate(PAIRS)
        ),
        agreements=tuple(
            Agreement(id=f"B{number}", kind="secrecy", resource=resource, provider="D-CAB",
                      department=department, channel="", network="", period=DAYS)
            for number, (department, resource) in enumerate(PAIRS)
        ),
        suspensions={"D-CAB": (rows[0],), "D-HCB": tuple(rows[1:])},
        roles=frozenset(
            {
                ("hubei", "platform_operator", "D-CAB"),
                ("henan-hebi", "platform_operator", "D-CAB"),
                ("hubei", "competent_authority", "D-HCB"),
            }
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("department", "resource", "numbers"),
    [("D-HCB", "R08", "13"), ("D-HCB", "R10", "2"), ("D-CAB", "R08", "0"), ("D-CAB", "R10", "")],
)
def test_rows_of_a_department_and_a_resource_stand_in_their_order(
    department: str, resource: str, numbers: str, register: Register
) -> None:
    found = [row.id for row in register.approvals_of(department, resource)]
    assert found == [f"A{number}" for number in numbers]
    agreed = [row.id for row in register.agreements_of(department, resource)]
    assert agreed == [f"B{number}" for number in numbers]
    stopped = [row.id for row in register.suspensions_of(department, resource)]
    whole = ["S4"] if department == "D-HCB" else []
    assert stopped == [*(f"S{number}" for number in numbers), *whole]


def test_whoever_runs_the_platform_runs_it_in_each_text_that_says_so(register: Register) -> None:
    assert register.operated_by("D-CAB") == {"hubei", "henan-hebi"}
    assert register.operated_by("D-HCB") == frozenset()


def test_a_register_that_differs_has_lookups_of_its_own(register: Register) -> None:
    assert register.approvals_of("D-CAB", "R08")
    assert replace(register, approvals=()).approvals_of("D-CAB", "R08") == ()
    assert replace(register, agreements=None).agreements_of("D-CAB", "R08") == ()
    assert replace(register, suspensions={}).suspensions_of("D-HCB", "R08") == ()
    assert replace(register, roles=frozenset()).operated_by("D-CAB") == frozenset()
