# SPDX-License-Identifier: Apache-2.0
"""Ids that stand once, and references that lead somewhere."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.register.small import Fault, said_of

PERIOD = "2025-01-01|2026-12-31"
CODE = "a code has no white space and none of * | ,"
RESOURCE = "R1|甲表|D-A|conditional"
FAULTS: Mapping[str, Fault] = {
    "an empty id": Fault(
        "departments.tsv", "D-B", "", "line 3 column `dept_id`: the cell is empty"
    ),
    "an id with a blank": Fault(
        "departments.tsv", "D-B", "D B", f"line 3 column `dept_id`: {CODE}"
    ),
    "an id that is a wildcard": Fault("grants.tsv", "G1", "*", f"line 2 column `grant_id`: {CODE}"),
    "an id with a comma": Fault("grants.tsv", "G1", "G,1", f"line 2 column `grant_id`: {CODE}"),
    "a department twice": Fault(
        "departments.tsv", "D-B", "D-A", "line 3 column `dept_id`: `D-A` stands twice"
    ),
    "a system twice": Fault(
        "systems.tsv", "S-B", "S-A", "line 3 column `system_id`: `S-A` stands twice"
    ),
    "a resource twice": Fault(
        "resources.tsv", "R2", "R1", "line 3 column `resource_id`: `R1` stands twice"
    ),
    "a grant twice": Fault(
        "grants.tsv",
        "G1|R1|D-B|",
        f"G1|R1|D-B||||api|{PERIOD}|provider||\nG1|R1|D-B|",
        "line 3 column `grant_id`: `G1` stands twice",
    ),
    "a setting twice": Fault(
        "platform.tsv",
        "crypto|sm",
        "crypto|sm\ncrypto|sm",
        "line 3 column `key`: `crypto` stands twice",
    ),
    "system of nobody": Fault(
        "systems.tsv", "D-B", "D-X", "line 3 column `dept_id`: no such department"
    ),
    "provider unknown": Fault(
        "resources.tsv",
        RESOURCE,
        "R1|甲表|D-X|conditional",
        "line 2 column `provider`: no such department",
    ),
    "share scope unknown": Fault(
        "resources.tsv",
        "|D-B|api",
        "|D-B¦D-X|api",
        "line 2 column `share_scope`: no such department",
    ),
    "verified by nobody": Fault(
        "resources.tsv",
        "|-|D-A|",
        "|-|D-X|",
        "line 2 column `basis_verified_by`: no such department",
    ),
    "upstream unknown": Fault(
        "resources.tsv", "|N|R1|", "|N|R9|", "line 3 column `upstream`: no such resource"
    ),
    "grant of no resource": Fault(
        "grants.tsv", "G1|R1", "G1|R9", "line 2 column `resource_id`: no such resource"
    ),
    "grant for nobody": Fault(
        "grants.tsv", "R1|D-B", "R1|D-X", "line 2 column `user_dept`: no such department"
    ),
    "grant to no system": Fault(
        "grants.tsv", "|S-B|", "|S-B¦S-X|", "line 2 column `systems`: no such system"
    ),
    "grant to a system of somebody else": Fault(
        "grants.tsv",
        "|S-B|",
        "|S-B¦S-A|",
        "line 2 column `systems`: `S-A` is a system of another department",
    ),
    "grant of no field": Fault(
        "grants.tsv",
        "id,name",
        "id,phone",
        "line 2 column `fields`: no such field in the catalogue entry",
    ),
    "consent of nobody": Fault(
        "consents.tsv", "R1|D-A", "R1|D-X", "line 2 column `provider`: no such department"
    ),
    "consent for nobody": Fault(
        "consents.tsv", "|D-B|", "|D-X|", "line 2 column `user_dept`: no such department"
    ),
    "consent to no resource": Fault(
        "consents.tsv", "|R1|", "|R9|", "line 2 column `resource_id`: no such resource"
    ),
    "approval of no resource": Fault(
        "approvals.tsv", "|R1|", "|R9|", "line 2 column `resource_id`: no such resource"
    ),
    "agreement with nobody": Fault(
        "agreements.tsv", "|D-A|", "|D-X|", "line 2 column `provider`: no such department"
    ),
    "suspension of nobody": Fault(
        "suspensions.tsv", "|D-B|", "|D-X|", "line 2 column `user_dept`: no such department"
    ),
    "suspension of no resource": Fault(
        "suspensions.tsv", "|*|", "|R9|", "line 2 column `resource_id`: no such resource"
    ),
    "role of nobody": Fault(
        "roles.tsv", "D-A", "D-X", "line 2 column `dept_id`: no such department"
    ),
    "certificate of no system": Fault(
        "certificates.tsv", "S-B", "S-X", "line 2 column `system_id`: no such system"
    ),
}


@pytest.mark.parametrize("wrong", FAULTS.values(), ids=list(FAULTS))
def test_an_id_or_reference_that_is_wrong_is_named(wrong: Fault, tmp_path: Path) -> None:
    assert said_of(wrong, tmp_path) == f"{wrong.file} {wrong.said}"
