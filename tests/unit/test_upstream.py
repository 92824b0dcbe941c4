# SPDX-License-Identifier: Apache-2.0
"""The signature of the sidecar on a request, as a department's API verifies it."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from govshare_policy.crypto import DEFAULT_ID, Signer, generate_key, open_signer
from govshare_policy.errors import AuditError, IdentityError
from govshare_policy.nonces import NonceStore
from govshare_policy.upstream import (
    Gateway,
    Memory,
    Request,
    rpc_request,
    sign_request,
    verify_request,
)

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
REQUEST = Request(method="POST", target="/marriages/3301?a=1", body=b'{"id": 1}')
RECORD = "01a2052a-ac41-72a7-abec-355cf091109a"


def new_signer(path: Path) -> Signer:
    generate_key(path, b"secret")
    return open_signer(f"file:{path}", b"secret")


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return new_signer(tmp_path_factory.mktemp("keys") / "sidecar.pem")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return new_signer(tmp_path_factory.mktemp("keys") / "stranger.pem")


@pytest.fixture
def gateway(signer: Signer) -> Gateway:
    return Gateway(keys=(signer.public,), audience="civil-affairs", nonces=Memory())


def signed(signer: Signer, request: Request = REQUEST, audience: str = "civil-affairs") -> str:
    return sign_request(request, signer, record=RECORD, audience=audience, at=AT)


def test_what_the_sidecar_sent_just_now_is_vouched_for(signer: Signer, gateway: Gateway) -> None:
    vouched = verify_request([signed(signer)], REQUEST, gateway, at=AT + timedelta(seconds=59))

    assert (vouched.record, vouched.at) == (RECORD, AT)
    assert vouched.key == signer.public.fingerprint


ALTERED = {
    "path": replace(REQUEST, target="/marriages/3302?a=1"),
    "query": replace(REQUEST, target="/marriages/3301?a=2"),
    "body": replace(REQUEST, body=b'{"id": 2}'),
    "method": replace(REQUEST, method="GET"),
}


@pytest.mark.parametrize("change", ALTERED)
def test_an_altered_request_is_refused_and_uses_nothing_up(
    signer: Signer, gateway: Gateway, change: str
) -> None:
    text = signed(signer)
    with pytest.raises(IdentityError, match="of another request"):
        verify_request([text], ALTERED[change], gateway, at=AT)

    verify_request([text], REQUEST, gateway, at=AT)


def test_a_request_is_good_once(signer: Signer, gateway: Gateway) -> None:
    text = signed(signer)
    verify_request([text], REQUEST, gateway, at=AT)
    with pytest.raises(IdentityError, match="came before"):
        verify_request([text], REQUEST, gateway, at=AT + timedelta(seconds=60))


@pytest.mark.parametrize("seconds", [-61, 61, 3600])
def test_a_request_of_another_time_is_refused(
    signer: Signer, gateway: Gateway, seconds: int
) -> None:
    with pytest.raises(IdentityError, match="not of now"):
        verify_request([signed(signer)], REQUEST, gateway, at=AT + timedelta(seconds=seconds))


def test_another_key_or_another_api_is_refused(
    signer: Signer, stranger: Signer, gateway: Gateway
) -> None:
    with pytest.raises(IdentityError, match="not the gateway's"):
        verify_request([signed(stranger)], REQUEST, gateway, at=AT)
    with pytest.raises(IdentityError, match="meant for another API"):
        verify_request([signed(signer, audience="tax")], REQUEST, gateway, at=AT)


def test_while_the_key_changes_both_are_good(signer: Signer, stranger: Signer) -> None:
    keys = (signer.public, stranger.public)
    gateway = Gateway(keys=keys, audience="civil-affairs", nonces=Memory())
    for one in (signer, stranger):
        verify_request([signed(one)], REQUEST, gateway, at=AT)


def respelled(text: str, change: Callable[[dict[str, str]], object]) -> str:
    """Return *text* with its content changed, and the signature as it was."""
    data, _, signature = text.partition(".")
    content = json.loads(base64.urlsafe_b64decode(data + "=" * (-len(data) % 4)))
    change(content)
    spelled = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    return f"{base64.urlsafe_b64encode(spelled).decode().rstrip('=')}.{signature}"


@pytest.mark.parametrize("member", ["record", "body", "target", "nonce", "audience"])
def test_nothing_in_it_can_be_exchanged(signer: Signer, gateway: Gateway, member: str) -> None:
    other = sign_request(
        replace(REQUEST, target="/x", body=b""), signer, record="r", audience="tax", at=AT
    )
    data = other.partition(".")[0]
    content = json.loads(base64.urlsafe_b64decode(data + "=" * (-len(data) % 4)))
    text = respelled(signed(signer), lambda mine: mine.update({member: content[member]}))
    with pytest.raises(IdentityError, match="not the gateway's"):
        verify_request([text], REQUEST, gateway, at=AT)


def test_what_is_no_signature_is_refused(signer: Signer, gateway: Gateway) -> None:
    good = signed(signer)
    left_out = respelled(good, lambda content: content.pop("nonce"))
    of_day = respelled(good, lambda content: content.update(at="2026-03-02"))
    texts = ["", "a", "a.b", good + "=", good + "A", f"{good}.{good}", left_out, of_day, "x" * 5000]
    for text in texts:
        with pytest.raises(IdentityError):
            verify_request([text], REQUEST, gateway, at=AT)
    for many in ([], [good, good]):
        with pytest.raises(IdentityError, match="not one signature"):
            verify_request(many, REQUEST, gateway, at=AT)


def test_a_signature_made_for_something_else_is_none(signer: Signer, gateway: Gateway) -> None:
    text = signed(signer)
    data, _, _ = text.partition(".")
    content = base64.urlsafe_b64decode(data + "=" * (-len(data) % 4))
    other = signer.sign(b"govshare-envelope/v1\n" + content, signer_id=DEFAULT_ID)
    forged = f"{data}.{base64.urlsafe_b64encode(other).decode().rstrip('=')}"
    with pytest.raises(IdentityError, match="not the gateway's"):
        verify_request([forged], REQUEST, gateway, at=AT)


def test_an_rpc_is_signed_with_its_fields_and_message(signer: Signer, gateway: Gateway) -> None:
    rpc = rpc_request("/county.v1.Marriages/Find", fields="id_no,name", message=b"m")
    more = rpc_request("/county.v1.Marriages/Find", fields="id_no,name,note", message=b"m")
    text = signed(signer, rpc)
    with pytest.raises(IdentityError, match="another request"):
        verify_request([text], more, gateway, at=AT)
    verify_request([text], rpc, gateway, at=AT)


def test_nonces_are_forgotten_when_they_can_do_no_harm_and_never_before() -> None:
    memory = Memory(most=2)
    later = AT + timedelta(seconds=60)
    assert memory.claim(b"k", "1", at=AT, until=later)
    assert memory.claim(b"k", "2", at=AT, until=later)
    with pytest.raises(AuditError, match="too many"):
        memory.claim(b"k", "3", at=later, until=later)
    assert not memory.claim(b"k", "1", at=later, until=later)
    assert memory.claim(b"k", "3", at=later + timedelta(seconds=1), until=later)


def test_processes_that_share_a_store_take_a_request_once(signer: Signer, tmp_path: Path) -> None:
    stores = [NonceStore(tmp_path / "nonces.sqlite") for _ in range(2)]
    first, second = (
        Gateway(keys=(signer.public,), audience="civil-affairs", nonces=store) for store in stores
    )
    text = signed(signer)
    verify_request([text], REQUEST, first, at=AT)
    with pytest.raises(IdentityError, match="came before"):
        verify_request([text], REQUEST, second, at=AT)
    for store in stores:
        store.close()


def test_a_gateway_without_a_key_does_not_exist(signer: Signer) -> None:
    with pytest.raises(ValueError, match="has a key"):
        Gateway(keys=(), audience="a", nonces=Memory())
    with pytest.raises(ValueError, match="a name"):
        Gateway(keys=(signer.public,), audience="", nonces=Memory())
