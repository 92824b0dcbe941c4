# SPDX-License-Identifier: Apache-2.0
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from govshare_policy.call import Action, Call
from govshare_policy.entitlements.blocks import PROBE, blocks
from govshare_policy.entitlements.model import Released, Terms
from govshare_policy.facts import OFFLINE_CHANNELS

SYSTEMS, NETWORKS = ("S1", "S2"), ("extranet", "intranet")
CHANNELS = ("api", "bulk", PROBE, "offline_exchange")
PURPOSES = ("check", "audit", PROBE)
ASKED = [Terms(*values) for values in product(SYSTEMS, NETWORKS, CHANNELS, PURPOSES)]
GIVEN = [Released(fields=("a",), duties=()), Released(fields=("a", "b"), duties=("no_onward",))]
ANSWERS = st.lists(st.none() | st.sampled_from(GIVEN), min_size=len(ASKED), max_size=len(ASKED))


@given(answers=ANSWERS)
def test_blocks_cover_what_was_allowed_and_nothing_that_was_not(
    answers: list[Released | None],
) -> None:
    """Whatever a text may answer: what was asked by name is told exactly."""
    lawful = {terms: given for terms, given in zip(ASKED, answers, strict=True) if given}
    scopes = list(blocks(lawful, ASKED))

    for terms in ASKED:
        if PROBE in terms:
            continue  # the code of nobody stands for those of others, which were not asked
        call = Call(
            id="",
            action=Action.READ,
            resource="R",
            fields=("*",),
            purpose=terms.purpose,
            system=terms.system,
            network=terms.network,
            channel=terms.channel,
        )
        fields = [scope.fields for scope in scopes if scope.covers(call)]
        assert fields == ([lawful[terms].fields] if terms in lawful else [])
    assert PROBE not in {code for scope in scopes for code in (*scope.channels, *scope.purposes)}


def test_any_purpose_is_only_said_where_none_is_refused() -> None:
    """Where one purpose that was asked is refused, the others stand by their names."""
    asked = [Terms("S1", "extranet", "api", purpose) for purpose in PURPOSES]
    given = Released(fields=("a",), duties=())

    def purposes(*allowed: Terms) -> list[tuple[str, ...]]:
        return [scope.purposes for scope in blocks(dict.fromkeys(allowed, given), asked)]

    assert purposes(*asked) == [("*",)]
    assert purposes(*asked[1:]) == [("audit",)]
    assert purposes(*asked[:2]) == [("check", "audit")]
    assert purposes(asked[2]) == [], "nothing that anybody could name"


def test_offline_is_never_part_of_any_channel() -> None:
    """An exchange by disk needs its own approval, so it stands by its name."""
    asked = [Terms("S1", "extranet", channel, "check") for channel in CHANNELS]
    given = Released(fields=("a",), duties=())
    (scope,) = blocks(dict.fromkeys(asked, given), asked)
    (online,) = blocks(dict.fromkeys(asked[:3], given), asked)

    assert scope.channels == ("*", "offline_exchange")
    assert online.channels == ("*",)
    assert OFFLINE_CHANNELS.isdisjoint(online.channels)
