# SPDX-License-Identifier: Apache-2.0
"""The engine is fast and pycasbin is slow: on any model, any lines and any call they say the same.

``GOVSHARE_NIGHTLY=1`` compares more than a hundred thousand calls instead of some hundreds.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import casbin
import pytest
from casbin.model import Model
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy import parse_call
from govshare_policy.decision import Decision, decide
from govshare_policy.errors import EvaluationError, PolicyError
from govshare_policy.gate import Basis
from govshare_policy.identity import Evidence
from govshare_policy.policy._casbin import CasbinPolicy, parse_model
from govshare_policy.policy._law import DIMENSIONS
from govshare_policy.policy._matcher import Lines, compile_matcher
from govshare_policy.register import Register
from tests.county import PLAIN, basis_over, county_register

EXAMPLES = 25_000 if os.environ.get("GOVSHARE_NIGHTLY") else 300
CALLS = 4
NAMES = ("a", "b", "c")
MODEL = """
[request_definition]
r = {names}
[policy_definition]
p = {names}, eft
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = {matcher}
"""
# What a conjunct may be; all but the last five can be looked up by.
PARTS = (
    "r.{x} == p.{x}",
    "p.{x} == r.{x}",
    '(p.{x} == "*" || r.{x} == p.{x})',
    '(r.{x} == p.{x} || p.{x} == "*")',
    '(p.{x} == "*" || r.{x} == p.{x} || g(r.{x}, p.{x}))',
    "g(r.{x}, p.{x})",
    "(g(r.{x}, p.{x}) || r.{x} == p.{x})",
    "r.{x} == p.{y}",
    '(p.{y} == "*" || r.{x} == p.{x})',
    "r.{x} <= p.{x}",
    "!(r.{x} == p.{x})",
    "r.{x} != p.{y}",
    "g(p.{x}, r.{x})",
)
VALUES = st.sampled_from(["u", "v", "w", "k1", "k2"])
CELLS = st.sampled_from(["u", "v", "w", "k1", "k2", "*"])
LINES = st.tuples(CELLS, CELLS, CELLS, st.sampled_from(["allow", "allow", "deny"]))
# Of these any choice is free of circles, and some are three deep.
LINKS = [("u", "k1"), ("v", "k1"), ("k1", "k2"), ("w", "k2"), ("u", "w")]


@st.composite
def matchers(draw: st.DrawFn) -> str:
    parts = draw(st.lists(st.sampled_from(PARTS), min_size=1, max_size=4))
    column = st.sampled_from(NAMES)
    said = [part.format(x=draw(column), y=draw(column)) for part in parts]
    joined = " && ".join(said)
    if len(said) > 2 and draw(st.integers(0, 3)) == 0:
        return f"{said[0]} || ({' && '.join(said[1:])})"
    return joined


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One policy with some calls."""

    matcher: str
    lines: tuple[tuple[str, ...], ...]
    roles: tuple[tuple[str, str], ...]
    calls: tuple[tuple[str, ...], ...]

    @property
    def text(self) -> str:
        return MODEL.format(names=", ".join(NAMES), matcher=self.matcher)


CASES = st.builds(
    Case,
    matcher=matchers(),
    lines=st.lists(LINES, min_size=1, max_size=10, unique=True).map(tuple),
    roles=st.lists(st.sampled_from(LINKS), max_size=5, unique=True).map(tuple),
    calls=st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=CALLS, max_size=CALLS).map(tuple),
)


def plain(case: Case, lines: Sequence[Sequence[str]]) -> casbin.Enforcer:
    """Return pycasbin over *lines* with nothing of ours between."""
    model = Model()
    model.load_model_from_text(case.text)
    for line in lines:
        model.add_policy("p", "p", list(line))
    for pair in case.roles:
        model.add_policy("g", "g", list(pair))
    enforcer = casbin.Enforcer(model)
    enforcer.build_role_links()
    return enforcer


@settings(deadline=None, max_examples=EXAMPLES)
@given(case=CASES)
def test_the_engine_says_what_pycasbin_says_on_any_model(case: Case) -> None:
    slow = plain(case, case.lines)
    fast = CasbinPolicy(parse_model(case.text, name="model"), case.lines, case.roles)
    for call in case.calls:
        # Without the comparison that is built in, which would hide which of the two was asked.
        effects = {case.lines[number][-1] for number in fast._index.hits(call)}
        assert (effects == {"allow"}) is slow.enforce(*call)
        assert fast.ask(call).allowed is (effects == {"allow"})


