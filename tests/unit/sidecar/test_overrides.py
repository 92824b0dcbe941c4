# SPDX-License-Identifier: Apache-2.0
"""Flags go before the environment, and that before the file; nothing is taken that is not meant."""

from pathlib import Path

import pytest

from govshare_policy.crypto import generate_key
from govshare_policy.errors import ConfigError
from govshare_sidecar._settings import Address
from govshare_sidecar._table import Table
from govshare_sidecar.config import Config, load_config
from govshare_sidecar.overrides import SETTINGS, overridden, read_overrides, variable_of
from tests.e2e.deployment import Deployment
from tests.e2e.envoy import Front
from tests.e2e.rpc_department import configuration

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return Deployment(directory=tmp_path_factory.mktemp("deployment"), upstream=NOWHERE)


def load(
    deployment: Deployment, environment: dict[str, str], flags: tuple[str, ...] = ()
) -> Config:
    return load_config(deployment.config, read_overrides(environment, flags))


def test_a_flag_goes_before_the_environment_and_that_before_the_file(
    deployment: Deployment,
) -> None:
    environment = {"GOVSHARE_METRICS_LISTEN": "127.0.0.1:1", "GOVSHARE_GRPC_NETWORK": "intranet"}
    config = load(deployment, environment, ("metrics.listen=127.0.0.1:2",))

    assert config.metrics == Address(host="127.0.0.1", port=2)
    assert config.grpc is not None
    assert (config.grpc.network, config.grpc.reflection) == ("intranet", True)


def test_every_type_of_setting_is_read_as_the_file_would_state_it(deployment: Deployment) -> None:
    config = load(
        deployment,
        {
            "GOVSHARE_GRPC_REFLECTION": "false",
            "GOVSHARE_HTTP_MAX_REQUEST_BYTES": "7",
            "GOVSHARE_HTTP_UPSTREAM_TIMEOUT_S": "0.5",
            "GOVSHARE_LOG_DIRECTORY": "elsewhere",
            "PATH": "/bin",
        },
    )

    assert config.grpc is not None
    assert config.http is not None
    assert not config.grpc.reflection
    assert (config.http.max_request_bytes, config.http.upstream_timeout_s) == (7, 0.5)
    assert config.log.directory == deployment.directory / "elsewhere"


@pytest.mark.parametrize(
    ("environment", "flags", "sentence"),
    [
        ({"GOVSHARE_GRPC_LISTENS": "x"}, (), "`$GOVSHARE_GRPC_LISTENS`, which is not a setting"),
        ({"GOVSHARE_": "x"}, (), "is not a setting"),
        ({"GOVSHARE_HTTP_ROUTE": "x"}, (), "is not a setting"),
        ({"GOVSHARE_PASSPHRASE": "hunter2"}, (), "is not read here; unset it"),
        ({"GOVSHARE_GRPC_LISTEN": ""}, (), "`$GOVSHARE_GRPC_LISTEN` is empty"),
        ({"GOVSHARE_GRPC_REFLECTION": "yes"}, (), "`grpc.reflection` is true or false"),
        ({"GOVSHARE_HTTP_MAX_REQUEST_BYTES": "1e3"}, (), "is a whole number above zero"),
        ({"GOVSHARE_HTTP_MAX_REQUEST_BYTES": "9" * 5000}, (), "is a whole number above zero"),
        ({"GOVSHARE_HTTP_MAX_REQUEST_BYTES": "٣"}, (), "is a whole number above zero"),
        ({"GOVSHARE_HTTP_UPSTREAM_TIMEOUT_S": "soon"}, (), "is a number of seconds above zero"),
        ({"GOVSHARE_BUNDLE_NOT_BEFORE": "today"}, (), "is a date and time with an offset"),
        ({}, ("grpc.listen",), "`--set` takes TABLE.KEY=VALUE"),
        ({}, ("http.route=x",), "`--set` takes TABLE.KEY=VALUE"),
        ({}, ("grpc.listen=hunter2:1", "grpc.listen=hunter2:2"), "is there twice"),
    ],
)
def test_what_is_not_a_setting_or_not_of_its_type_is_refused(
    environment: dict[str, str], flags: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read_overrides(environment, flags)

    assert sentence in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        (
            {"GOVSHARE_HTTP_UPSTREAM": "ftp://hunter2"},
            "and nothing else; it is set by `$GOVSHARE_HTTP_UPSTREAM`",
        ),
        ({"GOVSHARE_HTTP_UPSTREAM_TIMEOUT_S": "nan"}, "set by `$GOVSHARE_HTTP_UPSTREAM_TIMEOUT_S`"),
        ({"GOVSHARE_HTTP_MAX_REQUEST_BYTES": "0"}, "set by `$GOVSHARE_HTTP_MAX_REQUEST_BYTES`"),
        (
            {"GOVSHARE_BUNDLE_NOT_BEFORE": "2026-01-05T09:00:00", "GOVSHARE_BUNDLE": "b"},
            "stands in the signed bundle",
        ),
    ],
)
def test_the_strictness_of_the_file_holds_for_what_stands_in_its_place(
    deployment: Deployment, environment: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(deployment, environment)

    assert sentence in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["AUTHZEN_LISTEN", "ENVOY_CANARY_LISTEN", "LIMITS_IN_FLIGHT"])
