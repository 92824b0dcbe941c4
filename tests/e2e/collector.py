# SPDX-License-Identifier: Apache-2.0
"""A collector of traces: a real OTLP/HTTP receiver on loopback that keeps what it gets."""

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.e2e.deployment import await_


class Collector:
    """Takes spans, after a while and with a status if told so."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.delay_s = 0.0
        self.asked = 0
        self.requests: list[ExportTraceServiceRequest] = []

    @property
    def spans(self) -> list[Span]:
        """Every span that came, in the order of its end."""
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def named(self, name: str, *, at_least: int = 1) -> list[Span]:
        """Return the spans of *name* once there are so many."""
        await_(lambda: sum(span.name == name for span in self.spans) >= at_least)
        return [span for span in self.spans if span.name == name]

    def text(self) -> str:
        """Return all that came, as text and as it was on the wire."""
        return f"{self.requests}{[one.SerializeToString() for one in self.requests]}"


def attributes(span: Span) -> dict[str, Any]:
    return {one.key: one.value.string_value for one in span.attributes}


@contextmanager
def collector() -> Iterator[Collector]:
    """Run a collector."""
    state = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.asked += 1
            time.sleep(state.delay_s)
            if state.status == 200:
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                state.requests.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(state.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:  # the sidecar did not wait
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/v1/traces"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
