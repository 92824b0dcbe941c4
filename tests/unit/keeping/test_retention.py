# SPDX-License-Identifier: Apache-2.0
"""Terms: what the texts say, and from when on nothing need be kept."""

from datetime import date
from pathlib import Path

import pytest

from govshare_policy.errors import PolicyError
from govshare_policy.keeping import Term, load_terms, longest
from govshare_policy.policy import packs_directory, profiles

NATIONAL = Term(clause="NR-a29-01", years=3)


def test_every_text_comes_with_the_three_years_of_the_national_one() -> None:
    """No local text sets a term; article 29 binds everywhere."""
    for profile in profiles(packs_directory()):
        assert load_terms(profile) == (NATIONAL,)


@pytest.mark.parametrize(
    ("day", "end"),
    [
        (date(2026, 1, 7), date(2029, 1, 7)),
        (date(2028, 2, 29), date(2031, 3, 1)),
        (date(2025, 2, 28), date(2028, 2, 28)),
    ],
)
def test_a_term_ends_after_full_years(day: date, end: date) -> None:
    """The 29th of February has its anniversary on the 1st of March."""
    assert NATIONAL.end(day) == end


def pack(directory: Path, name: str, text: str) -> None:
    path = directory / name
    path.mkdir(exist_ok=True)
    (path / "law.toml").write_text("")
    (path / "clauses.tsv").write_text("clause\nX-1\n")
    if text:
        (path / "retention.toml").write_text(text)


def term(records: str = "usage", years: object = 5, clause: str = "X-1") -> str:
    return f'[[term]]\nrecords = "{records}"\nyears = {years}\nclause = "{clause}"\n'


def test_the_longest_term_counts(tmp_path: Path) -> None:
    """That of the local text or of the national one."""
    pack(tmp_path, "local", term(years=5))
    pack(tmp_path, "national-809", term(years=3))
    assert longest(load_terms("local", packs=tmp_path)).years == 5
    assert longest(load_terms("national-809", packs=tmp_path)).years == 3


@pytest.mark.parametrize(
    "text",
    [
        "not toml =",
        "other = 1\n",
        "term = 3\n",
        "[[term]]\nyears = 3\n",
        term(records="letters"),
        term(years=0),
        term(years=101),
        term(years="true"),
        term(clause="X-2"),
    ],
)
def test_a_file_that_is_not_understood_is_refused(tmp_path: Path, text: str) -> None:
    """A condition must not be taken for absent."""
    pack(tmp_path, "local", text)
    with pytest.raises(PolicyError, match=r"local/retention\.toml"):
        load_terms("local", packs=tmp_path)


def test_where_no_text_sets_a_term_nobody_guesses_one(tmp_path: Path) -> None:
    """Nor for a text that is not there."""
    pack(tmp_path, "local", "")
    with pytest.raises(PolicyError, match="neither local nor national-809"):
        load_terms("local", packs=tmp_path)
    with pytest.raises(PolicyError, match="unknown profile; there are local"):
        load_terms("elsewhere", packs=tmp_path)
    (tmp_path / "local" / "retention.toml").write_text(term())
    (tmp_path / "local" / "clauses.tsv").unlink()
    with pytest.raises(PolicyError, match="cannot be read"):
        load_terms("local", packs=tmp_path)
