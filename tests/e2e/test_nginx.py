# SPDX-License-Identifier: Apache-2.0
"""The real nginx, configured as in ``examples/nginx``, in front of a real department."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest

from govshare_policy.audit import Receipt, verify_receipt
from tests.e2e.department import Department, department
from tests.e2e.deployment import Deployment
from tests.e2e.nginx import EXACT, PATH, Front, configure, front_at, nginx
from tests.e2e.pki import Authority
from tests.e2e.test_lifecycle import fill_disk


@pytest.fixture(scope="module")
def _front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with front_at(tmp_path_factory.mktemp("nginx")) as front:
        yield front


@pytest.fixture
def front(_front: Front) -> Front:
    _front.api.says(EXACT)
    _front.api.asked.clear()
    return _front


def test_an_allowed_call_on_an_exact_route_reaches_the_department(front: Front) -> None:
    response = front.request()

    assert (response.status, response.document) == (200, EXACT)
    record = front.deployment.decisions()[-1]
    assert response.headers["Govshare-Record"] == record["id"]
    assert response.headers["Govshare-Clauses"] == ", ".join(record["clauses"])
    assert "purpose_only=data_verification" in response.headers["Govshare-Duties"]
    assert response.headers["Cache-Control"] == "no-store"
    assert front.api.asked[-1].headers["Govshare-Record"] == record["id"]


def test_a_denied_call_gets_the_whole_answer_and_the_department_hears_nothing(front: Front) -> None:
    headers = {"Govshare-Purpose": "work_reference", "Accept-Language": "en"}
    response = front.request(headers=headers)

    assert response.status == response.document["status"] == 403
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.document["clauses"][0] == "HU-a24-04"
    assert response.document["detail"].startswith("the purpose of the call")
    assert response.document["instance"] == f"urn:uuid:{front.deployment.decisions()[-1]['id']}"
    verify_receipt(Receipt.from_text(response.document["receipt"]), front.deployment.trust)
    assert front.api.asked == []


def test_a_route_that_is_not_exact_is_denied_even_where_the_call_is_allowed(front: Front) -> None:
    response = front.request("/marriages/ID1")

    assert (response.status, front.api.asked) == (502, [])
    outcome = front.deployment.outcomes()[-1]
    assert (outcome["status"], outcome["rows"]) == ("not_exact", 0)
    assert outcome["decision"] == front.deployment.decisions()[-1]["id"]
    assert front.deployment.decisions()[-1]["outcome"] == "allow"


@pytest.mark.parametrize(
    ("client", "code"),
    [
        (None, "no_certificate"),
        ("stranger", "certificate_unregistered"),
        ("SYS-HCB-WEB", "system_outside_grant"),
        ("SYS-CAB-AID", "grant_missing"),
        ("nginx", "certificate_unregistered"),
    ],
)
def test_whoever_is_not_the_granted_system_gets_a_recorded_denial(
    front: Front, client: str | None, code: str
) -> None:
    response = front.request(client=client)

    assert response.status == 403
    assert response.document["reasons"][0]["code"] == code
    assert front.deployment.decisions()[-1]["reasons"][0] == code
    assert front.api.asked == []


@pytest.mark.parametrize("client", ["expired", "foreign"])
def test_a_certificate_that_nginx_does_not_verify_gets_nothing(front: Front, client: str) -> None:
    before = len(front.deployment.records())
    try:
        response = front.request(client=client)
    except (ssl.SSLError, ConnectionError):
        return
    assert response.status == 400
    assert (front.api.asked, len(front.deployment.records())) == ([], before)


def test_what_a_client_says_in_the_name_of_nginx_is_not_believed(front: Front) -> None:
    pem = front.deployment.clients["SYS-HCB-PRH"].certificate.read_text()
    forged = f"GET {PATH} SUCCESS {quote(pem)}"
    response = front.request(
        client="stranger",
        headers={"Govshare-Original": forged, "govshare-said": "x", "X-Original-URI": PATH},
    )

    assert response.document["reasons"][0]["code"] == "certificate_unregistered"
    assert front.api.asked == []


def test_the_department_gets_the_path_as_sent_and_nothing_of_the_callers_credentials(
    front: Front,
) -> None:
    sent = {"Authorization": "Bearer x", "Cookie": "a=b", "X-HTTP-Method-Override": "DELETE"}
    more = {"Govshare-System": "SYS-OTHER", "Range": "bytes=0-1", "Accept": "application/json"}
    front.request("/marriages/%E5%BC%A0/status", headers={**sent, **more})
    [asked] = front.api.asked

    assert (asked.method, asked.path, asked.body) == ("GET", "/marriages/%E5%BC%A0/status", b"")
    assert asked.headers["Accept"] == "application/json"
    names = {name.lower() for name in asked.headers}
    assert not names & {name.lower() for name in (*sent, "Range", "Govshare-System")}
    assert names.isdisjoint({"govshare-purpose", "govshare-original"})


class Refused(NamedTuple):
    """A request that says no call."""

    path: str
    method: str = "GET"
    status: int = 400
    cause: str = "bad_target"
    body: bytes | None = None


@pytest.mark.parametrize(
    "refused",
    [
        Refused("/nowhere", status=404, cause="no_route"),
        Refused("/marriages/a%2Fb/status"),
        Refused("/marriages/../marriages/ID1/status"),
        Refused("//marriages/ID1/status"),
        Refused(f"{PATH}?reg_date=2016-05-20", cause="parameter"),
        Refused(PATH, method="POST", body=b"{}", status=405, cause="method"),
        Refused(PATH, method="DELETE", status=405, cause="method"),
        Refused("/govshare/ask", status=404, cause=""),
    ],
    ids=lambda refused: f"{refused.method} {refused.path}",
)
def test_a_request_that_says_no_call_is_refused_with_its_own_status(
    front: Front, refused: Refused
) -> None:
    before = front.refused(refused.cause)
    response = front.request(refused.path, method=refused.method, body=refused.body)

    assert (response.status, front.api.asked) == (refused.status, [])
    if refused.cause:
        assert response.document["status"] == refused.status
        assert front.refused(refused.cause) == before + 1


@pytest.mark.parametrize("body", [b'{"id_no": "ID2"}', [b"{", b"}"]], ids=["whole", "chunked"])
def test_a_body_of_a_get_is_not_shown_to_the_department(
    front: Front, body: bytes | list[bytes]
) -> None:
    response = front.request(body=body)

    assert (response.status, front.api.asked[-1].body) == (200, b"")
    assert "Transfer-Encoding" not in front.api.asked[-1].headers


def test_the_receipt_is_for_the_holder_of_the_same_key(front: Front) -> None:
    place = front.request().headers["Govshare-Receipt"]

    assert front.request(place, client="SYS-CAB-AID").status == 404
    receipt = front.request(place)
    assert receipt.status == 200
    verify_receipt(Receipt.from_text(receipt.body.decode()), front.deployment.trust)


def test_only_a_registered_nginx_may_ask(front: Front) -> None:
    pem = front.deployment.clients["SYS-HCB-PRH"].certificate.read_text()
    direct = front.at(front.sidecar.addresses["auth_request"])
    original = {"Govshare-Original": f"GET {PATH} SUCCESS {quote(pem)}"}

    assert direct.request("/govshare/ask", client="nginx", headers=original).status == 204
    stranger = direct.request("/govshare/ask", client="SYS-HCB-PRH", headers=original)
    assert (stranger.status, stranger.headers.get("Govshare-Said")) == (403, None)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        direct.request("/govshare/ask", client=None, headers=original)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        direct.request("/govshare/ask", client="expired", headers=original)


def test_a_configuration_that_lost_the_line_about_the_client_lets_nobody_through(
    front: Front,
) -> None:
    line = '\n            proxy_set_header Govshare-Original "$request_method'
    sidecar, api = front.sidecar.addresses["auth_request"], front.deployment.upstream
    change = {line: '\n            proxy_set_header X-Lost "$request_method'}
    with nginx(front.deployment, sidecar=sidecar, api=api, change=change) as address:
        assert front.at(address).request(PATH).status == 400
    assert front.api.asked == []


@pytest.mark.parametrize(("ours", "status"), [(True, 200), (False, 503)])
def test_nginx_asks_nobody_who_does_not_prove_to_be_the_sidecar(
    front: Front, tmp_path: Path, *, ours: bool, status: int
) -> None:
    authority = front.deployment.authority if ours else Authority(tmp_path)
    pair = authority.issue("impostor", server=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.certificate, pair.key)
    with department(tls) as (url, impostor):
        impostor.says(b"", status=204)
        sidecar, api = url.removeprefix("https://"), front.deployment.upstream
        with nginx(front.deployment, sidecar=sidecar, api=api) as address:
            response = front.at(address).request(PATH)

    assert response.status == status
    assert len(front.api.asked) == (1 if ours else 0)


def test_a_log_that_cannot_be_written_lets_nothing_through(
    deployment: Deployment, api: Department
) -> None:
    configure(deployment)
    with deployment.start() as sidecar:
        asked = sidecar.addresses["auth_request"]
        with nginx(deployment, sidecar=asked, api=deployment.upstream) as address:
            sidecar.addresses["http"] = address
            fill_disk(sidecar)
            for _ in range(2):
                response = sidecar.request(PATH, headers={"Accept-Language": "en"})
                assert response.status == response.document["status"] == 503
                assert response.document["title"].startswith("the call could not be recorded")
    assert api.asked == []


def test_a_sidecar_that_is_gone_means_a_refusal(deployment: Deployment, api: Department) -> None:
    configure(deployment)
    with deployment.start() as sidecar:
        asked = sidecar.addresses["auth_request"]
        with nginx(deployment, sidecar=asked, api=deployment.upstream) as address:
            sidecar.addresses["http"] = address
            assert sidecar.request(PATH).status == 200
            api.asked.clear()
            sidecar.process.kill()
            sidecar.process.wait(timeout=60)
            response = sidecar.request(PATH)

    assert response.status == response.document["status"] == 503
    assert "网关无法作答" in response.document["title"]
    assert api.asked == []
