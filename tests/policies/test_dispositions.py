# SPDX-License-Identifier: Apache-2.0
"""Every clause of every text is accounted for, and what is said of it is so."""

import ast
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from govshare_policy import check
from govshare_policy.call import call_from_document
from govshare_policy.cli.cases import cases_of
from govshare_policy.cli.catalogue import catalogue_app
from govshare_policy.gate import Outcome
from govshare_policy.identity import CertificateTrust, Evidence
from govshare_policy.policy import load_bundle, packs_directory, profiles
from govshare_policy.policy.faults import Severity, faults_of
from govshare_policy.policy.registry import (
    RECORD_FIELDS,
    Kind,
    Registry,
    Status,
    load_registry,
)
from govshare_policy.register import load_register
from tests.county import COUNTY, PLAIN, ROOT, basis_over, county_register
from tests.unit.recording import AT, proven_county, room

# Clauses of each text, by the prefix of their ids.
NUMBERS = {"FQ": 68, "YJ": 67, "PX": 79, "HB": 80, "HU": 80, "NR": 50}
NUMBERS |= {"HP": 5, "HI": 8, "H4": 5, "HN": 2, "WH": 2}

DUTIES: Mapping[str, Mapping[str, tuple[str, str, tuple[str, ...], tuple[str, ...]]]] = {
    "henan-fengqiu": {
        "no_onward": ("FQ-4.1-06", "", (), ()),
        "purpose_only": ("FQ-4.1-07", "purpose", (), ()),
        "log_users": ("FQ-4.1-04", "", (), ()),
        "usage_requirements": ("FQ-3.1-08", "usage_requirements", (), ()),
    },
    "henan-yanjin": {
        "no_onward": ("YJ-4.1-06", "", (), ()),
        "purpose_only": ("YJ-4.1-07", "purpose", (), ()),
        "log_users": ("YJ-4.1-04", "", (), ()),
        "usage_requirements": ("YJ-3.1-08", "usage_requirements", (), ()),
    },
    "jiangxi-pingxiang": {
        "no_onward": ("PX-a17-04", "", (), ("read",)),
        "no_commercial_use": ("PX-a17-03", "", (), ()),
        "purpose_only": ("PX-a16-04", "purpose", (), ("read",)),
        "manage_use": ("PX-a17-02", "", (), ()),
        "usage_requirements": ("PX-a09-02", "usage_requirements", (), ()),
    },
    "henan-hebi": {
        "no_onward": ("HB-a18-03", "", (), ()),
        "purpose_only": ("HB-a18-04", "purpose", (), ()),
        "manage_use": ("HB-a18-02", "", (), ()),
        "usage_requirements": ("HB-a11-01", "usage_requirements", (), ()),
    },
    "hubei": {
        "no_onward": ("HU-a24-03", "", (), ()),
        "purpose_only": ("HU-a24-04", "purpose", (), ()),
        "system_only": ("HU-a24-02", "system", (), ()),
        "notify_provider": ("HU-a21-03", "provider", ("unconditional",), ()),
        "usage_requirements": ("HU-a06-02", "usage_requirements", (), ()),
    },
    "national-809": {
        "no_onward": ("NR-a25-01", "", (), ("read",)),
        "purpose_only": ("NR-a25-01", "purpose", (), ("read",)),
        "record_usage": ("NR-a26-01", "", (), ()),
        "retain_until": ("NR-a29-01", "three_years_on", (), ()),
        "dispose_when_done": ("NR-a27-01", "", (), ()),
    },
}
BINDINGS: Mapping[str, Mapping[str, object]] = {
    "henan-fengqiu": {
        "silence": "FQ-1.4-02",
        "item_share": "FQ-3.1-14",
        "open_share": ("unconditional",),
        "networks": ("extranet",),
        "in_force_from": None,
        "field": "FQ-3.1-05",
        "purpose": "FQ-4.1-05",
        "channel": "FQ-3.1-05",
        "certificate": "FQ-1.4-02",
    },
    "henan-yanjin": {
        "silence": "YJ-1.4-02",
        "item_share": "YJ-3.1-14",
        "open_share": ("unconditional",),
        "networks": ("extranet",),
        "in_force_from": None,
        "field": "YJ-3.1-05",
        "purpose": "YJ-4.1-05",
        "channel": "YJ-3.1-05",
        "certificate": "YJ-1.4-02",
    },
    "jiangxi-pingxiang": {
        "silence": "PX-a05-05",
        "item_share": "PX-a12-03",
        "open_share": ("unconditional", "controlled"),
        "networks": ("extranet", "intranet"),
        "in_force_from": "2017-03-27",
        "field": "PX-a16-04",
        "purpose": "PX-a16-04",
        "channel": "PX-a16-04",
        "certificate": "PX-a05-05",
    },
    "henan-hebi": {
        "silence": "HB-a05-04",
        "item_share": "HB-a11-04",
        "open_share": ("unconditional", "controlled"),
        "networks": ("extranet",),
        "in_force_from": None,
        "field": "HB-a15-04",
        "purpose": "HB-a18-01",
        "channel": "HB-a15-04",
        "certificate": "HB-a05-04",
    },
    "hubei": {
        "silence": "HU-a27-01",
        "item_share": "HU-a07-03",
        "open_share": (),
        "networks": ("extranet",),
        "in_force_from": None,
        "field": "HU-a24-01",
        "purpose": "HU-a24-04",
        "channel": "HU-a24-01",
        "system": "HU-a24-02",
        "certificate": "HU-a27-01",
    },
    "national-809": {
        "silence": "NR-a25-01",
        "item_share": "",
        "open_share": (),
        "networks": ("extranet",),
        "in_force_from": "2025-08-01",
        "field": "NR-a25-01",
        "purpose": "NR-a25-01",
        "channel": "NR-a20-01",
        "certificate": "NR-a34-01",
    },
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def test_all_446_clauses_are_in_the_registry(registry: Registry) -> None:
    assert Counter(clause.partition("-")[0] for clause in registry.clauses) == NUMBERS
    assert len(registry.clauses) == 446


def test_every_clause_has_a_disposition_that_fits_the_packs(registry: Registry) -> None:
    """Nothing named is missing, nothing that cites is unnamed, nothing built is unproven."""
    faults = faults_of(registry, cases_of(packs_directory(), profiles()))

    assert [fault for fault in faults if fault.severity is Severity.ERROR] == []


def test_what_is_not_built_is_said_to_be_planned_and_by_which_part(registry: Registry) -> None:
    warned = {
        fault.clause
        for fault in faults_of(registry, {})
        if fault.severity is Severity.WARNING and fault.code == "not_encoded_yet"
    }
    planned = {
        clause
        for clause, disposition in registry.dispositions.items()
        if registry.status(disposition) is Status.PLANNED
    }

    assert warned == planned
    for clause in planned:
        disposition = registry.dispositions[clause]
        assert {reference.kind for reference in disposition.by} == {"part"}
        assert disposition.tests == (), clause  # nothing can prove what is not there


def test_every_test_of_the_repository_that_is_named_is_there(registry: Registry) -> None:
    named = {
        test
        for disposition in registry.dispositions.values()
        for test in disposition.tests
        if "::" in test
    }

    assert sorted(test for test in named if test.partition("::")[2] not in defined(test)) == []


def defined(test: str) -> set[str]:
    path = ROOT / test.partition("::")[0]
    if not path.is_file():
        return set()
    tree = ast.parse(path.read_text("utf-8"))
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }


