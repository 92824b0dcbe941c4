# SPDX-License-Identifier: Apache-2.0
"""The one form of a Casbin model that is accepted, and how a policy of it answers."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from govshare_policy.errors import EvaluationError, PolicyError
from govshare_policy.policy._casbin import CasbinModel, CasbinPolicy, Hits, parse_model
from govshare_policy.register import Register
from tests.county import county_register
from tests.unit.mutated import Edit, mutated_bundle, swap

MODEL = """\
[request_definition]
r = who, what

[policy_definition]
p = who, what, eft

[role_definition]
g = _, _

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))

[matchers]
m = (p.who == "*" || g(r.who, p.who)) && (p.what == "*" || r.what == p.what)
"""
ROLES = (("cat", "pet"), ("dog", "pet"), ("pet", "animal"))
EFFECT = "the policy effect is not allow-and-deny-override"
FORM = "not a Casbin model"


def model(matcher: str = "") -> CasbinModel:
    text = MODEL
    if matcher:
        text = MODEL[: MODEL.index("m = ")] + f"m = {matcher}\n"
    return parse_model(text, name="rules.conf")


MODELS: Mapping[str, tuple[Edit, str]] = {
    "nothing": (lambda _text: "", FORM),
    "no request": (swap("[request_definition]", "[other]"), FORM),
    "no policy": (swap("[policy_definition]", "[other]"), FORM),
    "no effect": (swap("[policy_effect]", "[other]"), FORM),
    "no matcher": (swap("[matchers]", "[other]"), FORM),
    "a line without an equals sign": (swap("r = who, what", "who, what"), FORM),
    "allow-override": (swap(" && !some(where (p.eft == deny))", ""), EFFECT),
    "deny-override alone": (swap("some(where (p.eft == allow)) && ", ""), EFFECT),
    "the other way round": (swap("(p.eft == deny)", "(p.eft == allow)"), EFFECT),
    "by priority": (
        swap(
            "some(where (p.eft == allow)) && !some(where (p.eft == deny))",
            "priority(p.eft) || deny",
        ),
        EFFECT,
    ),
    "no effect in the lines": (
        swap("p = who, what, eft", "p = who, what"),
        "the policy definition does not end in `eft`",
    ),
    "the effect first": (
        swap("p = who, what, eft", "p = eft, who, what"),
        "the policy definition does not end in `eft`",
    ),
}


@pytest.mark.parametrize(("edit", "said"), MODELS.values(), ids=list(MODELS))
def test_a_model_of_another_form_is_refused(edit: Edit, said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_model(edit(MODEL), name="rules.conf")

    assert str(caught.value).startswith(f"rules.conf: {said}")


NOT_EVERYWHERE = "the matcher uses something that not every Casbin has"
NEITHER = "the matcher compares something that is neither text nor defined"
MATCHERS: Mapping[str, tuple[str, str]] = {
    "eval": ("eval(p.who)", NOT_EVERYWHERE),
    "keyMatch": ("keyMatch(r.what, p.what)", NOT_EVERYWHERE),
    "regexMatch": ("regexMatch(r.what, p.what)", NOT_EVERYWHERE),
    "a second role manager": ("g2(r.who, p.who)", NOT_EVERYWHERE),
    "a role of three": ("g(r.who, p.who, r.what)", NOT_EVERYWHERE),
    "a role by keyword": ("g(r.who, x=p.who)", NOT_EVERYWHERE),
    "always": ("True", NOT_EVERYWHERE),
    "a number": ("1", NOT_EVERYWHERE),
    "a name alone": ("r.who", NOT_EVERYWHERE),
    "in": ("r.who in p.who", NOT_EVERYWHERE),
    "a chain": ('"a" < r.who < "z"', NOT_EVERYWHERE),
    "arithmetic": ("r.who + p.who", NOT_EVERYWHERE),
    "an attribute": ("r.who == r.who.name", NEITHER),
    "a number to compare with": ("r.who == 1", NEITHER),
    "a name that the request does not have": ("r.age == p.who", NEITHER),
    "a name that the line does not have": ("r.who == p.age", NEITHER),
    "a function to compare with": ("r.who == len(p.who)", NEITHER),
    "half an expression": ("r.who ==", "the matcher does not parse"),
    "a statement": ("import os", "the matcher does not parse"),
}


@pytest.mark.parametrize(("matcher", "said"), MATCHERS.values(), ids=list(MATCHERS))
def test_a_matcher_beyond_the_common_operators_is_refused(matcher: str, said: str) -> None:
    """What one Casbin understands and another does not would be law in one language only."""
    with pytest.raises(PolicyError) as caught:
        CasbinPolicy(model(matcher), [("cat", "milk", "allow")])

    assert str(caught.value) == said


OPERATORS: Mapping[str, tuple[str, set[str]]] = {
    "equal": ("r.who == p.who", {"b"}),
    "not equal": ("r.who != p.who", {"a", "c"}),
    "less": ("r.who < p.who", {"a"}),
    "at most": ("r.who <= p.who", {"a", "b"}),
    "more": ("r.who > p.who", {"c"}),
    "at least": ("r.who >= p.who", {"b", "c"}),
    "not": ("!(r.who == p.who)", {"a", "c"}),
    "and": ('r.who >= p.who && r.who != "c"', {"b"}),
    "or": ('r.who == p.who || r.who == "c"', {"b", "c"}),
}


@pytest.mark.parametrize(("matcher", "matching"), OPERATORS.values(), ids=list(OPERATORS))
def test_the_common_operators_mean_what_they_mean_in_pycasbin(
    matcher: str, matching: set[str]
) -> None:
    policy = CasbinPolicy(model(matcher), [("b", "x", "allow")])

    assert {who for who in "abc" if policy.ask((who, "x")).allowed} == matching


def test_an_answer_gives_every_line_that_matched() -> None:
    lines = [
        ("pet", "milk", "allow"),
        ("*", "milk", "allow"),
        ("dog", "*", "deny"),
        ("animal", "*", "allow"),
    ]
    policy = CasbinPolicy(model(), lines, ROLES)

    assert policy.ask(("cat", "milk")) == Hits(allowed=True, lines=(0, 1, 3))
    assert policy.ask(("dog", "milk")) == Hits(allowed=False, lines=(0, 1, 2, 3))
    assert policy.ask(("fish", "meat")) == Hits(allowed=False, lines=())


def test_roles_reach_through_roles() -> None:
    policy = CasbinPolicy(model(), [("animal", "*", "allow")], ROLES)

    assert policy.kinds["cat"] == {"cat", "pet", "animal"}
    assert policy.ask(("cat", "milk")).allowed
    assert not policy.ask(("stone", "milk")).allowed


def test_a_role_that_is_a_member_of_itself_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"is a member of itself$"):
        CasbinPolicy(model(), [("a", "*", "allow")], [("a", "b"), ("b", "c"), ("c", "a")])


def test_an_empty_policy_is_refused() -> None:
    """Pycasbin would match the request against nothing at all, and with `||` allow it."""
    with pytest.raises(PolicyError, match=r"^a policy has at least one line$"):
        CasbinPolicy(model(), [])


def test_a_value_cannot_make_a_line_of_its_own() -> None:
    """Lines are handed over as values, so what a reader of text would take apart stays whole."""
    smuggling = "cat\np, dog, milk, allow"
    policy = CasbinPolicy(model(), [(smuggling, "milk", "allow")])

    assert not policy.ask(("dog", "milk")).allowed
    assert policy.ask((smuggling, "milk")).allowed


def test_a_line_of_another_length_is_refused() -> None:
    """Pycasbin would load it and raise on every call."""
    with pytest.raises(PolicyError, match=r"^a line does not have the length its model defines$"):
        CasbinPolicy(model(), [("cat", "allow")])


@pytest.mark.parametrize(
    "code", ['"', "'", '"cat"', "#cat", "a\\b", "p.eft", "cat(a)", "[cat]", "(cat", "cat]"]
)
def test_a_code_means_itself_whatever_signs_are_in_it(code: str) -> None:
    policy = CasbinPolicy(model(), [(code, "milk", "allow")], ROLES)

    assert policy.ask((code, "milk")).allowed
    assert not policy.ask(("cat", "milk")).allowed


@pytest.mark.parametrize("request_", [(), ("cat",), ("cat", "milk", "now")], ids=len)
def test_a_request_of_another_length_is_not_evaluated(request_: tuple[str, ...]) -> None:
    policy = CasbinPolicy(model(), [("cat", "milk", "allow")], ROLES)

    with pytest.raises(EvaluationError, match=r"length its model defines$"):
        policy.ask(request_)


def test_whatever_pycasbin_raises_the_call_is_refused() -> None:
    policy = CasbinPolicy(model(), [("cat", "milk", "allow")], ROLES)
    policy._enforcer.get_model().model["p"]["p"].policy.append(["too short"])

    with pytest.raises(EvaluationError, match=r"^pycasbin raised RuntimeError$"):
        policy.ask(("dog", "milk"))


def test_a_question_that_failed_is_asked_again() -> None:
    policy = CasbinPolicy(model(), [("cat", "milk", "allow")], ROLES)
    policy._enforcer.clear_policy()
    with pytest.raises(EvaluationError, match=r"^pycasbin and the compiled matcher disagree$"):
        policy.ask(("cat", "milk"))

    policy._enforcer.get_model().add_policy("p", "p", ["cat", "milk", "allow"])

    assert policy.ask(("cat", "milk")).allowed


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Register:
    return county_register(tmp_path_factory.mktemp("county"))


COMMON: Mapping[str, tuple[str, Callable[[str], str], str]] = {
    "rules with another effect": (
        "common/rules.conf",
        swap("&& !some(where (p.eft == deny))", ""),
        f"rules.conf: {EFFECT}",
    ),
    "scope with another effect": (
        "common/scope.conf",
        swap("&& !some(where (p.eft == deny))", ""),
        f"scope.conf: {EFFECT}",
    ),
    "rules that evaluate text": (
        "common/rules.conf",
        swap("r.action == p.action", "eval(p.action)"),
        f"hubei/{NOT_EVERYWHERE}",
    ),
    "rules that match keys": (
        "common/rules.conf",
        swap("r.action == p.action", "keyMatch(r.action, p.action)"),
        f"hubei/{NOT_EVERYWHERE}",
    ),
    "rules about something unheard of": (
        "common/rules.conf",
        swap("r.action == p.action", "r.actor == p.action"),
        f"hubei/{NEITHER}",
    ),
    "a finding fewer": (
        "common/rules.conf",
        swap("r = action, ", "r = "),
        "common/findings.json: not the columns of rules.conf",
    ),
    "findings that are no schema": (
        "common/findings.json",
        lambda _text: '{"properties": []}',
        "common/findings.json: not a schema of closed lists",
    ),
    "findings without properties": (
        "common/findings.json",
        lambda _text: "{}",
        "common/findings.json: not a schema of closed lists",
    ),
    "findings that are a list": (
        "common/findings.json",
        lambda _text: "[]",
        "common/findings.json: not a schema of closed lists",
    ),
    "findings that are no JSON": (
        "common/findings.json",
        lambda _text: "{",
        "common/findings.json: not a schema of closed lists",
    ),
    "a finding with an open list": (
        "common/findings.json",
        swap('{"enum": ["read", "onward"]}', '{"type": "string"}'),
        "common/findings.json: not a schema of closed lists",
    ),
    "a finding that no rule can want": (
        "common/findings.json",
        swap('"action": {', '"weather": {"enum": ["fair"]}, "action": {'),
        "common/findings.json: not the columns of rules.conf",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("file", "edit", "said"), COMMON.values(), ids=list(COMMON))
def test_a_common_file_that_is_not_one_is_refused_at_load(
    file: str, edit: Edit, said: str, county: Register, tmp_path: Path
) -> None:
    with pytest.raises(PolicyError) as caught:
        mutated_bundle(county, tmp_path, {file: edit})

    assert str(caught.value) == said
