# SPDX-License-Identifier: Apache-2.0
"""Every text finds in every catalogue what its cases say, and no rule of a text is idle."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import yaml

from govshare_policy.catalogue import (
    Catalogue,
    Finding,
    LintText,
    Severity,
    lint,
    load_catalogue,
    load_lint,
)
from govshare_policy.policy import packs_directory, profiles
from tests.county import write_county

PACKS = packs_directory()
CATALOGUES: Mapping[str, Any] = yaml.safe_load(
    (PACKS / "common" / "catalogue.yaml").read_text("utf-8")
)
PROFILES = profiles()
PREFIXES = {
    "FQ": "henan-fengqiu",
    "YJ": "henan-yanjin",
    "PX": "jiangxi-pingxiang",
    "HB": "henan-hebi",
    "HU": "hubei",
    "NR": "national-809",
}
# The worked scenarios about the catalogue: what they change, and the clause of each text that
# fails the entry. A text that is not named passes it; "?" asserts nothing.
R12_WITHOUT_BASIS = {
    "resource_id": "R12",
    "legal_basis_level": "",
    "legal_basis_ref": "",
    "basis_verified_by": "",
}
CREDIT_CONDITIONAL = {
    "resource_id": "R06",
    "share_type": "conditional",
    "share_condition": "限核验",
    "share_scope": "D-HRS",
    "purposes": "data_verification",
    "legal_basis_level": "law",
    "legal_basis_ref": "illustrative",
    "basis_verified_by": "D-DRC",
}
WORKED: Mapping[str, tuple[dict[str, str], Mapping[str, str]]] = {
    "S46": (R12_WITHOUT_BASIS, {"PX": "PX-a13-01"}),
    "S48": (
        {"resource_id": "R30"},
        {"FQ": "FQ-3.1-16", "YJ": "YJ-3.1-16", "HB": "HB-a12-01", "NR": "NR-a15-03"},
    ),
    "S54": (
        CREDIT_CONDITIONAL,
        {"FQ": "FQ-3.1-21", "YJ": "YJ-3.1-21", "HU": "HU-a08-03", "NR": "?"},
    ),
}


@cache
def text_of(profile: str) -> LintText:
    return load_lint(profile)[0]


@cache
def cases(profile: str) -> Mapping[str, Any]:
    path = PACKS / profile / "cases" / "catalogue.yaml"
    loaded: Mapping[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return loaded


@pytest.fixture(scope="module")
def catalogues(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Catalogue]:
    base = tmp_path_factory.mktemp("county")
    return {
        name: load_catalogue(write_county(base / name, case.get("change")))
        for name, case in CATALOGUES.items()
    }


def looked_at(name: str, findings: tuple[Finding, ...]) -> list[Finding]:
    resource = CATALOGUES[name].get("resource", "")
    return [finding for finding in findings if resource in ("*", finding.resource)]


def expected(profile: str, name: str) -> list[tuple[str, ...]]:
    return [
        (row.get("resource", ""), row["rule"], row["severity"], row["clause"], row["column"])
        for row in cases(profile)[name]["findings"]
    ]


def test_every_text_has_a_case_for_every_catalogue() -> None:
    for profile in PROFILES:
        assert list(cases(profile)) == list(CATALOGUES), profile


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", CATALOGUES)
def test_the_text_finds_what_its_case_says(
    profile: str, name: str, catalogues: Mapping[str, Catalogue]
) -> None:
    """Resource, rule, severity, deciding clause and column, in the order of the lines."""
    findings = looked_at(name, lint(catalogues[name], text_of(profile)))

    assert [
        (f.resource, f.rule, f.severity.value, f.clauses[0], f.column) for f in findings
    ] == expected(profile, name)


@pytest.mark.parametrize("profile", PROFILES)
def test_taking_a_rule_out_changes_a_case(
    profile: str, catalogues: Mapping[str, Catalogue]
) -> None:
    """A rule that could be dropped unnoticed would be law that nothing proves."""
    text = text_of(profile)
    idle = []
    for rule in text.rules:
        name = next(
            (n for n in CATALOGUES if rule.id in {row[1] for row in expected(profile, n)}), "plain"
        )
        rest = replace(text, rules=tuple(other for other in text.rules if other is not rule))
        without = looked_at(name, lint(catalogues[name], rest))
        if len(without) == len(expected(profile, name)):
            idle.append(rule.id)

    assert idle == []


@pytest.mark.parametrize("scenario", WORKED)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_worked_scenario_passes_or_fails_as_the_rules_say(
    scenario: str, prefix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    change, failing = WORKED[scenario]
    data = write_county(tmp_path_factory.mktemp("county"), {"resources.tsv": [change]})

    findings = lint(load_catalogue(data), text_of(PREFIXES[prefix]))

    errors = {
        finding.clauses[0]
        for finding in findings
        if finding.resource == change["resource_id"] and finding.severity is Severity.ERROR
    }
    if failing.get(prefix) != "?":
        assert errors == ({failing[prefix]} if prefix in failing else set())


@pytest.mark.parametrize("profile", PROFILES)
def test_an_internal_notice_is_a_basis_nowhere(
    profile: str, catalogues: Mapping[str, Catalogue]
) -> None:
    """R33 of the sample county rests on a notice of its own department."""
    findings = lint(catalogues["plain"], text_of(profile))

    assert any(f.resource == "R33" and f.code == "basis_level" for f in findings)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_catalogue_in_order_has_no_finding(
    profile: str, catalogues: Mapping[str, Catalogue]
) -> None:
    """A lint that cries wolf is worse than none: all that is sound in the county passes."""
    wrong = {"R06", "R30", "R31", "R32", "R33", "R34", "R36"}
    plain = catalogues["plain"]
    sound = tuple(row for row in plain.entries if row.text("resource_id") not in wrong)

    assert lint(replace(plain, entries=sound), text_of(profile)) == ()


def test_yanjin_asks_what_fengqiu_asks() -> None:
    """The two notices differ in whom they name, and not in what they ask of a catalogue."""
    fengqiu = (PACKS / "henan-fengqiu" / "catalogue.toml").read_text("utf-8")
    yanjin = (PACKS / "henan-yanjin" / "catalogue.toml").read_text("utf-8")

    assert fengqiu.replace("FQ-", "YJ-").replace('"fq-', '"yj-') == yanjin


@pytest.mark.parametrize("profile", PROFILES)
def test_a_finding_speaks_both_languages_and_names_its_clause(
    profile: str, catalogues: Mapping[str, Catalogue]
) -> None:
    clauses = load_lint(profile)[1]
    for name, catalogue in catalogues.items():
        for finding in looked_at(name, lint(catalogue, text_of(profile))):
            assert set(finding.clauses) <= set(clauses)
            assert finding.text.isprintable()
            assert not finding.text.endswith(".")
            assert any(letter >= "\u4e00" for letter in finding.text_zh)
