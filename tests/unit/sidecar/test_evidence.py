# SPDX-License-Identifier: Apache-2.0
"""What a certificate shows: its key, and the time in which its whole chain is valid."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from govshare_policy.errors import ConfigError
from govshare_policy.identity import Evidence
from govshare_sidecar.evidence import Authorities, ClientAuthorities
from tests.e2e.pki import END, NOW, START, Authority


def authorities(*listed: Authority) -> ClientAuthorities:
    directory = listed[0].path.parent / "listed.pem"
    encoding = serialization.Encoding.PEM
    directory.write_bytes(b"".join(each.certificate.public_bytes(encoding) for each in listed))
    return ClientAuthorities.load(directory)


def test_evidence_is_the_key_and_the_validity(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("client")
    evidence = authorities(authority).evidence(pair.der, network="intranet")

    assert evidence == Evidence(
        spki=pair.spki,
        not_before=START.replace(microsecond=0),
        not_after=END.replace(microsecond=0),
        network="intranet",
    )


def test_no_certificate_is_no_evidence(tmp_path: Path) -> None:
    evidence = authorities(Authority(tmp_path)).evidence(None, network="extranet")

    assert evidence == Evidence(network="extranet")


def test_a_certificate_lasts_no_longer_than_the_authority_above_it(tmp_path: Path) -> None:
    end = NOW + timedelta(days=1)
    root = Authority(tmp_path, "root", end=end)
    middle = Authority(tmp_path, "middle", above=root)
    evidence = authorities(middle, root).evidence(middle.issue("x").der, network="extranet")

    assert evidence.not_after == end.replace(microsecond=0)


def test_a_certificate_is_no_older_than_the_authority_above_it(tmp_path: Path) -> None:
    start = NOW - timedelta(days=1)
    root = Authority(tmp_path, "root", start=start)
    evidence = authorities(root).evidence(root.issue("x").der, network="extranet")

    assert evidence.not_before == start.replace(microsecond=0)


def test_a_renewed_authority_with_the_same_key_counts_for_both(tmp_path: Path) -> None:
    old = Authority(tmp_path, end=NOW - timedelta(days=1))
    client = old.issue("client")
    builder = old.build(old.name, old.public, start=START, end=END)
    renewed = old.sign(old.as_authority(builder))
    known = ClientAuthorities(Authorities(certificates=(old.certificate, renewed)))

    assert known.evidence(client.der, network="extranet").not_after == END.replace(microsecond=0)


@pytest.mark.parametrize("listed", ["middle only", "another root"])
def test_a_chain_that_is_not_in_the_file_is_no_evidence(tmp_path: Path, listed: str) -> None:
    root = Authority(tmp_path, "root")
    middle = Authority(tmp_path, "middle", above=root)
    known = authorities(middle if listed == "middle only" else Authority(tmp_path / "other"))
    evidence = known.evidence(middle.issue("x").der, network="extranet")

    assert evidence == Evidence(network="extranet")


def test_bytes_that_are_no_certificate_are_no_evidence(tmp_path: Path) -> None:
    evidence = authorities(Authority(tmp_path)).evidence(b"\x30\x00", network="extranet")

    assert evidence == Evidence(network="extranet")


def test_authorities_are_in_force_as_long_as_one_is(tmp_path: Path) -> None:
    old = Authority(tmp_path, "old", end=NOW - timedelta(days=1))
    known = authorities(old, Authority(tmp_path, "new"))

    known.current.verify_in_force(NOW)
    with pytest.raises(ConfigError, match="valid now"):
        known.current.verify_in_force(END + timedelta(days=1))


def test_a_file_without_authorities_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_bytes(b"")
    with pytest.raises(ConfigError, match="does not hold certificates"):
        ClientAuthorities.load(tmp_path / "empty.pem")
    with pytest.raises(ConfigError, match="cannot be read"):
        ClientAuthorities.load(tmp_path / "nothing.pem")
    client = Authority(tmp_path).issue("client")
    with pytest.raises(ConfigError, match="no authority"):
        ClientAuthorities.load(client.certificate)


@pytest.mark.parametrize("missing_bytes", [10, 40, 200])
def test_a_file_whose_second_authority_breaks_off_is_refused_whole(
    tmp_path: Path, missing_bytes: int
) -> None:
    one, two = Authority(tmp_path, "one"), Authority(tmp_path / "other", "two")
    both = one.path.read_bytes() + two.path.read_bytes()
    one.path.write_bytes(both)
    assert len(Authorities.load(one.path).certificates) == 2
    one.path.write_bytes(both[:-missing_bytes])

    with pytest.raises(ConfigError, match="breaks off"):
        Authorities.load(one.path)
