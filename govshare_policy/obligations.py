# SPDX-License-Identifier: Apache-2.0
"""The duties that an allowed call carries with it."""

from collections.abc import Iterator
from datetime import date

from govshare_policy.call import Call
from govshare_policy.decision import Decision
from govshare_policy.errors import ObligationError
from govshare_policy.facts import Facts
from govshare_policy.legal import Duty, Effect
from govshare_policy.policy import Bundle, DutyRule
from govshare_policy.register import Grant


def oblige(decision: Decision, call: Call, facts: Facts, bundle: Bundle) -> tuple[Duty, ...]:
    """Return the duties of *decision*: the union over the texts that decided; none for a denial.

    Raises:
        ObligationError: If a duty needs a value that the facts do not have.
    """
    if decision.effect is Effect.DENY:
        return ()
    duties: dict[tuple[str, str], Duty] = {}
    by_profile = {text.pack.profile: text.pack for text in bundle.texts}
    for ruling in decision.rulings:
        pack = by_profile[ruling.profile]
        for rule in pack.duties:
            if rule.share and ruling.findings["share"] not in rule.share:
                continue
            if rule.action and call.action.value not in rule.action:
                continue
            value = _value(rule, call, facts)
            duties.setdefault(
                (rule.code, value), Duty(code=rule.code, value=value, clause=rule.clause)
            )
        # What a text leaves open to all was not given by the grant that happens to be there.
        grant = None if ruling.findings["fields"] == "moot" else ruling.grant
        for duty in _of_grant(grant, pack.scope.get("field", pack.silence)):
            duties.setdefault((duty.code, duty.value), duty)
    return tuple(duties.values())


def _of_grant(grant: Grant | None, clause: str) -> Iterator[Duty]:
    if grant is None:
        return
    yield Duty(code="valid_until", value=grant.period.valid_to.isoformat(), clause=clause)
    if grant.daily_quota is not None:
        yield Duty(code="daily_quota", value=str(grant.daily_quota), clause=clause)


def _value(rule: DutyRule, call: Call, facts: Facts) -> str:
    if facts.entry is None or facts.system is None:
        raise ObligationError(f"the duty `{rule.code}` has nothing to rest on")
    match rule.value:
        case "":
            return ""
        case "purpose":
            return call.purpose
        case "system":
            return facts.system.id
        case "provider":
            return facts.entry.provider
        case "usage_requirements":
            return facts.entry.usage_requirements
        case "three_years_on":
            return _three_years_on(facts.day).isoformat()
        case _:
            raise ObligationError(f"the duty `{rule.code}` has an unknown kind of value")


def _three_years_on(day: date) -> date:
    # 29 February has no anniversary in a common year; the day after keeps the full three years.
    try:
        return day.replace(year=day.year + 3)
    except ValueError:
        return date(day.year + 3, 3, 1)
