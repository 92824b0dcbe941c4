# SPDX-License-Identifier: Apache-2.0
"""Traces for OpenTelemetry: what a call went through, by ids, outcomes and clauses.

Nothing that a caller sent goes into a span: no path, no header, no body, no text of an error.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any, Final, TypeAlias

import grpc
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from govshare_policy.errors import ConfigError, GovshareError
from govshare_policy.gate import Answer
from govshare_sidecar.metrics import Stage
from govshare_sidecar.refusal import RefusedError
from govshare_sidecar.status import http_status_of
from govshare_sidecar.tracing_settings import Callers, TracingConfig
from govshare_sidecar.upstream import Fault, UpstreamError

Metadata: TypeAlias = "tuple[tuple[str, str | bytes], ...]"
TRACEPARENT: Final = "traceparent"
_FAULTS: Final = frozenset(fault.value for fault in Fault)
_WORDS: Final = TraceContextTextMapPropagator()
# What the caller of the request at hand says of its own trace, and the span of its call.
_arrived: ContextVar[SpanContext] = ContextVar("arrived", default=trace.INVALID_SPAN_CONTEXT)
_call: ContextVar[Span] = ContextVar("call", default=trace.INVALID_SPAN)


class Tracing:
    """Spans around calls; none of them where there is no tracer."""

    def __init__(self, tracer: Tracer | None = None, callers: Callers = Callers.IGNORE) -> None:
        self._tracer = tracer
        self._callers = callers

    @property
    def is_on(self) -> bool:
        """Whether anything is traced."""
        return self._tracer is not None

    @contextmanager
    def call(self, entrance: str) -> Iterator[None]:
        """Trace what is inside the ``with`` as one call at *entrance*.

        An error that leaves it is named by its class, and by its cause if it has one.
        """
        if self._tracer is None:
            yield
            return
        said = _arrived.get()
        links, parent = [], Context()
        if said.is_valid and self._callers is Callers.LINK:
            links.append(Link(said))
        if said.is_valid and self._callers is Callers.PARENT:
            parent = trace.set_span_in_context(trace.NonRecordingSpan(said), parent)
        with self._tracer.start_as_current_span(
            "govshare.call",
            context=parent,
            kind=SpanKind.SERVER,
            attributes={"govshare.entrance": entrance},
            links=links,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            token = _call.set(span)
            try:
                with _named(span):
                    yield
            finally:
                _call.reset(token)

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Trace what is inside the ``with`` as *stage* of the call around it."""
        if self._tracer is None:
            yield
            return
        with (
            self._tracer.start_as_current_span(
                f"govshare.{stage.value}",
                kind=SpanKind.CLIENT if stage is Stage.UPSTREAM else SpanKind.INTERNAL,
                record_exception=False,
                set_status_on_exception=False,
            ) as span,
            _named(span),
        ):
            yield


NO_TRACING: Final = Tracing()


@asynccontextmanager
async def tracing_of(config: TracingConfig | None) -> AsyncIterator[Tracing]:
    """Trace as *config* says inside the ``async with``, and send what is left on the way out.

    Raises:
        ConfigError: If there is something to trace and nothing to do it with.
    """
    if config is None:
        yield NO_TRACING
        return
    try:
        from govshare_sidecar.exporting import open_tracer  # noqa: PLC0415  an extra
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"[tracing] needs `{error.name}`; install `govshare-policy[sidecar,opentelemetry]`"
        ) from None
    tracer, stop = open_tracer(config)
    try:
        yield Tracing(tracer, config.callers)
    finally:
        await asyncio.to_thread(stop)


def answered(answer: Answer) -> None:
    """Say in the span of the call what was answered."""
    decision = answer.decision
    _call.get().set_attributes(
        {
            "govshare.record": answer.record_id,
            "govshare.outcome": decision.outcome.value,
            "govshare.clause": decision.clauses[0],
            "govshare.revision": f"sm3:{decision.revision.hex()}",
        }
    )


def concluded(status: str) -> None:
    """Say in the span of the call what became of it."""
    span = _call.get()
    span.set_attribute("govshare.status", status)
    if status in _FAULTS:
        span.set_status(StatusCode.ERROR)


def arrived(values: Iterable[str | bytes]) -> None:
    """Keep for the call at hand what its caller says of its own trace.

    Args:
        values: Of the header ``traceparent``. Of one that stands twice, nothing is taken.
    """
    said = [value for value in values if isinstance(value, str)]
    if len(said) != 1:
        _arrived.set(trace.INVALID_SPAN_CONTEXT)
        return
    span = trace.get_current_span(_WORDS.extract({TRACEPARENT: said[0]}, Context()))
    _arrived.set(span.get_span_context())


def arrived_rpc(context: "grpc.aio.ServicerContext[Any, Any]") -> None:
    """Keep the same for an RPC."""
    metadata = context.invocation_metadata() or ()
    arrived(value for key, value in metadata if key == TRACEPARENT)


def onward() -> Mapping[str, str]:
    """Return the header by which the department's API may go on with the trace; none without."""
    said: dict[str, str] = {}
    _WORDS.inject(said)
    return {TRACEPARENT: said[TRACEPARENT]} if said else said


def traced(metadata: Metadata) -> Metadata:
    """Return *metadata* with :func:`onward` in the place of whatever a caller said of a trace."""
    said = onward()
    kept = tuple(pair for pair in metadata if pair[0] not in said)
    return (*kept, *said.items())


@contextmanager
def _named(span: Span) -> Iterator[None]:
    """Name in *span* the error that leaves the ``with``, by its class and cause alone."""
    try:
        yield
    except GovshareError as error:
        span.set_attribute("error.type", type(error).__name__)
        if isinstance(error, RefusedError):
            span.set_attribute("govshare.cause", error.cause.value)
        if isinstance(error, UpstreamError):
            span.set_attribute("govshare.cause", error.fault.value)
        # A refusal is the caller's to mend, as a status of HTTP below 500 is.
        if http_status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR:
            span.set_status(StatusCode.ERROR)
        raise
    except BaseException as error:
        span.set_attribute("error.type", type(error).__name__)
        span.set_status(StatusCode.ERROR)
        raise
