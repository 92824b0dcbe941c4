# SPDX-License-Identifier: Apache-2.0
"""An index with another prefilter is refused: nothing in it would be found."""

import json
from pathlib import Path

import pytest

from govshare_policy.egress.index import Index
from govshare_policy.egress.manifest import FORMAT, NAME
from govshare_policy.egress.tags import Mac
from govshare_policy.errors import ConfigError
from tests.unit.egress.egress_world import KEY


def test_an_index_of_an_older_format_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / "index"
    Index.create(directory, key=KEY).close()
    body = json.loads((directory / NAME).read_bytes().split(b"\n")[0])
    body["format"] = FORMAT - 1
    text = json.dumps(body).encode() + b"\n"
    code = Mac.of(KEY.derive("files")).digest(b"manifest ", text).hex().encode()
    (directory / NAME).write_bytes(text + code + b"\n")

    with pytest.raises(ConfigError, match="older format"):
        Index.open(directory, "read", key=KEY).close()
