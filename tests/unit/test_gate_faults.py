# SPDX-License-Identifier: Apache-2.0
"""Whatever fails on the way to a decision, the answer is no, and it is recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import pytest

from govshare_policy.audit import MAX_RECORD_BYTES
from govshare_policy.call import Call
from govshare_policy.errors import (
    AuditError,
    CallError,
    EvaluationError,
    FactError,
    GovshareError,
    IdentityError,
    ObligationError,
)
from govshare_policy.facts import Facts, RegisterFacts
from govshare_policy.identity import Evidence, Identity
from govshare_policy.policy import Bundle, Precedence, load_bundle
from tests.unit.gathered import plain_call
from tests.unit.recording import Failing, proven_county, room


@pytest.fixture(scope="module")
def hubei(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    register = proven_county(tmp_path_factory.mktemp("county"))
    return load_bundle("hubei", register, precedence=Precedence.STRICTEST)


@dataclass(frozen=True)
class Changed:
    """Gathers facts, and spoils them so that a later stage fails."""

    source: RegisterFacts
    granted_by: str = "provider"

    def gather(self, call: Call, identity: Identity, *, at: datetime) -> Facts:
        facts = self.source.gather(call, identity, at=at)
        [candidate] = facts.candidates
        assert candidate.grant is not None
        grant = replace(candidate.grant, granted_by=self.granted_by)
        return replace(facts, candidates=(replace(candidate, grant=grant),))


@dataclass(frozen=True)
class Verbose:
    """Gathers facts, of which one is longer than any record."""

    source: RegisterFacts

    def gather(self, call: Call, identity: Identity, *, at: datetime) -> Facts:
        facts = self.source.gather(call, identity, at=at)
        assert facts.entry is not None
        entry = replace(facts.entry, usage_requirements="x" * MAX_RECORD_BYTES)
        return replace(facts, entry=entry)


FAULTS: Mapping[str, tuple[GovshareError, str]] = {
    "facts": (FactError("a register is stale"), "fact_error"),
    "identity": (IdentityError("the evidence is odd"), "identity_unproven"),
    "evaluation": (EvaluationError("a rule failed"), "internal_error"),
    "obligation": (ObligationError("a duty failed"), "internal_error"),
}


@pytest.mark.parametrize(("error", "code"), FAULTS.values(), ids=list(FAULTS))
@pytest.mark.parametrize("where", ["trust", "facts"])
def test_a_fault_is_a_recorded_denial_that_cites_the_silence_of_the_text(
    where: str, error: GovshareError, code: str, hubei: Bundle
) -> None:
    failing = Failing(error)
    here = room(hubei, trust=failing) if where == "trust" else room(hubei, facts=failing)

    answer = here.gate.answer(plain_call(), Evidence())

    [record] = here.log.documents()
    silence = hubei.texts[0].pack.silence
    assert (record["effect"], record["reasons"]) == ("deny", [code])
    assert record["clauses"] == [silence]
    assert (record["duties"], record["fields"], record["grant"]) == ([], [], "")
    assert answer.decision.clauses == (silence,)
    assert str(error) not in here.log.records[0].decode()


def test_a_rule_that_cannot_be_evaluated_denies(hubei: Bundle) -> None:
    facts = Changed(RegisterFacts(register=hubei.register), granted_by="mayor")
    here = room(hubei, facts=facts)

    answer = here.gate.answer(plain_call(), Evidence())

    assert [reason.code for reason in answer.decision.reasons] == ["internal_error"]
    assert here.log.documents()[0]["department"] == "D-HCB"  # what was known stays known


@pytest.mark.parametrize(
    "error", [CallError("no"), AuditError("no")], ids=lambda e: type(e).__name__
)
def test_a_call_error_and_an_audit_error_are_nobodys_denial(
    error: GovshareError, hubei: Bundle
) -> None:
    here = room(hubei, trust=Failing(error))

    with pytest.raises(type(error)):
        here.gate.answer(plain_call(), Evidence())
    assert here.log.records == []


def test_an_answer_too_large_for_a_record_is_a_denial_and_no_fault_of_the_log(
    hubei: Bundle,
) -> None:
    facts = RegisterFacts(register=hubei.register)
    here = room(hubei, facts=Verbose(source=facts))

    answer = here.gate.answer(plain_call(), Evidence())
    [record] = here.log.documents()

    assert [reason.code for reason in answer.decision.reasons] == ["internal_error"]
    assert (record["outcome"], record["fields"], record["duties"]) == ("deny", [], [])
    assert record["id"] == answer.record_id
