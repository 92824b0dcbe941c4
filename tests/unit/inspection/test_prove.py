# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.audit import Checkpoint, Receipt, verify_receipt
from govshare_policy.audit.segment import segment_name
from govshare_policy.errors import ConsistencyError, InclusionError, VerificationError
from govshare_policy.inspection.prove import find_checkpoint, make_receipt, prove_continuation
from govshare_policy.inspection.reading import read_batches
from tests.unit.inspection.test_query import change
from tests.unit.inspection.world import World

NO_TEXT = b"\xff\xfe"


def sizes(world: World) -> list[int]:
    return [batch.end.size for batch in read_batches(world.directory)]


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_receipt_of_any_record_verifies_under_any_later_checkpoint(
    data: st.DataObject, mixed: World
) -> None:
    size = data.draw(st.sampled_from(sizes(mixed)))
    number = data.draw(st.integers(0, size - 1))

    receipt = make_receipt(mixed.directory, number, size=size)

    verify_receipt(receipt, mixed.trust)
    assert receipt.record == mixed.records()[number]
    if receipt.record != NO_TEXT:
        assert Receipt.from_text(receipt.to_text()) == receipt
    assert Checkpoint.from_note(receipt.checkpoint).size == size


@pytest.mark.parametrize("number", [0, 65_535, 65_536, 65_539])
def test_a_receipt_reaches_across_segments(number: int, long: World) -> None:
    receipt = make_receipt(long.directory, number)

    verify_receipt(receipt, long.trust)
    assert Checkpoint.from_note(receipt.checkpoint) == find_checkpoint(long.directory)


def test_a_record_behind_the_checkpoint_has_no_receipt_under_it(mixed: World) -> None:
    size = sizes(mixed)[5]

    with pytest.raises(VerificationError, match=f"not among the {size}"):
        make_receipt(mixed.directory, size, size=size)
    for number in (401, -1):
        with pytest.raises(VerificationError):
            make_receipt(mixed.directory, number)


def test_a_size_that_was_never_signed_has_no_checkpoint(mixed: World) -> None:
    missing = next(size for size in range(1, 400) if size not in sizes(mixed))
    for size in (missing, 0, 402, 10**9):
        with pytest.raises(VerificationError):
            find_checkpoint(mixed.directory, size)


def test_a_record_that_was_changed_gets_no_receipt(own: World) -> None:
    change(own, b'"network":"extranet"', b'"network":"intranet"')
    changed = next(n for n, data in enumerate(own.records()) if b'"intranet"' in data)

    with pytest.raises(InclusionError):
        make_receipt(own.directory, changed)


def test_one_checkpoint_is_proven_to_continue_another(mixed: World, long: World) -> None:
    for world in (mixed, long):
        every = sizes(world)
        for before, after in ((every[0], every[-1]), (every[1], every[-2]), (every[2], every[2])):
            old = find_checkpoint(world.directory, before)
            new = find_checkpoint(world.directory, after)
            assert prove_continuation(world.directory, old, new).verify(old) == new


def test_a_checkpoint_of_another_history_is_not_continued(mixed: World, long: World) -> None:
    """The two logs have the same name and key."""
    common = sorted(set(sizes(mixed)))[3]
    old = find_checkpoint(mixed.directory, common)

    with pytest.raises(ConsistencyError):
        prove_continuation(long.directory, old, find_checkpoint(long.directory))


def test_time_does_not_run_backwards(mixed: World) -> None:
    old, new = find_checkpoint(mixed.directory, sizes(mixed)[3]), find_checkpoint(mixed.directory)

    with pytest.raises(VerificationError, match="cannot continue"):
        prove_continuation(mixed.directory, new, old)


def test_a_directory_that_is_no_log_proves_nothing(own: World) -> None:
    (own.directory / "seg" / segment_name(0)).unlink()
    with pytest.raises(VerificationError):
        make_receipt(own.directory, 3)
    (own.directory / "log.json").unlink()
    with pytest.raises(VerificationError, match=r"log\.json"):
        make_receipt(own.directory, 3)
