# SPDX-License-Identifier: Apache-2.0
"""One signed bundle of the sample county, copied for whatever a test does to it."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from govshare_policy.crypto import PublicKey, Signer, generate_key, open_signer
from govshare_policy.policy import Precedence
from govshare_policy.signed import build_bundle, sign_bundle
from tests.county import COUNTY

CREATED = datetime(2026, 1, 5, 1, tzinfo=UTC)


def make_signer(directory: Path) -> Signer:
    path = directory / "policy.pem"
    generate_key(path, b"correct horse")
    return open_signer(f"file:{path}", b"correct horse")


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return make_signer(tmp_path_factory.mktemp("policy-key"))


@pytest.fixture(scope="session")
def other_signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return make_signer(tmp_path_factory.mktemp("other-policy-key"))


@pytest.fixture
def public(signer: Signer) -> PublicKey:
    return signer.public


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Path:
    directory = tmp_path_factory.mktemp("bundles") / "made"
    build_bundle(
        directory, profile="hubei", data=COUNTY, precedence=Precedence.STRICTEST, created=CREATED
    )
    sign_bundle(directory, signer)
    return directory


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "bundle")
