# SPDX-License-Identifier: Apache-2.0
"""A real Envoy with ``ext_authz``, which cannot filter, in front of a real department."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from govshare_policy.audit import Receipt, verify_receipt
from tests.e2e.department import Department
from tests.e2e.deployment import Deployment, Running, await_
from tests.e2e.envoy import NOWHERE, PROVEN, Front, behind_envoy, said

ENTRANCE = 'entrance="envoy_ext_authz"'


@pytest.fixture
def url(_department: tuple[str, Department]) -> str:
    return _department[0]


def deploy(directory: Path) -> Front:
    deployment = Deployment(directory=directory, upstream=NOWHERE)
    return Front(deployment=deployment, name="exact")


@pytest.fixture(scope="module")
def envoy(
    tmp_path_factory: pytest.TempPathFactory, _department: tuple[str, Department]
) -> Iterator[Running]:
    """One Envoy and one sidecar for all tests that leave them as they are."""
    front = deploy(tmp_path_factory.mktemp("authz"))
    front.configure()
    front.deployment.configure(
        'exact = ["/marriages/{id_no}"]',
        'exact = ["/marriages/{id_no}", "/pages/{page}", "/marriages/found"]',
    )
    with front.deployment.config.open("a") as file:
        file.write(
            '[[envoy.route]]\nmethod = "POST"\npath = "/marriages/found"\nresource = "R08"\n'
            'fields = ["id_no"]\n'
        )
    with behind_envoy(front, _department[0], configured=True) as running:
        yield running


def test_an_exact_answer_is_let_through_beside_its_clauses_and_duties(
    envoy: Running, api: Department
) -> None:
    response = envoy.request("/marriages/ID1")

    assert response.status == 200, response.body
    assert response.body == api.reply.body
    assert response.headers["govshare-clauses"].startswith("HU-a24-01")
    assert "no_onward" in response.headers["govshare-duties"]
    [record] = [
        one
        for one in envoy.deployment.decisions()
        if one["id"] == response.headers["govshare-record"]
    ]
    assert (record["system"], record["effect"]) == ("SYS-HCB-PRH", "allow")
    assert record["commitments"].keys() == {"request", "subject_1"}


def test_the_department_gets_nothing_from_outside_but_what_may_go_on(
    envoy: Running, api: Department
) -> None:
    sent = {"Authorization": "Bearer x", "Cookie": "a=b", "Govshare-Record": "forged"}
    response = envoy.request("/marriages/ID1", headers={**sent, "X-Forwarded-Client-Cert": "By=x"})
    got = {name.lower(): value for name, value in api.asked[0].headers.items()}

    assert got["govshare-record"] == response.headers["govshare-record"]
    assert not got.keys() & {
        "authorization",
        "cookie",
        "govshare-purpose",
        "x-forwarded-client-cert",
    }


def test_the_department_is_asked_for_the_released_fields(envoy: Running, api: Department) -> None:
    api.says({"data": {"items": [{"id_no": "ID1"}]}})
    envoy.request("/pages/1?size=2&fields=id_no")

    assert api.asked[0].path == "/pages/1?size=2&fields=id_no"


def test_without_named_fields_the_department_is_asked_for_the_granted_ones(
    envoy: Running, api: Department
) -> None:
    envoy.request("/pages/1")

    assert api.asked[0].path == "/pages/1?fields=id_no%2Cname%2Cmarital_status"


def test_the_receipt_is_there_for_the_holder_of_the_same_key(
    envoy: Running, api: Department
) -> None:
    place = envoy.request("/marriages/ID1").headers["govshare-receipt"]

    receipt = Receipt.from_text(envoy.request(place).body.decode())
    verify_receipt(receipt, envoy.deployment.trust)
    assert envoy.request(place, client="SYS-CAB-AID").status == 404
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    ("client", "code"),
    [
        (None, "no_certificate"),
        ("stranger", "certificate_unregistered"),
        ("expired", "certificate_expired"),
        ("SYS-CAB-AID", "grant_missing"),
    ],
)
def test_a_denial_is_a_problem_with_the_whole_answer(
    envoy: Running, api: Department, client: str | None, code: str
) -> None:
    response = envoy.request("/marriages/ID1", client=client)

    assert response.status == 403
    assert response.headers["content-type"] == "application/problem+json"
    assert response.document["reasons"][0]["code"] == code
    assert envoy.deployment.decisions()[-1]["id"] == response.headers["govshare-record"]
    assert api.asked == []


def test_an_answer_that_would_have_to_be_filtered_is_not_let_through(
    envoy: Running, api: Department
) -> None:
    response = envoy.request("/marriages/search", method="POST", body=b"{}")

    assert response.status == 502
    assert response.document["type"] == "urn:govshare:problem:not_releasable"
    assert envoy.deployment.outcomes()[-1]["status"] == "not_exact"
    assert api.asked == []


def test_a_post_carries_its_body_to_the_department(envoy: Running, api: Department) -> None:
    api.says({"id_no": "ID1"})
    response = envoy.request("/marriages/found", method="POST", body=b'{"id_no":"ID1"}')

    assert (response.status, api.asked[0].body) == (200, b'{"id_no":"ID1"}')


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_body_that_is_too_large_or_out_of_place_goes_nowhere(
    envoy: Running, api: Department, method: str
) -> None:
    path = "/marriages/ID1" if method == "GET" else "/marriages/found"
    response = envoy.request(path, method=method, body=b"x" * (100 if method == "GET" else 70_000))

    assert response.status == (400 if method == "GET" else 413)
    assert api.asked == []


def test_what_says_no_call_is_refused_and_counted(envoy: Running, api: Department) -> None:
    counter = f'govshare_refused_total{{cause="no_route",{ENTRANCE}}}'
    before = envoy.metric(counter)

    assert envoy.request("/elsewhere").status == 404
    assert envoy.metric(counter) == before + 1
    assert api.asked == []


def test_a_sidecar_that_is_gone_lets_nothing_through(
    tmp_path: Path, api: Department, url: str
) -> None:
    with behind_envoy(deploy(tmp_path), url) as running:
        running.process.send_signal(signal.SIGKILL)
        running.process.wait(timeout=60)

        assert running.request("/marriages/ID1").status == 503
    assert api.asked == []


CLOSED = "failure_mode_allow: false"
CHANGES = {
    "open on failure": {CLOSED: "failure_mode_allow: true"},
    "disabled": {
        CLOSED: f"{CLOSED}\n                      filter_enabled: {{default_value: {{}}}}"
    },
}
SENTENCES = {
    "open on failure": "lets a request through when the sidecar fails",
    "disabled": "lets a request through that the sidecar denied",
}


@pytest.mark.parametrize("name", CHANGES)
def test_an_envoy_that_would_fail_open_is_told_apart_at_the_start(
    tmp_path: Path, api: Department, url: str, name: str
) -> None:
    front = deploy(tmp_path)
    front.configure()
    with (
        front.running(url, change=CHANGES[name]),
        front.deployment.start() as running,
    ):
        running.addresses["http"] = front.address
        await_(lambda: said(running, SENTENCES[name]))
        assert not said(running, PROVEN)
        if name == "open on failure":
            assert running.request("/marriages/ID1").status == 503
            assert api.asked == []


def test_headers_that_envoy_joins_are_not_read(tmp_path: Path, api: Department, url: str) -> None:
    front = deploy(tmp_path)
    front.configure()
    with (
        front.running(url, change={"encode_raw_headers: true": "encode_raw_headers: false"}),
        front.deployment.start() as running,
    ):
        await_(lambda: said(running, "envoy does not send headers as they are"))
        running.addresses["http"] = front.address
        assert running.request("/marriages/ID1").status >= 500
    assert api.asked == []
