# SPDX-License-Identifier: Apache-2.0
"""What was used today is read off the log."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from govshare_policy.audit import AuditLog, encode_record, format_time
from govshare_policy.crypto import generate_key
from govshare_policy.errors import AuditError, ConfigError
from govshare_sidecar.config import LogConfig
from govshare_sidecar.journal import open_log, used_on

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
        pin=tmp_path / "pin",
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
    log: AuditLog, config: LogConfig, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it nobody could tell a log that was cut back, so it is not remade in silence."""
    log.close()
    config.pin.unlink()

    open_log(config, now=lambda: MORNING).close()

    assert "the pin `pin` is missing" in caplog.text


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
    with pytest.raises(AuditError, match="remove the directory and the pin"):
        open_log(config, now=lambda: MORNING)


def test_a_new_log_without_a_name_has_that_of_the_host(log: AuditLog) -> None:
    assert log.origin.startswith("govshare/")
    assert len(log.origin) > len("govshare/")


def test_a_directory_that_is_a_file_is_told(config: LogConfig) -> None:
    config.directory.write_text("")
    with pytest.raises(ConfigError, match=r"`log.directory` cannot be read: not a directory"):
        open_log(config, now=lambda: MORNING)
