# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from govshare_policy.errors import PolicyError
from govshare_policy.policy import load_pack
from govshare_policy.policy.bundle import packs_directory
from govshare_policy.workflow import Workflow, load_workflow
from govshare_policy.workflow.rules import parse_workflow

CLAUSES = ("XX-1", "XX-2")
STEP = """
[[step]]
id = "apply"
matter = "application"
from = ["new"]
to = "received"
by = ["user"]
role = "operate"
clauses = ["XX-1"]
tells = [{ to = "provider", act = "forward", clause = "XX-2" }]
"""


def parsed(text: str) -> Workflow:
    return parse_workflow(text.encode(), profile="test", clauses=CLAUSES)


def test_a_step_is_read_as_it_stands() -> None:
    (rule,) = parsed(STEP).steps

    assert (rule.id, rule.step) == ("apply", "apply")
    assert (rule.sources, rule.target) == (("new",), "received")
    assert (rule.clauses, rule.tells[0].clause) == (("XX-1",), "XX-2")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('role = "operate"', 'role = "root"', "step 1 key `role`: not one of"),
        ('by = ["user"]', 'by = ["anybody"]', "step 1 key `by`: an item is not one of"),
        ('by = ["user"]', "by = []", "step 1 key `by`: not a list with something"),
        ('by = ["user"]', 'by = ["user", "user"]', "key `by`: an item stands twice"),
        ('by = ["user"]', "by = [1]", "key `by`: an item is not a text"),
        ('to = "received"', 'to = "Received"', "key `to`: not a lower-case name"),
        ('to = "received"', 'to = ""', "key `to`: not a text"),
        ('to = "received"', "", "step 1 key `to`: missing"),
        ('["XX-1"]', '["XX-3"]', "key `clauses`: a clause is not in the clause registry"),
        ('clause = "XX-2"', 'clause = "XX-3"', "key `tells`: a clause is not in"),
        ('act = "forward", ', "", "key `tells`: has to, act and clause"),
        ('to = "provider"', 'to = "settlement"', "key `tells`: `to` is not one of"),
        ('matter = "application"', 'matter = "dispute"', "follow from its levels"),
        ('role = "operate"', 'role = "operate"\ngrants = "yes"', "key `grants`: not true or false"),
        ('role = "operate"', 'role = "operate"\ncolour = "red"', "key `colour`: unknown key"),
        ('role = "operate"', 'role = "operate"\nstamps = ["sneezed"]', "key `stamps`"),
        ("[[step]]", "[[stop]]", "unknown table `stop`"),
        ("[[step]]", "[step]", "`step` is not a list of tables"),
        ("[[step]]", "[[step", "workflow.toml"),
        ("[[step]]", STEP + "[[step]]", "step 2 key `id`: stands twice"),
    ],
)
def test_what_is_wrong_in_a_table_is_named(old: str, new: str, fault: str) -> None:
    with pytest.raises(PolicyError, match=fault):
        parsed(STEP.replace(old, new))


GROUND = """
[[step]]
id = "refuse"
matter = "application"
from = ["received"]
to = "refused"
by = ["provider"]
role = "manage"
clauses = ["XX-1"]
wants = ["reason", "reason_code"]

[[forbidden_reason]]
id = "no_paper"
clauses = ["XX-2"]
steps = ["refuse"]
words = ["纸 质", "Paper"]
"""


def test_the_words_of_a_forbidden_reason_are_read_bare() -> None:
    (ground,) = parsed(GROUND).forbidden_reasons

    assert (ground.steps, ground.words) == (("refuse",), ("纸质", "paper"))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('words = ["纸 质", "Paper"]\n', "", "key `words`: missing"),
        ('["纸 质", "Paper"]', "[]", "key `words`: not a list with something"),
        ('["纸 质", "Paper"]', '["——"]', "key `words`: an item has no letter"),
        ('steps = ["refuse"]\n', "", "key `steps`: missing"),
        ('steps = ["refuse"]', 'steps = ["delay"]', "key `steps`: `delay` is no step that"),
        (', "reason_code"]', "]", "key `steps`: `refuse` is no step that wants"),
        ('id = "no_paper"', 'id = "no_paper"\nunless = "sing"', "key `unless`: no step `sing`"),
    ],
)
def test_what_is_wrong_with_a_forbidden_reason_is_named(old: str, new: str, fault: str) -> None:
    with pytest.raises(PolicyError, match=f"forbidden_reason 1 {fault}"):
        parsed(GROUND.replace(old, new))


def test_a_level_is_of_one_kind_of_dispute() -> None:
    level = (
        '[[level]]\nid = "bilateral"\nclauses = ["XX-1"]\nbetween = "diagonal"\n'
        'raised_by = ["user"]\nsettled_by = ["provider"]\n'
    )
    with pytest.raises(PolicyError, match="level 1 key `between`"):
        parsed(level)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(PolicyError, match="UTF-8 at byte 0"):
        parse_workflow(b"\xff", profile="test", clauses=CLAUSES)


def test_a_tells_that_is_no_list_is_refused() -> None:
    with pytest.raises(PolicyError, match="key `tells`: not a list of tables"):
        parsed(STEP.replace("[{", '["x", {'))


def test_a_pack_without_procedures_is_refused() -> None:
    pack = load_pack("hubei", packs=packs_directory())
    with pytest.raises(PolicyError, match=r"hubei/workflow\.toml: cannot be read"):
        load_workflow(pack, packs=packs_directory().parent / "docs")


def test_a_fault_names_the_text_it_is_in(tmp_path: Path) -> None:
    (tmp_path / "hubei").mkdir()
    (tmp_path / "hubei" / "workflow.toml").write_text("[[step]]\n", encoding="utf-8")
    with pytest.raises(PolicyError, match=r"^hubei/workflow\.toml step 1 key `id`: missing"):
        load_workflow(load_pack("hubei"), packs=tmp_path)
