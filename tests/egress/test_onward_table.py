# SPDX-License-Identifier: Apache-2.0
"""The published table is what is measured, and what it says is not detected is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from govshare_policy.egress.verdict import Outcome
from tests.egress.generators import GENERATORS
from tests.egress.guarded import Guarded, make_guarded
from tests.egress.table import DOCUMENT, Corpus, build, published, release_all
from tests.egress.unseen import UNSEEN


@pytest.fixture(scope="module")
def released(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Guarded, dict[str, Corpus]]]:
    """A guard with a release of each generator; every scan is by a caller of its own."""
    with make_guarded(tmp_path_factory.mktemp("released")) as guarded:
        yield guarded, release_all(guarded)


def test_the_published_table_is_what_is_measured(tmp_path: Path) -> None:
    """Nobody relies on more than what was seen."""
    guarded = make_guarded(tmp_path)
    with guarded:
        assert published() == build(guarded)


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("form", UNSEEN)
@pytest.mark.xfail(strict=True, reason="not detected, and published as such")
def test_a_form_that_is_published_as_not_detected_is_denied(
    form: str, generator: str, released: tuple[Guarded, dict[str, Corpus]]
) -> None:
    """One that passes here belongs into the other part of the table."""
    guarded, corpora = released
    body = UNSEEN[form](corpora[generator].released[:DOCUMENT])

    assert guarded.scan(body).outcome is Outcome.DENY
