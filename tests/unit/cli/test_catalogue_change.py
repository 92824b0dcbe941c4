# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from pathlib import Path

import pytest

from govshare_policy import load_register
from govshare_policy.cli.catalogue_change import catalogue_change_app
from govshare_policy.errors import CallError
from tests.unit.cli.changing import Said, runner
from tests.unit.cli.conftest import Command
from tests.unit.cli.steps import WHO, Place

Run = Callable[..., Said]
CLERK = ("--by", "D-DATA", "--person", "feng")
DAILY = ("propose", "--resource", "R12", "--set", "update_cycle=每日")


class Catalogue:
    """The catalogue of a deployment, and a clock that goes on by a minute a step."""

    def __init__(self, place: Place, run: Run) -> None:
        self.place, self._run, self._minute = place, run, 0
        self._config = ("--config", str(place.directory / "govshare.toml"))

    def take(self, who: str | tuple[str, ...], *command: str) -> Said:
        self._minute += 1
        at = ("--at", f"2026-11-23T11:{self._minute:02}:00+08:00")
        return self._run(*command, *(WHO[who] if isinstance(who, str) else who), *at, *self._config)

    def show(self, *command: str) -> Said:
        return self._run(*command, *self._config)

    def cell(self, column: str, resource: str = "R12") -> str:
        register = load_register(self.place.directory / "data")
        return register.resources[resource].more.get(column, "")


@pytest.fixture
def catalogue(
    govshare: Command, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[[str], Catalogue]:
    run = runner(catalogue_change_app, capsys)
    return lambda profile: Catalogue(Place(govshare, tmp_path / profile, profile), run)


def test_a_change_is_proposed_filed_and_published(
    catalogue: Callable[[str], Catalogue],
) -> None:
    here = catalogue("henan-fengqiu")
    stranger = here.take("clerk", *DAILY)
    proposed = here.take("provider", *DAILY)
    published = here.take("chief", "publish", proposed.json["matter"])

    assert (stranger.code, stranger.json["code"]) == (1, "not_your_step")
    assert (proposed.code, proposed.json["columns"]) == (0, ["update_cycle"])
    assert published.json["set"] == {"filed_on": "2026-11-23", "updated_on": "2026-11-23"}
    assert here.cell("update_cycle") == "每日"


def test_a_basis_is_verified_or_returned(catalogue: Callable[[str], Catalogue]) -> None:
    here = catalogue("jiangxi-pingxiang")
    basis = ("propose", "--resource", "R12", "--set", "legal_basis_ref=《物权登记条例》第三条")
    first = here.take("provider", *basis).json["matter"]
    returned = here.take("projects", "return", first, "--reason", "未注明条款")
    second = here.take("provider", *basis).json["matter"]
    codes = [
        here.take("projects", "verify", second).code,
        here.take("chief", "publish", second).code,
    ]

    assert (returned.code, codes) == (0, [0, 0])
    assert here.cell("basis_verified_by") == "D-DRC"


def test_a_change_is_reviewed_announced_and_listed_with_what_is_due(
    catalogue: Callable[[str], Catalogue],
) -> None:
    here = catalogue("national-809")
    matter = here.take("provider", *DAILY, "--changed", "2026-11-20").json["matter"]
    listed = here.show("changes", "--as-of", "2026-12-05").json["changes"]
    codes = [
        here.take("chief", "endorse", matter).code,
        here.take("authority", "approve", matter).code,
        here.take(CLERK, "publish", matter, "--role", "operate").code,
    ]
    over = here.show("changes", "--as-of", "2026-12-05").json["changes"]

    assert (listed[0]["next"], listed[0]["due"], listed[0]["status"]) == (
        ["endorse"],
        "2026-12-04",
        "late",
    )
    assert (codes, over[0]["states"], over[0]["due"]) == (
        [0, 0, 0],
        {"national-809": "announced"},
        None,
    )


def test_a_new_entry_is_brought_in_step_by_step(catalogue: Callable[[str], Catalogue]) -> None:
    here = catalogue("hubei")
    cells = {
        "name_zh": "宗地信息",
        "share_type": "unconditional",
        "share_scope": "ALL",
        "share_method": "api",
        "parameter_controlled": "N",
        "items": "parcel_no,area",
        "is_secret": "N",
    }
    options = [word for pair in cells.items() for word in ("--set", "=".join(pair))]
    proposed = here.take("provider", "propose", "--resource", "R90", "--new", *options)
    here.take("chief", "publish", proposed.json["matter"])

    assert (here.cell("provider", "R90"), here.cell("name_zh", "R90")) == ("D-NRB", "宗地信息")


def test_a_cell_without_a_column_is_bad_input(catalogue: Callable[[str], Catalogue]) -> None:
    with pytest.raises(CallError, match="a column and its cell"):
        catalogue("hubei").take("provider", "propose", "--resource", "R12", "--set", "每日")
