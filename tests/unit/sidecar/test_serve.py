# SPDX-License-Identifier: Apache-2.0
"""``govshare serve`` without the extra, and with a wrong file."""

import subprocess
import sys
from pathlib import Path

import pytest

from govshare_policy.cli.serve import serve
from govshare_policy.errors import ConfigError


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "govshare_sidecar.run", None)
    with pytest.raises(ConfigError, match=r"install govshare-policy\[sidecar\]"):
        serve(tmp_path / "govshare.toml")


def test_a_missing_configuration_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"`govshare.toml` cannot be read"):
        serve(tmp_path / "govshare.toml")


def test_the_command_says_one_sentence_and_exits_2(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "govshare_sidecar", "--config", str(tmp_path / "x.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "govshare_sidecar: `x.toml` cannot be read: no such file or directory\n"
