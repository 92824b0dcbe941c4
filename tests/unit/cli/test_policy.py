# SPDX-License-Identifier: Apache-2.0
"""The packs, read and checked from the command line."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.cli.cases import DAY, PLAIN, Change, county, load_calls, load_cases
from govshare_policy.cli.policy import policy_app
from govshare_policy.errors import CallError, PolicyError
from govshare_policy.policy import packs_directory, profiles
from tests import county as reference
from tests.unit.mutated import Edit, in_rule, swap


@dataclass(frozen=True)
class Done:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document


Command = Callable[..., Done]


@pytest.fixture
def policy(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run ``govshare policy`` in this process."""

    def run(*arguments: object) -> Done:
        code = policy_app(args=[str(argument) for argument in arguments], standalone_mode=False)
        return Done(code or 0, capsys.readouterr().out)

    return run


def packs_with(directory: Path, name: str, edit: Edit) -> Path:
    """Copy the packs and edit one file of them."""
    target = directory / "packs"
    shutil.copytree(packs_directory(), target)
    path = target / name
    path.write_text(edit(path.read_text("utf-8")), "utf-8")
    return target


# --- show -----------------------------------------------------------------------------------------


def test_a_clause_leads_to_its_lines_and_its_cases(policy: Command) -> None:
    shown = policy("show", "--clause", "HU-a24-02").json

    assert (
        shown["text"] == "Data may not be used in information systems outside the authorised scope."
    )
    assert shown["text_zh"] == "不得用于授权外的信息系统"
    assert shown["parameter"] == "call.system in grant.systems"
    assert (shown["profile"], shown["article"]) == ("hubei", "a24")
    assert (shown["disposition"], shown["status"]) == ("enforced", "built")
    assert {place["by"] for place in shown["by"]} == {
        "rule:hu-system",
        "scope:system",
        "duty:system_only",
    }
    for place in shown["by"]:
        line = Path(place["file"]).read_text("utf-8").split("\n")[place["line"] - 1]
        assert line.startswith(("p,", "system", "[[duty]]"))
    assert "calls:other-system" in shown["cases"]


def test_a_clause_that_waits_for_a_part_says_which(policy: Command, tmp_path: Path) -> None:
    def planned(text: str) -> str:
        built = r'(?<=\[entitlements\]\n)status = "built"\nwhere = .*\n'
        assert re.search(built, text)
        return re.sub(built, 'status = "planned"\n', text)

    packs = packs_with(tmp_path, "common/parts.toml", planned)

    shown = policy("show", "--clause", "PX-a05-02", "--packs", packs).json
    warned = policy("lint", "--packs", packs, "--output", "table", "--lang", "en")

    [place] = shown["by"]
    waits = ("planned", "part:entitlements", "planned")
    assert (shown["status"], place["by"], place["status"]) == waits
    assert place["text"]
    assert place["text_zh"]
    assert "PX-a05-02" in warned.out


def test_a_clause_outside_the_product_says_why(policy: Command) -> None:
    shown = policy("show", "--clause", "HN-3-01").json

    assert (shown["profile"], shown["disposition"]) == ("fragments", "out_of_scope")
    assert shown["reason"]
    assert shown["reason_zh"]


def test_a_clock_of_another_share_type_is_not_shown_for_the_clause(policy: Command) -> None:
    """Three clocks of Fengqiu are called alike; only one of them rests on the clause."""
    shown = policy("show", "--clause", "FQ-3.2-06").json

    [place] = [place for place in shown["by"] if place["by"].startswith("deadline:")]
    text = Path(place["file"]).read_text("utf-8").split("\n")
    assert 'clauses = ["FQ-3.2-06"]' in text[place["line"] - 1 : place["line"] + 4]


def test_a_rule_leads_to_its_clauses_and_its_cases(policy: Command) -> None:
    shown = policy("show", "--rule", "hu-system").json

    assert [clause["clause"] for clause in shown["clauses"]] == ["HU-a24-02", "HU-a24-01"]
    assert shown["wants"]["system"] == "outside"
    assert (shown["outcome"], shown["effect"]) == ("deny", "deny")
    assert "calls:other-system" in shown["cases"]
    line = Path(shown["file"]).read_text("utf-8").split("\n")[shown["line"] - 1]
    assert "hu-system," in line


