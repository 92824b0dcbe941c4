# SPDX-License-Identifier: Apache-2.0
"""The worked example of docs/reference/precedence.md is what the product answers."""

import json
import re
from typing import Any

import pytest

from govshare_policy import check
from govshare_policy.call import call_from_document
from govshare_policy.policy import Precedence
from govshare_policy.register import load_register
from tests.county import COUNTY, ROOT, basis_over

GUIDE = (ROOT / "docs" / "reference" / "precedence.md").read_text("utf-8")
CALL, *ANSWERS = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)]
ASKED = [Precedence.LOCAL, Precedence.NATIONAL, Precedence.STRICTEST, Precedence.STRICTEST]


@pytest.mark.parametrize(
    ("precedence", "shown"),
    list(zip(ASKED, ANSWERS, strict=True)),
    ids=["local", "national", "strictest", "strictest, the day before"],
)
def test_the_example_is_answered_as_the_guide_shows(
    precedence: Precedence, shown: dict[str, Any]
) -> None:
    """Outcome, clauses, fields, and what each text said, the deciding one first."""
    basis = basis_over(load_register(COUNTY), "hubei", precedence)
    call = CALL | {"at": shown.get("at", CALL["at"])}

    answer = check(call_from_document(call), basis).to_document()

    assert {key: answer[key] for key in shown if key != "at"} == {
        key: value for key, value in shown.items() if key != "at"
    }


def test_the_guide_names_the_outcomes_in_their_order() -> None:
    [order] = re.findall(r"From most to least restrictive: (.*?)\.\n", GUIDE)

    assert re.findall(r"`(\w+)`", order) == [
        "out_of_scope",
        "suspended",
        "deny",
        "deny_negotiable",
        "needs_grant",
        "needs_platform_authorization",
        "allow",
    ]
    assert all(f"`{precedence.value}`" in GUIDE for precedence in Precedence)
