# SPDX-License-Identifier: Apache-2.0
"""One peer's engine, asked in an environment of its own: prints its figure as JSON.

Usage: ``python -m bench.peers.engine ENGINE RULES SECONDS``.
"""

import importlib
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.peers.asking import PURPOSE, Rule, questions, rules, timed

Decide = Callable[[Rule], bool]
MODEL = """
[request_definition]
r = department, resource, action, purpose
[policy_definition]
p = department, resource, action, purpose, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = r.department == p.department && r.resource == p.resource && r.action == p.action && r.purpose == p.purpose
"""  # noqa: E501 - a matcher is one line


def casbin(of: Sequence[Rule], kind: str, **more: list[int]) -> Decide:
    """Return an enforcer of pycasbin; *kind* is its class."""
    library = importlib.import_module("casbin")
    with tempfile.TemporaryDirectory() as name:
        model, policy = Path(name) / "model.conf", Path(name) / "policy.csv"
        model.write_text(MODEL, encoding="utf-8")
        lines = (f"p, {one.department}, {one.resource}, read, {PURPOSE}, allow" for one in of)
        policy.write_text("\n".join(lines), encoding="utf-8")
        enforcer = getattr(library, kind)(str(model), str(policy), **more)
    return lambda rule: bool(enforcer.enforce(rule.department, rule.resource, "read", PURPOSE))


def cedar(of: Sequence[Rule]) -> Decide:
    """Return Cedar with its policies and entities parsed beforehand."""
    library = importlib.import_module("cedarpy")
    text = "\n".join(
        f'permit(principal == Department::"{one.department}", action == Action::"read", '
        f'resource == Resource::"{one.resource}") when {{ context.purpose == "{PURPOSE}" }};'
        for one in of
    )
    policies = library.PolicySet.from_str(text)
    entities = library.Entities.from_json_str("[]")

    def decide(rule: Rule) -> bool:
        request = {
            "principal": f'Department::"{rule.department}"',
            "action": 'Action::"read"',
            "resource": f'Resource::"{rule.resource}"',
            "context": {"purpose": PURPOSE},
        }
        return bool(library.is_authorized(request, policies, entities).allowed)

    return decide


def rego(of: Sequence[Rule], *, keyed: bool) -> Decide:
    """Return Rego with one rule each, or with one rule that looks up keyed data."""
    interpreter = importlib.import_module("regopy").Interpreter()
    lookup = "data.grants[input.department][input.resource][input.purpose]"
    if keyed:
        grants: dict[str, dict[str, dict[str, bool]]] = {}
        for one in of:
            grants.setdefault(one.department, {})[one.resource] = {PURPOSE: True}
        interpreter.add_data({"grants": grants})
    bodies = (
        [lookup]
        if keyed
        else [
            f'input.department == "{one.department}"; input.resource == "{one.resource}"; '
            f'input.purpose == "{PURPOSE}"'
            for one in of
        ]
    )
    rows = "\n".join(f"allow if {{ {body} }}" for body in bodies)
    interpreter.add_module(
        "share", f"package share\nimport rego.v1\ndefault allow := false\n{rows}"
    )
    bundle = interpreter.build("data.share.allow", [])

    def decide(rule: Rule) -> bool:
        interpreter.set_input(
            {"department": rule.department, "resource": rule.resource, "purpose": PURPOSE}
        )
        # Its text is the one reading of a refusal that does not abort the process (1.5.2).
        return str(interpreter.query_bundle(bundle)) == '{"expressions":[true]}'

    return decide


ENGINES: dict[str, Callable[[Sequence[Rule]], Decide]] = {
    "pycasbin": lambda of: casbin(of, "Enforcer"),
    # Its index takes exactly two keys, and answers wrongly under concurrent edits.
    "casbin FastEnforcer": lambda of: casbin(of, "FastEnforcer", cache_key_order=[0, 1]),
    "cedarpy": cedar,
    "regopy, a rule each": lambda of: rego(of, keyed=False),
    "regopy, keyed data": lambda of: rego(of, keyed=True),
}


def main() -> None:
    """Ask the engine that the arguments name."""
    name, count, seconds = sys.argv[1:]
    of = rules(int(count))
    figure = timed(ENGINES[name](of), questions(of), seconds=float(seconds))
    print(json.dumps(figure._asdict()))


if __name__ == "__main__":
    main()
