# SPDX-License-Identifier: Apache-2.0
"""Closed codes, lists, days, keys and numbers."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.unit.register.small import SPKI, Fault, said_of

PERIOD = "2025-01-01|2026-12-31"
DATE = "not a date such as 2026-01-05"
HEX = "not 64 hex digits (the SM3 of a public key)"
LIST = "an item of the list is empty or is not a code"
FAULTS: Mapping[str, Fault] = {
    "share type": Fault(
        "resources.tsv",
        "conditional",
        "Conditional",
        "line 2 column `share_type`: not one of conditional, non_share, unconditional",
    ),
    "basis level": Fault(
        "resources.tsv",
        "|law|",
        "|custom|",
        "line 2 column `legal_basis_level`: not one of admin_regulation, central_policy, "
        "internal_notice, law, local_gov_rule, local_regulation, local_rule, ministry_rule, "
        "policy, state_council_decision",
    ),
    "category": Fault(
        "resources.tsv",
        "|department|",
        "|county|",
        "line 2 column `category`: not one of basic, department, theme",
    ),
    "item class": Fault(
        "resources.tsv",
        "|-|D-A|",
        "|x|D-A|",
        "line 2 column `item_class`: not one of -, basic_item, business_item",
    ),
    "is secret": Fault(
        "resources.tsv", "|id,name|N|", "|id,name|n|", "line 2 column `is_secret`: not Y or N"
    ),
    "controlled": Fault(
        "resources.tsv",
        "|N|id,name|",
        "|yes|id,name|",
        "line 2 column `parameter_controlled`: not Y or N",
    ),
    "intermediary": Fault("systems.tsv", "|Y", "|true", "line 3 column `intermediary`: not Y or N"),
    "granted by": Fault(
        "grants.tsv",
        "|provider|",
        "|mayor|",
        "line 2 column `granted_by`: not one of competent_authority, negotiated_agreement, "
        "platform_operator, provider",
    ),
    "granted by nobody": Fault(
        "grants.tsv",
        "|provider|",
        "||",
        "line 2 column `granted_by`: not one of competent_authority, negotiated_agreement, "
        "platform_operator, provider",
    ),
    "kind of consent": Fault(
        "consents.tsv",
        "|onward|",
        "|any|",
        "line 2 column `kind`: not one of onward, purpose_change, scope_change",
    ),
    "consent neither written nor not": Fault(
        "consents.tsv", "|Y|N|", "||N|", "line 2 column `written`: not Y or N"
    ),
    "consent neither commercial nor not": Fault(
        "consents.tsv", "|Y|N|", "|Y||", "line 2 column `commercial`: not Y or N"
    ),
    "kind of approval": Fault(
        "approvals.tsv",
        "offline_exchange",
        "offline",
        "line 2 column `kind`: not one of offline_exchange",
    ),
    "approved by nobody": Fault(
        "approvals.tsv", "provincial_agency", "", "line 2 column `approved_by`: the cell is empty"
    ),
    "kind of agreement": Fault(
        "agreements.tsv",
        "negotiated",
        "oral",
        "line 2 column `kind`: not one of negotiated, secrecy",
    ),
    "profile of a role": Fault(
        "roles.tsv",
        "hubei",
        "hunan",
        "line 2 column `profile`: not one of henan-fengqiu, henan-hebi, henan-yanjin, hubei, "
        "jiangxi-pingxiang, national-809",
    ),
    "key of a setting": Fault(
        "platform.tsv",
        "crypto",
        "cipher",
        "line 2 column `key`: not one of auth, crypto, mlps_level",
    ),
    "an empty item": Fault("grants.tsv", "id,name", "id,,name", f"line 2 column `fields`: {LIST}"),
    "an item with a blank": Fault(
        "grants.tsv", "check", "to check", f"line 2 column `purposes`: {LIST}"
    ),
    "a wildcard in a list": Fault("grants.tsv", "id,name", "*", f"line 2 column `fields`: {LIST}"),
    "an item twice": Fault(
        "grants.tsv", "id,name", "id,id", "line 2 column `fields`: an item stands twice in the list"
    ),
    "a bad date": Fault(
        "grants.tsv", "2025-01-01", "2025-1-1", f"line 2 column `valid_from`: {DATE}"
    ),
    "no date": Fault("grants.tsv", "2026-12-31", "", f"line 2 column `valid_to`: {DATE}"),
    "a date with a time": Fault(
        "grants.tsv", "2026-12-31", "2026-12-31T00:00", f"line 2 column `valid_to`: {DATE}"
    ),
    "no such day": Fault(
        "grants.tsv",
        "2026-12-31",
        "2026-02-29",
        "line 2 column `valid_to`: no such day in the calendar",
    ),
    "a date of another script": Fault(
        "grants.tsv",
        "2026-12-31",
        "２０２６-12-31",
        "line 2 column `valid_to`: no such day in the calendar",
    ),
    "a bad optional date": Fault(
        "resources.tsv", "2025-06-10", "June", f"line 2 column `secrecy_review`: {DATE}"
    ),
    "a reversed period": Fault(
        "grants.tsv",
        PERIOD,
        "2026-12-31|2025-01-01",
        "line 2 column `valid_to`: earlier than valid_from",
    ),
    "a consent reversed": Fault(
        "consents.tsv",
        "2025-12-31",
        "2024-12-31",
        "line 2 column `valid_to`: earlier than valid_from",
    ),
    "a suspension lifted before it was recorded": Fault(
        "suspensions.tsv",
        "2025-03-01|",
        "2025-03-01|2025-02-28",
        "line 2 column `lifted_on`: earlier than recorded_on",
    ),
    "a certificate reversed": Fault(
        "certificates.tsv",
        PERIOD,
        "2026-12-31|2025-01-01",
        "line 2 column `valid_to`: earlier than valid_from",
    ),
    "a short key": Fault("certificates.tsv", SPKI, SPKI[1:], f"line 2 column `spki`: {HEX}"),
    "a key with a prefix": Fault(
        "certificates.tsv", SPKI, f"sm3:{SPKI}", f"line 2 column `spki`: {HEX}"
    ),
    "a grant's key": Fault(
        "grants.tsv", "provider||", "provider||xyz", f"line 2 column `cert_spki`: {HEX}"
    ),
    "one key, two systems": Fault(
        "certificates.tsv",
        f"S-B|{SPKI}",
        f"S-A|{SPKI}|{PERIOD}|\nS-B|{SPKI}",
        "line 3 column `spki`: the key is registered for another system too",
    ),
    "a negative quota": Fault(
        "grants.tsv",
        "provider||",
        "provider|-1|",
        "line 2 column `daily_quota`: not a whole number of calls a day",
    ),
    "a quota with a point": Fault(
        "grants.tsv",
        "provider||",
        "provider|1.5|",
        "line 2 column `daily_quota`: not a whole number of calls a day",
    ),
    "a quota of another script": Fault(
        "grants.tsv",
        "provider||",
        "provider|１０|",
        "line 2 column `daily_quota`: not a whole number of calls a day",
    ),
    "a quota of ten digits": Fault(
        "grants.tsv",
        "provider||",
        "provider|9999999999|",
        "line 2 column `daily_quota`: not a whole number of calls a day",
    ),
}


@pytest.mark.parametrize("wrong", FAULTS.values(), ids=list(FAULTS))
def test_a_cell_that_is_not_what_its_column_holds_is_named(wrong: Fault, tmp_path: Path) -> None:
    assert said_of(wrong, tmp_path) == f"{wrong.file} {wrong.said}"
