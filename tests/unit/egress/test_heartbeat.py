# SPDX-License-Identifier: Apache-2.0
"""A guard that was off, set back or lied about its number leaves a gap that the provider sees."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from govshare_policy.crypto import Signer, generate_key, open_signer, sm3
from govshare_policy.egress.heartbeat import (
    Heartbeat,
    next_heartbeat,
    sign_heartbeat,
    verify_heartbeat,
)
from govshare_policy.egress.heartbeat_keeper import Fault, HeartbeatKeeper
from govshare_policy.errors import AuditError, SignatureError, VerificationError

AT = datetime(2026, 1, 5, 2, tzinfo=UTC)
EVERY = timedelta(seconds=60)
GUARD = "D-HCB/egress-1"


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Signer, Signer]:
    made = []
    for name in ("one", "other"):
        path = tmp_path_factory.mktemp("keys") / name
        generate_key(path, b"secret")
        made.append(open_signer(f"file:{path}", b"secret"))
    return made[0], made[1]


def chain(signer: Signer, count: int) -> Iterator[bytes]:
    before = b""
    for number in range(count):
        beat = next_heartbeat(
            before,
            guard=GUARD,
            at=AT + number * EVERY,
            index=sm3(b"index"),
            counts={"scanned": 10 * number, "denied": number},
        )
        before = sign_heartbeat(beat, signer)
        yield before


@pytest.fixture(scope="module")
def beats(signers: tuple[Signer, Signer]) -> list[bytes]:
    return list(chain(signers[0], 6))


@pytest.fixture
def keeper(tmp_path: Path) -> HeartbeatKeeper:
    return HeartbeatKeeper(tmp_path / "heartbeats.sqlite")


def taken(keeper: HeartbeatKeeper, signer: Signer, *beats: tuple[int, bytes]) -> list[Fault]:
    """Return the faults once *beats* came, each at its minute."""
    for minute, data in beats:
        keeper.take(data, signer.public, at=AT + minute * EVERY)
    last = max(minute for minute, _ in beats)
    return [gap.fault for gap in keeper.gaps(GUARD, every=EVERY, at=AT + last * EVERY)]


def test_a_heartbeat_verifies_as_signed_and_names_the_one_before(
    beats: list[bytes], signers: tuple[Signer, Signer]
) -> None:
    beat = verify_heartbeat(beats[3], signers[0].public)

    assert (beat.guard, beat.sequence, beat.previous) == (GUARD, 3, sm3(beats[2]))
    assert dict(beat.counts) == {"denied": 3, "scanned": 30}


def test_a_heartbeat_of_another_key_or_with_another_byte_does_not_verify(
    beats: list[bytes], signers: tuple[Signer, Signer]
) -> None:
    one, other = signers
    with pytest.raises(SignatureError):
        verify_heartbeat(beats[3], other.public)
    with pytest.raises(SignatureError):
        verify_heartbeat(beats[3].replace(b"sequence 3", b"sequence 4"), one.public)
    for data in (b"", beats[3][:-1], beats[3] + b"\n", b"\xff" + beats[3], beats[3] * 20):
        with pytest.raises(VerificationError):
            verify_heartbeat(data, one.public)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sequence 3", "sequence 03"),
        ("sequence 3", "sequence 9999999999999999"),
        ("-01-05T", "-13-05T"),
        ("count denied 3\ncount scanned 30\n", "count scanned 30\ncount denied 3\n"),
        ("guard D", "guard  D"),
    ],
    ids=["zeros", "too large", "no month", "order", "space"],
)
def test_what_is_signed_has_one_spelling(
    beats: list[bytes], signers: tuple[Signer, Signer], old: str, new: str
) -> None:
    text = verify_heartbeat(beats[3], signers[0].public).to_text()
    with pytest.raises(VerificationError):
        Heartbeat.from_text(text.replace(old, new))


def test_a_heartbeat_that_says_nonsense_does_not_exist(beats: list[bytes]) -> None:
    beat = Heartbeat.from_text(beats[1].decode().partition("\n\n")[0] + "\n")
    with pytest.raises(ValueError, match="visible"):
        replace(beat, guard="a b")
    with pytest.raises(ValueError, match="32 bytes"):
        replace(beat, index=b"")
    with pytest.raises(ValueError, match="53 bits"):
        replace(beat, sequence=-1)
    with pytest.raises(ValueError, match="lower_snake"):
        replace(beat, counts={"A": 1})


def test_a_chain_goes_on_for_its_own_guard_only(beats: list[bytes]) -> None:
    with pytest.raises(VerificationError, match="another guard"):
        next_heartbeat(beats[0], guard="other", at=AT, index=bytes(32), counts={})


def test_a_guard_that_was_on_all_the_time_leaves_no_gap(
    keeper: HeartbeatKeeper, beats: list[bytes], signers: tuple[Signer, Signer]
) -> None:
    assert taken(keeper, signers[0], *enumerate(beats)) == []
    assert keeper.guards() == (GUARD,)
    assert keeper.last(GUARD)[0].sequence == 5


def test_the_same_heartbeat_twice_is_kept_once(
    keeper: HeartbeatKeeper, beats: list[bytes], signers: tuple[Signer, Signer]
) -> None:
    assert taken(keeper, signers[0], (0, beats[0]), (0, beats[0]), (1, beats[1])) == []


def test_a_missing_number_is_a_gap(
    keeper: HeartbeatKeeper, beats: list[bytes], signers: tuple[Signer, Signer]
) -> None:
    faults = taken(keeper, signers[0], (1, beats[1]), (2, beats[2]), (4, beats[4]))

    first, second = keeper.gaps(GUARD, every=EVERY, at=AT + 4 * EVERY)
    assert faults == [Fault.MISSING, Fault.MISSING]
    assert ((first.first, first.last), (second.first, second.last)) == ((0, 0), (3, 3))


def test_silence_is_a_gap_in_between_and_at_the_end(
    keeper: HeartbeatKeeper, beats: list[bytes], signers: tuple[Signer, Signer]
) -> None:
    assert taken(keeper, signers[0], (0, beats[0]), (9, beats[1])) == [Fault.SILENT]
    late = keeper.gaps(GUARD, every=EVERY, at=AT + 12 * EVERY)
    assert [gap.fault for gap in late] == [Fault.SILENT, Fault.SILENT]
    assert (late[-1].first, late[-1].until) == (2, AT + 12 * EVERY)


def test_heartbeats_made_afterwards_all_at_once_show_the_silence_of_the_time(
    keeper: HeartbeatKeeper, signers: tuple[Signer, Signer], beats: list[bytes]
) -> None:
    beat = next_heartbeat(
        beats[0],
        guard=GUARD,
        at=AT + 5 * EVERY,
        index=bytes(32),
        counts={"denied": 1, "scanned": 1},
    )
    late = sign_heartbeat(beat, signers[0])

    assert taken(keeper, signers[0], (0, beats[0]), (1, late)) == [Fault.SILENT]


def test_two_heartbeats_of_one_number_contradict_each_other_and_both_are_kept(
    keeper: HeartbeatKeeper, beats: list[bytes], signers: tuple[Signer, Signer]
) -> None:
    beat = verify_heartbeat(beats[1], signers[0].public)
    lie = sign_heartbeat(replace(beat, index=bytes(32)), signers[0])

    assert taken(keeper, signers[0], (0, beats[0]), (1, beats[1]), (1, lie)) == [Fault.CONTRADICTS]


def test_a_heartbeat_that_does_not_name_the_one_before_is_seen(
    keeper: HeartbeatKeeper, beats: list[bytes], signers: tuple[Signer, Signer]
) -> None:
    signer = signers[0]
    first, second = (verify_heartbeat(data, signer.public) for data in beats[:2])
    torn = sign_heartbeat(replace(second, previous=bytes(32)), signer)
    odd = sign_heartbeat(replace(first, guard="second", previous=sm3(b"")), signer)

    assert taken(keeper, signer, (0, beats[0]), (1, torn)) == [Fault.UNCHAINED]
    keeper.take(odd, signer.public, at=AT)
    [gap] = keeper.gaps("second", every=EVERY, at=AT)
    assert gap.fault is Fault.UNCHAINED


@pytest.mark.parametrize(
    "change", [{"at": AT - EVERY}, {"counts": {"denied": 0}}], ids=["at", "counts"]
)
def test_a_clock_or_a_counter_that_went_back_is_seen(
    keeper: HeartbeatKeeper,
    beats: list[bytes],
    signers: tuple[Signer, Signer],
    change: dict[str, object],
) -> None:
    signer = signers[0]
    second = replace(verify_heartbeat(beats[2], signer.public), **change)  # type: ignore[arg-type]

    assert taken(keeper, signer, *enumerate(beats[:2]), (2, sign_heartbeat(second, signer))) == [
        Fault.WENT_BACK
    ]


def test_a_heartbeat_of_another_key_is_not_kept(
    keeper: HeartbeatKeeper, beats: list[bytes], signers: tuple[Signer, Signer]
) -> None:
    with pytest.raises(SignatureError):
        keeper.take(beats[0], signers[1].public, at=AT)
    assert keeper.guards() == ()
    assert keeper.gaps(GUARD, every=EVERY, at=AT) == ()
    with pytest.raises(VerificationError, match="no heartbeat"):
        keeper.last(GUARD)


def test_another_file_is_no_keeper(
    tmp_path: Path, beats: list[bytes], signers: tuple[Signer, Signer]
) -> None:
    (tmp_path / "text").write_text("no database at all, but long enough to be read as one" * 20)
    for path in (tmp_path / "text", tmp_path):
        with pytest.raises(AuditError, match="cannot be used"):
            HeartbeatKeeper(path)
    HeartbeatKeeper(tmp_path / "kept")
    reader = HeartbeatKeeper(tmp_path / "kept", read_only=True)
    with pytest.raises(AuditError, match="cannot be used"):
        reader.take(beats[0], signers[0].public, at=AT)
    (tmp_path / "kept").unlink()
    with pytest.raises(AuditError, match="cannot be used"):
        reader.guards()


def test_of_what_was_looked_at_before_nothing_is_said_again_unless_it_is_contradicted(
    keeper: HeartbeatKeeper, signers: tuple[Signer, Signer], beats: list[bytes]
) -> None:
    faults = taken(keeper, signers[0], (0, beats[0]), (2, beats[2]), (3, beats[3]))
    assert Fault.MISSING in faults

    def later(minute: int) -> list[Fault]:
        gaps = keeper.gaps(GUARD, every=EVERY, at=AT + minute * EVERY, since=AT + 3 * EVERY)
        return [gap.fault for gap in gaps]

    assert later(4) == []
    assert later(9) == [Fault.SILENT]
    other = next_heartbeat(beats[1], guard=GUARD, at=AT + 2 * EVERY, index=sm3(b"other"), counts={})
    keeper.take(sign_heartbeat(other, signers[0]), signers[0].public, at=AT + 4 * EVERY)
    assert Fault.CONTRADICTS in later(4)