def test_a_clause_may_be_named_with_its_text(policy: Command) -> None:
    alone = policy("show", "--clause", "HU-a24-02").json

    assert policy("show", "--profile", "hubei", "--clause", "HU-a24-02").json == alone


def test_a_text_is_shown_with_its_rules_in_their_order(policy: Command) -> None:
    shown = policy("show", "--profile", "national-809").json

    assert (shown["document"], shown["in_force_from"]) == ("国务院令第809号", "2025-08-01")
    lines = [rule["line"] for rule in shown["rules"]]
    assert lines == sorted(lines)
    assert shown["rules"][0]["clauses"] == ["NR-a02-01"]


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", "--clause", "HU-a24-02"), "policies/hubei/policy.csv:"),
        (("show", "--clause", "HU-a25-01"), "part:dispute"),
        (("show", "--clause", "HU-a27-01"), "govshare_policy/audit"),
        (("show", "--clause", "HU-a29-01"), "HU-a29-01"),
        (("show", "--rule", "hu-system"), "hu-system"),
        (("show", "--profile", "hubei"), "hu-system"),
        (("coverage",), "446"),
        (("coverage", "--profile", "hubei"), "HU-a24-02"),
        (("lint",), "0"),
        (("test", "--profile", "hubei"), "hubei"),
        (("diff", "henan-fengqiu", "hubei"), "other-system"),
        (("diff", "hubei", "hubei"), ""),
    ],
)
def test_people_read_a_table_in_either_language(
    arguments: tuple[str, ...], says: str, lang: str, policy: Command
) -> None:
    done = policy(*arguments, "--output", "table", "--lang", lang)

    assert done.code == 0
    assert says in done.out
    assert ("条款" in done.out or "处置" in done.out) or lang == "en" or arguments[0] != "coverage"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show",), "name a --clause"),
        (("show", "--clause", "HU-a24-02", "--rule", "hu-system"), "name a --clause"),
        (("show", "--profile", "henan-hebi", "--rule", "hu-system"), "it is of `hubei`"),
        (("show", "--clause", "HU-a99-99"), "no such clause"),
        (("show", "--rule", "hu-nothing"), "no such rule"),
        (("show", "--profile", "atlantis"), "unknown profile"),
        (("coverage", "--profile", "atlantis"), "unknown profile"),
        (("test", "--profile", "atlantis"), "unknown profile"),
    ],
)
def test_what_is_asked_for_has_to_be_there(
    arguments: tuple[str, ...], says: str, policy: Command
) -> None:
    with pytest.raises(CallError, match=says):
        policy(*arguments)


# --- coverage -------------------------------------------------------------------------------------


def test_coverage_counts_every_clause_once(policy: Command) -> None:
    document = policy("coverage").json

    counted = sum(
        number
        for kinds in document["counts"].values()
        for statuses in kinds.values()
        for number in statuses.values()
    )
    assert document["total"] == counted == len(document["clauses"]) == 446
    assert set(document["counts"]) == {*profiles(), "fragments"}


def test_coverage_of_one_text_has_its_clauses_only(policy: Command) -> None:
    document = policy("coverage", "--profile", "hubei").json

    assert {clause["profile"] for clause in document["clauses"]} == {"hubei"}
    assert document["total"] == 80


def test_a_clause_without_a_disposition_stands_in_the_coverage(
    policy: Command, tmp_path: Path
) -> None:
    def without(text: str) -> str:
        lines = text.split("\n")
        return "\n".join(line for line in lines if not line.startswith("HU-a24-02\t"))

    packs = packs_with(tmp_path, "hubei/dispositions.tsv", without)

    clauses = policy("coverage", "--packs", packs).json["clauses"]
    assert "none" in policy("coverage", "--packs", packs, "--output", "table").out
    [row] = [row for row in clauses if row["clause"] == "HU-a24-02"]
    assert (row["disposition"], row["status"], row["by"]) == ("none", "planned", [])


# --- lint -----------------------------------------------------------------------------------------


def test_the_packs_that_came_with_the_library_are_sound(policy: Command) -> None:
    done = policy("lint")

    assert (done.code, done.json["errors"]) == (0, 0)
    assert done.json["warnings"] == len(done.json["findings"])
    assert {finding["code"] for finding in done.json["findings"]} <= {"not_encoded_yet"}


