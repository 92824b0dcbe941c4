# SPDX-License-Identifier: Apache-2.0
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from govshare_policy.crypto._gmssl import open_gmssl
from govshare_policy.crypto._libcrypto import open_libcrypto
from govshare_policy.crypto._points import open_points
from govshare_policy.crypto._provider import SigningProvider, Verifier
from govshare_policy.crypto._pure import open_pure

VERIFIERS: dict[str, Callable[[], Verifier]] = {
    "libcrypto": open_libcrypto,
    "points": open_points,
    "pure": open_pure,
    "gmssl": open_gmssl,
}
SIGNERS: dict[str, Callable[[], SigningProvider]] = {
    "libcrypto": open_libcrypto,
    "gmssl": open_gmssl,
}


@pytest.fixture(scope="session", params=VERIFIERS.values(), ids=list(VERIFIERS))
def verifier(request: pytest.FixtureRequest) -> Verifier:
    """Every provider in turn, opened by itself and not chosen."""
    opener: Callable[[], Verifier] = request.param
    return opener()


@pytest.fixture(scope="session", params=SIGNERS.values(), ids=list(SIGNERS))
def signing(request: pytest.FixtureRequest) -> SigningProvider:
    """Every provider that signs, in turn."""
    opener: Callable[[], SigningProvider] = request.param
    return opener()


@pytest.fixture(scope="session")
def openssl() -> Callable[..., None]:
    """The real command line, which fails the test if it fails."""
    program = shutil.which("openssl")
    if program is None:
        pytest.fail("these tests need the `openssl` command, version 3 or newer: install it")

    def run(*arguments: str | Path) -> None:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stderr

    return run
