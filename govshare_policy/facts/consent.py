# SPDX-License-Identifier: Apache-2.0
"""Whether a provider's consent covers a call."""

from dataclasses import replace
from typing import Final

from govshare_policy.call import Action, Call, RecipientKind
from govshare_policy.facts.model import ConsentState, Facts
from govshare_policy.identity import Identity
from govshare_policy.register import CatalogueEntry, Consent

# How a consent to publish (PX-a17-04, 发布) names its recipient, which has no id of its own.
_THE_PUBLIC: Final = "public"


def lacks_only_a_purpose(call: Call, facts: Facts) -> bool:
    """Whether the consent that *call* names would cover it, were one of its purposes stated."""
    consent = facts.consent
    if call.purpose or consent is None or facts.consent_state is not ConsentState.NOT_COVERING:
        return False
    return any(
        consent_covers(consent, replace(call, purpose=purpose), facts.identity, facts.entry)
        for purpose in consent.purposes
    )


def consent_covers(
    consent: Consent, call: Call, identity: Identity, entry: CatalogueEntry | None
) -> bool:
    """Whether *consent* is one for what *call* asks of *entry*; its period is for others to see."""
    if entry is None or (consent.resource, consent.department, consent.provider) != (
        call.resource,
        identity.department,
        entry.provider,
    ):
        return False
    if call.commercial and not consent.commercial:
        return False
    # A consent that lists purposes covers those; an onward one that lists none leaves them open,
    # while one to change the purpose has to say to what.
    stated = call.purpose in consent.purposes
    if call.action is Action.READ:
        onward = consent.kind == "onward"
        return not onward and (stated or (consent.kind == "scope_change" and not consent.purposes))
    named = any(name in consent.recipients for name in _names(call))
    return consent.kind == "onward" and named and (stated or not consent.purposes)


def _names(call: Call) -> tuple[str, ...]:
    """Return the names by which a consent may speak of the recipient of *call*."""
    recipient = call.recipient
    if recipient is None:
        return ()
    own = (recipient.id,) if recipient.id else ()
    return (*own, _THE_PUBLIC) if recipient.kind is RecipientKind.PUBLIC else own
