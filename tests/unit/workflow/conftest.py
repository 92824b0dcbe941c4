# SPDX-License-Identifier: Apache-2.0
"""One key for all logs, and a town a test."""

from collections.abc import Callable
from pathlib import Path

import pytest

from govshare_policy.crypto import Signer, generate_key, open_signer
from govshare_policy.policy import Precedence
from tests.unit.workflow.town import Town


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "key.pem"
    generate_key(path, b"correct horse")
    return path


@pytest.fixture(scope="session")
def signer(key: Path) -> Signer:
    return open_signer(f"file:{key}", b"correct horse")


@pytest.fixture
def town(tmp_path: Path, signer: Signer) -> Callable[..., Town]:
    """Make the sample county under one profile, with its procedures not yet begun."""

    def make(profile: str, precedence: Precedence = Precedence.LOCAL, **change: object) -> Town:
        directory = tmp_path / f"{profile}-{precedence}"
        return Town(directory, signer, profile, precedence, change.get("change"))  # type: ignore[arg-type]

    return make
