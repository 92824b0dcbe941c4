# SPDX-License-Identifier: Apache-2.0
"""The bureau: takes the steps of notices and disposals, each a record of the audit log.

The record is the step: nothing is kept besides, so there is nothing to recover. A step that is
refused is recorded too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from govshare_policy.audit import AuditLog, SaltStore, encode_record, format_time, new_record_id
from govshare_policy.errors import CallError, VerificationError
from govshare_policy.identity import legal_day
from govshare_policy.register import Register
from govshare_policy.supervision.model import (
    NEW,
    PROVIDER,
    TOLD,
    ProceedingKind,
    StepRule,
    Supervision,
)
from govshare_policy.supervision.proceedings import (
    PHASE,
    REFUSED,
    TAKEN,
    Proceeding,
    Proceedings,
)
from govshare_policy.supervision.sentences import refusal
from govshare_policy.supervision.wish import StepTaken, Wish
from govshare_policy.workflow import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class _About:
    """What a step is about, opened by it or before."""

    ident: str
    state: str
    told: str
    violation: str
    resource: str
    grant: str
    until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bureau:
    """Takes steps; whoever holds the log open is the one.

    Attributes:
        proceedings: As the log told them when it was opened, and after every step taken here.
        revision: Of the policy in force; 32 bytes.
    """

    text: Supervision
    register: Register
    proceedings: Proceedings
    log: AuditLog
    salts: SaltStore
    revision: bytes

    def take(self, wish: Wish) -> StepTaken:
        """Take the step of *wish*, or say and record why not.

        1. Everything that it names is there.
        2. The text knows the step, and allows it now.
        3. The actor is one whose step it is, and acts neither on itself nor in two roles.
        4. It comes with what the text wants, at a time when the text wants it.

        Raises:
            CallError: If the step cannot even be judged: an unknown body, an earlier time.
            AuditError: If the record did not reach the log. The step was not taken, unless the
                log turns out to hold it when it is opened again.
        """
        old = self._check(wish)
        about = self._about(wish, old)
        rules = [
            rule
            for rule in self.text.steps
            if (rule.kind, rule.step) == (wish.kind, wish.step)
            and (not rule.violations or about.violation in rule.violations)
        ]
        if not rules:
            clauses = [c for s in self.text.silences if s.kind is wish.kind for c in s.clauses]
            return self._record(wish, about, refusal("no_such_step", clauses, step=wish.step))
        open_now = [rule for rule in rules if about.state in rule.sources]
        if not open_now:
            fault = refusal("not_now", rules[0].clauses, step=wish.step, state=about.state)
            return self._record(wish, about, fault)
        theirs = [rule for rule in open_now if self._is_theirs(rule, wish, about)]
        rule = (theirs or open_now)[0]
        fault_found = (
            (None if theirs else self._stranger(rule, about))
            or self._not_separate(rule, wish, about, old)
            or self._not_ready(rule, wish, about)
        )
        return self._record(wish, about, fault_found or rule)

    def _check(self, wish: Wish) -> Proceeding | None:
        # 1.
        register = self.register
        if not {wish.actor.body, wish.told or wish.actor.body} <= set(register.departments):
            raise CallError("a body is not in the register of departments")
        if not wish.actor.person.strip():
            raise CallError("a step is taken by a person; name one")
        if wish.resource and wish.resource not in register.resources:
            raise CallError("the catalogue has no such resource")
        if not wish.matter:
            self._check_opening(wish)
            return None
        old = self.proceedings.get(wish.matter)
        if old is None or (old.kind, old.profile) != (wish.kind, self.text.profile):
            raise CallError("the log knows no such proceeding of this kind under this text")
        if wish.moment.at < old.steps[-1].at:
            raise CallError("the step is dated before the last one of its proceeding")
        return old

    def _check_opening(self, wish: Wish) -> None:
        if wish.kind is ProceedingKind.DISPOSAL:
            if wish.grant not in self.register.grants:
                raise CallError("the register has no such grant")
            if any(one.grant == wish.grant for one in self.proceedings):
                raise CallError("the disposal under the grant is a proceeding already; name it")
        elif self.text.violations and self.text.violation(wish.violation) is None:
            known = ", ".join(one.id for one in self.text.violations)
            raise CallError(f"the text lists no such violation; it lists {known}")

    def _about(self, wish: Wish, old: Proceeding | None) -> _About:
        if old is not None:
            return _About(
                ident=old.id,
                state=old.state,
                told=old.told,
                violation=old.violation,
                resource=old.resource,
                grant=old.grant,
                until=old.until,
            )
        grant = self.register.grants.get(wish.grant)
        return _About(
            ident=self.proceedings.next_id(wish.kind, legal_day(wish.moment.at).year),
            state=NEW,
            told=grant.department if grant is not None else wish.told,
            violation=wish.violation,
            resource=grant.resource if grant is not None else wish.resource,
            grant=wish.grant,
            until=None,
        )

    def _bodies(self, party: str, about: _About) -> tuple[str, ...]:
        if party == TOLD:
            return (about.told,)
        if party == PROVIDER:
            entry = self.register.resources.get(about.resource)
            return (entry.provider,) if entry is not None else ()
        wanted = (self.text.profile, party)
        return tuple(body for *row, body in sorted(self.register.roles) if tuple(row) == wanted)

    def _is_theirs(self, rule: StepRule, wish: Wish, about: _About) -> bool:
        bodies = {body for party in rule.by for body in self._bodies(party, about)}
        return wish.actor.role is rule.role and wish.actor.body in bodies

    def _stranger(self, rule: StepRule, about: _About) -> Refusal:
        parties = ", ".join(rule.by)
        if not any(self._bodies(party, about) for party in rule.by):
            return refusal("nobody_named", rule.clauses, step=rule.step, parties=parties)
        return refusal(
            "not_your_step", rule.clauses, step=rule.step, parties=parties, role=rule.role
        )

    def _not_separate(
        self, rule: StepRule, wish: Wish, about: _About, old: Proceeding | None
    ) -> Refusal | None:
        # 3.
        actor = wish.actor
        if actor.body == about.told and TOLD not in rule.by:
            return refusal("own_notice", rule.clauses)
        for taken in old.steps if old is not None else ():
            same_post = (taken.body, taken.role) == (actor.body, actor.role)
            if not same_post and self._is_person(taken.record, taken.person, actor.person):
                return refusal("same_person", rule.clauses)
        return None

    def _is_person(self, record: str, committed: str, person: str) -> bool:
        try:
            self.salts.verify(record, "person", person, committed)
        except VerificationError:
            return False  # another one, or one whose salt was erased: that can show nobody any more
        return True

    def _not_ready(self, rule: StepRule, wish: Wish, about: _About) -> Refusal | None:
        # 4.
        day = legal_day(wish.moment.at)
        missing = [need for need in rule.needs if not wish.states(need)]
        if missing:
            names = ", ".join(missing)
            return refusal("need_missing", rule.clauses, step=rule.step, names=names)
        if wish.until is not None and wish.until < day:
            return refusal("until_before_notice", rule.clauses)
        if rule.overdue and (about.until is None or day <= about.until):
            until = about.until.isoformat() if about.until is not None else ""
            return refusal("not_overdue", rule.clauses, until=until)
        grant = self.register.grants.get(about.grant)
        if grant is not None and grant.period.valid_to >= day:
            return refusal("grant_in_force", rule.clauses)
        return None

    def _record(self, wish: Wish, about: _About, result: StepRule | Refusal) -> StepTaken:
        refused = result if isinstance(result, Refusal) else None
        told = () if isinstance(result, Refusal) else self._told(result, about)
        state = about.state if isinstance(result, Refusal) else result.target
        clauses = self._clauses(result.clauses, about)
        record_id = new_record_id(wish.moment.at)
        record = self._document(wish, about, record_id) | {
            "from": about.state,
            "to": state,
            "outcome": TAKEN if refused is None else REFUSED,
            "matter": "" if refused is not None and not wish.matter else about.ident,
            "code": "" if refused is None else refused.code,
            "clauses": list(clauses),
            "told": [dict(row) for row in told],
        }
        receipt = self.log.append(encode_record(record))
        self.proceedings.take(record, origin=self.log.origin, index=receipt.index)
        opens = not wish.matter
        return StepTaken(
            matter="" if refused is not None and opens else about.ident,
            kind=wish.kind,
            step=wish.step,
            state="" if refused is not None and opens else state,
            clauses=clauses,
            told=told,
            record=receipt.index,
            record_id=record_id,
            refusal=None if refused is None else replace(refused, clauses=clauses),
        )

    def _clauses(self, cited: Sequence[str], about: _About) -> tuple[str, ...]:
        """Return *cited* with the item of this violation first, and those of others left out."""
        violation = self.text.violation(about.violation)
        own = violation.clauses[:1] if violation is not None else ()
        others = {one.clauses[0] for one in self.text.violations if own} - set(own)
        return tuple(dict.fromkeys((*own, *(one for one in cited if one not in others))))

    def _told(self, rule: StepRule, about: _About) -> tuple[Mapping[str, str], ...]:
        return tuple(
            {
                "to": tell.to,
                "bodies": "|".join(self._bodies(tell.to, about)),
                "act": tell.act,
                "clause": self._clauses((tell.clause,), about)[-1],
            }
            for tell in rule.tells
        )

    def _document(self, wish: Wish, about: _About, record_id: str) -> dict[str, Any]:
        """Return what every record of a step says, taken or refused."""
        committed = {"person": wish.actor.person, "reason": wish.reason}
        return {
            "v": 1,
            "phase": PHASE,
            "id": record_id,
            "t": format_time(wish.moment.at),
            "clock": "stated" if wish.moment.stated else "platform",
            "kind": wish.kind.value,
            "step": wish.step,
            "department": wish.actor.body,
            "role": wish.actor.role.value,
            "profile": self.text.profile,
            "told_body": about.told,
            "violation": about.violation,
            "resource": about.resource,
            "grant": about.grant,
            "way": wish.way,
            "until": wish.until.isoformat() if wish.until is not None else "",
            "evidence": list(wish.evidence),
            "policy": {
                "profile": self.text.profile,
                "revision": f"sm3:{self.revision.hex()}",
                "rectification": f"sm3:{self.text.digest.hex()}",
            },
            "commitments": self.salts.commit(
                record_id, {name: value for name, value in committed.items() if value}
            ),
        }
