# SPDX-License-Identifier: Apache-2.0
"""What a disposition names is what carries the clause: without it something is answered otherwise.

Rules are taken out in test_cases.py, lint rules in test_catalogue.py. Here are the keys of
``law.toml``, the dimensions of a grant, the duties, the members of a record, and the parts.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from itertools import chain
from operator import eq
from pathlib import Path
from typing import Any

import pytest
import yaml

from govshare_policy import check
from govshare_policy.call import call_from_document
from govshare_policy.decision import refuse
from govshare_policy.errors import PolicyError
from govshare_policy.facts import RegisterFacts
from govshare_policy.gate import Basis
from govshare_policy.identity import AssumedTrust
from govshare_policy.policy import Bundle, load_bundle, packs_directory, profiles
from govshare_policy.policy.encodings import LAW_KEYS, Reference
from govshare_policy.policy.registry import RECORD_FIELDS, Registry, load_registry
from govshare_policy.register import Register
from tests.county import PLAIN, ROOT, county_register
from tests.unit.mutated import Edit, write_packs

CALLS: Mapping[str, Any] = yaml.safe_load(
    (packs_directory() / "common" / "calls.yaml").read_text("utf-8")
)
# What each kind of bearer leaves to a test of the repository, and the tests that look at all.
_DISPOSITIONS = "tests/policies/test_dispositions.py::"
TABLES = {
    "law": {f"{_DISPOSITIONS}test_every_text_binds_what_it_says"},
    "scope": {f"{_DISPOSITIONS}test_every_text_binds_what_it_says"},
    "duty": {f"{_DISPOSITIONS}test_every_text_obliges_to_what_it_says"},
    "record": {
        f"{_DISPOSITIONS}test_the_gate_writes_every_field_that_the_registry_names",
        "tests/unit/test_recorded.py::test_what_the_decision_rested_on_is_recorded",
    },
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def registers(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Register]:
    base = tmp_path_factory.mktemp("county")
    return {name: county_register(base / name, case.get("change")) for name, case in CALLS.items()}


def built(registry: Registry) -> Iterator[tuple[str, Reference, tuple[str, ...]]]:
    """Yield clause, bearer and tests for all that a disposition names and that is there."""
    for clause, row in registry.dispositions.items():
        for reference in row.by:
            if reference.kind != "part" or registry.parts[reference.name].where:
                yield clause, reference, row.tests


# --- keys of law.toml, dimensions, duties: without them a call or its duties are others


def without_key(key: str) -> Edit:
    """Return the edit that takes the line of *key* out of ``law.toml``."""
    return lambda text: re.sub(rf"(?m)^{key} = .*\n", "", text, count=1)


def without_duty(code: str) -> Edit:
    return lambda text: re.sub(rf'\[\[duty\]\]\ncode = "{code}"\n(?:(?!\[).+\n)*', "", text)


def emptied(key: str) -> Edit:
    """Return the edit that empties the list of *key*, or fills it where it is empty."""

    def edit(text: str) -> str:
        old = re.search(rf"(?m)^{key} = \[.*\]$", text)
        assert old
        full = {"open_share": '["unconditional"]', "networks": '["intranet"]'}[key]
        return text.replace(old[0], f"{key} = {'[]' if '[]' not in old[0] else full}")

    return edit


ANSWERED = tuple[str, tuple[str, ...], tuple[str, ...], tuple[tuple[str, str, str], ...]]


def answers(bundle: Bundle, registers: Mapping[str, Register]) -> Iterator[ANSWERED]:
    """Yield what *bundle* answers to one call it cannot decide, and to every call of the packs."""
    yield "", refuse("internal_error", None, bundle).clauses, (), ()
    for name, case in CALLS.items():
        facts = RegisterFacts(register=registers[name])
        basis = Basis(trust=AssumedTrust(), facts=facts, bundle=bundle)
        answer = check(call_from_document({**PLAIN, **case.get("call", {})}), basis)
        duties = tuple((duty.code, duty.value, duty.clause) for duty in answer.duties)
        yield answer.decision.outcome.value, answer.decision.clauses, answer.decision.fields, duties


def edit_of(reference: Reference) -> Edit:
    match reference.kind, reference.name:
        case "duty", code:
            return without_duty(code)
        case "law", "open_share" | "networks":
            return emptied(reference.name)
        case _, key:
            return without_key(key)


@pytest.mark.parametrize("profile", profiles())
def test_what_law_toml_says_is_missed_when_it_is_taken_out(
    profile: str, registry: Registry, registers: Mapping[str, Register], tmp_path: Path
) -> None:
    """Either the pack no longer loads, or a call, a day or a grant's line is judged otherwise."""
    register = registers["plain"]
    whole = list(answers(load_bundle(profile, register), registers))
    idle = []
    for reference in sorted(named_in_law(profile, registry)):
        packs = write_packs(tmp_path, {f"{profile}/law.toml": edit_of(reference)})
        try:
            changed = load_bundle(profile, register, packs=packs)
        except PolicyError:
            continue
        if beside_calls(changed) == beside_calls(load_bundle(profile, register)) and all(
            map(eq, whole, answers(changed, registers))
        ):
            idle.append(reference)

    assert idle == []


