# SPDX-License-Identifier: Apache-2.0
"""The matcher of a Casbin model as one code object, and the lines of a policy behind an index.

A matcher is a sentence over ``r`` and ``p``. Where it is a conjunction, what it wants of a line in
``r.x == p.x``, in ``p.x == "*" || r.x == p.x`` and in the same with ``|| g(r.x, p.x)`` is a key:
lines that differ in it need not be looked at. The rest of the sentence, and these parts once more,
are asked of the few lines left. docs/adr/0019 says what it costs.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from govshare_policy.errors import PolicyError

Test = Callable[[Sequence[str], Sequence[str]], bool]
Members = Mapping[str, frozenset[str]]
WILDCARD: Final = "*"
# Every further key that may be a wildcard doubles the places to look at, or more.
OPEN_KEYS: Final = 2
_OPERATORS: Final = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A part of the matcher that lines can be looked up by.

    Attributes:
        request: The place of the value in a request.
        line: The place of the value in a line.
        wildcard: Whether a line may have ``*`` there.
        roles: Whether a line may have a kind there that the value is of.
    """

    request: int
    line: int
    wildcard: bool = False
    roles: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """A compiled matcher: *test* is the whole of it, *keys* the parts that can be looked up."""

    test: Test
    keys: tuple[Key, ...]
    members: Members


def compile_matcher(
    matcher: str, *, request: Sequence[str], policy: Sequence[str], members: Members
) -> Matcher:
    """Return *matcher* as one function of a request and a line.

    Args:
        matcher: The sentence, with ``r_`` and ``p_`` before its names.
        request: The names of a request, without ``r_``.
        policy: The names of a line, without ``p_``.
        members: By name, the kinds it is of, itself included.

    Raises:
        PolicyError: If it does not parse, or uses what not every Casbin has.
    """
    source = matcher.replace("&&", " and ").replace("||", " or ").replace("!=", "<>")
    source = source.replace("!", " not ").replace("<>", "!=")
    try:
        tree = ast.parse(source.strip(), mode="eval").body
    except SyntaxError:
        raise PolicyError("the matcher does not parse") from None
    places = {f"r_{name}": ("r", i) for i, name in enumerate(request)}
    places |= {f"p_{name}": ("p", i) for i, name in enumerate(policy)}
    parts = tree.values if _is(tree, ast.And) and isinstance(tree, ast.BoolOp) else [tree]
    keys = (_key(part, places) for part in parts)
    return Matcher(
        test=_function(_boolean(tree, places), members),
        keys=tuple(key for key in keys if key is not None),
        members=members,
    )


def _function(body: ast.expr, members: Members) -> Test:
    def within(name: str, kind: str) -> bool:
        return name == kind or kind in members.get(name, ())

    function = ast.parse("lambda r, p: None", mode="eval")
    if isinstance(function.body, ast.Lambda):
        function.body.body = body
    code = compile(ast.fix_missing_locations(function), "<matcher>", "eval")
    # The tree holds comparisons of cells and nothing else: _boolean refuses the rest.
    test: Test = eval(code, {"__builtins__": {}, "within": within})  # noqa: S307
    return test


def _boolean(node: ast.expr, places: Mapping[str, tuple[str, int]]) -> ast.expr:
    match node:
        case ast.BoolOp(op=op, values=values):
            return ast.BoolOp(op=op, values=[_boolean(value, places) for value in values])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return ast.UnaryOp(op=ast.Not(), operand=_boolean(operand, places))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if isinstance(op, _OPERATORS):
            return ast.Compare(
                left=_cell(left, places), ops=[op], comparators=[_cell(right, places)]
            )
        case ast.Call(func=ast.Name(id="g"), args=[left, right], keywords=[]):
            within = ast.Name(id="within", ctx=ast.Load())
            return ast.Call(
                func=within, args=[_cell(left, places), _cell(right, places)], keywords=[]
            )
        case _:
            raise PolicyError("the matcher uses something that not every Casbin has")


