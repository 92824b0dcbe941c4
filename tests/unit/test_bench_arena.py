# SPDX-License-Identifier: Apache-2.0
"""Servers side by side: what counts as an answer, as a record, and as what to compare with."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench import batches, http_proxy, servers
from bench.arena import free_ports, middle_of, name_of, recorded, verify_recorded
from bench.audit_common import make_signer, write_log
from bench.grpc_api import Figure
from bench.peers.load import Kind, Target, Tls, command_of, environment_of, verify_answered

SECRET = Tls(ca=Path("ca"), pair=(Path("certificate"), Path("key")))
TARGET = Target(port=1, path="/a.B/C", data=b"abc", tls=SECRET, verify=bytes)


@pytest.mark.parametrize(
    "states",
    [[], ["200", "-1"], ["200", "503"], ["0"] * 3 + ["200"]],
    ids=["none", "failed", "refused", "too many without"],
)
def test_a_request_that_is_not_answered_fails_the_run(states: list[str]) -> None:
    """How fast a server refuses does not matter."""
    with pytest.raises(RuntimeError, match="requests were answered with"):
        verify_answered(states, in_flight=2)


@pytest.mark.parametrize("states", [["200"], ["0", "200", "0"], ["0"]], ids="/".join)
def test_what_began_while_the_server_warmed_up_is_answered(states: list[str]) -> None:
    """No more of it than were in flight then."""
    verify_answered(states, in_flight=2)


@pytest.mark.parametrize("layout", ["", "w1"], ids=["alone", "a worker"])
def test_a_call_without_a_record_fails_the_run(layout: str, tmp_path: Path) -> None:
    """A refusal travels in an answer like any other; only the log tells."""
    log = tmp_path / "log"
    log.mkdir()
    path = log / layout if layout else tmp_path / "alone"
    write_log(path, make_signer(tmp_path), total=10, batch=5)
    log = log if layout else path
    ours = {"one": replace(TARGET, log=log, records=2), "two": replace(TARGET, log=log)}

    assert recorded(log) == 10
    verify_recorded({**ours, "peer": TARGET}, {"one": 4, "two": 2, "peer": 99})
    with pytest.raises(RuntimeError, match="10 of 11 records"):
        verify_recorded(ours, {"one": 4, "two": 3})


def test_a_stream_is_one_request_of_many_messages(tmp_path: Path) -> None:
    """Messages are framed as gRPC frames them."""
    stream = replace(TARGET, kind=Kind.STREAM, messages=3)
    command = command_of(stream, tmp_path, in_flight=32, seconds=1)

    assert (tmp_path / "frames").read_bytes() == struct.pack(">BI3s", 0, 3, b"abc") * 3
    assert {"-c16", "-m2", "https://127.0.0.1:1/a.B/C"} <= set(command)


def test_what_is_fetched_has_a_connection_a_request(tmp_path: Path) -> None:
    """HTTP/1.1 has one answer at a time; plain has no certificate."""
    fetched = replace(TARGET, kind=Kind.HTTP, headers=("A: b",), tls=None)
    command = command_of(fetched, tmp_path, in_flight=8, seconds=1)

    assert {"-c8", "-m1", "--h1", "-HA: b", "http://127.0.0.1:1/a.B/C"} <= set(command)
    assert set(environment_of(fetched, tmp_path)) == {"PATH"}
    assert environment_of(TARGET, tmp_path)["BENCH_KEY"] == "key"


@pytest.mark.parametrize(
    ("beside", "known"),
    [
        (
            servers.BESIDE,
            (*servers.EMPTY.values(), *servers.PLAIN.values(), *servers.CHECK.values(),
             servers.UNAUDITED, servers.FILED, servers.BEST_EMPTY, servers.BEST_OURS),
        ),
        (
            batches.BESIDE,
            (*batches.STREAMS.values(), *batches.ECHOES.values(), *batches.BATCHES.values(),
             batches.UNAUDITED, batches.FILED, batches.BEST),
        ),
    ],
    ids=["servers", "batches"],
)  # fmt: skip
def test_what_stands_beside_something_is_in_the_same_run(
    beside: Mapping[str, str], known: Sequence[str]
) -> None:
    """No ratio is left out because of a name."""
    assert set(beside) | set(beside.values()) <= set(known)
    assert len(set(known)) == len(known)


def test_every_answer_is_looked_at() -> None:
    """What is not filtered, copied or allowed has no figure."""
    http_proxy.verify_filtered(b'{"marital_status": "a"}')
    for wrong in (b"{}", b'{"marital_status": "a", "note": "b"}'):
        with pytest.raises(RuntimeError, match="not filtered"):
            http_proxy.verify_filtered(wrong)
        with pytest.raises(RuntimeError, match="not that of the department"):
            http_proxy.verify_copied(wrong)
    with pytest.raises(RuntimeError, match="batch is not allowed"):
        batches.verify_batch(b"")
    with pytest.raises(RuntimeError, match="stream is not allowed"):
        batches.verify_streamed(b"")


def test_a_figure_is_the_median_of_its_rounds() -> None:
    """Calls are those of all rounds."""
    rounds = [
        Figure(3.0, 1.0, 9.0, 10, 4.0), Figure(1.0, 3.0, 7.0, 20, 6.0),
        Figure(2.0, 2.0, 8.0, 30, 5.0),
    ]  # fmt: skip

    assert middle_of(rounds) == Figure(2.0, 2.0, 8.0, 60, 5.0)


def test_ports_and_names_are_told_apart() -> None:
    """No two servers share one."""
    assert len(set(free_ports(4))) == 4
    assert (name_of("native", 0), name_of("grpcio", 2)) == (
        "native, 1 process", "grpcio, 2 processes",
    )  # fmt: skip
