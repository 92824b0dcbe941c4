# SPDX-License-Identifier: Apache-2.0
"""A daily quota, however many call at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from govshare_policy.call import Call
from govshare_policy.facts import Facts, RegisterFacts
from govshare_policy.gate import Answer
from govshare_policy.identity import Evidence, Identity
from govshare_policy.legal import Effect
from govshare_policy.policy import Bundle, Precedence, load_bundle
from govshare_policy.usage import Usage
from tests.county import county_register
from tests.unit.gathered import SECOND_GRANT, plain_call
from tests.unit.recording import AT, room

DAY = AT.date()


@pytest.fixture(scope="module")
def quota(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Grant G01 carries twenty calls a day, grant G01B one."""
    rows = [{"grant_id": "G01", "daily_quota": "20"}, SECOND_GRANT | {"daily_quota": "1"}]
    return load_bundle("hubei", county_register(tmp_path_factory.mktemp("c"), {"grants.tsv": rows}))


def effects(answers: list[Answer]) -> list[str]:
    return [answer.decision.effect.value for answer in answers]


def test_sixteen_threads_get_exactly_the_quota(quota: Bundle) -> None:
    usage = Usage()
    here = room(quota, usage=usage)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: here.gate.answer(plain_call(), Evidence()), range(160)))

    recorded = [record["effect"] for record in here.log.documents()]
    assert effects(answers).count("allow") == 20
    assert (recorded.count("allow"), recorded.count("deny")) == (20, 140)
    assert usage.of("G01", DAY) == 20


def test_sixteen_threads_that_name_no_grant_get_the_quota_of_both(quota: Bundle) -> None:
    usage = Usage()
    here = room(quota, usage=usage)
    call = plain_call(grant="", fields=["id_no"])

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: here.gate.answer(call, Evidence()), range(120)))

    assert effects(answers).count("allow") == 21
    assert (usage.of("G01", DAY), usage.of("G01B", DAY)) == (20, 1)


def test_a_spent_quota_says_so_and_frees_at_midnight_in_shanghai(quota: Bundle) -> None:
    now = [datetime(2025, 9, 22, 15, 59, tzinfo=UTC)]
    here = room(quota, now=lambda: now[0])
    one = plain_call(grant="G01B", fields=["id_no"])

    first, second = (here.gate.answer(one, Evidence()) for _ in range(2))
    now[0] = datetime(2025, 9, 22, 16, tzinfo=UTC)
    third = here.gate.answer(one, Evidence())

    assert effects([first, second, third]) == ["allow", "deny", "allow"]
    assert [reason.code for reason in second.decision.reasons] == ["quota_spent"]


def test_a_denied_call_does_not_count(quota: Bundle) -> None:
    usage = Usage()
    here = room(quota, usage=usage)

    here.gate.answer(plain_call(purpose="marketing"), Evidence())

    assert usage.of("G01", DAY) == 0


@dataclass
class Overtaken:
    """Gathers facts, and lets others take the last places of a grant before they are used."""

    source: RegisterFacts
    overtake: Callable[[], None]
    asked: list[Facts] = field(default_factory=list)

    def gather(self, call: Call, identity: Identity, *, at: datetime) -> Facts:
        facts = self.source.gather(call, identity, at=at)
        if not self.asked:
            self.overtake()
        self.asked.append(facts)
        return facts


def overtaken(quota: Bundle, usage: Usage, **spent: int) -> Overtaken:
    def overtake() -> None:
        for grant, count in spent.items():
            for _ in range(count):
                usage.take(grant, DAY, quota=count)

    return Overtaken(RegisterFacts(register=quota.register, used=usage.of), overtake)


def test_a_call_that_loses_the_last_place_rests_on_another_grant_and_counts_there(
    quota: Bundle,
) -> None:
    usage = Usage()
    here = room(quota, usage=usage, facts=overtaken(quota, usage, G01=20))

    answer = here.gate.answer(plain_call(grant="", fields=["id_no"]), Evidence())

    assert answer.decision.grant is not None
    assert answer.decision.grant.id == "G01B"
    assert usage.of("G01B", DAY) == 1


