# SPDX-License-Identifier: Apache-2.0
"""One key, one small log of everything, and one log of two segments."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from govshare_policy.audit import encode_record
from govshare_policy.crypto import Signer
from tests.unit.inspection.world import World, make_signer, some_records, write


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return make_signer(tmp_path_factory.mktemp("inspection-key"))


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> World:
    """400 records of every kind, not to be changed."""
    directory = tmp_path_factory.mktemp("mixed") / "log"
    return write(directory, signer, some_records(400, seed=5))


@pytest.fixture
def own(mixed: World, tmp_path: Path) -> World:
    """A copy of it that a test may spoil."""
    shutil.copytree(mixed.directory, tmp_path / "log")
    return replace(mixed, directory=tmp_path / "log")


@pytest.fixture(scope="session")
def long(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> World:
    """A sealed segment and four records in the next; not to be changed."""
    directory = tmp_path_factory.mktemp("long") / "log"
    records = (
        encode_record({"department": f"D-{n % 7}", "n": n, "phase": "decision"})
        for n in range(1, 65_540)
    )
    return write(directory, signer, records, batch=4000)
