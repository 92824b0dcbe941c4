# SPDX-License-Identifier: Apache-2.0
"""Sending spans to a collector, by OTLP over HTTP; the one module that knows OpenTelemetry's SDK.

A thread of its own sends them out of a queue that holds so many and no more. What does not fit is
dropped, and what the collector does not take in time is too: no call waits for either.
"""

import logging
import threading
from collections.abc import Callable
from importlib.metadata import version
from typing import Final, TypeAlias

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import Tracer

from govshare_sidecar.tracing_settings import TracingConfig

QUEUE: Final = 4096
_BATCH: Final = 512
_EVERY_MS: Final = 1000
_TIMEOUT_S: Final = 2.0
_STOP_S: Final = 3.0
Opened: TypeAlias = tuple[Tracer, Callable[[], None]]


def open_tracer(config: TracingConfig) -> Opened:
    """Return a tracer as *config* says, and what sends the last spans and stops it.

    Stopping takes some seconds at most, and is not for the event loop. What *config* leaves
    open, such as headers and certificates, the exporter takes from the environment (``OTEL_…``).
    """
    # It says at every span that its queue is full, which it is as long as the collector is away.
    logging.getLogger("opentelemetry.sdk").setLevel(logging.ERROR)
    session = requests.Session()
    # A proxy in the environment is meant for others, and would see which calls there were.
    session.trust_env = False
    exporter = OTLPSpanExporter(
        endpoint=config.endpoint or None, timeout=_TIMEOUT_S, session=session
    )
    release = version("govshare-policy")
    provider = TracerProvider(
        # A caller that is taken for the parent does not choose what is traced either.
        sampler=TraceIdRatioBased(config.percent / 100),
        resource=Resource.create({"service.name": config.service, "service.version": release}),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter,
            max_queue_size=QUEUE,
            schedule_delay_millis=_EVERY_MS,
            max_export_batch_size=_BATCH,
        )
    )

    def stop() -> None:
        # The SDK would try for half a minute to be rid of a full queue.
        giving_up = threading.Timer(_STOP_S, exporter.shutdown)
        giving_up.start()
        provider.shutdown()
        giving_up.cancel()
        session.close()

    return provider.get_tracer("govshare", release), stop
