# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable

import pytest

from govshare_policy.errors import CallError
from govshare_policy.policy import Precedence
from govshare_policy.workflow import StepAnswer
from govshare_policy.workflow.delivery import Defect, Finding
from govshare_policy.workflow.receipts import tell_defects
from tests.unit.workflow.town import FINDING, HE, LI, ZHAO, Town

Make = Callable[..., Town]
FOUND = (
    Finding(kind=Defect.MISSING_ITEM, item="area", count=1, rows=()),
    Finding(kind=Defect.BAD_FORMAT, item="id_no", count=2, rows=(3, 8)),
)


def told(here: Town, found: tuple[Finding, ...] = FOUND, resource: str = "R12") -> StepAnswer:
    with here.office() as office:
        return tell_defects(office, resource, found, ZHAO, here.moment())


def test_the_provider_is_told_of_defects_and_answers(town: Make) -> None:
    here = town("hubei")
    ticket = told(here)
    early = here.take(ticket.matter, "answer", LI, FINDING, corrected=True)
    answer = here.take(ticket.matter, "answer", HE, FINDING, corrected=True)

    assert (ticket.clauses, ticket.told[0]["bodies"]) == (("HU-a17-02",), "D-NRB")
    assert ticket.more["fields"] == ["area", "id_no"]
    assert early.refusal is not None
    assert early.refusal.code == "not_your_step"
    assert (answer.refusal, answer.states) == (None, {"hubei": "answered"})


def test_the_record_says_kinds_items_and_rows(town: Make) -> None:
    here = town("hubei")
    told(here)
    (record,) = here.records()

    assert record["stated"]["defects"] == [finding.to_document() for finding in FOUND]


def test_a_text_that_knows_no_check_on_receipt_takes_no_part(town: Make) -> None:
    """Or the answer would wait for a step that the other text never takes."""
    here = town("hubei", Precedence.STRICTEST)
    ticket = told(here)
    answer = here.take(ticket.matter, "answer", HE, FINDING, corrected=True)
    elsewhere = told(town("national-809"))

    assert (ticket.states, answer.refusal) == ({"hubei": "returned"}, None)
    assert elsewhere.refusal is not None
    assert elsewhere.refusal.code == "no_such_step"


def test_a_ticket_is_about_defects_of_an_entry(town: Make) -> None:
    here = town("hubei")
    with pytest.raises(CallError, match="no such resource"):
        told(here, resource="R99")
    with pytest.raises(CallError, match="without defects"):
        told(here, ())
