# SPDX-License-Identifier: Apache-2.0
"""A key, a clock and a log for every test of the audit room."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from govshare_policy.audit import AuditLog, TrustPolicy, parse_trust, trust_text
from govshare_policy.crypto import Signer, generate_key, open_signer

ORIGIN = "audit.example/one"


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def move(self, seconds: int) -> None:
        self.at += timedelta(seconds=seconds)


def make_signer(directory: Path) -> Signer:
    path = directory / "key.pem"
    generate_key(path, b"correct horse")
    return open_signer(f"file:{path}", b"correct horse")


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return make_signer(tmp_path_factory.mktemp("key"))


@pytest.fixture(scope="session")
def other_signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return make_signer(tmp_path_factory.mktemp("other-key"))


@pytest.fixture(scope="session")
def third_signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return make_signer(tmp_path_factory.mktemp("third-key"))


@pytest.fixture(scope="session")
def trust(signer: Signer) -> TrustPolicy:
    return parse_trust(trust_text(ORIGIN, signer.public))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def create(tmp_path: Path, signer: Signer, clock: Clock) -> Iterator[Callable[[], AuditLog]]:
    """Make the log in ``log`` under the test's directory."""
    logs: list[AuditLog] = []

    def make() -> AuditLog:
        log = AuditLog.create(
            tmp_path / "log", origin=ORIGIN, signer=signer, now=clock, preallocate=1024
        )
        logs.append(log)
        return log

    yield make
    for log in logs:
        log.close()
