# SPDX-License-Identifier: Apache-2.0
"""``govshare healthcheck`` says yes only if a sidecar says that it serves."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Command


@contextmanager
def monitor(status: int) -> Iterator[int]:
    """Answer every ``GET /healthz`` with *status*, and any other with 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def config(directory: Path, listen: str) -> Path:
    path = directory / "govshare.toml"
    path.write_text(f'[metrics]\nlisten = "{listen}"\n')
    return path


@pytest.mark.parametrize(
    ("status", "code", "health"),
    [
        (200, 0, "serving"),
        (503, 1, "not_serving"),
        (204, 3, "unreachable"),
        (302, 3, "unreachable"),
        (599, 3, "unreachable"),
    ],
)
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])  # noqa: S104
def test_only_200_is_serving_and_only_503_is_not(
    tmp_path: Path, govshare: Command, *, status: int, code: int, health: str, host: str
) -> None:
    with monitor(status) as port:
        by_file = govshare("healthcheck", "--config", config(tmp_path, f"{host}:{port}"))
        by_url = govshare("healthcheck", "--url", f"http://127.0.0.1:{port}")

    assert (by_file.code, by_file.json["health"], by_file.err) == (code, health, "")
    assert (by_url.code, by_url.json["health"]) == (code, health)


def test_what_does_not_answer_is_3(govshare: Command) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        late = govshare("healthcheck", "--url", f"http://127.0.0.1:{port}", "--timeout", "0.1")
    gone = govshare("healthcheck", "--url", f"http://127.0.0.1:{port}")

    assert [(done.code, done.json["health"]) for done in (late, gone)] == [(3, "unreachable")] * 2


def test_a_sidecar_on_every_address_is_asked_on_its_own_machine(
    tmp_path: Path, govshare: Command
) -> None:
    asked = [
        govshare("healthcheck", "--config", config(tmp_path, f"{host}:1")).json["asked"]
        for host in ("0.0.0.0", "[::]", "[::1]")  # noqa: S104
    ]
    assert asked == [f"http://{host}:1/healthz" for host in ("127.0.0.1", "[::1]", "[::1]")]


def test_the_environment_says_where_as_it_does_for_the_sidecar(
    tmp_path: Path, govshare: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = config(tmp_path, "127.0.0.1:1")
    with monitor(200) as port:
        monkeypatch.setenv("GOVSHARE_METRICS_LISTEN", f"127.0.0.1:{port}")
        assert govshare("healthcheck", "--config", path).code == 0
        flag = ("--set", "metrics.listen=127.0.0.1:1")
        assert govshare("healthcheck", "--config", path, *flag).code == 3
    monkeypatch.setenv("GOVSHARE_METRIC", "x")
    assert govshare("healthcheck", "--config", path).code == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "name one of --config, --grpc and --url"),
        (("--url", "http://x", "--grpc", "x:1"), "name one of --config, --grpc and --url"),
        (("--url", "ftp://x"), "--url is http:// or https://"),
        (("--url", "http://u:hunter2@x"), "--url is http:// or https://"),
        (("--url", "http://["), "--url is not a URL"),
        (("--url", "https://x", "--ca", "NOFILE"), "--ca cannot be loaded"),
        (("--grpc", "x:1"), "--grpc needs --ca, --certificate and --key"),
        (
            ("--grpc", "x:1", "--ca", "NOFILE", "--certificate", "NOFILE", "--key", "NOFILE"),
            "`NOFILE`: No such file",
        ),
        (("--config", "nowhere.toml"), "`nowhere.toml` cannot be read"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence_and_2(
    govshare: Command, options: tuple[str, ...], sentence: str
) -> None:
    done = govshare("healthcheck", *options)

    assert (done.code, done.out) == (2, "")
    assert sentence in done.err
    assert "hunter2" not in done.err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "there is no table [metrics] to ask"),
        ('[metrics]\nlisten = "127.0.0.1:0"', "takes any free port; ask with --url"),
        ('[metrics]\nlisten = "x"', "`metrics.listen` is a host and a port"),
    ],
)
def test_a_file_that_does_not_say_where_is_2(
    tmp_path: Path, govshare: Command, text: str, sentence: str
) -> None:
    path = tmp_path / "govshare.toml"
    path.write_text(text)
    done = govshare("healthcheck", "--config", path)

    assert (done.code, done.out) == (2, "")
    assert sentence in done.err


@pytest.mark.parametrize(("lang", "word"), [("zh", "无法连接\n"), ("en", "unreachable\n")])
def test_a_reader_gets_a_word(govshare: Command, lang: str, word: str) -> None:
    options = ("--url", "http://127.0.0.1:1", "--output", "table", "--lang", lang)
    assert govshare("healthcheck", *options).out == word
