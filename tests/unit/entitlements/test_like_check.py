# SPDX-License-Identifier: Apache-2.0
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from govshare_policy.call import call_from_document
from govshare_policy.entitlements import Entitlement, entitlements
from govshare_policy.gate import Basis, check
from govshare_policy.identity import SHANGHAI
from govshare_policy.legal import Effect
from govshare_policy.policy import Precedence, profiles
from govshare_policy.register import Register, load_register
from tests.county import COUNTY, Change, basis_over, county_register
from tests.unit.gathered import AGREEMENT, APPROVAL, CONSENT, SECOND_GRANT, SUSPENSION

AT = datetime(2025, 9, 22, 10, tzinfo=SHANGHAI)
OTHER_USE = CONSENT | {"consent_id": "C2", "kind": "purpose_change", "purposes": "audit"}
WIDER = CONSENT | {"consent_id": "C3", "kind": "scope_change", "purposes": ""}
LINE = AGREEMENT | {
    "agreement_id": "A2",
    "resource_id": "R34",
    "provider": "D-EMG",
    "user_dept": "D-EMG",
    "channel": "agreed_secure_line",
    "network": "secret_line",
}
PROVIDERS = SECOND_GRANT | {
    "grant_id": "G06P",
    "resource_id": "R03",
    "user_dept": "D-HRS",
    "systems": "SYS-HRS-JOB",
    "fields": "uscc,legal_rep",
}
PLATFORMS = {
    "grant_id": "G02P",
    "resource_id": "R10",
    "user_dept": "D-CAB",
    "systems": "SYS-CAB-AID",
    "purposes": "data_verification",
    "fields": "name",
    "channels": "api",
    "valid_from": "2025-01-01",
    "valid_to": "2026-12-31",
    "granted_by": "platform_operator",
}
IN_PART = {"resource_id": "R10", "item_share_types": "name=unconditional|phone=non_share"}
CHANGES: dict[str, Change] = {
    "as it is": {},
    "with consents": {"consents.tsv": [CONSENT, OTHER_USE, WIDER]},
    "with agreements": {"agreements.tsv": [AGREEMENT, LINE]},
    "with an approval": {"approvals.tsv": [APPROVAL]},
    "suspended": {"suspensions.tsv": [SUSPENSION]},
    "in part": {"resources.tsv": [IN_PART]},
    "with several grants": {
        "resources.tsv": [IN_PART],
        "grants.tsv": [PROVIDERS, PLATFORMS],
        "consents.tsv": [CONSENT, OTHER_USE],
    },
}
COUNTY_NOW = load_register(COUNTY)
PURPOSES = ["data_verification", "business_collaboration", "statistics", "audit", ""]
CHANNELS = ["api", "online_query", "bulk_download", "offline_exchange", "offline", "carrier"]


@cache
def changed(change: str, directory: Path) -> Register:
    return county_register(directory / change.replace(" ", "_"), CHANGES[change])


@cache
def basis(change: str, profile: str, precedence: Precedence, directory: Path) -> Basis:
    return basis_over(changed(change, directory), profile, precedence)


@cache
def told(
    change: str, profile: str, precedence: Precedence, directory: Path, system: str, resource: str
) -> tuple[Entitlement, ...]:
    chosen = basis(change, profile, precedence, directory)
    department = chosen.bundle.register.systems[system].department
    return tuple(
        entitlements(chosen, department=department, system=system, resource=resource, at=AT)
    )


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("entitlements")


class Asked(NamedTuple):
    """A random call, by where its parts are drawn from."""

    change: str
    profile: str
    precedence: Precedence
    system: str
    resource: str
    network: str
    channel: str
    purpose: str
    grant: int
    consent: str
    fields: tuple[str, ...] | None


# Calls with a grant are rare among all; half of the resources drawn are those that grants are for.
GRANTED = sorted({grant.resource for grant in COUNTY_NOW.grants.values()})
HOLDERS = sorted({system for grant in COUNTY_NOW.grants.values() for system in grant.systems})
ASKED = st.builds(
    Asked,
    change=st.sampled_from(sorted(CHANGES)),
    profile=st.sampled_from(profiles()),
    precedence=st.sampled_from(list(Precedence)),
    system=st.sampled_from(HOLDERS) | st.sampled_from(sorted(COUNTY_NOW.systems)),
    resource=st.sampled_from(GRANTED) | st.sampled_from(sorted(COUNTY_NOW.resources)),
    network=st.sampled_from(["extranet", "extranet", "intranet", "secret_line"]),
    channel=st.sampled_from(CHANNELS) | st.just("api"),
    purpose=st.sampled_from(PURPOSES),
    grant=st.integers(0, 2),
    consent=st.sampled_from(["", "", "C1", "C2", "C3"]),
    fields=st.none() | st.lists(st.integers(0, 5), max_size=3).map(lambda ns: tuple(map(str, ns))),
)
TO_R08 = Asked(
    "with consents",
    "national-809",
    Precedence.LOCAL,
    "SYS-HCB-PRH",
    "R08",
    "extranet",
    "api",
    "data_verification",
    1,
    "C3",
    ("0", "1", "2", "3"),
)

