# SPDX-License-Identifier: Apache-2.0
"""What was used today is read off the log."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from govshare_policy.audit import AuditLog, FilePin, encode_record, format_time
from govshare_policy.audit.pin_lag import Lag
from govshare_policy.crypto import generate_key
from govshare_policy.errors import AuditError, ConfigError
from govshare_sidecar.config import LogConfig
from govshare_sidecar.journal import open_log, used_on
from govshare_sidecar.pins import PinConfig

PASSPHRASE = b"correct horse"
DAY = date(2026, 1, 5)
MORNING = datetime(2026, 1, 5, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "key.pem"
    generate_key(path, PASSPHRASE)
    return path


@pytest.fixture
def config(tmp_path: Path, key: Path) -> LogConfig:
    return LogConfig(
        directory=tmp_path / "log",
        origin="",
        key=f"file:{key}",
        passphrase=PASSPHRASE,
        pins=PinConfig(names=(f"file:{tmp_path}/pin",)),
        salts=tmp_path / "salts.sqlite",
    )


@pytest.fixture
def log(config: LogConfig) -> Iterator[AuditLog]:
    with open_log(config, now=lambda: MORNING) as log:
        yield log


def decision(at: datetime, *counted: str) -> bytes:
    return encode_record(
        {
            "phase": "decision",
            "t": format_time(at),
            "grant": "G99",
            "counted": list(counted),
            "call": {"purpose": f'"t":"{DAY}T'},
        }
    )


def test_a_missing_pin_is_told(
    config: LogConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it nobody could tell a log that was cut back, so it is not remade in silence."""
    with open_log(config, now=lambda: MORNING):
        pass
    (tmp_path / "pin").unlink()
    more = replace(config, pins=PinConfig(names=(*config.pins.names, f"file:{tmp_path}/other")))
    with open_log(more, now=lambda: MORNING):
        pass
    assert "the pin `pin` is missing" in caplog.text
    assert "the pin `other` is missing" in caplog.text
    caplog.clear()
    with open_log(more, now=lambda: MORNING):
        assert caplog.text == ""
    assert (tmp_path / "other").read_bytes() == (tmp_path / "pin").read_bytes()


def test_a_pin_that_lost_a_block_is_told(
    config: LogConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_log(config, now=lambda: MORNING) as log:
        for _ in range(3):
            log.append(encode_record({"phase": "outcome"}))
    pin = tmp_path / "pin"
    pin.write_bytes(pin.read_bytes()[:-1] + b"?")
    with open_log(config, now=lambda: MORNING) as log:
        assert log.size == 5
    assert "a block of the pin `pin` is damaged" in caplog.text


def test_a_pin_with_a_lag_has_caught_up_when_the_log_is_closed(
    config: LogConfig, tmp_path: Path
) -> None:
    lagged = replace(config, pins=replace(config.pins, lag=Lag(records=100, seconds=30)))
    with open_log(lagged, now=lambda: MORNING) as log:
        for _ in range(3):
            log.append(encode_record({"phase": "outcome"}))
    mark = FilePin(path=tmp_path / "pin").load()
    assert mark is not None
    assert mark.size == 4


def test_a_pin_that_does_not_catch_up_is_told(config: LogConfig, tmp_path: Path) -> None:
    """The log is closed all the same, and the next opening moves the pin up."""
    lagged = replace(config, pins=replace(config.pins, lag=Lag(records=100, seconds=1.0)))
    stack = ExitStack()
    log = stack.enter_context(open_log(lagged, now=lambda: MORNING))
    (tmp_path / "pin").rename(tmp_path / "kept")
    (tmp_path / "pin").mkdir()
    log.append(encode_record({"phase": "outcome"}))
    with pytest.raises(AuditError, match="the pin `pin` cannot be read"):
        stack.close()
    (tmp_path / "pin").rmdir()
    (tmp_path / "kept").rename(tmp_path / "pin")
    with open_log(lagged, now=lambda: MORNING) as log:
        assert log.size == 2


def test_a_log_of_another_name_is_closed_again(config: LogConfig) -> None:
    with open_log(config, now=lambda: MORNING):
        pass
    other = replace(config, origin="audit.example/other")
    with (
        pytest.raises(ConfigError, match=r"`log\.origin` is not the name of the log"),
        open_log(other, now=lambda: MORNING),
    ):
        pass
    with open_log(config, now=lambda: MORNING):
        pass


def test_calls_that_were_counted_on_the_legal_day_count_and_no_others(
    log: AuditLog, config: LogConfig
) -> None:
    midnight = datetime(2026, 1, 4, 16, tzinfo=UTC)  # in Asia/Shanghai
    instant = timedelta(microseconds=1)
    for record in (
        decision(midnight - instant, "G01"),
        decision(midnight, "first"),
        decision(MORNING, "G02", "G03"),
        decision(midnight + timedelta(days=1) - instant, "last"),
        decision(MORNING, "G02"),
        decision(midnight + timedelta(days=1), "G01"),
        decision(MORNING - timedelta(days=400), "G01"),
        decision(MORNING),
        encode_record({"phase": "outcome", "t": format_time(MORNING), "counted": ["G01"]}),
    ):
        log.append(record)

    used = list(used_on(DAY, config.directory))
    assert used == [(grant, DAY) for grant in ("first", "G02", "G03", "last", "G02")]


def test_a_record_of_today_that_says_nothing_of_quotas_is_told(
    log: AuditLog, config: LogConfig
) -> None:
    """To count on without it would let calls past a quota."""
    log.append(encode_record({"phase": "decision", "t": format_time(MORNING)}))

    with pytest.raises(AuditError, match=r"^record 1 of the log is not what the gate writes$"):
        list(used_on(DAY, config.directory))


def test_a_log_that_is_not_there_yet_has_used_nothing(tmp_path: Path) -> None:
    assert list(used_on(DAY, tmp_path / "nothing")) == []
    (tmp_path / "empty").mkdir()
    assert list(used_on(DAY, tmp_path / "empty")) == []


def test_a_log_that_cannot_be_read_is_an_error_and_not_nothing(tmp_path: Path) -> None:
    (tmp_path / "log.json").write_text("{}")
    with pytest.raises(AuditError, match="the file is missing"):
        list(used_on(DAY, tmp_path))


def test_a_directory_without_a_log_says_what_to_do(config: LogConfig) -> None:
    """As a disk leaves it that was full when the log was to be made."""
    (config.directory / "seg").mkdir(parents=True)
    with pytest.raises(AuditError, match=r"holds no `log\.json`: put it back"):
        list(used_on(DAY, config.directory))
    opening = open_log(config, now=lambda: MORNING)
    with pytest.raises(AuditError, match="remove the directory and the pin"), opening:
        pass


def test_a_new_log_without_a_name_has_that_of_the_host(log: AuditLog) -> None:
    assert log.origin.startswith("govshare/")
    assert len(log.origin) > len("govshare/")


def test_a_directory_that_is_a_file_is_told(config: LogConfig) -> None:
    config.directory.write_text("")
    opening = open_log(config, now=lambda: MORNING)
    says = r"`log.directory` cannot be read: not a directory"
    with pytest.raises(ConfigError, match=says), opening:
        pass
