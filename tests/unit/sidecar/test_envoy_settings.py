# SPDX-License-Identifier: Apache-2.0
"""The table ``[envoy]`` is read strictly."""

from pathlib import Path

import pytest

from govshare_policy.errors import ConfigError
from govshare_sidecar.config import load_config
from govshare_sidecar.envoy.settings import Filter
from tests.e2e.deployment import Deployment
from tests.e2e.envoy import EXAMPLE, Front


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    directory = tmp_path_factory.mktemp("deployment")
    made = Deployment(directory=directory, upstream="http://127.0.0.1:1")
    Front(deployment=made, port=8443, sidecar=9445, canary=9446).configure()
    (directory / "no.pem").write_text("no certificate")
    return made


@pytest.fixture
def text(deployment: Deployment) -> str:
    return deployment.config.read_text()


def test_the_example_says_what_it_seems_to_say(deployment: Deployment) -> None:
    config = load_config(deployment.config).envoy

    assert config is not None
    assert (str(config.listen), str(config.canary)) == ("127.0.0.1:9445", "127.0.0.1:9446")
    [proxy] = config.proxies
    assert (proxy.url, proxy.filter) == ("https://127.0.0.1:8443", Filter.EXT_PROC)
    assert len(proxy.spki) == 32
    assert [route.path for route in config.routes] == [
        "/marriages/{id_no}",
        "/pages/{page}",
        "/marriages/search",
    ]
    assert set(config.rpcs) == {
        f"/county.v1.Marriages/{name}" for name in ("Find", "List", "Watch", "Talk")
    }
    assert config.exact == {"/marriages/{id_no}"}


PROXY = 'certificate = "tls/envoy.pem"'
EXACT = 'exact = ["/marriages/{id_no}"]'
BAD = {
    "another filter": ('filter = "ext_proc"', 'filter = "lua"', r"`envoy\.proxy\[0\]\.filter`"),
    "plain http": ('url = "https:', 'url = "http:', "is https://"),
    "a path": ("127.0.0.1:8443", "127.0.0.1:8443/x", "is https://"),
    "no certificate": (PROXY, 'certificate = "tls/none.pem"', "names no file"),
    "not a certificate": (PROXY, 'certificate = "no.pem"', "does not hold a certificate"),
    "an unknown key": (PROXY, f"{PROXY}\nopen = true", "is not a setting"),
    "exact without a route": (EXACT, 'exact = ["/x"]', "the `path` of no route"),
    "exact without fields": (EXACT, 'exact = ["/marriages/search"]', "does not name its fields"),
    "another method": ("Marriages/Find", "Marriages/Steal", "is not in the descriptor set"),
    "no descriptors": ('descriptor_set = "county.pb"', "", "descriptor_set` is missing"),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_wrong_setting_is_named(
    deployment: Deployment, text: str, bad: tuple[str, str, str]
) -> None:
    old, new, sentence = bad
    assert old in text
    path = deployment.directory / "bad.toml"
    path.write_text(text.replace(old, new))

    with pytest.raises(ConfigError, match=sentence):
        load_config(path)


def test_one_listener_stands_there_once(deployment: Deployment, text: str) -> None:
    path = deployment.directory / "twice.toml"
    proxy = f'[[envoy.proxy]]\n{PROXY}\nurl = "https://127.0.0.1:8443"\n'
    path.write_text(text + proxy)

    with pytest.raises(ConfigError, match="names one `url` twice"):
        load_config(path)


def test_an_entrance_that_lets_nothing_through_is_refused(
    deployment: Deployment, text: str
) -> None:
    path = deployment.directory / "nothing.toml"
    head = text[: text.index("[[envoy.route]]")].replace(EXACT, "")
    path.write_text(head.replace('descriptor_set = "county.pb"', ""))

    with pytest.raises(ConfigError, match="nothing would be let through"):
        load_config(path)


def test_the_configurations_of_the_example_name_the_same_ports() -> None:
    toml = (EXAMPLE / "envoy.toml").read_text()

    for name in ("filter.yaml", "exact.yaml"):
        yaml = (EXAMPLE / name).read_text()
        for port in ("8443", "9445", "9446"):
            assert f"port_value: {port}}}" in yaml
            assert f":{port}" in toml


def test_paths_of_the_example_are_relative() -> None:
    for name in ("filter.yaml", "exact.yaml"):
        files = [
            line.split("filename: ")[1].rstrip("} \n")
            for line in (EXAMPLE / name).read_text().splitlines()
            if "filename: " in line
        ]
        assert files
        assert not any(Path(file).is_absolute() for file in files)