@pytest.mark.parametrize(
    ("name", "edit", "at", "says"),
    [
        ("hubei/policy.csv", in_rule("hu-system", eft="Deny"), "hu-system", "is not an effect"),
        ("hubei/policy.csv", in_rule("hu-system", clauses=""), "hu-system", "clause registry"),
        ("hubei/law.toml", swap("system = ", "colour = "), "colour = ", "`colour` in [scope]"),
        ("hubei/law.toml", swap('level = "local"', "level ="), "level =", "hubei/law.toml: "),
        ("hubei/catalogue.toml", swap('["HU-a08-02"]', '["HU-a99-09"]'), "HU-a99-09", "HU-a99-09"),
        ("hubei/deadlines.toml", swap('actor = "provider"', 'actor = "x"'), 'actor = "x"', "actor"),
        ("hubei/clauses.tsv", swap("HU-a01-01", "XX-a01-01"), "XX-a01-01", "another prefix"),
        ("hubei/dispositions.tsv", swap("HU-a01-01", "XX-a01-01"), "XX-a01-01", "not a clause"),
        ("hubei/cases/calls.yaml", swap("plain:", "plain: :"), "plain: :", "not YAML"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_fault_is_told_with_its_file_and_its_line(
    name: str, edit: Edit, at: str, says: str, policy: Command, tmp_path: Path
) -> None:
    packs = packs_with(tmp_path, name, edit)

    done = policy("lint", "--packs", packs)

    assert (done.code, done.json["errors"]) == (1, 1)
    [finding] = [found for found in done.json["findings"] if found["severity"] == "error"]
    assert finding["file"] == name
    assert says in finding["text"]
    assert at in (packs / name).read_text("utf-8").split("\n")[finding["line"] - 1]
    assert finding["column"] > 0


@pytest.mark.parametrize(
    "edit",
    [swap('profile = "hubei"\n', ""), swap('value = "system"', 'value = "sistem"')],
    ids=["a key that is missing", "a key that stands in several tables"],
)
def test_a_fault_that_names_no_place_is_told_with_its_file(
    edit: Edit, policy: Command, tmp_path: Path
) -> None:
    """A key that stands in several tables would point at the wrong one."""
    packs = packs_with(tmp_path, "hubei/law.toml", edit)

    [finding] = policy("lint", "--packs", packs).json["findings"]

    assert (finding["file"], finding["line"]) == ("hubei/law.toml", 0)


def test_a_file_that_is_not_there_is_an_error(policy: Command, tmp_path: Path) -> None:
    packs = packs_with(tmp_path, "hubei/law.toml", str)
    (packs / "hubei" / "deadlines.toml").unlink()

    done = policy("lint", "--packs", packs)

    assert done.code == 1
    assert "hubei" in done.json["findings"][0]["text"]
    assert "1 errors" in policy("lint", "--packs", packs, "--output", "table", "--lang", "en").out


def test_a_directory_without_packs_is_refused(policy: Command, tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="no packs"):
        policy("lint", "--packs", tmp_path)


# --- test -----------------------------------------------------------------------------------------


def test_every_text_answers_the_cases_shipped_with_it(policy: Command) -> None:
    done = policy("test")

    assert done.code == 0
    assert done.json["failures"] == []
    assert set(done.json["profiles"]) == set(profiles())
    for counts in done.json["profiles"].values():
        assert counts["passed"] > 120
        assert counts["failed"] == 0


def test_a_changed_rule_fails_the_cases_that_need_it(policy: Command, tmp_path: Path) -> None:
    edit = in_rule("hu-system", clauses="HU-a24-01")
    packs = packs_with(tmp_path, "hubei/policy.csv", edit)

    done = policy("test", "--profile", "hubei", "--packs", packs)

    assert done.code == 1
    assert done.json["profiles"]["hubei"]["failed"] == len(done.json["failures"]) == 3
    [failure] = [one for one in done.json["failures"] if one["case"] == "calls:other-system"]
    assert failure["differs"] == {
        "clauses": {"expected": ["HU-a24-02", "HU-a24-01"], "answered": ["HU-a24-01"]}
    }
    table = policy("test", "--profile", "hubei", "--packs", packs, "--output", "table")
    assert "calls:other-system" in table.out


def test_a_changed_clock_fails_the_cases_that_need_it(policy: Command, tmp_path: Path) -> None:
    edit = swap("limit = { working_days = 3 }", "limit = { working_days = 4 }")
    packs = packs_with(tmp_path, "hubei/deadlines.toml", edit)

    done = policy("test", "--profile", "hubei", "--packs", packs)

    assert done.code == 1
    failed = {failure["case"] for failure in done.json["failures"]}
    assert "deadlines:three-clocks-three-actors" in failed


def test_a_changed_lint_rule_fails_the_cases_that_need_it(policy: Command, tmp_path: Path) -> None:
    edit = swap('columns = ["category", "provider",', 'columns = ["provider",')
    packs = packs_with(tmp_path, "hubei/catalogue.toml", edit)

    done = policy("test", "--profile", "hubei", "--packs", packs)

    assert done.code == 1
    failed = {failure["case"] for failure in done.json["failures"]}
    assert failed == {"catalogue:class-unstated"}


@pytest.mark.parametrize("kind", ["calls", "catalogue"])
def test_a_pack_without_an_answer_to_a_case_is_refused(
    kind: str, policy: Command, tmp_path: Path
) -> None:
    packs = packs_with(tmp_path, f"hubei/cases/{kind}.yaml", swap("plain:", "another:"))

    with pytest.raises(PolicyError, match=f"hubei/cases/{kind}.yaml: not the cases of common"):
        policy("test", "--profile", "hubei", "--packs", packs)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not cases by name"),
        ("plain: 1", "not cases by name"),
        ("plain: [", r"line \d column \d: not YAML"),
        ("plain: \x01", "not YAML"),
        ("plain: {outcome: allow}", "`plain` has no whole answer"),
    ],
    ids=["nothing", "a number", "half a list", "a control character", "half an answer"],
)
def test_cases_that_are_none_are_refused(text: str, says: str, tmp_path: Path) -> None:
    packs = packs_with(tmp_path, "hubei/cases/calls.yaml", lambda _: text)

    with pytest.raises(PolicyError, match=says):
        policy_app(args=["test", "--packs", str(packs)], standalone_mode=False)


def test_cases_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    packs = packs_with(tmp_path, "common/calls.yaml", str)
    (packs / "common" / "calls.yaml").unlink()

    with pytest.raises(PolicyError, match=r"common/calls.yaml: the file cannot be read"):
        load_calls(packs)


def test_a_pack_need_not_have_cases_of_every_kind(tmp_path: Path) -> None:
    packs = packs_with(tmp_path, "hubei/cases/deadlines.yaml", str)
    (packs / "hubei" / "cases" / "deadlines.yaml").unlink()

    assert load_cases(packs, "hubei", "deadlines") == {}


def test_the_plain_call_is_the_one_that_the_cases_differ_from() -> None:
    assert PLAIN == reference.PLAIN
    assert str(PLAIN["at"]).startswith(DAY.isoformat())


@contextmanager
def changed(change: Change) -> Iterator[Any]:
    with county() as place:
        yield place.register(change)


def test_a_change_sets_cells_of_the_row_it_names_and_adds_the_others() -> None:
    new = {"grant_id": "G99", "resource_id": "R08", "user_dept": "D-HCB", "granted_by": "provider"}
    new |= {"systems": "SYS-HCB-WEB", "purposes": "x", "fields": "id_no", "channels": "api"}
    new |= {"valid_from": "2025-01-01", "valid_to": "2025-12-31"}

    with changed({"grants.tsv": [{"grant_id": "G01", "fields": "id_no"}, new]}) as register:
        assert register.grants["G01"].fields == ("id_no",)
        assert register.grants["G01"].systems == ("SYS-HCB-PRH",)
        assert register.grants["G99"].systems == ("SYS-HCB-WEB",)


def test_one_case_does_not_see_what_another_changed() -> None:
    with county() as place:
        place.register({"grants.tsv": [{"grant_id": "G01", "fields": "id_no"}]})
        after = place.register({"grants.tsv": [{"grant_id": "G02", "fields": "id_no"}]})

        assert after.grants["G01"].fields == ("id_no", "name", "marital_status")
        assert place.register().grants["G02"].fields != ("id_no",)


# --- diff -----------------------------------------------------------------------------------------


def differing(policy: Command, a: str, b: str) -> dict[tuple[str, str], dict[str, Any]]:
    document = policy("diff", a, b).json
    assert (document["a"], document["b"]) == (a, b)
    return {(row["section"], row["subject"]): row for row in document["differences"]}


def test_what_only_hubei_binds_is_a_difference_wherever_it_shows(policy: Command) -> None:
    found = differing(policy, "henan-fengqiu", "hubei")

    call = found["calls", "other-system"]
    assert call["a"]["text"].startswith("allow")
    assert (call["b"]["text"], call["b"]["clauses"][0]) == ("deny", "HU-a24-02")
    assert found["scope", "system"]["a"]["clauses"] == []
    assert found["scope", "system"]["b"]["clauses"] == ["HU-a24-02"]
    assert found["rules", "system"]["a"]["text"] == ""
    assert found["duties", "system_only"]["b"]["clauses"] == ["HU-a24-02"]
    assert found["share", "open_share"]["a"]["text"] == "unconditional"
    assert ("scope", "purpose") not in found  # both bind it, by clauses of their own


def test_rules_that_both_have_show_only_what_differs(policy: Command) -> None:
    found = differing(policy, "henan-fengqiu", "hubei")

    assert found["rules", "allow-conditional"]["a"]["text"] == "system=*"
    assert found["rules", "allow-conditional"]["b"]["text"] == "system=within"
    assert ("rules", "secret") not in found


def test_clocks_and_lint_rules_are_compared(policy: Command) -> None:
    found = differing(policy, "henan-fengqiu", "national-809")

    answer = found["deadlines", "application/provider_answer (conditional)"]
    assert answer["a"]["text"].startswith("5 working days from received")
    assert answer["b"]["text"].startswith("10 working days (+10) from received")
    assert answer["b"]["text_zh"].startswith("10个工作日 (+10)")
    assert found["deadlines", "annual_report/annual_report"]["a"]["text_zh"].startswith("1月5日前")
    assert found["lint", "basis_level"]["a"]["clauses"] == ["FQ-3.1-16"]
    assert found["lint", "basis_level"]["b"]["clauses"][0] == "NR-a15-03"


def test_texts_numbered_alike_are_compared_clause_by_clause(policy: Command) -> None:
    found = differing(policy, "henan-yanjin", "henan-fengqiu")

    clauses = [subject for section, subject in found if section == "clauses"]
    assert set(clauses) == {
        *("1.3-01", "1.3-03", "2-01", "2-02", "2-03", "2-08"),
        *("3.1-03", "3.2-08", "4.2-05", "4.2-06"),
    }
    assert "standards=national|province|city|county" in found["clauses", "1.3-01"]["a"]["text"]
    assert "封丘模块" in found["clauses", "2-02"]["b"]["text_zh"]
    assert found["clauses", "2-03"]["a"]["clauses"] == []
    assert not [subject for section, subject in found if section in ("calls", "rules", "topics")]
    # Both texts know resources to be had in part, each by its own 3.1-14.
    assert ("share", "item_share") not in found


def test_other_texts_are_compared_by_the_topics_they_speak_of(policy: Command) -> None:
    found = differing(policy, "henan-fengqiu", "hubei")

    topics = {subject for section, subject in found if section == "topics"}
    assert {"fee", "no_repeat_collection"} <= topics
    assert found["topics", "fee"]["a"]["clauses"] == ["FQ-1.2-02"]
    assert found["topics", "fee"]["b"]["clauses"] == []


def test_a_parameter_that_differs_is_a_difference_though_the_words_are_the_same(
    policy: Command, tmp_path: Path
) -> None:
    edit = swap("evaluation=annual;by=data_bureau", "evaluation=monthly;by=data_bureau")
    packs = packs_with(tmp_path, "henan-yanjin/clauses.tsv", edit)

    answer = policy("diff", "henan-fengqiu", "henan-yanjin", "--packs", packs)

    texts = [row["b"]["text"] for row in answer.json["differences"] if row["subject"] == "4.2-06"]
    assert [text.endswith("[evaluation=monthly;by=data_bureau]") for text in texts] == [True]


def test_a_text_does_not_differ_from_itself(policy: Command) -> None:
    assert policy("diff", "hubei", "hubei").json["differences"] == []


def test_differences_are_the_same_seen_from_either_side(policy: Command) -> None:
    there = differing(policy, "henan-hebi", "jiangxi-pingxiang")
    back = differing(policy, "jiangxi-pingxiang", "henan-hebi")

    assert set(there) == set(back)
    assert all(there[key]["a"] == back[key]["b"] for key in there)


def test_an_unknown_text_is_not_compared(policy: Command) -> None:
    with pytest.raises(PolicyError, match="unknown profile"):
        policy("diff", "hubei", "atlantis")