def test_no_entrance_is_opened_that_the_file_does_not_speak_of(
    deployment: Deployment, name: str
) -> None:
    with pytest.raises(ConfigError, match=r"needs the table \[[a-z.]+\] in the file"):
        load(deployment, {f"GOVSHARE_{name}": "127.0.0.1:1" if "LISTEN" in name else "7"})


def test_a_wrong_file_is_not_blamed_on_the_environment(deployment: Deployment) -> None:
    with pytest.raises(ConfigError) as caught:
        load(deployment, {"GOVSHARE_LOG_ORIGIN": "x"}, ("log.key=hsm:x",))
    assert str(caught.value).endswith("it is set by `--set log.key`")


def test_the_document_of_the_file_stays_as_it_was() -> None:
    document = {"grpc": {"listen": "a:1"}}
    changed = overridden(document, read_overrides({}, ("grpc.listen=b:2",)))

    assert changed == {"grpc": {"listen": "b:2"}}
    assert document == {"grpc": {"listen": "a:1"}}


def test_no_two_settings_share_a_variable() -> None:
    assert variable_of("grpc_proxy.listen") == "GOVSHARE_GRPC_PROXY_LISTEN"
    assert len({variable_of(setting) for setting in SETTINGS}) == len(SETTINGS)


MORE = """
[authzen]
listen = "127.0.0.1:0"
url = "https://pdp.example"
[auth_request]
listen = "127.0.0.1:0"
client_ca = "tls/ca.pem"
proxies = ["tls/sidecar.pem"]
[[auth_request.route]]
path = "/a/{id}"
resource = "R08"
fields = ["id_no"]
[national_tls]
listen = "127.0.0.1:0"
certificate = "tls/sidecar.pem"
key = "tls/sidecar.key"
client_ca = "tls/ca.pem"
[front_end]
listen = "front.sock"
peer_uids = ["0"]
client_ca = "tls/ca.pem"
[limits]
notice_s = 1
[log.witness]
required = 1
[[log.witness.peer]]
name = "witness.example/w"
url = "https://w.example"
public = "keys/w.pub"
[messages]
[tracing]
[envelope]
nonces = "nonces.sqlite"
[subjects]
store = "subjects.sqlite"
[shadow]
profile = "national-809"
data = "data"
report = "differences.jsonl"
"""
SHOWN = """
upstream_certificate = "tls/sidecar.pem"
upstream_key = "tls/sidecar.key"
"""
SIGNATURE = """
[{}.signature]
key = "file:keys/audit.pem"
passphrase_file = "keys/audit.passphrase"
audience = "civil-affairs"
"""
WORKERS = """
workers = 2
watch_s = 5
"""
BUNDLE = """
bundle = "bundle"
bundle_key = "keys/w.pub"
bundle_not_before = 2026-01-05T09:00:00+08:00
"""


def whole(directory: Path) -> Path:
    """Return a configuration that states every table and every key that is read only if stated."""
    made = Deployment(directory=directory, upstream=NOWHERE)
    Front(deployment=made, port=8443, sidecar=9445, canary=9446).configure()
    keys = directory / "keys"
    (keys / "w.pub").write_bytes(generate_key(keys / "w.pem", b"correct horse").to_pem())
    made.configure('origin = "', 'pin_lag_s = 1\nsalts = "salts"\norigin = "')
    made.configure('network = "extranet"', 'upstream_ca = "tls/ca.pem"')
    made.configure("[envoy]", '[envoy]\nclient_ca = "tls/ca.pem"')
    proxy = configuration("https://127.0.0.1:1", directory)
    proxy = proxy.replace("[grpc_proxy]", f'[grpc_proxy]\nupstream_ca = "tls/ca.pem"\n{SHOWN}')
    proxy += SIGNATURE.format("grpc_proxy")
    made.configure(f'upstream = "{NOWHERE}"', 'upstream = "https://127.0.0.1:1"\n' + SHOWN)
    made.configure("reflection = true", 'reflection = true\ndescriptor_set = "county.pb"')
    made.configure("[metrics]\n", f"{SIGNATURE.format('http')}[metrics]\n")
    made.config.write_text(made.config.read_text() + proxy + MORE)
    return made.config


def test_every_single_value_outside_of_lists_is_a_setting_of_its_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = whole(tmp_path)
    asked: dict[str, str] = {}

    def spy(kind: str) -> None:
        real = getattr(Table, kind)

        def recorded(table: Table, key: str, *rest: object, **named: object) -> object:
            setting = f"{table._name}.{key}" if table._name else key
            if "[" not in setting:
                asked[setting] = kind
            return real(table, key, *rest, **named)

        monkeypatch.setattr(Table, kind, recorded)

    for kind in ("text", "count", "seconds", "flag", "instant"):
        spy(kind)
    load_config(path)
    text = path.read_text()
    socket, beside = (text.index(table) for table in ("[front_end]", "[limits]"))
    text = text[text.index("[log]") : socket] + text[beside:]
    tried = text.index("[shadow]")
    path.write_text(BUNDLE + WORKERS + text[:tried] + f"[shadow]{BUNDLE}")
    load_config(path)

    assert {setting: SETTINGS[setting].__name__.strip("_") for setting in SETTINGS} == asked
