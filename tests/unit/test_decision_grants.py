# SPDX-License-Identifier: Apache-2.0
"""A call that names no grant: each text may rest on the grant that serves it."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from govshare_policy.call import Call
from govshare_policy.decision import Decision, decide
from govshare_policy.facts import Facts
from govshare_policy.legal import Effect, Outcome
from govshare_policy.policy import Bundle, Part, Precedence, Text, findings, load_bundle, readings
from govshare_policy.register import Register
from tests.county import Change, county_register
from tests.unit.gathered import SECOND_GRANT, gather, plain_call

OPEN = {"resource": "R03", "department": "D-HRS", "system": "SYS-HRS-JOB", "grant": ""}
BY_PROVIDER = SECOND_GRANT | {
    "grant_id": "G06P",
    "resource_id": "R03",
    "user_dept": "D-HRS",
    "systems": "SYS-HRS-JOB",
    "fields": "uscc,legal_rep,reg_status",
    "valid_to": "2025-12-31",
    "daily_quota": "5",
}
BY_PLATFORM = {"grant_id": "G06", "daily_quota": "9"}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Register:
    """Grant G06 is the platform's, G06P the provider's, of the same open resource."""
    change: Change = {"grants.tsv": [BY_PLATFORM, BY_PROVIDER]}
    return county_register(tmp_path_factory.mktemp("county"), change)


def decided(bundle: Bundle, **change: object) -> Decision:
    return decide(plain_call(**change), gather(bundle.register, **change), bundle)


def strictest(register: Register, profile: str = "hubei") -> Bundle:
    return load_bundle(profile, register, precedence=Precedence.STRICTEST)


def ids(decision: Decision) -> list[str]:
    return [grant.id for grant in decision.grants]


def test_hubei_rests_on_the_platforms_grant_and_order_809_on_the_providers(both: Register) -> None:
    """HU-a12-03 wants the platform's authorisation, NR-a21-01 the provider's answer."""
    decision = decided(strictest(both), **OPEN, fields=["uscc", "reg_status"])
    hubei, national = decision.rulings

    assert (decision.outcome, decision.fields) == (Outcome.ALLOW, ("uscc", "reg_status"))
    assert ids(decision) == ["G06", "G06P"]
    assert decision.grant is hubei.grant is both.grants["G06"]
    assert national.grant is both.grants["G06P"]
    assert {"HU-a12-03", "NR-a21-01"} <= set(decision.clauses)


def test_what_both_grants_have_in_common_is_released(both: Register) -> None:
    decision = decided(strictest(both), **OPEN, fields=["*"])

    assert decision.fields == ("uscc", "reg_status")
    assert decided(strictest(both), **OPEN, fields=["uscc", "entity_name"]).fields == ()


def test_a_call_that_rests_on_two_grants_counts_against_both(both: Register) -> None:
    decision = decided(strictest(both), **OPEN, fields=["uscc"])

    assert [grant.id for grant in decision.spends] == ["G06", "G06P"]
    assert decided(strictest(both), **OPEN, fields=["uscc", "entity_name"]).spends == ()
    # In Fengqiu the resource is open, so the local text counts under no grant.
    fengqiu = decided(strictest(both, "henan-fengqiu"), **OPEN, fields=["uscc"])
    assert (ids(fengqiu), [grant.id for grant in fengqiu.spends]) == (["G06P"], ["G06P"])


@pytest.mark.parametrize("named", ["G06", "G06P"])
def test_a_call_that_names_a_grant_rests_on_that_alone(named: str, both: Register) -> None:
    decision = decided(strictest(both), **{**OPEN, "grant": named}, fields=["uscc"])

    assert decision.effect is Effect.DENY
    assert ids(decision) == [named]


def test_one_grant_that_serves_all_texts_is_preferred_to_two(tmp_path: Path) -> None:
    """G01 would serve both; G01B, which serves them too, stands first in the register."""
    first = {("D-HCB", "R08"): ("G01B", "G01")}
    register = county_register(tmp_path / "county", {"grants.tsv": [SECOND_GRANT]})
    bundle = strictest(register)
    facts = gather(register, grant="")
    order = {grant.id: one for one in facts.candidates if (grant := one.grant) is not None}
    turned = type(facts)(
        **{name: getattr(facts, name) for name in facts.__slots__}
        | {"candidates": tuple(order[ident] for ident in first["D-HCB", "R08"])}
    )

    narrow = decide(plain_call(grant="", fields=["id_no"]), turned, bundle)
    wide = decide(plain_call(grant="", fields=["*"]), turned, bundle)

    assert ids(narrow) == ["G01B"]
    assert (ids(wide), len(wide.fields)) == (["G01"], 3)


def test_the_denial_of_a_call_names_what_each_text_lacks(tmp_path: Path) -> None:
    """With the platform's grant alone, Order 809 still wants the provider's answer."""
    register = county_register(tmp_path / "county", {"grants.tsv": [BY_PLATFORM]})

    decision = decided(strictest(register), **OPEN, fields=["uscc"])

    assert decision.outcome is Outcome.NEEDS_GRANT
    assert [(one.profile, one.outcome) for one in decision.rulings] == [
        ("national-809", Outcome.NEEDS_GRANT),
        ("hubei", Outcome.ALLOW),
    ]


# --- the decision against its definition: every combination of grants and readings, tried

GRANTORS = ["provider", "platform_operator", "competent_authority"]
ITEMS = ("uscc", "trade_name", "operator_name")
TYPES = ["unconditional", "conditional", "non_share"]
GRANT = st.fixed_dictionaries(
    {
        "granted_by": st.sampled_from(GRANTORS),
        "fields": st.lists(st.sampled_from(ITEMS), min_size=1, unique=True).map(",".join),
        "purposes": st.sampled_from(["data_verification", "business_collaboration"]),
        "valid_to": st.sampled_from(["2026-12-31", "2026-12-31", "2025-09-21"]),
    }
)
STATED = st.dictionaries(st.sampled_from(ITEMS), st.sampled_from(TYPES), max_size=2).map(
    lambda types: "|".join(f"{item}={kind}" for item, kind in types.items())
)


def row(granted_by: str, fields: str) -> dict[str, str]:
    return {
        "granted_by": granted_by,
        "fields": fields,
        "purposes": "data_verification",
        "valid_to": "2026-12-31",
    }


@settings(max_examples=60, deadline=None)
@example(  # the first two together release nothing
    grants=[
        row("platform_operator", "uscc"),
        row("provider", "trade_name,operator_name"),
        row("platform_operator", "trade_name,operator_name"),
    ],
    whole="unconditional",
    stated="",
    profile="hubei",
    fields=["*"],
)
@example(  # each share type has a grantor of its own in Hubei
    grants=[row("platform_operator", "uscc"), row("provider", "trade_name,uscc")],
    whole="conditional",
    stated="uscc=unconditional",
    profile="hubei",
    fields=["uscc", "trade_name"],
)
@given(
    grants=st.lists(GRANT, max_size=3),
    whole=st.sampled_from(TYPES),
    stated=STATED,
    profile=st.sampled_from(["hubei", "henan-fengqiu", "jiangxi-pingxiang", "national-809"]),
    fields=st.just(["*"]) | st.lists(st.sampled_from(ITEMS), min_size=1, unique=True),
)
def test_the_decision_is_the_best_of_all_combinations(
    grants: list[dict[str, str]],
    whole: str,
    stated: str,
    profile: str,
    fields: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    rows = [
        SECOND_GRANT | {"grant_id": f"G-{number}", "resource_id": "R13"} | row
        for number, row in enumerate(grants)
    ]
    entry = {"resource_id": "R13", "share_type": whole, "item_share_types": stated}
    change: Change = (
        {"grants.tsv": rows, "resources.tsv": [entry]} if rows else {"resources.tsv": [entry]}
    )
    bundle = strictest(county_register(tmp_path_factory.mktemp("c"), change), profile)
    asked: dict[str, object] = {"resource": "R13", "grant": "", "fields": fields}
    call, facts = plain_call(**asked), gather(bundle.register, **asked)

    decision = decide(call, facts, bundle)

    best = definition(call, facts, bundle)
    assert (decision.outcome, len(decision.fields)) == best[:2]
    assert frozenset(decision.fields) in best[2]
    assert decision.effect is Effect.DENY or len(decision.grants) <= 1 or not best[3]
    if not call.asks_for_all:
        for text in bundle.texts:
            alone = decide(call, facts, replace(bundle, texts=(text,)))
            by_it = [one.outcome for one in decision.rulings if one.profile == text.pack.profile]
            assert max(by_it, key=lambda one: one.restriction) is alone.outcome


Found = tuple[Outcome, frozenset[str]]


def definition(
    call: Call, facts: Facts, bundle: Bundle
) -> tuple[Outcome, int, set[frozenset[str]], bool]:
    """Return the best outcome, how many fields it releases, which, and whether one grant does."""
    texts = bundle.in_force(facts.day)
    assert facts.entry is not None
    shares = facts.entry.item_shares
    names = facts.entry.items if call.asks_for_all else call.fields
    kinds: dict[str, list[str]] = {}
    for name in names:
        own = shares[name].share_type if name in shares else facts.entry.share_type
        kinds.setdefault(own, []).append(name)
    units = [
        [
            (number, said(call, facts, number, text, part, bundle))
            for number in range(len(facts.candidates))
            for part in readings(tuple(group), facts, text.pack)
        ]
        for group in kinds.values()
        for text in texts
    ]
    found = []
    for chosen in product(*units):
        rows = [chosen[i : i + len(texts)] for i in range(0, len(chosen), len(texts))]
        result = together([[one for _, one in row] for row in rows], star=call.asks_for_all)
        found.append((result, len({number for number, _ in chosen}) == 1))
    rank = min((outcome.restriction, -len(names)) for (outcome, names), _ in found)
    best = [one for one in found if (one[0][0].restriction, -len(one[0][1])) == rank]
    outcome = best[0][0][0]
    return outcome, -rank[1], {names for (_, names), _ in best}, any(alone for _, alone in best)


def said(call: Call, facts: Facts, number: int, text: Text, part: Part, bundle: Bundle) -> Found:
    candidate, pack = facts.candidates[number], text.pack
    found = findings(call, facts, candidate, pack=pack, scope=text.scope, part=part)
    hits = pack.policy.ask(tuple(found[column] for column in bundle.columns))
    rules = [pack.rules[line] for line in hits.lines]
    effect = Effect.ALLOW if hits.allowed else Effect.DENY
    outcome = next((r.outcome for r in rules if r.outcome.effect is effect), Outcome.DENY)
    granted = candidate.grant.fields if candidate.grant and found["grant"].startswith("by_") else ()
    narrowed = call.asks_for_all and granted and part.share not in pack.open_share
    fields = [name for name in part.fields if name in granted] if narrowed else part.fields
    return outcome, frozenset(fields)


def together(rows: list[list[Found]], *, star: bool) -> Found:
    """Return what follows where every row is one share type and has one answer a text."""
    worst = [max((one[0] for one in row), key=lambda o: o.restriction) for row in rows]
    if star:
        allowed = [row for row, out in zip(rows, worst, strict=True) if out is Outcome.ALLOW]
        if not allowed:
            return min(worst, key=lambda outcome: outcome.restriction), frozenset()
        rows, worst = allowed, [Outcome.ALLOW]
    outcome = max(worst, key=lambda one: one.restriction)
    if outcome is not Outcome.ALLOW:
        return outcome, frozenset()
    released = frozenset().union(*(row[0][1].intersection(*(f for _, f in row)) for row in rows))
    return (Outcome.ALLOW, released) if released else (Outcome.DENY, frozenset())


@pytest.mark.parametrize("precedence", [Precedence.LOCAL, Precedence.STRICTEST])
def test_of_two_grants_that_do_not_carry_a_call_the_nearer_one_is_spoken_of(
    tmp_path: Path, precedence: Precedence
) -> None:
    """The one lacks its field, purpose and system, the other its system alone (HU-a24-02)."""
    nearer = SECOND_GRANT | {"grant_id": "G99", "purposes": "admin_basis", "fields": "reg_date"}
    nearer |= {"systems": "SYS-HCB-PRH", "channels": "api"}
    register = county_register(tmp_path, {"grants.tsv": [nearer]})
    bundle = load_bundle("hubei", register, precedence=precedence)
    asked = {"system": "SYS-HCB-WEB", "purpose": "admin_basis", "fields": ["reg_date"]}
    decision = decided(bundle, **asked, grant="")

    assert decision.grant is register.grants["G99"]
    assert [reason.code for reason in decision.reasons] == ["system_outside_grant"]
    assert decision.clauses[0] == "HU-a24-02"
