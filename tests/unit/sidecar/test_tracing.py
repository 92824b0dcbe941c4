# SPDX-License-Identifier: Apache-2.0
"""The settings of traces, and what is made of what callers say."""

import asyncio
import sys
from pathlib import Path

import pytest
from opentelemetry import trace

from govshare_policy.errors import ConfigError
from govshare_sidecar import tracing
from govshare_sidecar._table import Table
from govshare_sidecar.tracing_settings import Callers, TracingConfig, read_tracing

GOOD = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"


def read(**values: object) -> TracingConfig:
    return read_tracing(Table(values, file=Path("govshare.toml"), name="tracing"))


def test_everything_has_a_default() -> None:
    usual = TracingConfig(endpoint="", service="govshare", percent=100, callers=Callers.LINK)
    assert read() == usual


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint": "ftp://collector"},
        {"endpoint": "http://"},
        {"endpoint": "http://user@collector"},
        {"endpoint": "http://collector:port"},
        {"percent": 101},
        {"percent": 0},
        {"callers": "believe"},
        {"other": 1},
    ],
    ids=str,
)
def test_what_is_wrong_is_named(wrong: dict[str, object]) -> None:
    [key] = wrong
    with pytest.raises(ConfigError, match=f"tracing.{key}"):
        read(**wrong)


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    async def opened() -> None:
        async with tracing.tracing_of(read()):
            pass

    monkeypatch.delitem(sys.modules, "govshare_sidecar.exporting", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(ConfigError, match=r"install `govshare-policy\[sidecar,opentelemetry\]`"):
        asyncio.run(opened())


@pytest.mark.parametrize(
    "values",
    [(), ("",), (GOOD, GOOD), (GOOD.upper(),), (GOOD.encode(),), ("00-" + "0" * 32 + GOOD[35:],)],
    ids=["none", "empty", "twice", "in capitals", "bytes", "all zero"],
)
def test_of_what_is_no_traceparent_nothing_is_taken(values: tuple[str | bytes, ...]) -> None:
    tracing.arrived((GOOD,))
    assert tracing._arrived.get().is_valid

    tracing.arrived(values)

    assert tracing._arrived.get() == trace.INVALID_SPAN_CONTEXT


def test_what_a_caller_says_does_not_go_on_while_nothing_is_traced() -> None:
    tracing.arrived((GOOD,))

    assert tracing.onward() == {}
    assert tracing.traced((("a", "b"),)) == (("a", "b"),)
