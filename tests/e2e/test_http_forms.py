# SPDX-License-Identifier: Apache-2.0
"""Answers in other forms than JSON, packed and in chunks, and callers that leave."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from govshare_policy.errors import ConfigError
from govshare_sidecar.config import load_config
from tests.e2e.department import Department, department
from tests.e2e.deployment import Deployment, Running, await_
from tests.e2e.rpc_department import descriptors, make, marriage

FORMS = """
[[http.route]]
method = "GET"
path = "/forms/ndjson"
resource = "R08"
fields = ["*"]
format = "ndjson"
[[http.route]]
method = "GET"
path = "/forms/csv"
resource = "R08"
fields = ["*"]
format = "csv"
[[http.route]]
method = "GET"
path = "/forms/xml"
resource = "R08"
fields = ["*"]
format = "xml"
records = "r.row"
[[http.route]]
method = "GET"
path = "/forms/protobuf"
resource = "R08"
fields = ["*"]
format = "protobuf"
descriptor_set = "county.pb"
message = "county.v1.Marriage"
[metrics]
"""


def deploy(directory: Path, upstream: str) -> Deployment:
    deployment = Deployment(directory=directory, upstream=upstream)
    deployment.configure("[metrics]\n", FORMS)
    (directory / "county.pb").write_bytes(descriptors().SerializeToString())
    return deployment


@pytest.fixture(scope="module")
def behind() -> Iterator[tuple[str, Department]]:
    with department() as running:
        yield running


@pytest.fixture
def api(behind: tuple[str, Department]) -> Department:
    """The department's API, as if nobody had asked it anything."""
    behind[1].asked.clear()
    return behind[1]


@pytest.fixture(scope="module")
def proxy(
    tmp_path_factory: pytest.TempPathFactory, behind: tuple[str, Department]
) -> Iterator[Running]:
    with deploy(tmp_path_factory.mktemp("forms"), behind[0]).start() as running:
        yield running


RELEASED = make(
    "Marriage", id_no="ID1", name={"text": "示例甲"}, marital_status=["已婚", "再婚"]
).SerializeToString()
ANSWERS = {
    "ndjson": (
        "application/x-ndjson",
        '{"id_no": 1.10, "note": "SECRET"}\n{"name": "甲"}\n'.encode(),
        '{"id_no":1.10}\n{"name":"甲"}\n'.encode(),
        2,
    ),
    "csv": (
        "text/csv; charset=utf-8",
        "id_no,note,name\r\n1.10,SECRET,=甲\r\n".encode(),
        "id_no,name\r\n1.10,=甲\r\n".encode(),
        1,
    ),
    "xml": (
        "text/xml; charset=utf-8",
        b"<r n='SECRET'><row><id_no>1.10</id_no><note>SECRET</note></row><row/></r>",
        b'<?xml version="1.0" encoding="UTF-8"?>\n<r><row><id_no>1.10</id_no></row><row></row></r>',
        2,
    ),
    "protobuf": ("application/x-protobuf", marriage(), RELEASED, 1),
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("form", ANSWERS)
def test_every_form_is_released_by_allow_list(
    proxy: Running, api: Department, form: str, *, packed: bool
) -> None:
    announced, body, expected, rows = ANSWERS[form]
    headers = {"Content-Type": announced, **({"Content-Encoding": "gzip"} if packed else {})}
    api.says(gzip.compress(body) if packed else body, headers=headers)
    response = proxy.request(f"/forms/{form}")

    assert b"SECRET" in body
    assert (response.status, response.body) == (200, expected)
    assert response.headers["Content-Type"].split(";")[0] == announced.split(";")[0].replace(
        "text/xml", "application/xml"
    )
    assert "Content-Encoding" not in response.headers
    ended = proxy.deployment.outcomes()[-1]
    assert (ended["rows"], ended["bytes"]) == (rows, len(expected))


@pytest.mark.parametrize("form", ANSWERS)
def test_a_form_that_the_route_does_not_state_is_refused(
    proxy: Running, api: Department, form: str
) -> None:
    api.says(b'{"id_no": "SECRET"}', headers={"Content-Type": "application/json"})
    response = proxy.request(f"/forms/{form}")

    assert response.status == 502
    assert b"SECRET" not in response.body


def test_a_packed_answer_is_unpacked_up_to_the_bound(proxy: Running, api: Department) -> None:
    body = gzip.compress(b'{"id_no": "%s"}' % (b"0" * (8 << 20)))
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    api.says(body, headers=headers)
    response = proxy.request("/marriages/ID1")

    assert len(body) < 65536
    assert response.status == 502
    assert proxy.deployment.outcomes()[-1]["status"] == "upstream_too_large"


def test_a_packed_request_goes_on_as_it_is(proxy: Running, api: Department) -> None:
    api.says({"name": "甲"})
    body = gzip.compress(b'{"id_no": "ID1"}')
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    response = proxy.request("/marriages/search", method="POST", body=body, headers=headers)

    assert response.status == 200
    assert api.asked[0].body == body
    assert api.asked[0].headers["Content-Encoding"] == "gzip"


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, list[bytes]]]:
    """A sidecar before an API that sends what is in the list, one after another, and hangs up."""
    parts: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):  # the test is over
                while True:
                    connection, _ = listening.accept()
                    with connection:
                        connection.recv(65536)
                        for part in parts:
                            connection.sendall(part)
                            time.sleep(0.02)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        upstream = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with deploy(tmp_path_factory.mktemp("raw"), upstream).start() as running:
            yield running, parts
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=60)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKS = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
RAW = {
    "in chunks": ((CHUNKS, b'9\r\n{"id_no":\r\n', b"5\r\n1.10}\r\n0\r\n\r\n"), 200),
    "until the end": ((HEAD + b"\r\n", b'{"id_no":', b"1.10}"), 200),
    "chunks cut off": ((CHUNKS, b'f\r\n{"id_no": 1.10}\r\n'), 502),
    "a length cut off": ((HEAD + b"Content-Length: 20\r\n\r\n", b'{"id_no": 1.10}'), 502),
    "a length and chunks": ((HEAD + b"Content-Length: 1\r\n" + CHUNKS[len(HEAD) :],), 502),
    "two answers": (
        (HEAD + b'Content-Length: 14\r\n\r\n{"id_no":1.10}' + HEAD + b"\r\n",),
        200,
    ),
    "another protocol": ((b"HTTP/1.1 101 Switching Protocols\r\n\r\n",), 502),
    "no HTTP": ((b"hello\r\n\r\n",), 502),
}


