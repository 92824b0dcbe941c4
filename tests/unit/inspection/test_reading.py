# SPDX-License-Identifier: Apache-2.0
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from govshare_policy.audit import Checkpoint, LogDamageError, read_records
from govshare_policy.audit.segment import Kind, encode_frame, segment_name
from govshare_policy.errors import VerificationError
from govshare_policy.inspection.reading import (
    Mark,
    newest_commit,
    read_batches,
    read_manifest,
    read_note,
)
from tests.unit.inspection.world import World


def test_the_batches_are_the_records_under_commits(mixed: World) -> None:
    entries = [entry for batch in read_batches(mixed.directory) for entry in batch.entries]

    assert [(one.number, one.data) for one in entries] == list(read_records(mixed.directory))


def test_reading_goes_on_from_any_commit(mixed: World) -> None:
    every = list(read_batches(mixed.directory))
    for place in (0, 1, len(every) // 2, len(every) - 1):
        assert list(read_batches(mixed.directory, every[place].end)) == every[place + 1 :]


def test_reading_goes_on_into_the_next_segment(long: World) -> None:
    every = list(read_batches(long.directory))
    sizes = [batch.end.size for batch in every]

    assert sizes[-1] == 65_540
    assert all(one < two for one, two in pairwise(sizes))
    assert [batch.end for batch in read_batches(long.directory, every[-3].end)] == [
        batch.end for batch in every[-2:]
    ]


def test_each_batch_ends_at_the_commit_that_its_note_is_of(mixed: World) -> None:
    for batch in read_batches(mixed.directory):
        assert Checkpoint.from_note(batch.note).size == batch.end.size
        assert read_note(mixed.directory, batch.end) == batch.note


def test_a_write_under_way_is_left_out(own: World) -> None:
    before = list(read_batches(own.directory))
    path = own.directory / "seg" / segment_name(0)
    data = path.read_bytes()[: before[-1].end.offset]
    path.write_bytes(data + encode_frame(Kind.ENTRY, b'{"not":"yet"}') + bytes(64))

    assert list(read_batches(own.directory)) == before
    assert newest_commit(own.directory).size == before[-1].end.size


def test_the_newest_commit_is_that_of_the_checkpoint_file(mixed: World, long: World) -> None:
    for world in (mixed, long):
        published = (world.directory / "checkpoint").read_bytes()
        assert newest_commit(world.directory) == Checkpoint.from_note(published)


def test_a_segment_that_was_only_begun_has_no_newest_commit(long: World, tmp_path: Path) -> None:
    shutil.copytree(long.directory, tmp_path / "log")
    second = tmp_path / "log" / "seg" / segment_name(65_536)
    second.write_bytes(second.read_bytes()[:64])

    assert newest_commit(tmp_path / "log").size == 65_536


def test_a_segment_that_ends_early_is_damage(long: World, tmp_path: Path) -> None:
    shutil.copytree(long.directory, tmp_path / "log")
    first = tmp_path / "log" / "seg" / segment_name(0)
    cut = next(iter(read_batches(long.directory))).end.offset
    first.write_bytes(first.read_bytes()[:cut])

    with pytest.raises(LogDamageError, match="ends early"):
        list(read_batches(tmp_path / "log"))


def test_what_is_no_log_is_named(tmp_path: Path) -> None:
    with pytest.raises(LogDamageError, match=r"log\.json"):
        read_manifest(tmp_path)
    with pytest.raises(LogDamageError, match="missing"):
        list(read_batches(tmp_path))
    with pytest.raises(VerificationError, match="no commit"):
        read_note(tmp_path, Mark())
