# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Command
from tests.unit.cli.steps import APPLY, WHO, Place

Make = Callable[[str], Place]
REFER = (
    *("application", "refer", "--to", "national_platform", "--resource", "N-0815"),
    *("--purposes", "data_verification", "--need", "跨省核对", "--reason", "救助审批"),
)


@pytest.fixture
def place(govshare: Command, tmp_path: Path) -> Make:
    return lambda profile: Place(govshare, tmp_path / profile, profile)


def test_an_application_goes_to_the_national_platform_and_back(place: Make) -> None:
    here = place("hubei")
    matter = here.take("clerk", *REFER).json["matter"]
    codes = [
        here.take("operator", "application", "check", matter, "--accept").code,
        here.take("operator", "application", "press", matter).code,
        here.take(
            *("operator", "application", "answer", matter, "--granted", "--finding", "同意")
        ).code,
    ]
    late = here.show("application", "overdue", "--as-of", "2026-11-26").json["turns"]
    told = here.take("operator", "application", "notify", matter)
    (listed,) = here.show("application", "list").json["matters"]

    assert codes == [0, 0, 0]
    assert [(turn["matter"], turn["stage"], turn["status"]) for turn in late] == [
        (matter, "notice", "late")
    ]
    assert (told.code, listed["states"], listed["content"]["granted"]) == (
        0,
        {"hubei": "notified"},
        True,
    )


def test_a_lower_platform_applies_for_its_department(
    place: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = place("hubei")
    with (here.directory / "data" / "roles.tsv").open("a", encoding="utf-8") as file:
        file.write("hubei\tlower_platform\tD-LGO\n")
    monkeypatch.setitem(WHO, "lower", ("--by", "D-LGO", "--person", "tao"))
    handed = here.take("lower", *APPLY, "--for", "D-CAB")
    stranger = here.take("operator", *APPLY, "--for", "D-CAB")

    assert (handed.code, handed.json["handed_in_by"]) == (0, "D-LGO")
    assert (stranger.code, stranger.json["code"]) == (1, "not_your_step")


def test_needs_are_stated_listed_and_shown(place: Make) -> None:
    here = place("henan-fengqiu")
    here.take("clerk", *APPLY)
    need = ("application", "need")
    stated = here.take(
        *("clerk", *need, "state", "--data-needed", "学区划分", "--purposes", "admin_basis")
    )
    listed = here.take("authority", *need, "list", stated.json["matter"], "--provider", "D-EDU")
    shown = here.show(*need, "show").json["needs"]

    assert listed.json["told"][0]["bodies"] == "D-EDU"
    assert [(row["provider"], row["resource"], row["data"], row["standing"]) for row in shown] == [
        ("D-EDU", "", "学区划分", "listed"),
        ("D-NRB", "R12", "", "open"),
    ]
