# SPDX-License-Identifier: Apache-2.0
"""What Casbin says is what we say: for random findings, random grants and random lines."""

from datetime import date

import casbin
import pytest
from casbin.model import Model
from casbin.persist.adapters import StringAdapter
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.errors import EvaluationError
from govshare_policy.policy import packs_directory, profiles
from govshare_policy.policy._casbin import CasbinPolicy, parse_model
from govshare_policy.register import Register
from tests.county import basis_over, county_register

PACKS = packs_directory()
SCOPE = parse_model((PACKS / "common" / "scope.conf").read_text("utf-8"), name="scope.conf")
RULES = parse_model((PACKS / "common" / "rules.conf").read_text("utf-8"), name="rules.conf")


def plain_enforcer(profile: str) -> casbin.Enforcer:
    """Return pycasbin over the pack's own files, with nothing of ours between."""
    return casbin.Enforcer(
        str(PACKS / "common" / "rules.conf"), str(PACKS / profile / "policy.csv")
    )


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Register:
    return county_register(tmp_path_factory.mktemp("county"))


@pytest.mark.parametrize("profile", profiles())
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_casbin_gives_our_effect_for_the_pack_s_own_files(
    profile: str,
    data: st.DataObject,
    county: Register,
) -> None:
    """A stranger's Casbin that loads model.conf and policy.csv allows and denies as we do."""
    bundle = basis_over(county, profile).bundle
    pack = bundle.texts[0].pack
    # Start from a lawful call, or random findings would almost never allow anything.
    lawful = data.draw(st.sampled_from([r for r in pack.rules if r.outcome == "allow"]))
    request = []
    for column in bundle.columns:
        values = sorted(bundle.findings[column])
        wanted = lawful.wants.get(column)
        fits = [
            v
            for v in values
            if wanted is None or v == wanted or wanted in pack.policy.kinds.get(v, ())
        ]
        request.append(data.draw(st.sampled_from(fits)))
    for _ in range(data.draw(st.integers(0, 2))):
        place = data.draw(st.integers(0, len(request) - 1))
        request[place] = data.draw(st.sampled_from(sorted(bundle.findings[bundle.columns[place]])))

    assert pack.policy.ask(tuple(request)).allowed is plain_enforcer(profile).enforce(*request)


CODES = st.sampled_from(["a", "b", "c", "*"])
DAYS = st.dates(date(2025, 1, 1), date(2025, 1, 5)).map(date.isoformat)
LINE = st.tuples(
    st.sampled_from(["G1", "G2"]),
    st.sampled_from(["D1", "D2"]),
    st.sampled_from(["R1"]),
    DAYS,
    DAYS,
    st.sampled_from(["field", "purpose"]),
    CODES,
    st.just("HU-a24-01"),
    st.sampled_from(["allow", "allow", "deny"]),
)
REQUEST = st.tuples(
    st.sampled_from(["G1", "G2", "G3"]),
    st.sampled_from(["D1", "D2"]),
    st.sampled_from(["R1", "R2"]),
    DAYS,
    st.sampled_from(["field", "purpose"]),
    st.sampled_from(["a", "b", "c", "d"]),
)


@settings(deadline=None, max_examples=150)
@given(
    lines=st.lists(LINE, min_size=1, max_size=12),
    requests=st.lists(REQUEST, min_size=1, max_size=8),
)
def test_the_compiled_matcher_agrees_with_pycasbin_on_random_lines(
    lines: list[tuple[str, ...]], requests: list[tuple[str, ...]]
) -> None:
    """Deny overrides, wildcards, ISO days as strings: the same, whatever the lines."""
    policy = CasbinPolicy(SCOPE, lines)
    model = Model()
    model.load_model_from_text(SCOPE.text)
    text = "\n".join(", ".join(("p", *line)) for line in lines)
    plain = casbin.Enforcer(model, StringAdapter(text))
    for request in requests:
        assert policy.ask(request).allowed is plain.enforce(*request)


@settings(deadline=None, max_examples=100)
@given(lines=st.lists(LINE, min_size=1, max_size=10), extra=LINE, request=REQUEST)
def test_one_more_line_that_denies_never_turns_a_denial_into_an_allowance(
    lines: list[tuple[str, ...]], extra: tuple[str, ...], request: tuple[str, ...]
) -> None:
    denied = CasbinPolicy(SCOPE, lines).ask(request).allowed is False
    more = CasbinPolicy(SCOPE, [*lines, (*extra[:-1], "deny")]).ask(request).allowed

    assert not (denied and more)


def test_a_disagreement_between_the_two_evaluators_refuses() -> None:
    """Should pycasbin ever say otherwise than the compiled matcher, nobody is let in."""
    line = ("G1", "D1", "R1", "2025-01-01", "2025-12-31", "field", "a", "HU-a24-01", "allow")
    policy = CasbinPolicy(SCOPE, [line])
    request = ("G1", "D1", "R1", "2025-06-01", "field", "a")
    policy._enforcer.clear_policy()

    with pytest.raises(EvaluationError, match="disagree"):
        policy.ask(request)