def test_a_call_that_loses_every_last_place_is_denied(quota: Bundle) -> None:
    usage = Usage()
    here = room(quota, usage=usage, facts=overtaken(quota, usage, G01=20, G01B=1))

    answer = here.gate.answer(plain_call(grant="", fields=["id_no"]), Evidence())

    assert answer.decision.effect is Effect.DENY
    assert [reason.code for reason in answer.decision.reasons] == ["quota_spent"]
    assert (usage.of("G01", DAY), usage.of("G01B", DAY)) == (20, 1)


def test_facts_that_do_not_count_never_let_a_call_past_the_quota(quota: Bundle) -> None:
    """A gate wired to facts that forget the usage refuses rather than allow more."""
    here = room(quota, facts=RegisterFacts(register=quota.register))
    one = plain_call(grant="G01B", fields=["id_no"])

    first, second = (here.gate.answer(one, Evidence()) for _ in range(2))

    assert effects([first, second]) == ["allow", "deny"]
    assert [reason.code for reason in second.decision.reasons] == ["internal_error"]
    assert second.duties == ()
    assert [record["effect"] for record in here.log.documents()] == ["allow", "deny"]


def test_what_a_text_leaves_open_to_all_is_counted_under_no_grant(tmp_path: Path) -> None:
    """In Fengqiu R13 is open: a grant of it neither narrows nor counts."""
    grant = SECOND_GRANT | {"resource_id": "R13", "fields": "uscc", "daily_quota": "1"}
    register = county_register(tmp_path / "county", {"grants.tsv": [grant]})
    usage = Usage()
    here = room(load_bundle("henan-fengqiu", register), usage=usage)
    call = plain_call(resource="R13", fields=["uscc"], grant="G01B")

    answers = [here.gate.answer(call, Evidence()) for _ in range(3)]

    assert effects(answers) == ["allow"] * 3
    assert usage.of("G01B", DAY) == 0


@pytest.fixture(scope="module")
def two_texts(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Hubei wants the platform to authorise R13, Order 809 the provider: one grant of each."""
    grant = SECOND_GRANT | {"resource_id": "R13", "fields": "uscc"}
    rows = [
        grant | {"grant_id": "GO", "granted_by": "platform_operator", "daily_quota": "20"},
        grant | {"grant_id": "GP", "granted_by": "provider", "daily_quota": "30"},
    ]
    register = county_register(tmp_path_factory.mktemp("two"), {"grants.tsv": rows})
    return load_bundle("hubei", register, precedence=Precedence.STRICTEST)


def test_a_call_that_rests_on_two_grants_counts_under_both_or_under_none(two_texts: Bundle) -> None:
    """However many call at once, the scarcer grant ends it, and nothing is counted besides."""
    usage = Usage()
    here = room(two_texts, usage=usage)
    call = plain_call(resource="R13", fields=["uscc"], grant="")

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: here.gate.answer(call, Evidence()), range(60)))

    counted = [record["counted"] for record in here.log.documents()]
    assert effects(answers).count("allow") == 20
    assert (usage.of("GO", DAY), usage.of("GP", DAY)) == (20, 20)
    assert sorted(map(len, counted)) == [0] * 40 + [2] * 20


def test_a_call_that_rests_on_two_grants_has_the_duties_of_both(two_texts: Bundle) -> None:
    here = room(two_texts)

    answer = here.gate.answer(plain_call(resource="R13", fields=["uscc"], grant=""), Evidence())

    quotas = {duty.value for duty in answer.duties if duty.code == "daily_quota"}
    assert quotas == {"20", "30"}
    assert answer.to_document()["grants"] == ["GO", "GP"]


def test_the_record_says_under_which_grants_the_call_was_counted(quota: Bundle) -> None:
    """So that a process that starts anew counts on from the log."""
    here = room(quota)

    here.gate.answer(plain_call(), Evidence())
    here.gate.answer(plain_call(purpose="marketing"), Evidence())
    here.gate.answer(plain_call(resource="R13", fields=["uscc"], grant=""), Evidence())

    assert [record["counted"] for record in here.log.documents()] == [["G01"], [], []]
