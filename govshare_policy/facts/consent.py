# SPDX-License-Identifier: Apache-2.0
"""Whether a provider's consent covers a call."""

from dataclasses import replace

from govshare_policy.call import Action, Call
from govshare_policy.facts.model import ConsentState, Facts
from govshare_policy.identity import Identity
from govshare_policy.register import CatalogueEntry, Consent


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
    recipient = call.recipient.id if call.recipient is not None else ""
    named = bool(recipient) and recipient in consent.recipients
    return consent.kind == "onward" and named and (stated or not consent.purposes)
