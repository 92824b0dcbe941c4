# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import numpy as np
import pytest
from numpy.typing import NDArray

from govshare_policy.egress.register import Counts, ReleasedRows, ReleaseMeta, select
from tests.unit.egress.egress_world import FIELDS, meta, person, release


class OneHeld:
    """Holds one pair."""

    def __init__(self, subject: str, value: str) -> None:
        self.pair = (subject, value)

    def held(
        self, subjects: list[str], values: list[str], *, before: datetime
    ) -> NDArray[np.bool_]:
        return np.array([p == self.pair for p in zip(subjects, values, strict=True)], dtype=bool)


def test_what_singles_out_is_kept_and_counted() -> None:
    chosen = select(release(1))
    assert chosen.counts == Counts(kept=5, too_common=1, sent=0, held=0)
    assert [FIELDS[at] for at in chosen.fields] == ["id_no", "name", "phone", "born", "address"]


def test_what_the_caller_sent_never_counts_in_whatever_form() -> None:
    number = str(person(1)["id_no"])
    asked = replace(release(1), sent=frozenset({" ".join((number[:6], number[6:]))}))
    chosen = select(asked)
    assert chosen.counts == Counts(kept=4, too_common=1, sent=1, held=0)


def test_a_value_held_of_another_subject_still_counts() -> None:
    number, phone = str(person(1)["id_no"]).lower(), str(person(1)["phone"])
    assert select(release(1, 2), holdings=OneHeld(number, phone)).counts.held == 1
    assert select(release(1, 2), holdings=OneHeld("another", phone)).counts.held == 0


def test_nothing_is_held_of_nobody() -> None:
    of_nobody = replace(release(1), subject_fields=())
    phone = str(person(1)["phone"])
    assert select(of_nobody, holdings=OneHeld("", phone)).counts.held == 0
    of_one = replace(of_nobody, subject="X 1")
    assert select(of_one, holdings=OneHeld("x1", phone)).counts.held == 1


def test_numbers_are_cells_and_truth_values_are_not() -> None:
    row = {"id_no": True, "name": None, "phone": 13800138000, "born": Decimal("1234.56")}
    chosen = select(ReleasedRows(meta=meta(), rows=[row]))
    assert chosen.values == ["13800138000", "1234.56"]


def test_a_field_that_the_release_does_not_name_is_our_bug() -> None:
    with pytest.raises(ValueError, match="does not name"):
        select(ReleasedRows(meta=meta(), rows=[{"other": "x"}]))


def test_nothing_shows_a_value() -> None:
    released = replace(release(1), sent=frozenset({"13900139000"}), subject="王小明")
    shown = repr(released) + repr(select(released))
    assert not any(str(cell) in shown for cell in person(1).values())
    assert "13900139000" not in shown


def test_a_description_survives_its_json_form() -> None:
    assert ReleaseMeta.from_json(meta().to_json()) == meta()


@pytest.mark.parametrize(
    "wrong",
    [{"strength": "maybe"}, {"fields": ()}, {"registered_at": datetime(2026, 1, 1)}],  # noqa: DTZ001 - meant
    ids=["strength", "fields", "instant"],
)
def test_a_description_that_says_nothing_does_not_exist(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"release|strength"):
        replace(meta(), **wrong)  # type: ignore[arg-type]
