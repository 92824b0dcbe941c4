# SPDX-License-Identifier: Apache-2.0
"""The configuration of a witness, and of a log that has witnesses, is read strictly."""

import tomllib
from pathlib import Path

import pytest

from govshare_policy.audit import format_trust, parse_trust
from govshare_policy.crypto import generate_key
from govshare_policy.errors import ConfigError
from govshare_sidecar._table import Table
from govshare_sidecar.witness.peers import WatchConfig, read_watch
from govshare_sidecar.witness.settings import load_witness_config
from tests.unit.sidecar.watched import CONFIG, ORIGIN, PASSPHRASE, World, make_keys

WATCH = """
required = 1
max_lag_s = 30
[[peer]]
name = "witness.example/u"
url = "https://u.example:9444/witness/"
public = "u.pub"
ca = "u.pub"
[[peer]]
name = "witness.example/v"
url = "http://127.0.0.1:9444"
public = "v.pub"
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("keys")
    keys = make_keys(directory)
    for name, signer in keys.items():
        (directory / f"{name}.pub").write_bytes(signer.public.to_pem())
    world = World(directory=directory, key_files=directory, keys=keys)
    (directory / "log.toml").write_text(format_trust(world.trust), encoding="utf-8")
    generate_key(directory / "key.pem", PASSPHRASE)
    (directory / "passphrase").write_bytes(PASSPHRASE)
    (directory / "passphrase").chmod(0o600)
    return directory


@pytest.fixture
def directory(made: Path, tmp_path: Path) -> Path:
    for path in made.iterdir():
        target = tmp_path / path.name
        target.write_bytes(path.read_bytes())
        target.chmod(0o600)
    return tmp_path


def watch(directory: Path, text: str) -> WatchConfig:
    table = Table(tomllib.loads(text), file=directory / "govshare.toml", name="log.witness")
    return read_watch(table)


def test_the_witnesses_of_a_log_are_read(directory: Path) -> None:
    config = watch(directory, WATCH)

    assert (config.required, config.max_lag_s, config.timeout_s) == (1, 30.0, 5.0)
    assert [peer.url for peer in config.peers] == [
        "https://u.example:9444/witness",
        "http://127.0.0.1:9444",
    ]
    assert [peer.ca for peer in config.peers] == [directory / "u.pub", None]


UNWATCHED = {
    "no number": ("required = 1\n", "", "`log.witness.required` is a whole number above zero"),
    "none required": ("required = 1", "required = 0", "above zero"),
    "more than there are": ("required = 1", "required = 3", "more than there are"),
    "no time at all": ("max_lag_s = 30", "max_lag_s = 1", "`log.witness.max_lag_s` is below 3"),
    "a setting that we do not know": (
        "required = 1",
        "required = 1\nif_any = 1",
        "`log.witness.if_any`",
    ),
    "one name twice": ("example/v", "example/u", "names one witness or one key twice"),
    "one key twice": ("v.pub", "u.pub", "names one witness or one key twice"),
    "a name with a space": ("example/v", "example v", "is no name"),
    "a long name": ("example/v", "example/" + 60 * "v", "more than 64 characters"),
    "another scheme": ("http://127", "ftp://127", "is http:// or https://"),
    "no host": ("http://127.0.0.1:9444", "http://", "is http:// or https://"),
    "a query": ("127.0.0.1:9444", "127.0.0.1:9444/?a", "is http:// or https://"),
    "no address": ("http://127.0.0.1:9444", "http://[", "is http:// or https://"),
    "a key that is not there": ("v.pub", "w.pub", "names no file"),
    "a key that is none": ("v.pub", "log.toml", "key"),
    "a condition on a witness": (
        '"v.pub"',
        '"v.pub"\nweight = 2',
        r"`log.witness.peer\[1\].weight`",
    ),
}


@pytest.mark.parametrize(("old", "new", "says"), UNWATCHED.values(), ids=UNWATCHED)
def test_a_wrong_table_of_witnesses_is_named(
    directory: Path, old: str, new: str, says: str
) -> None:
    assert old in WATCH

    with pytest.raises(ConfigError, match=says):
        watch(directory, WATCH.replace(old, new, 1))


WRONG = {
    "a missing name": ('name = "witness.example/w"\n', "", "`name` is missing"),
    "a name with a space": ('"witness.example/w"', '"a b"', "`name` is no name"),
    "another scheme": ("file:key.pem", "sdf:1", "`key`"),
    "no log": ('[[log]]\ntrust = "log.toml"', "", "`log` is missing"),
    "a trust file that is not there": ('"log.toml"', '"none.toml"', "names no file"),
    "one log twice": ("[[log]]", '[[log]]\ntrust = "log.toml"\n[[log]]', "another table"),
    "a setting that we do not know": ("[[log]]", "quorum = 1\n[[log]]", "`quorum` is not"),
    "a condition on a log": ("[[log]]", "[[log]]\nmore = 1", "`log\\[0\\].more` is not"),
}


@pytest.mark.parametrize(("old", "new", "says"), WRONG.values(), ids=WRONG)
def test_a_wrong_configuration_is_named(directory: Path, old: str, new: str, says: str) -> None:
    path = directory / "witness.toml"
    assert old in CONFIG
    path.write_text(CONFIG.replace(old, new, 1))

    with pytest.raises(ConfigError, match=says):
        load_witness_config(path)


def test_a_witness_listens_on_loopback_unless_told(directory: Path) -> None:
    path = directory / "witness.toml"
    path.write_text(CONFIG.replace('listen = "127.0.0.1:0"\n', ""))
    config = load_witness_config(path)

    assert str(config.listen) == "127.0.0.1:9444"
    assert "correct horse" not in repr(config)
    assert config.logs == {ORIGIN: parse_trust(format_trust(config.logs[ORIGIN]))}
