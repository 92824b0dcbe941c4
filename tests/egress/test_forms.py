# SPDX-License-Identifier: Apache-2.0
"""Released rows are recognised in every ordinary form."""

from collections.abc import Iterator
from itertools import product
from random import Random

import pytest

from govshare_policy.egress.values import Kind
from govshare_policy.egress.verdict import Cause, Outcome
from tests.egress.forms import COLUMNS, MIXED, WHOLE, as_csv, as_json
from tests.egress.generators import GENERATORS, Row
from tests.egress.guarded import Guarded, make_guarded
from tests.egress.roles import only, role_of
from tests.egress.table import Corpus, mixed, release_all

_SHIFT = 150
"""Other rows than those of the published table."""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    made = make_guarded(tmp_path_factory.mktemp("egress"))
    with made:
        yield made


@pytest.fixture(scope="module")
def corpora(guarded: Guarded) -> dict[str, Corpus]:
    return release_all(guarded)


@pytest.mark.parametrize(("form", "generator"), list(product(WHOLE, GENERATORS)))
def test_a_released_record_is_recognised_in_any_ordinary_form(
    form: str, generator: str, guarded: Guarded, corpora: dict[str, Corpus]
) -> None:
    """At least 99 % of the rows; the rows beside them are not taken for released."""
    corpus = corpora[generator]
    document = corpus.released[_SHIFT : _SHIFT + 50]
    expected = set(range(corpus.first + _SHIFT, corpus.first + _SHIFT + 50))

    found = guarded.recognised(WHOLE[form](document))

    assert len(found & expected) == len(expected)
    assert not found - expected


@pytest.mark.parametrize(("name", "generator"), list(product(MIXED, GENERATORS)))
def test_released_rows_are_picked_out_from_among_own_ones(
    name: str, generator: str, guarded: Guarded, corpora: dict[str, Corpus]
) -> None:
    document, released = mixed(corpora[generator], MIXED[name])

    verdict = guarded.scan(as_json(document))

    assert verdict.outcome is Outcome.DENY
    assert verdict.rows == released


@pytest.mark.parametrize("generator", GENERATORS)
def test_one_released_row_in_a_thousand_denies(
    generator: str, guarded: Guarded, corpora: dict[str, Corpus]
) -> None:
    corpus = corpora[generator]
    document = corpus.own * 4
    document[617] = corpus.released[3]

    verdict = guarded.scan(as_csv(document))

    assert (verdict.outcome, verdict.rows) == (Outcome.DENY, 1)


@pytest.mark.parametrize(("name", "generator"), list(product(COLUMNS, GENERATORS)))
def test_one_column_is_denied_by_containment_and_the_same_own_column_is_not(
    name: str, generator: str, guarded: Guarded, corpora: dict[str, Corpus]
) -> None:
    corpus, role = corpora[generator], COLUMNS[name]

    leaked = guarded.scan(as_csv(only(corpus.released[:100], role)))
    own = guarded.scan(as_csv(only(corpus.own, role)))

    assert (leaked.outcome, leaked.causes) == (Outcome.DENY, (Cause.CONTAINED,))
    assert leaked.evidence[0].fields == (role_of(corpus.released[0], role),)
    assert own.outcome is Outcome.PASS


def corrupt(row: Row, random: Random) -> Row:
    """Return the row as a clerk retypes it: two fields with a character wrong, one left out."""
    fields = random.sample(list(row), 3)
    out = {key: value for key, value in row.items() if key != fields[0]}
    for key in fields[1:]:
        value = out[key]
        at = random.randrange(len(value))
        swapped = value[:at] + value[at + 1 : at + 2] + value[at] + value[at + 2 :]
        out[key] = random.choice((value[:at] + value[at + 1 :], swapped, value[:at] + "7"))
    return out


@pytest.mark.parametrize("generator", GENERATORS)
def test_retyped_rows_with_errors_are_recognised(
    generator: str, guarded: Guarded, corpora: dict[str, Corpus]
) -> None:
    """Errors as in FEBRL's duplicates: what is left of a row still says whose it is."""
    corpus, random = corpora[generator], Random(11)  # noqa: S311 - invented errors
    document = [corrupt(row, random) for row in corpus.released]
    keys = list(dict.fromkeys(key for row in document for key in row))

    found = guarded.recognised(as_csv([{k: row.get(k, "") for k in keys} for row in document]))

    span = set(range(corpus.first, corpus.first + len(document)))
    assert len(found & span) >= 0.97 * len(span)


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_row_without_its_identifier_is_recognised_in_running_text(
    generator: str, guarded: Guarded, corpora: dict[str, Corpus]
) -> None:
    """Names and addresses are found where no delimiter says where they begin.

    A name and a day that stand twice in one small release are too common to be kept.
    """
    corpus = corpora[generator]
    text = "\n".join(
        f"兹有{row[role_of(row, 'name')]}居住在{row[role_of(row, 'address')]}"
        f"出生日期{row[role_of(row, 'date')]}请予协助"
        for row in corpus.released[:100]
    )

    assert len(guarded.recognised(text.encode())) >= 98


@pytest.mark.parametrize("generator", ["household", "insured"])
def test_an_identity_number_is_found_where_a_phone_is_glued_to_it(
    generator: str, guarded: Guarded, corpora: dict[str, Corpus]
) -> None:
    """Its date and check digit say where it ends; the rest is a number of its own."""
    corpus = corpora[generator]
    text = "\n".join(
        row[role_of(row, "id")] + row[role_of(row, "phone")] for row in corpus.released[:50]
    )

    scan = guarded.guard.scanner.scan(text)

    assert len(guarded.recognised(text.encode())) == 50
    assert {Kind.ID_NUMBER, Kind.PHONE} <= set(scan.kinds)
