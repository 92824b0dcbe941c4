# SPDX-License-Identifier: Apache-2.0
"""Answers that leave record by record: bounded, counted, and never ended cleanly too early."""

import gzip
import json
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.crypto import sm3
from govshare_policy.errors import ConfigError
from govshare_sidecar.config import load_config
from tests.e2e.deployment import Deployment, Running, await_
from tests.e2e.streaming import Source, read_until_end, reading, source

ROUTES = "".join(
    f"""
[[http.route]]
method = "GET"
path = "/streams/{form}"
resource = "R08"
fields = ["*"]
format = "{form}"
stream = true
"""
    for form in ("ndjson", "csv", "json")
)
LINE = b'{"id_no": 1.10, "note": "SECRET"}\n'
KEPT = b'{"id_no":1.10}\n'
MIB = 1 << 20


def deploy(directory: Path, upstream: str) -> Deployment:
    deployment = Deployment(directory=directory, upstream=upstream)
    deployment.configure("[metrics]\n", f"{ROUTES}[metrics]\n")
    deployment.configure("upstream_timeout_s = 3.0", "upstream_timeout_s = 60")
    return deployment


@pytest.fixture(scope="module")
def behind() -> Iterator[tuple[str, Source]]:
    with source() as running:
        yield running


@pytest.fixture
def api(behind: tuple[str, Source]) -> Source:
    return behind[1]


@pytest.fixture(scope="module")
def proxy(
    tmp_path_factory: pytest.TempPathFactory, behind: tuple[str, Source]
) -> Iterator[Running]:
    with deploy(tmp_path_factory.mktemp("streams"), behind[0]).start() as running:
        yield running