def test_every_part_is_named_and_every_built_one_is_where_it_says(registry: Registry) -> None:
    named = {
        reference.name
        for disposition in registry.dispositions.values()
        for reference in disposition.by
        if reference.kind == "part"
    }

    assert named == set(registry.parts)
    for part in registry.parts.values():
        assert not part.where or (ROOT / part.where).exists(), part.name


def test_fragments_of_texts_decide_nothing(registry: Registry) -> None:
    """No profile answers from an earlier, partial or foreign text."""
    for clause, home in registry.homes.items():
        if home == "fragments":
            assert registry.dispositions[clause].kind is Kind.OUT_OF_SCOPE


def test_yanjin_is_dealt_with_as_fengqiu_is(registry: Registry) -> None:
    """The two texts are worded alike; what is made of their clauses may not drift apart."""
    alike = {"FQ-": "", "YJ-": "", "fq-": "", "yj-": ""}

    def told(prefix: str) -> dict[str, tuple[object, ...]]:
        return {
            clause.removeprefix(prefix): (
                disposition.kind,
                tuple(bare(str(reference), alike) for reference in disposition.by),
                disposition.tests,
                bare(disposition.reason_en, alike),
            )
            for clause, disposition in registry.dispositions.items()
            if clause.startswith(prefix)
        }

    fengqiu, yanjin = told("FQ-"), told("YJ-")
    assert set(fengqiu) - set(yanjin) == {"2-03"}
    assert {key: fengqiu[key] for key in yanjin} == yanjin


