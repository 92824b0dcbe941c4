# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Command
from tests.unit.cli.steps import WHO, Place

Make = Callable[[str], Place]
ROWS = "id_no,owner_name,location,area,mortgage\n"
GOOD = "11010519491231002X,甲,城关镇,90,N\n"
BAD = "110105194912310029,乙,城关镇,90,N\n"


@pytest.fixture
def place(govshare: Command, tmp_path: Path) -> Make:
    return lambda profile: Place(govshare, tmp_path / profile, profile)


def test_a_delivery_is_held_against_its_entry(place: Make, tmp_path: Path) -> None:
    here, file = place("hubei"), tmp_path / "r12.csv"
    check = ("correction", "check", str(file), "--resource", "R12")
    file.write_text(ROWS + GOOD, encoding="utf-8")
    sound = here.show(*check)
    file.write_text(ROWS + BAD, encoding="utf-8")
    wrong = here.show(*check)
    unknown = here.show("correction", "check", str(file), "--resource", "R99")

    assert (sound.code, sound.json["defects"]) == (0, [])
    assert (wrong.code, wrong.json["defects"]) == (
        1,
        [{"kind": "bad_format", "item": "id_no", "count": 1, "rows": [1]}],
    )
    assert "110105" not in wrong.out
    assert (unknown.code, unknown.err.count("no such resource")) == (2, 1)


def test_defects_are_told_by_a_ticket_that_the_provider_answers(
    place: Make, tmp_path: Path
) -> None:
    here, file = place("hubei"), tmp_path / "r12.csv"
    file.write_text(ROWS + BAD, encoding="utf-8")
    check = ("correction", "check", str(file), "--resource", "R12", "--tell")
    told = here.take("operator", *check)
    stranger = here.take("clerk", *check)
    answer = here.take(
        *("provider", "correction", "answer", told.json["matter"], "--corrected"),
        *("--finding", "已更正"),
    )

    assert (told.code, told.json["clauses"]) == (1, ["HU-a17-02"])
    assert stranger.json["code"] == "not_your_step"
    assert answer.json["states"] == {"hubei": "answered"}


def test_data_that_conflict_are_verified_by_all_and_concluded(
    place: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(WHO, "manager", ("--by", "O-OPS", "--person", "zhou"))
    here = place("hubei")
    joint = ("correction", "joint")
    finding = ("--finding", "产权人不一致")
    matter = here.take("user", *joint, "raise", "--resources", "R12,R36", *finding).json["matter"]
    early = here.take("manager", *joint, "conclude", matter, "--stands", "R12", *finding)
    codes = [
        here.take(who, *joint, "verify", matter, *finding).code
        for who in ("provider", "clerk", "operator")
    ]
    done = here.take("manager", *joint, "conclude", matter, "--stands", "R12", *finding)
    (listed,) = here.show(*joint, "list").json["matters"]

    assert (early.code, early.json["code"]) == (1, "not_all_verified")
    assert (codes, done.json["stands"]) == ([0, 0, 0], "R12")
    assert listed["states"] == {"hubei": "concluded"}