def outcome(proxy: Running, record: str | None) -> dict[str, Any]:
    """Return the outcome of the decision *record*, once it is there."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        found[:] = [one for one in proxy.deployment.outcomes() if one["decision"] == record]
        return bool(found)

    await_(is_there)
    [one] = found
    return one


def endless() -> Iterable[bytes | float]:
    while True:
        yield LINE
        yield 0.05


def test_each_record_leaves_before_the_next_one_has_come(proxy: Running, api: Source) -> None:
    go_on = threading.Event()
    api.says(lambda: [LINE, go_on, LINE[:9], 0.1, LINE[9:]])
    with reading(proxy, "/streams/ndjson") as response:
        first = response.read1()
        # What the API counts, it counts after it was sent.
        assert first == KEPT
        assert api.sent_bytes <= len(LINE)
        go_on.set()
        rest, clean = read_until_end(response)

    assert (rest, clean) == (KEPT, True)
    told = outcome(proxy, response.headers["Govshare-Record"])
    assert (told["status"], told["rows"], told["bytes"]) == ("released", 2, 2 * len(KEPT))
    assert told["release"]["records"] == 2


ANSWERS = {
    "ndjson": ("application/x-ndjson", LINE * 3, KEPT * 3),
    "csv": (
        "text/csv; charset=utf-8",
        b'id_no,note,name\n1.10,SECRET,"a\n""b"\n2,SECRET,c\n',
        b'id_no,name\r\n1.10,"a\n""b"\r\n2,c\r\n',
    ),
    "json": (
        "application/json",
        b'[ {"id_no": 1.10, "note": "SECRET"} ,\n{"name": "a]},"}]\n',
        b'[{"id_no":1.10},{"name":"a]},"}]',
    ),
}


@pytest.mark.parametrize("packs", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("form", ANSWERS)
def test_every_form_streams_packed_and_plain(
    proxy: Running, api: Source, form: str, *, packs: bool
) -> None:
    kind, body, expected = ANSWERS[form]
    data = gzip.compress(body) if packs else body
    more = {"Content-Encoding": "gzip"} if packs else {}
    api.says(lambda: [data[place : place + 7] for place in range(0, len(data), 7)], kind, **more)
    wanted = "gzip, br" if packs else "identity"
    with reading(proxy, f"/streams/{form}", Accept_Encoding=wanted) as response:
        got, clean = read_until_end(response)

    assert b"SECRET" in body
    assert clean
    assert response.headers["Content-Encoding"] == ("gzip" if packs else None)
    assert (gzip.decompress(got) if packs else got) == expected
    assert outcome(proxy, response.headers["Govshare-Record"])["status"] == "released"


BROKEN = {
    "ndjson": (KEPT, b'{"id_no": 1, "id_no": 2}\n'),
    "ndjson-no-object": (KEPT, b"\n"),
    "csv": (b"id_no\r\n1\r\n", b"1,2\n"),
    "json": (b'[{"id_no":1.10}', b",]"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_an_unreadable_record_breaks_the_connection_off(
    proxy: Running, api: Source, case: str
) -> None:
    form = case.partition("-")[0]
    begin, fault = BROKEN[case]
    go_on = threading.Event()
    api.says(lambda: [begin, go_on, fault, 0.2, begin], ANSWERS[form][0])
    with reading(proxy, f"/streams/{form}") as response:
        status, first = response.status, response.read1()
        go_on.set()
        rest, clean = read_until_end(response)

    assert (status, clean) == (200, False)
    assert begin.startswith(first + rest)
    told = outcome(proxy, response.headers["Govshare-Record"])
    assert (told["status"], told["rows"], told["bytes"]) == ("upstream_unreadable", 1, len(begin))


def test_an_answer_that_is_cut_off_has_no_clean_end(proxy: Running, api: Source) -> None:
    go_on = threading.Event()
    api.says(lambda: [LINE, go_on])
    api.whole = False
    with reading(proxy, "/streams/ndjson") as response:
        first = response.read1()
        go_on.set()
        rest, clean = read_until_end(response)

    assert (first, rest, clean) == (KEPT, b"", False)
    told = outcome(proxy, response.headers["Govshare-Record"])
    assert (told["status"], told["rows"]) == ("upstream_unreadable", 1)


def test_what_cannot_be_read_from_the_start_is_a_problem(proxy: Running, api: Source) -> None:
    api.says(lambda: [b"{}{}\n"])
    broken = proxy.request("/streams/ndjson")
    api.says(lambda: [LINE], "text/html")
    html = proxy.request("/streams/ndjson")
    api.says(lambda: [b"x" * (MIB + 1)])
    large = proxy.request("/streams/ndjson")

    assert [one.status for one in (broken, html, large)] == [502, 502, 502]
    statuses = [outcome(proxy, one.headers["Govshare-Record"])["status"] for one in (broken, large)]
    assert statuses == ["upstream_unreadable", "upstream_too_large"]


def test_a_caller_that_leaves_ends_the_upstream_and_is_recorded(
    proxy: Running, api: Source
) -> None:
    api.says(endless)
    with reading(proxy, "/streams/ndjson") as response:
        record = response.headers["Govshare-Record"]
        assert response.read1().startswith(KEPT)
    told = outcome(proxy, record)

    assert told["status"] == "caller_left"
    assert told["rows"] >= 1
    assert told["bytes"] == told["rows"] * len(KEPT)
    assert api.gone.wait(60)


def test_a_caller_that_does_not_read_is_not_read_for(proxy: Running, api: Source) -> None:
    api.says(lambda: iter(lambda: LINE * 2000, b""))
    with reading(proxy, "/streams/ndjson") as response:
        await_(lambda: _stands(api))
        held = api.sent_bytes
        assert response.read(len(KEPT)) == KEPT
    assert held < 40 * MIB
    assert api.gone.wait(60)
    assert outcome(proxy, response.headers["Govshare-Record"])["status"] == "caller_left"


def _stands(api: Source) -> bool:
    """Tell whether the department has been sending nothing for a while."""
    before = api.sent_bytes
    time.sleep(0.5)
    return before > 0 and api.sent_bytes == before


def peak_kib(proxy: Running) -> int:
    status = Path(f"/proc/{proxy.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1])


def test_a_large_answer_passes_in_flat_memory(proxy: Running, api: Source) -> None:
    record = b'{"id_no": "%s", "note": "SECRET"}\n' % (b"7" * 4000)
    count = 64 * MIB // len(record)
    api.says(lambda: [record] * 300)
    assert proxy.request("/streams/ndjson").status == 200
    before = peak_kib(proxy)
    api.says(lambda: (record for _ in range(count)))
    size, digest = 0, zlib.crc32(b"")
    with reading(proxy, "/streams/ndjson") as response:
        while data := response.read(1 << 16):
            size, digest = size + len(data), zlib.crc32(data, digest)

    kept = b'{"id_no":"%s"}\n' % (b"7" * 4000)
    assert size == count * len(kept)
    assert digest == zlib.crc32(kept * count)
    told = outcome(proxy, response.headers["Govshare-Record"])
    assert (told["rows"], told["release"]["records"]) == (count, count)
    assert peak_kib(proxy) - before < 24 * 1024


def test_a_suspension_ends_an_answer_that_has_begun(
    tmp_path: Path, behind: tuple[str, Source], api: Source
) -> None:
    deployment = deploy(tmp_path, behind[0])
    deployment.configure("[log]\n", "watch_s = 0.1\n[log]\n")
    with deployment.start() as running:
        api.says(endless)
        with reading(running, "/streams/ndjson") as response:
            record = response.headers["Govshare-Record"]
            assert response.read1().startswith(KEPT)
            deployment.register(revoked="SYS-HCB-PRH")
            _, clean = read_until_end(response)
        told = outcome(running, record)
        assert running.request("/streams/ndjson").status == 403

    assert not clean
    assert told["status"] == "broken_off"
    assert told["rows"] >= 1


def test_a_stop_ends_an_answer_that_has_begun(
    tmp_path: Path, behind: tuple[str, Source], api: Source
) -> None:
    deployment = deploy(tmp_path, behind[0])
    with deployment.start() as running:
        api.says(endless)
        with reading(running, "/streams/ndjson") as response:
            record = response.headers["Govshare-Record"]
            response.read1()
            assert running.stop() == 0
            _, clean = read_until_end(response)

    [told] = [one for one in deployment.outcomes() if one["decision"] == record]
    assert (clean, told["status"]) == (False, "broken_off")
    deployment.verify()


def test_the_outcome_commits_to_what_left(proxy: Running, api: Source) -> None:
    api.says(lambda: [LINE])
    response = proxy.request("/streams/ndjson", headers={"Accept-Encoding": "gzip"})
    told = outcome(proxy, response.headers["Govshare-Record"])

    assert gzip.decompress(response.body) == KEPT
    assert set(told["commitments"]) == {"response"}
    assert sm3(KEPT).hex() not in json.dumps(told)


def test_http_10_gets_the_whole_answer_or_none(proxy: Running, api: Source) -> None:
    api.says(lambda: [LINE, b"\n"])
    request = "GET /streams/ndjson HTTP/1.0\r\nGovshare-Purpose: data_verification\r\n\r\n"
    broken = proxy.raw(request.encode())
    api.says(lambda: [LINE])
    whole = proxy.raw(request.encode())

    assert b" 502 " in broken.split(b"\r\n")[0]
    assert whole.endswith(b"\r\n\r\n" + KEPT)


def test_a_stream_of_a_document_that_is_one_is_refused_at_start(
    tmp_path: Path, behind: tuple[str, Source]
) -> None:
    deployment = deploy(tmp_path, behind[0])
    deployment.configure('format = "csv"', 'format = "xml"\nrecords = "r.row"')
    with pytest.raises(ConfigError, match=r"`http.route\[\d\].stream` needs `format` ndjson"):
        load_config(deployment.config)
