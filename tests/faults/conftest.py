# SPDX-License-Identifier: Apache-2.0
"""The laboratory of the fault tests."""

import pytest

from tests.faults.support import Laboratory


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    return Laboratory(tmp_path_factory.mktemp("lab"))
