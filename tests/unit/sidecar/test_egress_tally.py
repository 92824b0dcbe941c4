# SPDX-License-Identifier: Apache-2.0
"""What heartbeats count is counted for all workers, and never goes back."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from govshare_policy.errors import ConfigError
from govshare_sidecar.egress.tally import Tally

ROUNDS = 20


def count(path: Path) -> None:
    tally = Tally(path, least={"scanned": 5})
    for _ in range(ROUNDS):
        tally.add({"scanned": 1, "denied": 2})


def test_several_processes_count_together(tmp_path: Path) -> None:
    path = tmp_path / "counts.sqlite"
    with ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn")) as executor:
        list(executor.map(count, [path, path]))

    assert Tally(path, least={}).total() == {"scanned": 5 + 2 * ROUNDS, "denied": 4 * ROUNDS}


def test_a_file_that_is_lost_or_older_counts_on_from_the_last_heartbeat(tmp_path: Path) -> None:
    tally = Tally(tmp_path / "counts.sqlite", least={"denied": 7})
    tally.add({"denied": 1})

    assert Tally(tmp_path / "counts.sqlite", least={"denied": 3}).total() == {"denied": 8}
    assert Tally(tmp_path / "counts.sqlite", least={"denied": 9}).total() == {"denied": 9}


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "counts.sqlite").write_bytes(b"nothing of the kind, and long enough" * 40)

    with pytest.raises(ConfigError, match=r"`counts\.sqlite` cannot be used"):
        Tally(tmp_path / "counts.sqlite", least={})
