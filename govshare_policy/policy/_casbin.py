# SPDX-License-Identifier: Apache-2.0
"""The only module that knows Casbin.

pycasbin answers *whether*; an answer also has to say *why*, which means every line that matched
and not only the first. So the matcher of the same model is compiled once, over the few operators
that every Casbin has, and both are asked: should they ever disagree, the call is refused.
"""

import ast
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import casbin
from casbin.model import Model

from govshare_policy.errors import EvaluationError, PolicyError

DENY_OVERRIDE: Final = "some(where (p_eft == allow)) && !some(where (p_eft == deny))"
REMEMBERED: Final = 16_384

Test = Callable[[Sequence[str], Sequence[str]], bool]
_COMPARISONS: Final[Mapping[type[ast.cmpop], Callable[[str, str], bool]]] = {
    ast.Eq: lambda left, right: left == right,
    ast.NotEq: lambda left, right: left != right,
    ast.Lt: lambda left, right: left < right,
    ast.LtE: lambda left, right: left <= right,
    ast.Gt: lambda left, right: left > right,
    ast.GtE: lambda left, right: left >= right,
}


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
        self._test = _compile(model, self.kinds)
        self._enforcer = _enforcer(model, self._lines, roles)
        # pycasbin's matching memoises inside the role manager, so one caller at a time.
        self._lock = threading.Lock()
        self.ask = lru_cache(maxsize=REMEMBERED)(self._ask)

    def matches(self, request: Sequence[str], line: int) -> bool:
        """Whether the line of that number matches *request*, by the compiled matcher alone."""
        return self._test(request, self._lines[line])

    def _ask(self, request: tuple[str, ...]) -> Hits:
        if len(request) != self._width:
            raise EvaluationError("a request does not have the length its model defines")
        lines = tuple(i for i, line in enumerate(self._lines) if self._test(request, line))
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


def _compile(model: CasbinModel, members: Mapping[str, frozenset[str]]) -> Test:
    """Return the matcher as a function of a request and a line."""
    source = model.matcher.replace("&&", " and ").replace("||", " or ").replace("!=", "<>")
    source = source.replace("!", " not ").replace("<>", "!=")
    try:
        tree = ast.parse(source.strip(), mode="eval").body
    except SyntaxError:
        raise PolicyError("the matcher does not parse") from None
    places = {f"r_{name}": (0, i) for i, name in enumerate(model.request)}
    places |= {f"p_{name}": (1, i) for i, name in enumerate(model.policy)}
    return _test(tree, places, members)


def _test(
    node: ast.expr,
    places: Mapping[str, tuple[int, int]],
    members: Mapping[str, frozenset[str]],
) -> Test:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            parts = [_test(value, places, members) for value in values]
            return lambda r, p: all(part(r, p) for part in parts)
        case ast.BoolOp(op=ast.Or(), values=values):
            parts = [_test(value, places, members) for value in values]
            return lambda r, p: any(part(r, p) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            part = _test(operand, places, members)
            return lambda r, p: not part(r, p)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            compare = _COMPARISONS[type(op)]
            a, b = _value(left, places), _value(right, places)
            return lambda r, p: compare(a(r, p), b(r, p))
        case ast.Call(func=ast.Name(id="g"), args=[left, right], keywords=[]):
            a, b = _value(left, places), _value(right, places)
            return lambda r, p: a(r, p) == b(r, p) or b(r, p) in members.get(a(r, p), ())
        case _:
            raise PolicyError("the matcher uses something that not every Casbin has")


def _value(
    node: ast.expr, places: Mapping[str, tuple[int, int]]
) -> Callable[[Sequence[str], Sequence[str]], str]:
    match node:
        case ast.Constant(value=str(text)):
            return lambda _r, _p: text
        case ast.Name(id=name) if name in places:
            side, index = places[name]
            return (lambda r, _p: r[index]) if side == 0 else (lambda _r, p: p[index])
        case _:
            raise PolicyError("the matcher compares something that is neither text nor defined")
