# SPDX-License-Identifier: Apache-2.0
"""Places are bounded, shared out, and given back."""

from pathlib import Path

import pytest

from govshare_policy.errors import ConfigError
from govshare_sidecar._table import Table
from govshare_sidecar.auditors import Auditors, read_auditors
from govshare_sidecar.limits import MAX_IN_FLIGHT, Limits, Places, read_limits
from govshare_sidecar.refusal import Cause, RefusedError

ME, YOU, THEM = bytes([1]) * 32, bytes([2]) * 32, bytes([3]) * 32


def table(**values: object) -> Table:
    return Table(values, file=Path("govshare.toml"), name="limits")


def refused(places: Places, holder: bytes | None) -> bool:
    """Tell whether *holder* is refused a place for being one too many."""
    try:
        with places.hold(holder):
            return False
    except RefusedError as error:
        return error.cause is Cause.BUSY


def test_a_place_that_is_given_back_can_be_had_again() -> None:
    places = Places(most=1, share=1)
    with places.hold(ME):
        assert places.taken == 1
        assert refused(places, YOU)
    assert places.taken == 0
    assert not refused(places, YOU)


def test_a_place_is_given_back_when_what_held_it_fails() -> None:
    places = Places(most=1, share=1)
    with pytest.raises(KeyError), places.hold(ME):
        raise KeyError
    assert places.taken == 0


def test_nobody_gets_more_than_a_share_and_all_together_no_more_than_there_are() -> None:
    places = Places(most=3, share=2)
    with places.hold(ME), places.hold(ME):
        assert refused(places, ME)
        with places.hold(YOU):
            assert refused(places, THEM)
        assert not refused(places, THEM)


def test_all_who_show_no_certificate_share_one_share() -> None:
    places = Places(most=9, share=1)
    with places.hold(None):
        assert refused(places, None)
        assert not refused(places, ME)


def test_what_the_table_leaves_out_is_as_usual() -> None:
    assert read_limits(table()) == Limits()
    stated = read_limits(table(in_flight=10, notice_s=2.5, release_s=1))
    assert (stated.in_flight, stated.notice_s, stated.release_s) == (10, 2.5, 1.0)
    assert stated.per_caller == Limits().per_caller


@pytest.mark.parametrize(("streams", "share"), [(1, 1), (3, 1), (8, 2), (256, 64)])
def test_a_caller_has_a_quarter_of_the_streams_and_at_least_one(streams: int, share: int) -> None:
    assert Limits(streams=streams).streams_per_caller == share


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"in_flight": MAX_IN_FLIGHT + 1}, f"`limits.in_flight` is at most {MAX_IN_FLIGHT}"),
        ({"in_flight": 0}, "`limits.in_flight` is a whole number above zero"),
        ({"batch": "many"}, "`limits.batch` is a whole number above zero"),
        ({"notice_s": -1}, "`limits.notice_s` is a number of seconds above zero"),
        ({"inflight": 1}, "`limits.inflight` is not a setting"),
    ],
)
def test_a_wrong_limit_is_named(values: dict[str, object], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        read_limits(table(**values))


def test_auditors_are_known_by_the_digests_of_their_keys() -> None:
    keys = Table({"auditors": [ME.hex(), YOU.hex()]}, file=Path("f.toml"), name="audit")

    assert read_auditors(keys) == Auditors(keys=frozenset((ME, YOU)))


@pytest.mark.parametrize("key", ["", "ab", "g" * 64, "A" * 64, "a" * 65])
def test_what_is_no_digest_names_no_auditor(key: str) -> None:
    with pytest.raises(ConfigError, match=r"`audit\.auditors` "):
        read_auditors(Table({"auditors": [key]}, file=Path("f.toml"), name="audit"))
