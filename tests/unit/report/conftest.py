# SPDX-License-Identifier: Apache-2.0
"""One key for the logs of reports."""

import pytest

from govshare_policy.crypto import Signer
from tests.unit.report.logs import make_signer


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return make_signer(tmp_path_factory.mktemp("report-key"))
