# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Command
from tests.unit.cli.steps import Place

Make = Callable[[str], Place]
RAISE = ("correction", "raise", "--resource", "R08", "--fields", "marital_status", "--grant", "G01")


@pytest.fixture
def place(govshare: Command, tmp_path: Path) -> Make:
    return lambda profile: Place(govshare, tmp_path / profile, profile)


def test_a_doubt_is_raised_answered_and_listed(place: Make) -> None:
    here = place("henan-fengqiu")
    raised = here.take("user", *RAISE, "--finding", "与证件不符")
    listed = here.show("correction", "list").json["matters"]
    answered = here.take(
        *("clerk", "correction", "answer", raised.json["matter"], "--corrected"),
        *("--finding", "已更正"),
    )

    assert raised.json["parties"] == "provider+competent_dept"
    assert {told["bodies"] for told in raised.json["told"]} == {"D-CAB", "D-DATA"}
    assert raised.json["citizen"]["clauses"] == ["FQ-3.2-10"]
    assert (listed[0]["states"], listed[0]["due"]) == ({"henan-fengqiu": "raised"}, None)
    assert (answered.code, answered.json["corrected"]) == (0, True)


def test_the_list_says_when_the_answer_is_due(place: Make) -> None:
    here = place("national-809")
    here.take("user", *RAISE)
    open_ = here.show("correction", "list", "--as-of", "2026-12-07").json["matters"][0]
    late = here.show("correction", "list", "--as-of", "2026-12-08").json["matters"][0]

    assert (open_["due"], open_["status"]) == ("2026-12-07", "open")
    assert (late["status"], late["citizen"]) == ("late", {})


def test_an_answer_says_whether_it_was_corrected(place: Make) -> None:
    here = place("hubei")
    raised = here.take("user", *RAISE)
    done = here.take("clerk", "correction", "answer", raised.json["matter"])

    assert done.code == 2
    assert "--corrected" in done.err
