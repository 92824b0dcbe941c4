# SPDX-License-Identifier: Apache-2.0
"""A department's API for tests: a real HTTP server on loopback, which remembers its questions."""

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RECORD = {
    "id_no": "ID1",
    "name": "示例甲",
    "marital_status": "已婚",
    "reg_date": "2016-05-20",
    "note": "内部备注",
}


@dataclass(kw_only=True)
class Reply:
    """What the department answers next."""

    body: bytes = field(default_factory=lambda: json.dumps(RECORD).encode())
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    delay_s: float = 0.0


@dataclass(kw_only=True)
class Asked:
    """What the department was asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Department:
    """Answers every request with :attr:`reply`."""

    def __init__(self) -> None:
        self.reply = Reply()
        self.asked: list[Asked] = []
        self._let = threading.Event()
        self._let.set()

    @contextmanager
    def holding(self) -> Iterator[threading.Event]:
        """Answer nobody inside the ``with``, until what it yields is set."""
        self._let.clear()
        try:
            yield self._let
        finally:
            self._let.set()

    def wait(self) -> None:
        """Return once there may be an answer."""
        self._let.wait(60)

    def says(self, body: bytes | object, **more: object) -> None:
        """Answer with *body* from now on; anything but bytes is made JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.reply = Reply(body=data, **more)  # type: ignore[arg-type]


@contextmanager
def department(tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, Department]]:
    """Run a department and give its URL."""
    state = Department()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one write an answer, so that no delayed acknowledgement slows the tests

        def answer(self) -> None:
            state.asked.append(
                Asked(
                    method=self.command,
                    path=self.path,
                    headers=dict(self.headers),
                    body=self.read_body(),
                )
            )
            reply = state.reply
            time.sleep(reply.delay_s)
            state.wait()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def read_body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", "0")))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:  # the sidecar has gone, or did not like our certificate
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_port}", state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
