# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from pathlib import Path

import pytest

from govshare_policy import load_register
from tests.unit.cli.conftest import Command
from tests.unit.cli.steps import Place

Make = Callable[[str], Place]
CHANGE = ("grant", "change")
PROPOSE = (*CHANGE, "propose", "G01", "--daily-quota", "50", "--reason", "接口扩容")


@pytest.fixture
def place(govshare: Command, tmp_path: Path) -> Make:
    return lambda profile: Place(govshare, tmp_path / profile, profile)


def test_a_service_is_changed_after_agreement_and_filing(place: Make) -> None:
    here = place("national-809")
    matter = here.take("clerk", *PROPOSE).json["matter"]
    early = here.take("head", *CHANGE, "file", matter)
    agreed = here.take("user", *CHANGE, "agree", matter)
    filed = here.take("head", *CHANGE, "file", matter)
    quota = load_register(here.directory / "data").grants["G01"].daily_quota

    assert (early.code, early.json["code"]) == (1, "not_now")
    assert (agreed.code, filed.code, quota) == (0, 0, 50)
    assert here.show(*CHANGE, "list").json["matters"][0]["states"] == {"national-809": "filed"}


def test_a_user_may_object(place: Make) -> None:
    here = place("national-809")
    matter = here.take("clerk", *PROPOSE).json["matter"]
    objected = here.take("user", *CHANGE, "object", matter, "--reason", "影响业务")

    assert (objected.code, objected.json["states"]) == (0, {"national-809": "objected"})
    assert load_register(here.directory / "data").grants["G01"].daily_quota is None
