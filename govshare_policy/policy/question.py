# SPDX-License-Identifier: Apache-2.0
"""Turn the facts of a call into the findings that the rules ask about. Pure, and without law.

What law there is in a finding comes from the pack: the scope lines of a grant say what it covers.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from govshare_policy.call import Action, Call
from govshare_policy.facts import (
    OFFLINE_CHANNELS,
    Candidate,
    ConsentState,
    Facts,
    GrantState,
)
from govshare_policy.policy._casbin import CasbinModel, CasbinPolicy
from govshare_policy.policy._law import DIMENSIONS
from govshare_policy.policy.pack import Pack
from govshare_policy.policy.parts import Part, whole_call
from govshare_policy.register import CatalogueEntry, Grant

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
_EVERY_VALUE: Final = "*"


class ScopeLines:
    """The scope of every grant under one text, as Casbin lines; built when first asked."""

    def __init__(self, model: CasbinModel, pack: Pack) -> None:
        self._model = model
        self._pack = pack
        self._policy = lru_cache(maxsize=4096)(self._build)

    def lines(self, grant: Grant) -> list[list[str]]:
        """Return the ``p`` lines of *grant*, without their ``p``.

        A dimension that the text does not bind is covered whole. One that it binds is covered by
        the values the grant names; a grant that names none covers nothing.
        """
        named: dict[str, Sequence[str]] = {
            "field": grant.fields,
            "purpose": grant.purposes,
            "channel": grant.channels,
            "system": grant.systems,
            "certificate": (_EVERY_VALUE,) if grant.spki is None else (grant.spki.hex(),),
        }
        period = (grant.period.valid_from.isoformat(), grant.period.valid_to.isoformat())
        head = [grant.id, grant.department, grant.resource, *period]
        return [
            [*head, dimension, value, self._pack.scope.get(dimension, self._pack.silence), "allow"]
            for dimension in DIMENSIONS
            for value in (named[dimension] if dimension in self._pack.scope else (_EVERY_VALUE,))
        ]

    def covers(self, grant: Grant, facts: Facts, dimension: str, value: str) -> bool:
        """Whether *grant* covers *value* for the caller on the day of the call."""
        if value == _EVERY_VALUE:
            return False
        request = (
            grant.id,
            facts.identity.department,
            grant.resource,
            facts.day.isoformat(),
            dimension,
            value,
        )
        return self._policy(grant).ask(request).allowed

    def _build(self, grant: Grant) -> CasbinPolicy:
        return CasbinPolicy(self._model, self.lines(grant))


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
    entry = facts.entry
    found = {
        "action": call.action.value,
        "party": _party(facts, pack),
        "entry": _entry(entry, asked),
        "standing": "suspended" if facts.suspended else "good",
        "purpose": "stated" if call.states_purpose else "missing",
        "share": part.share,
        "channel": "moot" if entry is None else _channel(call, facts, entry, pack),
        "grant": _grant(candidate),
        "agreement": _agreement(candidate),
        "recipient": facts.destination.value,
        "consent": _consent(facts),
        "commercial": "Y" if call.commercial else "N",
    }
    free = part.share in pack.open_share
    return found | _scope(call, facts, candidate, asked=asked, free=free, scope=scope)


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
    if not set(asked) <= set(entry.items):
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
) -> dict[str, str]:
    grant, entry = candidate.grant, facts.entry
    moot = dict.fromkeys(("fields", "use", "manner", "system", "quota"), "moot")
    if not asked or facts.subject_unstated:
        moot["fields"] = "missing"
    if grant is None or candidate.state is not GrantState.ACTIVE or entry is None:
        return moot
    if moot["fields"] == "missing" or free:
        return moot

    def within(dimension: str, value: str) -> bool:
        return scope.covers(grant, facts, dimension, value)

    # An approved offline exchange is the manner itself (HU-a16-02), whatever the grant names.
    offline = facts.offline_approved and call.channel in OFFLINE_CHANNELS
    manner = offline or (within("channel", call.channel) and _as_agreed(call, facts, candidate))
    spent = candidate.subjects_spent or (
        grant.daily_quota is not None and candidate.used_today >= grant.daily_quota
    )
    systems = (facts.identity.system, *facts.via)
    return {
        "fields": "granted" if all(within("field", name) for name in asked) else "beyond",
        "use": "within" if within("purpose", call.purpose) else "outside",
        "manner": "within" if manner else "outside",
        "system": "within" if all(within("system", one) for one in systems) else "outside",
        "quota": "moot" if call.action is Action.ONWARD else "spent" if spent else "left",
    }
