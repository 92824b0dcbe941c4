# SPDX-License-Identifier: Apache-2.0
"""The configuration is read strictly: what is wrong is named by file and key."""

from datetime import datetime
from pathlib import Path

import pytest

from govshare_policy.errors import ConfigError
from govshare_policy.policy import Precedence
from govshare_sidecar import grpc_settings
from govshare_sidecar._settings import Address
from govshare_sidecar.config import (
    Config,
    OpenPolicy,
    SignedPolicy,
    load_config,
)
from govshare_sidecar.grpc_settings import Transport
from govshare_sidecar.limits import Limits
from govshare_sidecar.pins import PinConfig

TEXT = """
profile = "hubei"
precedence = "strictest"
data = "data"
[log]
directory = "audit/log"
key = "file:keys/audit.pem"
passphrase_file = "keys/audit.passphrase"
pin = "audit/pin"
[tls]
certificate = "tls/sidecar.pem"
key = "tls/sidecar.key"
client_ca = "tls/clients-ca.pem"
[grpc]
listen = "127.0.0.1:9443"
[http]
listen = "[::1]:8443"
upstream = "http://127.0.0.1:9001"
[[http.route]]
method = "GET"
path = "/marriages/{id_no}"
resource = "R08"
fields = ["id_no", "name"]
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name in (
        "keys/audit.passphrase",
        "tls/sidecar.pem",
        "tls/sidecar.key",
        "tls/clients-ca.pem",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"secret\n")
        path.chmod(0o600)
    return tmp_path


def load(directory: Path, text: str) -> Config:
    path = directory / "govshare.toml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def test_paths_are_relative_to_the_file_and_defaults_are_filled_in(directory: Path) -> None:
    config = load(directory, TEXT)

    assert config.policy == OpenPolicy(
        profile="hubei", precedence=Precedence.STRICTEST, data=directory / "data"
    )
    assert config.log.key == f"file:{directory}/keys/audit.pem"
    assert config.log.passphrase == b"secret"
    assert config.log.pins == PinConfig(names=(f"file:{directory}/audit/pin",))
    assert config.log.salts == directory / "audit" / "salts.sqlite"
    assert config.log.origin == ""
    assert config.grpc is not None
    assert (config.grpc.network, config.grpc.reflection) == ("extranet", False)
    assert config.http is not None
    assert config.http.listen == Address(host="::1", port=8443)
    assert str(config.http.listen) == "[::1]:8443"
    assert config.http.upstream_timeout_s == 5.0
    assert config.http.max_request_bytes == 1 << 20
    assert config.http.routes[0].channel == "api"
    assert config.metrics is None


def test_an_absolute_path_stays_as_it_is(directory: Path) -> None:
    config = load(directory, TEXT.replace('"file:keys/', '"file:/etc/'))
    assert config.log.key == "file:/etc/audit.pem"


def test_nothing_shows_the_passphrase(directory: Path) -> None:
    assert "secret" not in repr(load(directory, TEXT))


OPEN_POLICY = 'profile = "hubei"\nprecedence = "strictest"\ndata = "data"\n'
SIGNED_POLICY = 'bundle = "bundle"\nbundle_key = "tls/sidecar.pem"\n'
NOT_BEFORE = "bundle_not_before = 2026-01-05T09:00:00+08:00\n"


@pytest.mark.parametrize("more", ["", NOT_BEFORE])
def test_a_signed_bundle_stands_in_place_of_profile_and_data(directory: Path, more: str) -> None:
    """Production mode: nothing is read that the key does not vouch for."""
    config = load(directory, TEXT.replace(OPEN_POLICY, SIGNED_POLICY + more))

    assert config.policy == SignedPolicy(
        bundle=directory / "bundle",
        key=directory / "tls" / "sidecar.pem",
        not_before=datetime.fromisoformat("2026-01-05T09:00:00+08:00") if more else None,
    )


@pytest.mark.parametrize("line", OPEN_POLICY.splitlines())
def test_what_a_signed_bundle_fixes_cannot_be_set_beside_it(directory: Path, line: str) -> None:
    with pytest.raises(ConfigError, match="stands in the signed bundle; leave it out"):
        load(directory, TEXT.replace(OPEN_POLICY, f"{SIGNED_POLICY}{line}\n"))


def test_the_earliest_bundle_is_an_instant_with_its_offset(directory: Path) -> None:
    naive = "bundle_not_before = 2026-01-05T09:00:00\n"
    with pytest.raises(ConfigError, match="`bundle_not_before` is a date and time with an offset"):
        load(directory, TEXT.replace(OPEN_POLICY, SIGNED_POLICY + naive))


WRONG = {
    "not toml": ("profile =", "= profile", "not valid TOML"),
    "an unknown key": ('profile = "hubei"', 'profil = "hubei"', "`profile` is missing"),
    "one key more": ("[grpc]", "[grpc]\nreflexion = true", "`grpc.reflexion` is not a setting"),
    "an unknown table": ("[tls]", "[weather]\n[tls]", "`weather` is not a setting"),
    "a number for a text": ('"hubei"', "1", "`profile` is a text"),
    "an empty text": ('"hubei"', '""', "`profile` is empty"),
    "a table in a table": ("[tls]", "[tls.tls]", "`tls.certificate` is missing"),
    "another precedence": ('"strictest"', '"loosest"', "is one of local, national, strictest"),
    "no log": ("[log]", "[journal]", "`log` is missing"),
    "a key elsewhere": ("file:keys", "hsm:keys", "`log.key` is `file:` and a path"),
    "no passphrase": ("keys/audit.pass", "keys/pass", "`log.passphrase_file` names no file"),
    "no certificate": ("tls/sidecar.pem", "tls/x.pem", "`tls.certificate` names no file"),
    "no port": ("127.0.0.1:9443", "127.0.0.1", "`grpc.listen` is a host and a port"),
    "a port too high": (":9443", ":65536", "`grpc.listen` is a host and a port"),
    "no host": ("127.0.0.1:9443", ":9443", "`grpc.listen` is a host and a port"),
    "a text for a switch": (
        "[grpc]",
        '[grpc]\nreflection = "yes"',
        "`grpc.reflection` is true or false",
    ),
    "no time": (
        "[http]",
        "[http]\nupstream_timeout_s = 0",
        "`http.upstream_timeout_s` is a number",
    ),
    "true seconds": ("[http]", "[http]\nupstream_timeout_s = true", "is a number of seconds"),
    "endless": ("[http]", "[http]\nupstream_timeout_s = inf", "is a number of seconds"),
    "no bytes": ("[http]", "[http]\nmax_request_bytes = -1", "is a whole number above zero"),
    "half a byte": ("[http]", "[http]\nmax_response_bytes = 0.5", "is a whole number above zero"),
    "plain http elsewhere": ("//127.0.0.1:9001", "//10.0.0.1:9001", "plain http to another host"),
    "a name that may move": ("//127.0.0.1:9001", "//upstream:9001", "plain http to another host"),
    "another scheme": ("http://127", "ftp://127", "`http.upstream` is http:// or https://"),
    "a path upstream": (":9001", ":9001/api", "and nothing else"),
    "credentials upstream": ("//127", "//user:secret@127", "and nothing else"),
    "no url": ("http://127.0.0.1:9001", "http://[", "`http.upstream` is not a URL"),
    "a port that is none": (":9001", ":port", "`http.upstream` is not a URL"),
    "no routes": ("[[http.route]]", "[[http.road]]", "`http.route` is missing"),
    "a table of routes": ("[[http.route]]", "[http.route]", "is an array of tables"),
    "another method": ('"GET"', '"PUT"', "`http.route[0].method` is one of GET, POST"),
    "a relative path": ('"/marr', '"marr', "`http.route[0].path` begins with a slash"),
    "no fields": ('["id_no", "name"]', "[]", "`http.route[0].fields` is empty"),
    "a field twice": ('["id_no", "name"]', '["id_no", "id_no"]', "empty or twice"),
    "a star and more": ('["id_no", "name"]', '["*", "name"]', "names `*` beside other fields"),
    "a text for fields": ('["id_no", "name"]', '"id_no"', "is a list of texts"),
    "fields unsaid": ('fields = ["id_no", "name"]', "", "`http.route[0].fields` is missing"),
    "no place": ('resource = "R08"', 'resource = "R08"\nrecords = "a..b"', "is a dotted path"),
}


@pytest.mark.parametrize(("old", "new", "sentence"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named_by_file_and_key(
    directory: Path, old: str, new: str, sentence: str
) -> None:
    assert old in TEXT
    with pytest.raises(ConfigError) as caught:
        load(directory, TEXT.replace(old, new, 1))

    assert str(caught.value).startswith("govshare.toml: ")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_routes_that_cannot_be_told_apart_are_refused(directory: Path) -> None:
    again = TEXT[TEXT.index("[[http.route]]") :].replace("{id_no}", "{other}")
    with pytest.raises(ConfigError, match=r"`http.route\[1\].path` cannot be told apart"):
        load(directory, TEXT + again)


def test_the_query_may_name_the_fields(directory: Path) -> None:
    text = TEXT.replace('fields = ["id_no", "name"]', 'fields_parameter = "f"')
    config = load(directory, text)

    assert config.http is not None
    assert config.http.routes[0].fields == ("*",)
    assert config.http.routes[0].fields_parameter == "f"


def test_no_parameter_is_passed_on_unless_it_is_named(directory: Path) -> None:
    plain = load(directory, TEXT)
    named = load(directory, TEXT.replace("fields = [", 'parameters = ["page"]\nfields = ['))

    assert plain.http is not None
    assert named.http is not None
    assert plain.http.routes[0].parameters == ()
    assert named.http.routes[0].parameters == ("page",)


def test_the_metrics_stand_on_loopback_unless_told_otherwise(directory: Path) -> None:
    assert load(directory, TEXT + "[metrics]\n").metrics == Address(host="127.0.0.1", port=9102)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_passphrase_that_others_may_read_is_refused(directory: Path, mode: int) -> None:
    (directory / "keys" / "audit.passphrase").chmod(mode)
    with pytest.raises(ConfigError, match=r"`log.passphrase_file` is open to others"):
        load(directory, TEXT)


def test_an_empty_passphrase_is_refused(directory: Path) -> None:
    (directory / "keys" / "audit.passphrase").write_bytes(b"\n")
    with pytest.raises(ConfigError, match=r"`log.passphrase_file` is empty"):
        load(directory, TEXT)


def test_a_file_that_is_no_text_is_refused(directory: Path) -> None:
    path = directory / "govshare.toml"
    path.write_bytes(b"profile = '\xff'")
    with pytest.raises(ConfigError, match="not valid UTF-8 at byte 11"):
        load_config(path)
    with pytest.raises(ConfigError, match=r"`nothing.toml` cannot be read: no such file"):
        load_config(directory / "nothing.toml")


def test_limits_and_auditors_are_told_in_tables_of_their_own(directory: Path) -> None:
    usual = load(directory, TEXT)
    told = load(directory, f'{TEXT}[limits]\nin_flight = 7\n[audit]\nauditors = ["{"ab" * 32}"]\n')

    assert (usual.limits, usual.auditors.keys) == (Limits(), frozenset())
    assert told.limits == Limits(in_flight=7)
    assert told.auditors.keys == {b"\xab" * 32}


def test_workers_have_one_name_by_which_envelopes_are_addressed(directory: Path) -> None:
    """Otherwise each would refuse what is addressed to another, as chance has it."""
    several = f"workers = 2\n{TEXT}"
    with pytest.raises(ConfigError, match=r"`workers` need `log.origin` or `envelope.audience`"):
        load(directory, several)
    named = several.replace("[log]", '[log]\norigin = "govshare/county"')
    assert load(directory, named).envelope.audience == "govshare/county"
    stated = f'{several}[envelope]\naudience = "county"\n'
    assert load(directory, stated).envelope.audience == "county"
    with pytest.raises(ConfigError, match="audience"):
        load(directory, f'{several}[envelope]\naudience = ""\n')


@pytest.mark.parametrize("transport", list(Transport))
def test_a_transport_is_chosen_by_its_name(directory: Path, transport: Transport) -> None:
    text = TEXT.replace("[grpc]\n", f'[grpc]\ntransport = "{transport.value}"\n')
    grpc = load(directory, text).grpc
    assert grpc is not None
    assert grpc.transport is transport
    with pytest.raises(ConfigError, match=r"`grpc\.transport` is one of grpcio, native"):
        load(directory, TEXT.replace("[grpc]\n", '[grpc]\ntransport = "quick"\n'))


def test_without_the_library_grpcio_serves_unless_something_else_was_asked_for(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise ConfigError("`libnghttp2.so.14` is not there; install the package `libnghttp2-14`")

    usual = load(directory, TEXT).grpc
    monkeypatch.setattr(grpc_settings, "library", missing)
    without = load(directory, TEXT).grpc
    assert usual is not None
    assert without is not None
    assert (usual.transport, without.transport) == (Transport.NATIVE, Transport.GRPCIO)
    with pytest.raises(ConfigError, match="install the package `libnghttp2-14`"):
        load(directory, TEXT.replace("[grpc]\n", '[grpc]\ntransport = "native"\n'))
