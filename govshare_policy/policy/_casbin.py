# SPDX-License-Identifier: Apache-2.0
"""The only module that knows Casbin.

pycasbin answers *whether*; an answer also has to say *why*, which means every line that matched
and not only the first. So the matcher of the same model is compiled once
(:mod:`govshare_policy.policy._matcher`), over the few operators that every Casbin has, and both
are asked: should they ever disagree, the call is refused.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import casbin
from casbin.model import Model

from govshare_policy.errors import EvaluationError, PolicyError
from govshare_policy.policy._matcher import Lines, compile_matcher

DENY_OVERRIDE: Final = "some(where (p_eft == allow)) && !some(where (p_eft == deny))"
REMEMBERED: Final = 16_384


@dataclass(frozen=True, slots=True)
class Hits:
    """The answer to one request: the effect, and the numbers of all lines that matched."""

    allowed: bool
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CasbinModel:
    """A model file, parsed and found to be of the one form we accept."""

    text: str
    request: tuple[str, ...]
    policy: tuple[str, ...]
    matcher: str


def parse_model(text: str, *, name: str) -> CasbinModel:
    """Return the model in *text*.

    Raises:
        PolicyError: If it does not parse, or has another effect than deny-override.
    """
    model = Model()
    try:
        model.load_model_from_text(text)
        request = tuple(token.removeprefix("r_") for token in model["r"]["r"].tokens)
        policy = tuple(token.removeprefix("p_") for token in model["p"]["p"].tokens)
        effect, matcher = model["e"]["e"].value, model["m"]["m"].value
    except Exception as error:  # noqa: BLE001  pycasbin raises bare exceptions; all mean the same
        raise PolicyError(f"{name}: not a Casbin model ({type(error).__name__})") from None
    if effect != DENY_OVERRIDE:
        raise PolicyError(f"{name}: the policy effect is not allow-and-deny-override")
    if policy[-1] != "eft":
        raise PolicyError(f"{name}: the policy definition does not end in `eft`")
    return CasbinModel(text=text, request=request, policy=policy, matcher=matcher)


class CasbinPolicy:
    """A model with its lines, frozen: nothing is ever added to or removed from it.

    Requests must hold only values the caller has already checked: pycasbin's role manager keeps
    every name it is asked about.
    """

    def __init__(
        self,
        model: CasbinModel,
        lines: Sequence[Sequence[str]],
        roles: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Build the policy.

        Args:
            model: The parsed model.
            lines: The ``p`` lines without their ``p``; each as long as the definition.
            roles: The ``g`` lines, member first.

        Raises:
            PolicyError: If there are no lines, which pycasbin would match against nothing, or one
                is too short or too long, on which it would raise with every call.
        """
        if not lines:
            raise PolicyError("a policy has at least one line")
        if any(len(line) != len(model.policy) for line in lines):
            raise PolicyError("a line does not have the length its model defines")
        self._width = len(model.request)
        self._lines = tuple(tuple(line) for line in lines)
        self._allows = tuple(line[-1] == "allow" for line in self._lines)
        self.kinds = _closure(roles)
        matcher = compile_matcher(
            model.matcher, request=model.request, policy=model.policy, members=self.kinds
        )
        self._index = Lines(matcher, self._lines)
        self._enforcer = _enforcer(model, self._lines, roles)
        # pycasbin's matching memoises inside the role manager, so one caller at a time.
        self._lock = threading.Lock()
        self.ask = lru_cache(maxsize=REMEMBERED)(self._ask)

    def _ask(self, request: tuple[str, ...]) -> Hits:
        if len(request) != self._width:
            raise EvaluationError("a request does not have the length its model defines")
        lines = self._index.hits(request)
        allows = [self._allows[i] for i in lines]
        allowed = bool(allows) and all(allows)
        try:
            with self._lock:
                said = self._enforcer.enforce(*request)
        except Exception as error:  # noqa: BLE001  whatever pycasbin raises, the call is refused
            raise EvaluationError(f"pycasbin raised {type(error).__name__}") from None
        if said is not allowed:
            raise EvaluationError("pycasbin and the compiled matcher disagree")
        return Hits(allowed=allowed, lines=lines)


def _enforcer(
    model: CasbinModel, lines: Sequence[Sequence[str]], roles: Sequence[tuple[str, str]]
) -> casbin.Enforcer:
    parsed = Model()
    try:
        parsed.load_model_from_text(model.text)
        # Added one by one, not parsed from text: a code may hold what a CSV reader takes apart.
        for line in lines:
            parsed.add_policy("p", "p", list(line))
        for pair in roles:
            parsed.add_policy("g", "g", list(pair))
        enforcer = casbin.Enforcer(parsed)
        enforcer.build_role_links()
    except Exception as error:  # noqa: BLE001  pycasbin raises bare exceptions; all mean the same
        raise PolicyError(f"pycasbin refused the policy ({type(error).__name__})") from None
    if len(enforcer.get_policy()) != len({tuple(line) for line in lines}):
        raise PolicyError("pycasbin did not load every line of the policy")
    return enforcer


def _closure(roles: Sequence[tuple[str, str]]) -> Mapping[str, frozenset[str]]:
    direct: dict[str, set[str]] = {}
    for member, role in roles:
        direct.setdefault(member, set()).add(role)

    def above(name: str, seen: frozenset[str]) -> frozenset[str]:
        reached = seen | {name}
        for role in direct.get(name, ()):
            if role in seen:
                raise PolicyError(f"the role `{role}` is a member of itself")
            reached |= above(role, seen | {name})
        return reached

    return {name: above(name, frozenset()) for name in direct}