OFFLINE = TO_R08._replace(
    change="with an approval", profile="hubei", channel="offline", consent="", fields=None
)
# Pingxiang lets a secret resource be shared in the manner that was agreed.
SECRET = TO_R08._replace(
    change="as it is",
    profile="jiangxi-pingxiang",
    system="SYS-EMG-CMD",
    resource="R34",
    network="intranet",
    channel="agreed_secure_line",
    purpose="business_collaboration",
    fields=None,
)
# Hubei's text wants the platform's grant of R03, Order 809 beside it the provider's.
TOGETHER = TO_R08._replace(
    change="with several grants",
    profile="hubei",
    precedence=Precedence.STRICTEST,
    system="SYS-HRS-JOB",
    resource="R03",
    grant=0,
    consent="",
    fields=("0",),
)
# Of R10 one item is open, which in Hubei the platform authorises, and others are the provider's.
APART = TOGETHER._replace(
    precedence=Precedence.LOCAL, system="SYS-CAB-AID", resource="R10", fields=("0", "1")
)


def test_the_calls_chosen_by_hand_are_allowed(directory: Path) -> None:
    """So that the property is tried on calls that random ones seldom are."""
    for asked in (TO_R08, OFFLINE, SECRET, TOGETHER, APART):
        assert _agreed(asked, directory), asked


@given(asked=ASKED)
@example(asked=TO_R08)
@example(asked=TO_R08._replace(consent="C2", purpose="audit", fields=("0",)))
@example(asked=OFFLINE)
@example(asked=SECRET)
@example(asked=SECRET._replace(network="extranet"))
@example(asked=TO_R08._replace(change="suspended", consent="", fields=None))
@example(asked=TOGETHER)
@example(asked=TOGETHER._replace(fields=None))
@example(asked=TOGETHER._replace(grant=1))
@example(asked=APART)
@example(asked=APART._replace(fields=None))
@example(asked=APART._replace(change="in part", profile="henan-fengqiu", fields=None))
@settings(max_examples=300, deadline=None)
def test_what_is_listed_is_what_check_allows(asked: Asked, directory: Path) -> None:
    """A call of a department's own system is allowed exactly when an entitlement covers it."""
    _agreed(asked, directory)


def _agreed(asked: Asked, directory: Path) -> bool:
    """Return whether the call is allowed, once both have said the same."""
    known = (asked.change, asked.profile, asked.precedence, directory)
    chosen = basis(*known)
    register = chosen.bundle.register
    entry, department = (
        register.resources[asked.resource],
        register.systems[asked.system].department,
    )
    grants = register.grants_of.get((department, entry.id), ())
    named = grants[asked.grant % len(grants)].id if grants and asked.grant else ""
    names = dict.fromkeys(entry.items[int(n) % len(entry.items)] for n in asked.fields or ())
    call = call_from_document(
        {
            "id": "x",
            "at": AT.isoformat(),
            "action": "read",
            "department": department,
            "system": asked.system,
            "resource": entry.id,
            "fields": ["*"] if asked.fields is None else list(names),
            "purpose": asked.purpose,
            "channel": asked.channel,
            "network": asked.network,
            "grant": named,
            "consent": asked.consent if asked.consent in register.consents else "",
        }
    )

    def carries(one: Entitlement) -> bool:
        grant = "" if one.grant is None else one.grant.id
        unnamed = one.grant is None or one.grant.granted_by != "negotiated_agreement"
        return grant == named or (not named and unnamed)

    def consented(one: Entitlement) -> bool:
        # A consent that adds nothing is not listed, and takes nothing away either.
        return one.consent is None or one.consent.id == call.consent

    found = [
        scope
        for one in told(*known, asked.system, entry.id)
        if carries(one) and consented(one)
        for scope in one.scopes
        if scope.covers(call)
    ]
    decision = check(call, chosen).decision
    assert bool(found) is (decision.effect is Effect.ALLOW), decision
    if call.asks_for_all and found:
        assert set(decision.fields) in [set(scope.fields) for scope in found]
    return bool(found)
