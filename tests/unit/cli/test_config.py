# SPDX-License-Identifier: Apache-2.0
"""``govshare config validate`` finds what keeps a sidecar from starting, and leaves no trace."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from govshare_policy.audit import AuditLog, FilePin
from govshare_policy.crypto import generate_key, open_signer
from govshare_sidecar import validation
from govshare_sidecar.grpc_settings import Transport
from govshare_sidecar.revocation import load_lists
from govshare_sidecar.seen_lists import SeenLists
from tests.e2e.deployment import ORIGIN, PASSPHRASE, Deployment
from tests.e2e.lists import crl, write
from tests.e2e.pki import NOW, Authority
from tests.unit.cli.conftest import Command

VALIDATE = ("config", "validate", "--config")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("deployment")
    return Deployment(directory=directory, upstream="http://127.0.0.1:1").directory


@pytest.fixture
def directory(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "deployment")
    return tmp_path / "deployment"


def change(directory: Path, old: str, new: str) -> None:
    path = directory / "govshare.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def write_log(directory: Path, *, origin: str = ORIGIN) -> None:
    (directory / "audit").mkdir()
    signer = open_signer(f"file:{directory}/keys/audit.pem", PASSPHRASE)
    pin = FilePin(path=directory / "audit" / "pin")
    log = directory / "audit" / "log"
    AuditLog.create(log, origin=origin, signer=signer, now=lambda: NOW, pin=pin).close()


def state(directory: Path) -> dict[Path, tuple[int, int]]:
    files = {path: path.stat() for path in directory.rglob("*")}
    return {path: (stat.st_mtime_ns, stat.st_size) for path, stat in files.items()}


@pytest.mark.parametrize("with_log", [False, True])
def test_it_says_what_was_checked_and_writes_nothing(
    directory: Path, govshare: Command, *, with_log: bool
) -> None:
    if with_log:
        write_log(directory)
    before = state(directory)
    done = govshare(*VALIDATE, directory / "govshare.toml")

    assert (done.code, done.err) == (0, "")
    assert "systems" in done.json["checked"][1]
    assert done.json["checked"][4].startswith("listeners: grpc=127.0.0.1:0, http=127.0.0.1:0")
    first = [] if with_log else ["there is no log yet: the first start makes a new one"]
    assert [said for said in done.json["warnings"] if "log" in said] == first
    assert state(directory) == before


def test_it_knows_of_newer_lists_and_remembers_none_itself(
    directory: Path, govshare: Command
) -> None:
    authority = Authority(directory / "tls")
    listed = write(directory / "tls" / "ca.crl", crl(authority, start=NOW - timedelta(days=2)))
    change(
        directory, 'client_ca = "tls/ca.pem"', f'client_ca = "{authority.path}"\ncrl = ["{listed}"]'
    )
    before = state(directory)
    assert govshare(*VALIDATE, directory / "govshare.toml").code == 0
    assert state(directory) == before

    newer = load_lists((write(directory / "new.crl", crl(authority)),), [authority.certificate])
    SeenLists(directory / "audit" / "revocations.sqlite").take("tls", newer)
    done = govshare(*VALIDATE, directory / "govshare.toml")

    assert done.code == 2
    assert "is older than the one in force before" in done.err


def no_profile(directory: Path) -> None:
    change(directory, '"hubei"', '"atlantis"')


def a_wrong_register(directory: Path) -> None:
    (directory / "data" / "systems.tsv").write_text("system\n")


def another_passphrase(directory: Path) -> None:
    (directory / "keys" / "audit.passphrase").write_text("hunter2-hunter2")


def another_key_for_tls(directory: Path) -> None:
    shutil.copy(directory / "tls" / "stranger.key", directory / "tls" / "sidecar.key")


def authorities_of_the_past(directory: Path) -> None:
    Authority(directory / "tls", end=NOW - timedelta(days=1))


def authorities_that_are_none(directory: Path) -> None:
    shutil.copy(directory / "tls" / "stranger.pem", directory / "tls" / "ca.pem")


def authorities_of_nobody(directory: Path) -> None:
    (directory / "tls" / "up.pem").write_text("nobody")
    change(directory, "[http]", '[http]\nupstream_ca = "tls/up.pem"')


def two_listeners_on_one_address(directory: Path) -> None:
    change(directory, '"127.0.0.1:0"', '"127.0.0.1:9443"')


def another_log(directory: Path) -> None:
    write_log(directory, origin="govshare/another")


def half_a_log(directory: Path) -> None:
    write_log(directory)
    (directory / "audit" / "log" / "log.json").unlink()


def a_spoilt_manifest(directory: Path) -> None:
    write_log(directory)
    (directory / "audit" / "log" / "log.json").write_text("{}\n")


def a_spoilt_pin(directory: Path) -> None:
    write_log(directory)
    (directory / "audit" / "pin").write_text("somewhere")


def no_bundle(directory: Path) -> None:
    public = generate_key(directory / "keys" / "office.pem", PASSPHRASE)
    (directory / "keys" / "office.pub").write_bytes(public.to_pem())
    old = 'profile = "hubei"\nprecedence = "local"\ndata = "data"\n'
    change(directory, old, 'bundle = "data"\nbundle_key = "keys/office.pub"\n')


def an_unknown_key(directory: Path) -> None:
    change(directory, "[grpc]", "[grpc]\nlisteners = 2")


WRONG = {
    no_profile: "unknown profile",
    a_wrong_register: "systems.tsv",
    another_passphrase: "audit.pem",
    another_key_for_tls: "`tls.certificate` and `tls.key` cannot be loaded as a pair",
    authorities_of_the_past: "no certificate in `tls.client_ca` is valid now",
    authorities_that_are_none: "no authority",
    authorities_of_nobody: "`http.upstream_ca` cannot be loaded",
    two_listeners_on_one_address: "an address of another listener too: 127.0.0.1:9443",
    another_log: "`log.origin` is not the name of the log, which is `govshare/another`",
    half_a_log: "is not empty but holds no `log.json`",
    a_spoilt_manifest: "`log.json`",
    a_spoilt_pin: "pin",
    no_bundle: "`manifest.json` cannot be read",
    an_unknown_key: "`grpc.listeners` is not a setting",
}


@pytest.mark.parametrize(("spoil", "words"), WRONG.items(), ids=[one.__name__ for one in WRONG])
def test_what_would_keep_it_from_starting_is_one_sentence_and_2(
    directory: Path, govshare: Command, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(directory)
    done = govshare(*VALIDATE, directory / "govshare.toml")

    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert done.err.startswith("govshare: ")
    assert done.err.count("\n") == 1
    assert "hunter2" not in done.err


def test_what_will_soon_be_wrong_is_a_warning(directory: Path, govshare: Command) -> None:
    write_log(directory)
    (directory / "audit" / "pin").unlink()
    change(directory, 'path = "/pages/{page}"\nresource = "R08"', 'path = "/p"\nresource = "R99"')
    authority = Authority(directory / "tls", end=NOW + timedelta(days=400))
    authority.issue("sidecar", server=True, end=NOW + timedelta(days=3))
    done = govshare(*VALIDATE, directory / "govshare.toml")

    assert done.code == 0
    day = f"{NOW + timedelta(days=3):%Y-%m-%d}"
    assert done.json["warnings"] == [
        "the pin `pin` is missing: a log cut back cannot be told",
        f"a certificate in `tls.certificate` is valid until {day}; renew it",
        "a route of [http] names `R99`, which is not in the catalogue",
    ]


def test_a_certificate_that_is_not_valid_yet_is_a_warning(
    directory: Path, govshare: Command
) -> None:
    authority = Authority(directory / "tls", end=NOW + timedelta(days=400))
    begins, ends = NOW + timedelta(days=2), NOW + timedelta(days=300)
    authority.issue("sidecar", server=True, start=begins, end=ends)
    done = govshare(*VALIDATE, directory / "govshare.toml")

    words = f"a certificate in `tls.certificate` is not valid before {begins:%Y-%m-%d}"
    assert words in done.json["warnings"]


def test_settings_from_outside_are_tried_and_told(
    directory: Path, govshare: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOVSHARE_GRPC_LISTEN", "127.0.0.1:1")
    monkeypatch.setenv("GOVSHARE_METRICS_LISTEN", "127.0.0.1:2")
    file = directory / "govshare.toml"
    done = govshare(*VALIDATE, file, "--set", "metrics.listen=127.0.0.1:3")

    assert done.json["overrides"] == [
        "`metrics.listen` by `--set metrics.listen`",
        "`grpc.listen` by `$GOVSHARE_GRPC_LISTEN`",
    ]
    assert "grpc=127.0.0.1:1, http=127.0.0.1:0, metrics=127.0.0.1:3" in done.json["checked"][4]
    monkeypatch.setenv("GOVSHARE_PORT", "tcp://10.0.0.1:80")
    assert govshare(*VALIDATE, file).code == 2


@pytest.mark.parametrize(("lang", "word"), [("zh", "已核对: "), ("en", "checked: ")])
def test_a_reader_gets_lines(directory: Path, govshare: Command, lang: str, word: str) -> None:
    file = directory / "govshare.toml"
    done = govshare(*VALIDATE, file, "--output", "table", "--lang", lang)

    assert done.code == 0
    assert sum(line.startswith(word) for line in done.out.splitlines()) == 5


def test_that_grpc_is_served_the_slow_way_is_a_warning(
    directory: Path, govshare: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_log(directory)
    usual = govshare(*VALIDATE, directory / "govshare.toml")
    monkeypatch.setattr(validation, "usual_transport", lambda: Transport.GRPCIO)
    done = govshare(*VALIDATE, directory / "govshare.toml")

    [sentence] = set(done.json["warnings"]) - set(usual.json["warnings"])
    assert "the package `libnghttp2-14` is missing or too old" in sentence
