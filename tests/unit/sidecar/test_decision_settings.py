# SPDX-License-Identifier: Apache-2.0
"""The tables ``[authzen]`` and ``[auth_request]`` are read strictly."""

import tomllib
from pathlib import Path

import pytest

from govshare_policy.errors import ConfigError
from govshare_sidecar._settings import Address
from govshare_sidecar._table import Table
from govshare_sidecar.auth_request_settings import AuthRequestConfig, read_auth_request
from govshare_sidecar.authzen_settings import AuthzenConfig, read_authzen
from tests.e2e.pki import Authority

ROUTE = 'path = "/a/{id}"\nresource = "R08"\nfields = ["id_no"]\n'
NGINX = 'listen = "127.0.0.1:9445"\nproxies = ["nginx.pem"]\n'


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    Authority(tmp_path).issue("nginx")
    (tmp_path / "nothing.pem").write_text("nothing")
    return tmp_path


def authzen(text: str) -> AuthzenConfig:
    return read_authzen(Table(tomllib.loads(text), file=Path("govshare.toml"), name="authzen"))


def auth_request(directory: Path, text: str) -> AuthRequestConfig:
    table = Table(tomllib.loads(text), file=directory / "govshare.toml", name="auth_request")
    return read_auth_request(table, client_ca=directory / "ca.pem")


def test_the_table_of_authzen_says_where_and_under_which_name() -> None:
    assert authzen('listen = "127.0.0.1:9446"\nurl = "https://pdp.example:8443/"') == AuthzenConfig(
        listen=Address(host="127.0.0.1", port=9446),
        network="extranet",
        url="https://pdp.example:8443",
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://pdp",
        "https://",
        "https://pdp/x",
        "https://a@pdp",
        "https://pdp:x",
        "https://p?a",
    ],
)
def test_the_name_of_the_decision_point_is_an_address_and_nothing_else(url: str) -> None:
    with pytest.raises(ConfigError, match=r"`authzen\.url`"):
        authzen(f'listen = "127.0.0.1:9446"\nurl = "{url}"')


def test_routes_are_exact_only_where_they_say_so(directory: Path) -> None:
    more = 'path = "/b"\nresource = "R09"\nfields = ["name", "id_no"]\nexact = true\n'
    config = auth_request(directory, f"{NGINX}[[route]]\n{ROUTE}[[route]]\n{more}")

    assert config.exact == {"/b"}
    assert [route.method for route in config.routes] == ["GET", "GET"]
    assert config.client_ca == directory / "ca.pem"
    assert {len(key) for key in config.proxies} == {32}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (NGINX, "`auth_request.route` is missing"),
        (f"{NGINX}[[route]]\n{ROUTE}method = 'POST'", "method` is not a setting"),
        (f"{NGINX}[[route]]\n{ROUTE}fields_parameter = 'f'", "parameter` is not a setting"),
        (f"{NGINX}[[route]]\n{ROUTE}exact = 1", "exact` is true or false"),
        (f"{NGINX}[[route]]\npath = '/a'\nresource = 'R'", "fields` is missing"),
        (
            f"{NGINX}[[route]]\npath = '/a'\nresource = 'R'\nfields = ['*']\nexact = true",
            "names `*`",
        ),
        (f"{NGINX}[[route]]\npath = '/a'\nresource = 'R'\nfields = ['*', 'a']", "names `*`"),
        (f"{NGINX}[[route]]\npath = 'a'\nresource = 'R'\nfields = ['a']", "begins with a slash"),
        (f"{NGINX}[[route]]\n{ROUTE}[[route]]\n{ROUTE}", "cannot be told apart"),
        (f"{NGINX}x = 1\n[[route]]\n{ROUTE}", "`auth_request.x` is not a setting"),
        (f"listen = '127.0.0.1:1'\n[[route]]\n{ROUTE}", "`auth_request.proxies` is missing"),
        (
            f"listen = '127.0.0.1:1'\nproxies = ['nothing.pem']\n[[route]]\n{ROUTE}",
            "`nothing.pem` does not hold a certificate",
        ),
        (
            f"listen = '127.0.0.1:1'\nproxies = ['gone.pem']\n[[route]]\n{ROUTE}",
            "`gone.pem` cannot be read",
        ),
    ],
)
def test_what_is_wrong_for_nginx_is_named(directory: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        auth_request(directory, text)
    assert said in str(caught.value)