def named_in_law(profile: str, registry: Registry) -> set[Reference]:
    kinds = ("law", "scope", "duty")
    found = {ref for home, ref in registry.encodings if home == profile and ref.kind in kinds}
    assert {ref.name for ref in found if ref.kind == "law"} <= set(LAW_KEYS)
    return found


def beside_calls(bundle: Bundle) -> tuple[object, ...]:
    """Return what no call of the packs asks: when the text speaks, and what binds a certificate."""
    [text] = bundle.texts
    grant = replace(bundle.register.grants["G01"], spki=bytes(32))
    bound = [line[6:8] for line in text.scope.lines(grant) if line[5] == "certificate"]
    return text.pack.in_force(date(2016, 1, 1)), bound


# --- members of a record and parts: the test that is named has to look at them


def test_every_bearer_names_the_test_that_looks_at_all_of_its_kind(registry: Registry) -> None:
    """A clause carried by a duty of which nobody looks whether it is there is carried by none."""
    unproven = [
        (clause, str(reference))
        for clause, reference, tests in built(registry)
        if reference.kind in TABLES
        and TABLES[reference.kind].isdisjoint(tests)
        and not (reference.kind == "law" and any(test.startswith("calls:") for test in tests))
    ]

    assert unproven == []


def test_every_member_of_a_record_that_carries_a_clause_is_one_that_is_looked_at(
    registry: Registry,
) -> None:
    named = {ref.name for _, ref, _ in built(registry) if ref.kind == "record"}

    assert named
    assert named <= RECORD_FIELDS


@cache
def imported(path: Path) -> frozenset[str]:
    """Return the modules of ours that the file *path* imports, however deep it does so."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(name for name in names if name.split(".")[0] in _ROOTS)


_ROOTS = {
    "govshare_policy": ROOT,
    "govshare_sidecar": ROOT / "sidecar",
    "tests": ROOT,
}


def file_of(module: str) -> Path | None:
    base = _ROOTS[module.split(".", maxsplit=1)[0]].joinpath(*module.split("."))
    found = (path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file())
    return next(found, None)


@cache
def reached(start: Path) -> frozenset[Path]:
    """Return every file of ours that *start* imports, however deep."""
    seen, waiting = {start}, [start]
    while waiting:
        for path in filter(None, map(file_of, imported(waiting.pop()))):
            if path not in seen:
                seen.add(path)
                waiting.append(path)
    return frozenset(seen)


def test_a_part_is_used_by_a_test_of_every_clause_that_it_carries(registry: Registry) -> None:
    """Take the part out, and the test that is named cannot even be loaded, or has no process."""
    unproven = [
        (clause, reference.name)
        for clause, reference, tests in built(registry)
        if reference.kind == "part"
        and not any(uses(test, registry.parts[reference.name].where) for test in tests)
    ]

    assert unproven == []


def uses(test: str, where: str) -> bool:
    """Whether the test *test* runs what stands in *where*, a file or a package."""
    file, _, name = test.partition("::")
    if not name:
        return False
    if file.startswith("tests/e2e/"):
        return True  # runs the product as a process of its own
    place = ROOT / where
    files = [place] if place.is_file() else list(place.glob("*.py"))
    return not reached(ROOT / file).isdisjoint(files)


def test_no_bearer_is_of_a_kind_that_nothing_here_takes_out(registry: Registry) -> None:
    """Rules, lint rules, clocks, steps, figures and lists are taken out beside their own tests."""
    kinds = {reference.kind for _, reference, _ in built(registry)}
    beside = {"rule", "lint", "deadline", "step", "report", "list"}

    assert kinds == set(chain(TABLES, beside, ("part",)))