def bare(text: str, prefixes: Mapping[str, str]) -> str:
    for prefix, nothing in prefixes.items():
        text = text.replace(prefix, nothing)
    return text


@pytest.mark.parametrize("profile", profiles())
def test_every_text_obliges_to_what_it_says(profile: str, registry: Registry) -> None:
    duties = registry.packs[profile].duties

    assert {d.code: (d.clause, d.value, d.share, d.action) for d in duties} == DUTIES[profile]


@pytest.mark.parametrize("profile", profiles())
def test_every_text_binds_what_it_says(profile: str, registry: Registry) -> None:
    pack = registry.packs[profile]
    binds = {
        "silence": pack.silence,
        "open_share": pack.open_share,
        "item_share": pack.item_share,
        "networks": pack.networks,
        "in_force_from": pack.in_force_from.isoformat() if pack.in_force_from else None,
    }

    assert binds | dict(pack.scope) == BINDINGS[profile]


def test_the_gate_writes_every_field_that_the_registry_names(tmp_path: Path) -> None:
    """A disposition may name a field of a record only if records have it."""
    quota = {"grants.tsv": [{"grant_id": "G01", "daily_quota": "5"}]}
    register = proven_county(tmp_path, quota)
    here = room(load_bundle("hubei", register), trust=CertificateTrust(register=register))
    seen = {"request": "00", "subject_1": "somebody"}
    spoken = {"operator": "opt. person id", "recipient": {"kind": "person", "id": "somebody"}}
    evidence = Evidence(spki=b"\x07" * 32, not_before=AT, not_after=AT)

    allowed = here.gate.answer(call_from_document(dict(PLAIN)), evidence)
    here.gate.answer(call_from_document({**PLAIN, **spoken}), evidence, values=seen)
    here.gate.conclude(
        allowed, Outcome(status="released", rows=1, size_bytes=2, response=bytes(32))
    )

    written = {path for record in here.log.documents() for path in paths(record)}
    assert written == RECORD_FIELDS


def paths(value: Mapping[str, Any], under: str = "") -> Iterator[str]:
    for key, member in value.items():
        yield f"{under}{key}"
        inner = member if isinstance(member, list) else [member]
        for one in inner:
            if isinstance(one, dict):
                yield from paths(one, f"{under}{key}.")


def test_one_catalogue_holds_the_entries_of_every_provider(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["show", "--profile", "hubei", "--data", str(COUNTY), "--output", "json"]
    catalogue_app(args=arguments, standalone_mode=False)
    shown = json.loads(capsys.readouterr().out)["entries"]

    entries = load_register(COUNTY).resources
    assert {row["resource"]: row["provider"] for row in shown} == {
        entry.id: entry.provider for entry in entries.values()
    }
    assert len({row["provider"] for row in shown}) > 10


@pytest.mark.parametrize("profile", ["henan-fengqiu", "henan-yanjin"])
def test_the_bureau_that_dispatches_has_no_standing_right(profile: str, tmp_path: Path) -> None:
    """What 4.2-01 lets the bureau dispatch and use as a whole is no grant."""
    system = {"system_id": "SYS-DATA", "name_zh": "数据调度系统", "dept_id": "D-DATA"}
    register = county_register(tmp_path / "county", {"systems.tsv": [system]})
    asked = {"department": "D-DATA", "system": "SYS-DATA", "grant": ""}

    answer = check(call_from_document({**PLAIN, **asked}), basis_over(register, profile))

    assert answer.identity.department == "D-DATA"
    assert answer.decision.outcome.value == "needs_grant"
