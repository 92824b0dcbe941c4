# SPDX-License-Identifier: Apache-2.0
"""Forgetting a leaf takes exactly that leaf away."""

import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.audit.salttree import LEVELS, Seed, day_of, path_of, puncture, walk
from govshare_policy.errors import VerificationError
from tests.county import ROOT

SEED = bytes(range(32))
# Few digits, so that paths share beginnings and end apart.
PATHS = st.text(alphabet="0af", min_size=LEVELS, max_size=LEVELS)


def reference(seed: bytes, path: str) -> bytes:
    """The definition, from the top, with the standard library's hash."""
    if not path:
        return seed
    return hashlib.new("sm3", reference(seed, path[:-1]) + path[-1].encode()).digest()


def reached(nodes: dict[str, bytes], path: str) -> bytes | None:
    """Return the leaf at *path* as far as *nodes* lead to it, by trying every one of them."""
    ways = [(place, node) for place, node in nodes.items() if path.startswith(place)]
    assert len(ways) <= 1, "two nodes lead to one leaf"
    return walk(ways[0][1], path[len(ways[0][0]) :]) if ways else None


@settings(max_examples=20, deadline=None)
@given(erased=st.lists(PATHS, min_size=1, max_size=4, unique=True), others=st.sets(PATHS))
def test_every_other_leaf_stays_and_the_erased_ones_are_unreachable(
    erased: list[str], others: set[str]
) -> None:
    nodes = {"": SEED}
    for path in erased:
        [place] = [place for place in nodes if path.startswith(place)]
        nodes |= puncture(nodes.pop(place), prefix=place, path=path)

    for path in others - set(erased):
        assert reached(nodes, path) == reference(SEED, path)
    for path in erased:
        assert reached(nodes, path) is None
        assert not {reference(SEED, path[:depth]) for depth in range(LEVELS + 1)} & {
            *nodes.values()
        }


def test_what_a_seed_remembers_is_what_it_would_reach_anew() -> None:
    seed = Seed(day="2026-01-05", state=b"1", node=SEED)
    paths = [f"{number:016x}" for number in range(3_100)]

    first = [seed.salt(path) for path in paths]

    assert [seed.salt(path) for path in reversed(paths)] == first[::-1]
    assert first[::99] == [reference(SEED, path) for path in paths[::99]]
    assert len(seed.reached) + len(seed.earlier) <= 2_048


def test_a_puncture_keeps_fifteen_nodes_a_level() -> None:
    kept = puncture(SEED, prefix="", path="0" * LEVELS)

    assert len(kept) == 15 * LEVELS
    assert len(puncture(SEED, prefix="0" * 14, path="0" * LEVELS)) == 30


def test_the_way_to_a_record_is_a_digest_of_its_id() -> None:
    ident = "01996f26-3900-7052-802a-0017d0aa0550"

    assert (path_of(ident), day_of(ident).isoformat()) == ("bb53dff65b6d6b74", "2025-09-22")


@pytest.mark.parametrize(
    "ident", ["ffffffff-ffff-7052-802a-0017d0aa0550", "e677d21f-dc00-7000-8000-000000000000"]
)
def test_an_id_of_a_year_that_no_calendar_has_is_told(ident: str) -> None:
    with pytest.raises(VerificationError, match="no year that there is"):
        day_of(ident)


def test_the_example_of_the_specification_holds() -> None:
    """Computed with the standard library alone, from the text of §6.5."""
    spec = (ROOT / "docs" / "spec" / "audit-log.md").read_text(encoding="utf-8")
    salt = reference(SEED, "bb53dff65b6d6b74")
    committed = hmac.new(salt, b"operator\x00li", "sm3").hexdigest()

    assert f"`{salt.hex()}`" in spec
    assert f"`{committed}`" in spec
