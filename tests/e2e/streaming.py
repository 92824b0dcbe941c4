# SPDX-License-Identifier: Apache-2.0
"""A department whose answers go on for a while, and callers that read them part by part."""

import http.client
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.e2e.callers import PURPOSE
from tests.e2e.deployment import Running

# Parts of a body, sent as one chunk each; a number is a pause in seconds, an event is waited for.
Body = Callable[[], Iterable[bytes | float | threading.Event]]


@dataclass(kw_only=True)
class Source:
    """Answers every request with :attr:`body`, in chunks."""

    body: Body = lambda: ()
    headers: dict[str, str] = field(default_factory=dict)
    # Whether the last chunk says that it is the last.
    whole: bool = True
    sent_bytes: int = 0
    gone: threading.Event = field(default_factory=threading.Event)
    asked: list[dict[str, str]] = field(default_factory=list)

    def says(self, body: Body, kind: str = "application/x-ndjson", **headers: str) -> None:
        """Answer with *body* from now on."""
        self.body, self.whole, self.sent_bytes = body, True, 0
        self.headers = {"Content-Type": kind, **headers}
        self.gone.clear()
        self.asked.clear()


@contextmanager
def source() -> Iterator[tuple[str, Source]]:
    """Run a department and give its URL."""
    state = Source()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            state.asked.append(dict(self.headers))
            self.send_response(200)
            for name, value in {**state.headers, "Transfer-Encoding": "chunked"}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for part in state.body():
                    if isinstance(part, float):
                        time.sleep(part)
                    elif isinstance(part, threading.Event):
                        part.wait(60)
                    elif part:
                        self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
                        state.sent_bytes += len(part)
                if state.whole:
                    self.wfile.write(b"0\r\n\r\n")
                else:
                    self.close_connection = True
            except OSError:
                state.gone.set()
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def reading(
    proxy: Running, path: str, *, client: str = "SYS-HCB-PRH", **headers: str
) -> Iterator[http.client.HTTPResponse]:
    """Ask for *path* and give the response with nothing of its body read."""
    host, _, port = proxy.addresses["http"].partition(":")
    tls = proxy.tls(client)
    connection = http.client.HTTPSConnection(host, int(port), context=tls, timeout=60)
    try:
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", path, headers={**PURPOSE, **more})
        yield connection.getresponse()
    finally:
        connection.close()


def read_until_end(response: http.client.HTTPResponse) -> tuple[bytes, bool]:
    """Return the body as far as it came, and whether it came to a clean end."""
    body = bytearray()
    try:
        while data := response.read1(65536):
            body += data
    except (http.client.IncompleteRead, ConnectionError, OSError, ValueError):
        return bytes(body), False
    return bytes(body), True
