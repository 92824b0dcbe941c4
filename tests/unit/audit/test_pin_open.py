# SPDX-License-Identifier: Apache-2.0
"""A pin has one form of name for each kind of store."""

import sys
from pathlib import Path

import pytest

from govshare_policy.audit import FilePin, Mark
from govshare_policy.audit.pin_command import CommandPin
from govshare_policy.audit.pin_lag import Lag, LaggedPin
from govshare_policy.audit.pin_open import full_name, join_pins, name_beside, open_pin
from govshare_policy.audit.pin_postgresql import PostgresqlPin
from govshare_policy.audit.pin_several import SeveralPins
from govshare_policy.errors import ConfigError

ROW = "postgresql://localhost/pins#county-1"
COMMAND = 'command:["/opt/pin", "a"]'


def test_each_scheme_is_its_own_store() -> None:
    assert open_pin("file:/mnt/pin") == FilePin(path=Path("/mnt/pin"))
    assert open_pin(COMMAND, timeout_s=2) == CommandPin(argv=("/opt/pin", "a"), timeout_s=2)
    row = open_pin(ROW)
    assert isinstance(row, PostgresqlPin)
    assert row.name == "county-1"
    row.close()


@pytest.mark.parametrize("uri", ["", "file:", "/mnt/pin", "pin", "postgres://localhost/pins#x"])
def test_another_scheme_is_refused(uri: str) -> None:
    with pytest.raises(ConfigError, match="a pin is named `file:PATH`"):
        open_pin(uri)


def test_without_its_driver_a_row_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "govshare_policy.audit.pin_postgresql")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r"install `govshare-policy\[postgresql\]`"):
        open_pin(ROW)


def test_a_path_is_taken_from_where_it_is_named() -> None:
    here = Path("/etc/govshare")
    assert full_name("pin", directory=here) == "file:/etc/govshare/pin"
    assert full_name("file:pin", directory=here) == "file:/etc/govshare/pin"
    assert full_name("/mnt/pin", directory=here) == "file:/mnt/pin"
    assert full_name("file:", directory=here) == "file:"
    assert full_name(ROW, directory=here) == ROW
    assert full_name(COMMAND, directory=here) == COMMAND


def test_the_pin_of_another_log_stands_beside() -> None:
    assert name_beside("file:/mnt/pin", "workflow") == "file:/mnt/pin-workflow"
    assert name_beside(ROW, "workflow") == f"{ROW}-workflow"
    assert name_beside(COMMAND, "workflow") == 'command:["/opt/pin", "a", "workflow"]'


def test_pins_are_joined_strictly_or_with_a_lag(tmp_path: Path) -> None:
    mark = Mark(origin="one", size=3, root=bytes(32), time=5)
    one, other = FilePin(path=tmp_path / "one"), FilePin(path=tmp_path / "other")
    assert join_pins([one]) is one
    several = join_pins([one, other])
    assert isinstance(several, SeveralPins)
    several.advance(None, mark)
    assert (one.load(), other.load()) == (mark, mark)
    several.close()
    lagged = join_pins([one, other], lag=Lag(records=1, seconds=1))
    assert isinstance(lagged, LaggedPin)
    assert lagged.name == "one`, `other"
    assert lagged.load() == mark
    lagged.close()
