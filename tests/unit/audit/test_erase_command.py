# SPDX-License-Identifier: Apache-2.0
"""``audit erase`` as the operator runs it, on a deployment whose sidecar stands still."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from govshare_policy.audit import SaltStore, encode_record, format_time, new_record_id, read_records
from govshare_policy.cli.audit_erase import erase_command
from govshare_policy.crypto import generate_key
from govshare_policy.errors import CallError, ConfigError
from govshare_sidecar.config import load_config
from govshare_sidecar.journal import open_log

Command = Callable[..., Result]
WHY = ("--reason", "on_request", "--actor", "wang")
CONFIG = """
profile = "hubei"
data = "data"
[log]
directory = "log"
key = "file:key.pem"
passphrase_file = "passphrase"
pin = "pin"
salts = "salts.sqlite"
[tls]
certificate = "key.pem"
key = "key.pem"
client_ca = "key.pem"
[grpc]
listen = "127.0.0.1:0"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    generate_key(tmp_path / "key.pem", b"correct horse")
    (tmp_path / "passphrase").write_bytes(b"correct horse")
    (tmp_path / "passphrase").chmod(0o600)
    path = tmp_path / "govshare.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def command(config: Path) -> Command:
    app = typer.Typer()
    app.command()(erase_command)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--config", str(config)])

    return run


@pytest.fixture
def ident(config: Path) -> str:
    """A record of the day before yesterday, in a log that nobody has open."""
    log_config = load_config(config).log
    at = datetime.now(UTC) - timedelta(days=2)
    ident = new_record_id(at)
    with (
        SaltStore(log_config.salts) as salts,
        open_log(log_config, now=lambda: datetime.now(UTC)) as log,
    ):
        committed = salts.commit(ident, {"operator": "li"})
        record = {"phase": "decision", "id": ident, "t": format_time(at), "commitments": committed}
        log.append(encode_record(record))
    return ident


def last(config: Path) -> dict[str, Any]:
    *_, (_, data) = read_records(config.with_name("log"))
    record: dict[str, Any] = json.loads(data)
    return record


def test_a_record_is_erased_and_the_log_says_so(command: Command, config: Path, ident: str) -> None:
    done = json.loads(command(ident, ident, *WHY).output)

    assert (done["state"], done["record"]) == ("erased", last(config)["id"])
    assert done["finished"] == [{"record": done["record"], "index": 2}]
    assert (last(config)["records"], last(config)["reason"]) == ([ident], "on_request")
    with SaltStore(config.with_name("salts.sqlite"), read_only=True) as salts:
        assert salts.erased_by(ident) == done["record"]


@pytest.mark.usefixtures("ident")
def test_a_day_is_erased(command: Command, config: Path) -> None:
    day = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()

    assert command("--day", day, *WHY).exit_code == 0
    assert last(config)["days"] == [day]


def test_while_the_log_is_in_use_the_erasure_is_kept_in_mind(
    command: Command, config: Path, ident: str
) -> None:
    with open_log(load_config(config).log, now=lambda: datetime.now(UTC)):
        done = json.loads(command(ident, *WHY).output)
    assert (done["state"], done["finished"]) == ("wanted", [])

    finished = json.loads(command().output)["finished"]

    assert [one["record"] for one in finished] == [done["record"]]
    assert last(config)["id"] == done["record"]


@pytest.mark.parametrize(
    ("lang", "word"), [("zh", "已抹除"), ("en", "the records and their proofs stay")]
)
def test_people_are_told_in_their_language(
    lang: str, word: str, command: Command, ident: str
) -> None:
    assert word in command(ident, *WHY, "--output", "table", "--lang", lang).output


@pytest.mark.usefixtures("ident")
@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (("--day", "today", *WHY), CallError, "--day takes a date"),
        (("--day", "2999-01-01", *WHY), CallError, "is not over"),
        (("case", *WHY), CallError, "not a UUIDv7"),
        (("case",), CallError, "the reason is a code"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: tuple[str, ...], error: type[Exception], sentence: str, command: Command
) -> None:
    done = command(*arguments)

    assert isinstance(done.exception, error)
    assert sentence in str(done.exception)


def test_a_deployment_that_never_ran_has_nothing_to_erase(command: Command) -> None:
    done = command("--day", "2026-01-01", *WHY)

    assert isinstance(done.exception, ConfigError)
    assert "nothing has been recorded yet" in str(done.exception)