@pytest.mark.parametrize(("parts", "status"), RAW.values(), ids=RAW)
def test_an_answer_is_taken_whole_or_not_at_all(
    raw: tuple[Running, list[bytes]], parts: tuple[bytes, ...], status: int
) -> None:
    running, sent = raw
    sent[:] = parts
    response = running.request("/marriages/ID1")

    assert response.status == status
    assert status != 200 or response.body == b'{"id_no":1.10}'


def test_a_caller_that_leaves_while_the_department_works_gets_nothing_and_it_is_recorded(
    proxy: Running, api: Department
) -> None:
    api.says({"id_no": "ID1"}, delay_s=0.6)
    before = len(proxy.deployment.outcomes())
    head = b"GET /marriages/ID1 HTTP/1.1\r\nHost: x\r\nGovshare-Purpose: data_verification\r\n\r\n"
    with api.holding():
        proxy.leave(head, b"")
    await_(lambda: len(proxy.deployment.outcomes()) == before + 1)

    ended = proxy.deployment.outcomes()[-1]
    assert (ended["status"], ended["rows"], ended["bytes"]) == ("caller_left", 0, 0)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('format = "csv"', 'format = "tsv"', "format"),
        ('format = "csv"', 'format = "csv"\nrecords = "a"', "records"),
        ('records = "r.row"', "", "records"),
        ('message = "county.v1.Marriage"', 'message = "county.v1.Divorce"', "message"),
        ('message = "county.v1.Marriage"', "", "message"),
        ('descriptor_set = "county.pb"', 'descriptor_set = "nowhere.pb"', "descriptor_set"),
        ('format = "csv"', 'format = "csv"\nmessage = "county.v1.Marriage"', "message"),
        ('format = "protobuf"', 'format = "protobuf"\nrecords = "id_no"', "records"),
    ],
)
def test_a_form_that_cannot_be_is_told_at_the_start(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    deployment = deploy(tmp_path, "http://127.0.0.1:1")
    deployment.configure(old, new)
    with pytest.raises(ConfigError, match=complaint):
        load_config(deployment.config)
