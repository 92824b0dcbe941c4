# SPDX-License-Identifier: Apache-2.0
"""Facts about the plain call and its variations, in the county with one row changed."""

import shutil
from pathlib import Path
from typing import Any

from govshare_policy.call import Call, call_from_document
from govshare_policy.facts import Facts, RegisterFacts
from govshare_policy.identity import AssumedTrust, Evidence
from govshare_policy.register import Register
from tests.county import PLAIN, Change, county_register

PERIOD = {"valid_from": "2025-03-01", "valid_to": "2025-09-22"}
CONSENT = {
    "consent_id": "C1",
    "kind": "onward",
    "resource_id": "R08",
    "provider": "D-CAB",
    "user_dept": "D-HCB",
    "recipients": "O-BNK|O-UTL",
    "purposes": "data_verification",
    "written": "Y",
    "commercial": "N",
    **PERIOD,
}
AGREEMENT = {
    "agreement_id": "A1",
    "kind": "secrecy",
    "resource_id": "R08",
    "provider": "D-CAB",
    "user_dept": "D-HCB",
    "channel": "api",
    "network": "extranet",
    **PERIOD,
}
APPROVAL = {
    "approval_id": "P1",
    "kind": "offline_exchange",
    "resource_id": "R08",
    "user_dept": "D-HCB",
    "approved_by": "provincial_agency",
    **PERIOD,
}
SUSPENSION = {
    "suspension_id": "S1",
    "user_dept": "D-HCB",
    "resource_id": "R08",
    "recorded_on": "2025-03-01",
    "lifted_on": "2025-09-23",
}
SECOND_GRANT = {
    "grant_id": "G01B",
    "resource_id": "R08",
    "user_dept": "D-HCB",
    "systems": "SYS-HCB-PRH",
    "purposes": "data_verification",
    "fields": "id_no",
    "channels": "api",
    "valid_from": "2025-01-01",
    "valid_to": "2026-12-31",
    "granted_by": "provider",
}


def load(directory: Path, **rows: dict[str, str]) -> Register:
    """Return the county with one row of each file named changed or added."""
    change: Change = {f"{name}.tsv": [row] for name, row in rows.items()}
    shutil.rmtree(directory / "county", ignore_errors=True)
    return county_register(directory / "county", change)


def plain_call(**change: object) -> Call:
    """Return the plain call, changed."""
    document: dict[str, Any] = {**PLAIN, **change}
    return call_from_document(document)


def gather(register: Register, **change: object) -> Facts:
    """Return the facts about the plain call, changed, as of the instant it states."""
    call = plain_call(**change)
    assert call.at is not None
    identity = AssumedTrust().identify(call, Evidence(), at=call.at)
    return RegisterFacts(register=register).gather(call, identity, at=call.at)