def _cell(node: ast.expr, places: Mapping[str, tuple[str, int]]) -> ast.expr:
    match node:
        case ast.Constant(value=str()):
            return node
        case ast.Name(id=name) if name in places:
            side, index = places[name]
            return ast.Subscript(
                value=ast.Name(id=side, ctx=ast.Load()),
                slice=ast.Constant(value=index),
                ctx=ast.Load(),
            )
        case _:
            raise PolicyError("the matcher compares something that is neither text nor defined")


def _is(node: ast.expr, operator: type[ast.boolop]) -> bool:
    return isinstance(node, ast.BoolOp) and isinstance(node.op, operator)


def _key(part: ast.expr, places: Mapping[str, tuple[str, int]]) -> Key | None:
    """Return *part* of a conjunction as a key, if it has one of the three forms."""
    choices = part.values if isinstance(part, ast.BoolOp) and _is(part, ast.Or) else [part]
    pairs: set[tuple[int, int]] = set()
    starred: set[int] = set()
    roles = False
    for choice in choices:
        match choice:
            case ast.Call(func=ast.Name(id="g"), args=[ast.Name(id=left), ast.Name(id=right)]):
                roles = True
            case ast.Compare(
                left=ast.Name(id=left), ops=[ast.Eq()], comparators=[ast.Name(id=right)]
            ):
                pass
            case ast.Compare(
                left=ast.Name(id=name), ops=[ast.Eq()], comparators=[ast.Constant(value="*")]
            ) if places.get(name, "?")[0] == "p":
                starred.add(int(places[name][1]))
                continue
            case _:
                return None
        sides = dict((places.get(left, ("", 0)), places.get(right, ("", 0))))
        if set(sides) != {"r", "p"} or (roles and left.startswith("p_")):
            return None
        pairs.add((sides["r"], sides["p"]))
    if len(pairs) != 1:
        return None
    [(asked, line)] = pairs
    if starred - {line}:
        return None
    return Key(request=asked, line=line, wildcard=bool(starred), roles=roles)


class Lines:
    """The lines of a policy under one matcher, found by what a request holds."""

    def __init__(self, matcher: Matcher, lines: Sequence[Sequence[str]]) -> None:
        """Index *lines*; cells are text, and every line is as long as the matcher expects."""
        self.matcher = matcher
        self._lines = lines
        self._keys = _chosen(matcher.keys, lines)
        places: dict[tuple[str, ...], list[int]] = {}
        for number, line in enumerate(lines):
            places.setdefault(tuple(line[key.line] for key in self._keys), []).append(number)
        self._places = {values: tuple(numbers) for values, numbers in places.items()}

    def hits(self, request: Sequence[str]) -> tuple[int, ...]:
        """Return the numbers of the lines that match *request*, in their order."""
        test, lines = self.matcher.test, self._lines
        candidates = self.candidates(request)
        return tuple([number for number in candidates if test(request, lines[number])])

    def candidates(self, request: Sequence[str]) -> Sequence[int]:
        """Return the numbers of the lines that *request* has to be compared with, in order."""
        found = [
            numbers
            for values in product(*[self._probes(key, request[key.request]) for key in self._keys])
            if (numbers := self._places.get(values))
        ]
        if len(found) == 1:
            return found[0]
        return sorted([number for numbers in found for number in numbers])

    def _probes(self, key: Key, value: str) -> Sequence[str]:
        """Return what a line may have in the place of *key*, each value once."""
        if key.roles:
            kinds = self.matcher.members.get(value, frozenset()) | {value}
            return tuple(kinds | {WILDCARD}) if key.wildcard else tuple(kinds)
        return (value, WILDCARD) if key.wildcard and value != WILDCARD else (value,)


def _chosen(keys: Sequence[Key], lines: Sequence[Sequence[str]]) -> tuple[Key, ...]:
    """Return all keys with one place to look at, and of the others those that part lines most."""
    exact = [key for key in keys if not (key.wildcard or key.roles)]
    others = [key for key in keys if key.wildcard or key.roles]
    others.sort(key=lambda key: -len({line[key.line] for line in lines}))
    return (*exact, *others[:OPEN_KEYS])
