# SPDX-License-Identifier: Apache-2.0
"""Turn the facts of a call into the findings that the rules ask about. Pure, and without law.

What law there is in a finding comes from the pack: the scope lines of a grant say what it covers.
"""

from collections.abc import Sequence
from typing import Final

from govshare_policy.call import Action, Call
from govshare_policy.facts import (
    OFFLINE_CHANNELS,
    Candidate,
    ConsentState,
    Facts,
    GrantState,
)
from govshare_policy.policy.pack import Pack
from govshare_policy.policy.parts import Part, whole_call
from govshare_policy.policy.scope import ScopeLines
from govshare_policy.register import CatalogueEntry

UNCLASSIFIED_NETWORK: Final = "extranet"
_SUBJECT_TYPES = frozenset(
    (
        "gov_department",
        "authorised_institution",
        "authorised_social_org",
        "authorised_public_affairs_org",
        "company",
    )
)
_LAWFUL_TYPES = _SUBJECT_TYPES - {"company"}
# The columns of ``rules.conf``, in the order in which a record states what was found.
FOUND: Final = (
    *("action", "party", "entry", "standing", "purpose", "share", "channel", "grant", "agreement"),
    *("recipient", "consent", "commercial", "fields", "use", "manner", "system", "quota"),
)
_MOOT: Final = ("moot", "moot", "moot", "moot", "moot")
_MISSING: Final = ("missing", "moot", "moot", "moot", "moot")


def fields_asked(
    call: Call, facts: Facts, candidate: Candidate, pack: Pack, part: Part | None = None
) -> tuple[str, ...]:
    """Return the fields the call asks for: those it names, or all that it may have.

    Without a *part* the whole call is looked at, under the share type of the entry.
    """
    part = part or whole_call(call, facts)
    grant = candidate.grant
    if not call.asks_for_all or grant is None or candidate.state is not GrantState.ACTIVE:
        return part.fields
    if part.share in pack.open_share:
        return part.fields
    return tuple(name for name in part.fields if name in grant.fields)


def findings(
    call: Call,
    facts: Facts,
    candidate: Candidate,
    *,
    pack: Pack,
    scope: ScopeLines,
    part: Part | None = None,
) -> dict[str, str]:
    """Return one value for every column of ``rules.conf``.

    Without a *part* the whole call is looked at, under the share type of the entry.
    """
    part = part or whole_call(call, facts)
    asked = fields_asked(call, facts, candidate, pack, part)
    values = found_of(call, facts, candidate, pack=pack, scope=scope, share=part.share, asked=asked)
    return dict(zip(FOUND, values, strict=True))


def found_of(
    call: Call,
    facts: Facts,
    candidate: Candidate,
    *,
    pack: Pack,
    scope: ScopeLines,
    share: str,
    asked: Sequence[str],
) -> tuple[str, ...]:
    """Return what was found, in the order of :data:`FOUND`."""
    entry = facts.entry
    return (
        call.action.value,
        _party(facts, pack),
        _entry(entry, asked),
        "suspended" if facts.suspended else "good",
        "stated" if _states_purpose(call) else "missing",
        share,
        "moot" if entry is None else _channel(call, facts, entry, pack),
        _grant(candidate),
        _agreement(candidate),
        facts.destination.value,
        _consent(facts),
        "Y" if call.commercial else "N",
        *_scope(call, facts, candidate, asked=asked, free=share in pack.open_share, scope=scope),
    )


def _states_purpose(call: Call) -> bool:
    first = call.purpose[:1]
    return (first.isascii() and first.isalnum()) or call.states_purpose


def _party(facts: Facts, pack: Pack) -> str:
    if facts.identity.flaw is not None:
        return "unproven"
    if facts.department is None:
        return "unknown_department"
    if facts.system is None:
        return "unknown_system"
    if facts.system.department != facts.department.id:
        return "foreign_system"
    subject_type = facts.department.subject_type
    if pack.profile in facts.operator_of and subject_type not in _LAWFUL_TYPES:
        return "platform_operator"
    return subject_type if subject_type in _SUBJECT_TYPES else "other_body"


def _entry(entry: CatalogueEntry | None, asked: Sequence[str]) -> str:
    if entry is None:
        return "uncatalogued"
    if entry.is_secret or entry.classification == "state_secret":
        return "secret"
    items = entry.items
    for name in asked:
        if name not in items:
            return "unknown_field"
    return "work_secret" if entry.classification == "work_secret" else "open"


def _channel(call: Call, facts: Facts, entry: CatalogueEntry, pack: Pack) -> str:
    if call.channel in OFFLINE_CHANNELS:
        return "offline_approved" if facts.offline_approved else "offline"
    if facts.identity.network not in pack.networks:
        return "off_network"
    return "listed" if call.channel in entry.share_method else "unlisted"


def _grant(candidate: Candidate) -> str:
    if candidate.grant is not None and candidate.state is GrantState.ACTIVE:
        return f"by_{candidate.grant.granted_by}"
    return candidate.state.value


def _agreement(candidate: Candidate) -> str:
    if candidate.grant is None:
        return "none"
    return "in_force" if candidate.agreed else "lapsed"


def _consent(facts: Facts) -> str:
    consent = facts.consent
    if consent is None or facts.consent_state is not ConsentState.COVERING:
        return facts.consent_state.value
    if consent.kind != "onward":
        return consent.kind
    return "onward_written" if consent.written else "onward_unwritten"


def _as_agreed(call: Call, facts: Facts, candidate: Candidate) -> bool:
    """Whether channel and network are those of the agreement, where there is something agreed.

    A secret never travels on the unclassified network unless an agreement names that network.
    """
    agreement, network = candidate.agreement, facts.identity.network
    if agreement is not None and agreement.network:
        return network == agreement.network and agreement.channel in ("", call.channel)
    secret = facts.entry is not None and _entry(facts.entry, ()) == "secret"
    if secret and network == UNCLASSIFIED_NETWORK:
        return False
    return agreement is None or agreement.channel in ("", call.channel)


def _scope(
    call: Call,
    facts: Facts,
    candidate: Candidate,
    *,
    asked: Sequence[str],
    free: bool,
    scope: ScopeLines,
) -> tuple[str, str, str, str, str]:
    """Return what was found in the last five columns of :data:`FOUND`."""
    grant = candidate.grant
    if not asked or facts.subject_unstated:
        return _MISSING
    if grant is None or candidate.state is not GrantState.ACTIVE or facts.entry is None or free:
        return _MOOT
    reach = scope.reach(grant, facts)
    # An approved offline exchange is the manner itself (HU-a16-02), whatever the grant names.
    offline = facts.offline_approved and call.channel in OFFLINE_CHANNELS
    manner = offline or (
        reach.covers(grant, facts, "channel", (call.channel,))
        and _as_agreed(call, facts, candidate)
    )
    spent = candidate.subjects_spent or (
        grant.daily_quota is not None and candidate.used_today >= grant.daily_quota
    )
    systems = (facts.identity.system, *facts.via)
    return (
        "granted" if reach.covers(grant, facts, "field", asked) else "beyond",
        "within" if reach.covers(grant, facts, "purpose", (call.purpose,)) else "outside",
        "within" if manner else "outside",
        "within" if reach.covers(grant, facts, "system", systems) else "outside",
        "moot" if call.action is Action.ONWARD else "spent" if spent else "left",
    )
