# SPDX-License-Identifier: Apache-2.0
"""Who has not shown lately that it fails closed gets no answers."""

import pytest

from govshare_sidecar.envoy.canary import LASTS_S, CanaryError, Proofs, Tokens, Trial
from govshare_sidecar.envoy.settings import Filter, ProxyConfig
from govshare_sidecar.refusal import Cause, RefusedError

KEY, OTHER = b"k" * 32, b"o" * 32


def proxy(url: str = "https://a:1", spki: bytes = KEY) -> ProxyConfig:
    return ProxyConfig(name=url, spki=spki, filter=Filter.EXT_PROC, url=url, ca=None)


def refused(proofs: Proofs, spki: bytes = KEY, asking: Filter = Filter.EXT_PROC) -> Cause:
    with pytest.raises(RefusedError) as caught:
        proofs.verify(spki, asking)
    return caught.value.cause


@pytest.mark.parametrize("trial", Trial)
def test_a_token_says_what_it_was_made_for_to_all_who_know_the_secret(trial: Trial) -> None:
    nonce, header = Tokens(b"secret").make(trial)

    assert Tokens(b"secret").read(header) == (trial, nonce)
    assert Tokens(b"other").read(header) is None


@pytest.mark.parametrize("forged", ["", "filter", "filter.", "filter..", "é.é.é", "deny.{}.{}"])
def test_a_token_made_elsewhere_says_nothing(forged: str) -> None:
    tokens = Tokens(b"secret")
    nonce, header = tokens.make(Trial.FILTER)
    seal = header.rpartition(".")[2]

    assert tokens.read(forged.format(nonce, seal)) is None


def test_whoever_has_shown_nothing_gets_no_answers() -> None:
    proofs = Proofs([proxy()])

    assert refused(proofs) is Cause.UNPROVEN
    proofs.proven(proxy())
    proofs.verify(KEY, Filter.EXT_PROC)
    assert refused(proofs, OTHER) is Cause.UNPROVEN
    assert refused(proofs, KEY, Filter.EXT_AUTHZ) is Cause.UNPROVEN


def test_an_envoy_with_two_listeners_has_to_show_it_on_both() -> None:
    proofs = Proofs([proxy(), proxy("https://b:2")])
    proofs.proven(proxy())

    assert refused(proofs) is Cause.UNPROVEN
    proofs.proven(proxy("https://b:2"))
    proofs.verify(KEY, Filter.EXT_PROC)


def test_what_was_shown_is_forgotten_at_the_first_failure() -> None:
    proofs = Proofs([proxy()])
    proofs.proven(proxy())
    proofs.failed(proxy(), CanaryError("it lets data through"))

    assert refused(proofs) is Cause.UNPROVEN


def test_what_was_shown_long_ago_does_not_count() -> None:
    now = [1000.0]
    proofs = Proofs([proxy()], lambda: now[0])
    proofs.proven(proxy())
    now[0] += LASTS_S - 1
    proofs.verify(KEY, Filter.EXT_PROC)
    now[0] += 2

    assert refused(proofs) is Cause.UNPROVEN


def test_only_a_registered_envoy_may_ask() -> None:
    proofs = Proofs([proxy()])

    proofs.verify_known(KEY)
    with pytest.raises(RefusedError) as caught:
        proofs.verify_known(OTHER)
    assert caught.value.cause is Cause.STRANGER
