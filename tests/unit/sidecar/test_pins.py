# SPDX-License-Identifier: Apache-2.0
"""The keys of the log's pins and of its signing key."""

from pathlib import Path

import pytest

from govshare_policy.audit.pin_lag import Lag
from govshare_policy.errors import ConfigError
from govshare_sidecar._settings import read_key
from govshare_sidecar._table import Table
from govshare_sidecar.pins import PinConfig, read_pins

FILE = Path("/etc/govshare/sidecar.toml")
ROW = "postgresql://govshare_pin@db.example/pins?sslmode=verify-full#county-1"
COMMAND = 'command:["/opt/pin", "county-1"]'


def table(**values: object) -> Table:
    return Table(values, file=FILE, name="log")


@pytest.mark.parametrize("text", ["audit/pin", "file:audit/pin"])
def test_a_path_is_a_file_beside_the_configuration(text: str) -> None:
    assert read_pins(table(pin=text)) == PinConfig(names=("file:/etc/govshare/audit/pin",))


def test_several_pins_are_named_in_a_list() -> None:
    pins = table(pins=["/mnt/other/pin", ROW, COMMAND], pin_lag_s=2)
    assert read_pins(pins) == PinConfig(
        names=("file:/mnt/other/pin", ROW, COMMAND), lag=Lag(records=10_000, seconds=2)
    )
    pins.finish()


def test_each_bound_of_the_lag_has_a_default() -> None:
    assert read_pins(table(pin=ROW, pin_lag_records=5)).lag == Lag(records=5, seconds=1)
    assert read_pins(table(pin=ROW)).lag is None


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "none": ({}, "`log.pin` is missing"),
    "an empty list": ({"pins": []}, "`log.pins` is empty"),
    "both": ({"pin": "a", "pins": ["b"]}, "`log.pin` stands beside `pins`"),
    "twice": ({"pins": ["a", "file:a"]}, "`log.pins` names a pin twice"),
    "no path": ({"pin": "file:"}, "`log.pin` names no pin: a pin is named `file:PATH`"),
    "a shell": ({"pin": "command:/opt/pin"}, "`log.pin` names no pin: a pin behind a command"),
    "a password": ({"pin": "postgresql://me:secret@db/pins#x"}, "use `passfile`"),
    "no lag": ({"pin": "a", "pin_lag_s": 0}, "`log.pin_lag_s` is a number of seconds above"),
    "no records": ({"pin": "a", "pin_lag_records": 0}, "`log.pin_lag_records` is a whole number"),
}


@pytest.mark.parametrize(("values", "says"), WRONG.values(), ids=WRONG)
def test_a_wrong_pin_is_told_by_its_key(values: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_pins(table(**values))
    assert f"sidecar.toml: {says}" in str(caught.value) or says in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_key_is_a_file_or_in_a_device() -> None:
    """The access code of a key in a device is the line of the passphrase file."""
    device = "sdf:/opt/maker/libsdf.so?key=1"
    assert read_key(table(key=device)) == device
    assert read_key(table(key="file:keys/audit.pem")) == "file:/etc/govshare/keys/audit.pem"
    for wrong in ("pkcs11:token=1", "sdf:libsdf.so?key=1"):
        with pytest.raises(ConfigError, match=r"`log\.key` is `file:` and a path, or `sdf:/LIB"):
            read_key(table(key=wrong))
