# SPDX-License-Identifier: Apache-2.0
"""Both departments know the same citizens: what was held before is not what was released."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from govshare_policy.crypto import generate_key, open_signer
from govshare_policy.egress.holdings import Holdings, load_holdings, register_holdings
from govshare_policy.egress.verdict import Outcome
from tests.egress.forms import WHOLE, as_csv
from tests.egress.generators import Row, household, insured, rows
from tests.egress.guarded import AT, KEY, Guarded, make_guarded
from tests.egress.roles import only, role_of

HELD = 90
SHAPES = ("as released (JSON)", "CSV", "XML", "prose without delimiters", "YAML", "vCard")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A release of 300 records, 90 of which tell of citizens whom the department knew before.

    Attributes:
        guarded: With the register loaded before the release.
        released: All records.
        own: What the department holds: of the citizens it knows, all but the amounts.
    """

    guarded: Guarded
    released: list[Row]
    own: list[Row]


def hold(directory: Path, source: Path, *, subject: str) -> Holdings:
    """Register what *source* has, a month before the release, and load the register."""
    generate_key(directory / "key.pem", b"test")
    signer = open_signer(f"file:{directory / 'key.pem'}", b"test")
    register, at = directory / "holdings", AT - timedelta(days=30)
    register.mkdir()
    register_holdings(register, source, subject=subject, at=at, key=KEY, signer=signer)
    return load_holdings(register, key=KEY, public=signer.public)


@pytest.fixture(params=["household", "insured"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shared]:
    make = {"household": household, "insured": insured}[request.param]
    released = rows(make, 300, seed=1)
    own = only(released[:HELD], "id", "name", "phone", "date", "address")
    subject = role_of(released[0], "id")
    source = tmp_path / "own.csv"
    source.write_bytes(as_csv(own))
    holdings = hold(tmp_path, source, subject=subject)
    with make_guarded(tmp_path) as guarded:
        guarded.release(released, holdings=holdings, subject=subject)
        yield Shared(guarded=guarded, released=released, own=own)


@pytest.mark.parametrize("shape", SHAPES)
def test_own_data_about_shared_citizens_pass(shape: str, shared: Shared) -> None:
    """30 % of the citizens are shared, and nothing about them is denied or even likely."""
    body = WHOLE[shape](shared.own)

    assert shared.guarded.scan(body).outcome is Outcome.PASS
    assert not shared.guarded.recognised(body)


def test_what_the_release_added_about_a_shared_citizen_is_still_recognised(
    shared: Shared,
) -> None:
    row = shared.released[0]
    told = only(shared.released[:HELD], "amount", "other")

    verdict = shared.guarded.scan(as_csv(told))

    assert verdict.outcome is Outcome.DENY
    assert set(verdict.evidence[0].fields) <= {role_of(row, "amount"), role_of(row, "other")}


def test_citizens_whom_only_the_provider_knew_are_recognised(shared: Shared) -> None:
    body = as_csv(shared.released[HELD:])

    assert len(shared.guarded.recognised(body)) == len(shared.released) - HELD


def test_a_held_value_counts_again_beside_another_citizen(tmp_path: Path) -> None:
    """The register takes away a value of the subject for whom it was held, and of nobody else."""
    released = rows(household, 60, seed=1)
    source = tmp_path / "own.csv"
    source.write_bytes(
        as_csv([{"id_no": row["id_no"], "other": released[30]["id_no"]} for row in released[:30]])
    )
    holdings = hold(tmp_path, source, subject="id_no")
    with make_guarded(tmp_path) as guarded:
        guarded.release(released, holdings=holdings, subject="id_no")

        assert guarded.scan(as_csv(only(released[30:31], "id"))).outcome is Outcome.DENY


def test_without_the_register_own_data_about_shared_citizens_are_denied(tmp_path: Path) -> None:
    """The safe error."""
    released = rows(household, 60, seed=1)
    with make_guarded(tmp_path) as guarded:
        guarded.release(released)

        assert guarded.scan(as_csv(only(released[:20], "id", "name"))).outcome is Outcome.DENY