@settings(deadline=None, max_examples=EXAMPLES // 4)
@given(case=CASES)
def test_the_lines_that_bear_on_a_call_are_those_that_match_it_alone(case: Case) -> None:
    """No index hides a line and none shows one: pycasbin over each line by itself says which."""
    fast = CasbinPolicy(parse_model(case.text, name="model"), case.lines, case.roles)
    call = case.calls[0]
    alone = [plain(case, [(*line[:-1], "allow")]) for line in case.lines]
    matching = tuple(number for number, one in enumerate(alone) if one.enforce(*call))

    assert fast.ask(call).lines == matching


@settings(deadline=None, max_examples=EXAMPLES // 4)
@given(case=CASES, line=st.tuples(CELLS, CELLS, CELLS, st.just("deny")))
def test_one_more_line_that_denies_never_lets_a_call_through(
    case: Case, line: tuple[str, ...]
) -> None:
    model = parse_model(case.text, name="model")
    before = CasbinPolicy(model, case.lines, case.roles)
    after = CasbinPolicy(model, (*case.lines, line), case.roles)
    for call in case.calls:
        assert before.ask(call).allowed or not after.ask(call).allowed


@settings(deadline=None, max_examples=20)
@given(case=CASES, length=st.sampled_from([0, 2, 4]))
def test_a_call_of_another_length_is_no_answer(case: Case, length: int) -> None:
    policy = CasbinPolicy(parse_model(case.text, name="model"), case.lines, case.roles)
    with pytest.raises(EvaluationError, match="length"):
        policy.ask(("u",) * length)


def test_no_lines_are_no_policy_and_match_nothing() -> None:
    text = MODEL.format(names="a", matcher="r.a == p.a")
    model = parse_model(text, name="model")
    with pytest.raises(PolicyError, match="at least one line"):
        CasbinPolicy(model, [])
    matcher = compile_matcher("r_a == p_a", request=("a",), policy=("a", "eft"), members={})
    assert Lines(matcher, []).hits(("u",)) == ()


def test_an_index_that_loses_a_line_refuses_and_does_not_answer() -> None:
    """A disagreement is not remembered: it refuses the next call too."""
    text = MODEL.format(names="a", matcher="r.a == p.a")
    policy = CasbinPolicy(parse_model(text, name="model"), [("u", "allow"), ("v", "allow")])
    policy._index = Lines(policy._index.matcher, [("w", "allow"), ("v", "allow")])
    for _ in range(2):
        with pytest.raises(EvaluationError, match="disagree"):
            policy.ask(("u",))


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Register:
    return county_register(tmp_path_factory.mktemp("county"))


@pytest.fixture(scope="module")
def both(county: Register) -> tuple[Basis, Basis]:
    """Return two that decide alike: one asks once for grants that compare alike, one each time."""
    fast, slow = basis_over(county, "hubei"), basis_over(county, "hubei")
    for text in slow.bundle.texts:
        text.scope._alike = False
    return fast, slow


def decided(basis: Basis, document: dict[str, object]) -> Decision | None:
    call = parse_call(json.dumps(document))
    assert call.at is not None
    identity = basis.trust.identify(call, Evidence(), at=call.at)
    return decide(call, basis.facts.gather(call, identity, at=call.at), basis.bundle)


@settings(deadline=None, max_examples=EXAMPLES)
@given(data=st.data())
def test_grants_that_compare_alike_are_answered_alike(
    data: st.DataObject, both: tuple[Basis, Basis]
) -> None:
    """What was remembered of one grant is what both evaluators say of the lines of any other."""
    fast, slow = both
    register = fast.bundle.register
    grant = data.draw(st.sampled_from(sorted(register.grants)))
    named = register.grants[grant]
    other = st.sampled_from(sorted(register.grants)).map(lambda name: register.grants[name])
    near = st.sampled_from([named, named, data.draw(other)])
    system = data.draw(near).systems or ("SYS-HCB-PRH",)
    document = {
        **PLAIN,
        "at": data.draw(st.sampled_from(["2024-06-01", "2025-09-22", "2031-01-01"]))
        + "T10:00:00+08:00",
        "grant": data.draw(st.sampled_from([grant, grant, ""])),
        "department": data.draw(near).department,
        "system": system[0],
        "resource": named.resource,
        "fields": list(data.draw(near).fields) or ["id_no"],
        "purpose": data.draw(st.sampled_from([*data.draw(near).purposes, "elsewhere"])),
        "channel": data.draw(st.sampled_from(["api", "file"])),
    }

    assert decided(fast, document) == decided(slow, document)


@settings(deadline=None, max_examples=EXAMPLES)
@given(data=st.data())
def test_what_a_grant_covers_does_not_depend_on_which_grant_was_asked_about_before(
    data: st.DataObject, both: tuple[Basis, Basis]
) -> None:
    fast, _ = both
    grants = fast.bundle.register.grants
    one, other = (grants[data.draw(st.sampled_from(sorted(grants)))] for _ in range(2))
    call = parse_call(json.dumps(dict(PLAIN)))
    assert call.at is not None
    identity = fast.trust.identify(call, Evidence(), at=call.at)
    facts = replace(
        fast.facts.gather(call, identity, at=call.at),
        identity=replace(identity, department=data.draw(st.sampled_from([one, other])).department),
        day=data.draw(st.sampled_from([one.period.valid_from, one.period.valid_to, call.at.date()]))
        + timedelta(days=data.draw(st.integers(-1, 1))),
    )
    dimension = data.draw(st.sampled_from(DIMENSIONS))
    values = sorted({"*", "none", *other.fields, *other.purposes, *one.systems, *one.fields})
    value = data.draw(st.sampled_from(values))

    known, asked = (each.bundle.texts[0].scope for each in both)
    covered = known.covers(one, facts, dimension, value)
    assert covered is asked.covers(one, facts, dimension, value)
