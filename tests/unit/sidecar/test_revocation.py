# SPDX-License-Identifier: Apache-2.0
"""What authorities took back: read strictly, and judged for the whole chain."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from govshare_policy.errors import ConfigError
from govshare_policy.identity import Flaw
from govshare_sidecar.evidence import Authorities, ClientAuthorities
from govshare_sidecar.revocation import load_lists
from tests.e2e.lists import WEEK, Builder, crl, write
from tests.e2e.pki import END, NOW, START, Authority

DAY = timedelta(days=1)


def known(
    path: Path, *lists: x509.CertificateRevocationList, authorities: tuple[Authority, ...]
) -> ClientAuthorities:
    file = path / "listed.pem"
    parsed = [each.certificate for each in authorities]
    file.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in parsed))
    crl_file = write(path / "lists.crl", *lists)
    return ClientAuthorities(Authorities.load(file, (crl_file,)), now=lambda: NOW)


def test_a_certificate_that_is_listed_is_revoked_and_another_is_not(tmp_path: Path) -> None:
    ca = Authority(tmp_path)
    bad, good = ca.issue("bad"), ca.issue("good")
    authorities = known(tmp_path, crl(ca, [bad]), authorities=(ca,))

    shown = authorities.evidence(bad.der, network="extranet")
    assert (shown.spki, shown.flaw) == (bad.spki, Flaw.CERTIFICATE_REVOKED)
    assert authorities.evidence(good.der, network="extranet").flaw is None


def test_a_revoked_intermediate_authority_takes_its_clients_with_it(tmp_path: Path) -> None:
    root = Authority(tmp_path, "root")
    middle = Authority(tmp_path, "middle", above=root)
    entry = x509.RevokedCertificateBuilder().serial_number(middle.certificate.serial_number)
    revoked = entry.revocation_date(START).build()
    lists = (crl(root, changed=lambda made: made.add_revoked_certificate(revoked)), crl(middle))
    authorities = known(tmp_path, *lists, authorities=(root, middle))

    flaw = authorities.evidence(middle.issue("x").der, network="extranet").flaw
    assert flaw is Flaw.CERTIFICATE_REVOKED


@pytest.mark.parametrize("listed", ["root", "middle"])
def test_every_authority_of_a_chain_has_to_have_a_list(tmp_path: Path, listed: str) -> None:
    root = Authority(tmp_path, "root")
    middle = Authority(tmp_path, "middle", above=root)
    lists = crl(root if listed == "root" else middle)
    authorities = known(tmp_path, lists, authorities=(root, middle))

    flaw = authorities.evidence(middle.issue("x").der, network="extranet").flaw
    assert flaw is Flaw.REVOCATION_UNKNOWN
    silent = authorities.current.silent(NOW)
    assert silent == ((f"CN=test {'middle' if listed == 'root' else 'root'}", "missing"),)


@pytest.mark.parametrize(
    ("start", "end", "state"),
    [(NOW - WEEK, NOW - DAY, "expired"), (NOW + DAY, NOW + WEEK, "early")],
    ids=["too old", "too new"],
)
def test_a_list_that_is_not_in_force_refuses_all_clients(
    tmp_path: Path, start: datetime, end: datetime, state: str
) -> None:
    ca = Authority(tmp_path)
    pair, bad = ca.issue("client"), ca.issue("bad")
    authorities = known(tmp_path, crl(ca, [bad], start=start, end=end), authorities=(ca,))

    flaw = authorities.evidence(pair.der, network="extranet").flaw
    assert flaw is Flaw.REVOCATION_UNKNOWN
    assert authorities.current.silent(NOW) == (("CN=test ca", state),)
    # What is known goes before what is not.
    flaw = authorities.evidence(bad.der, network="extranet").flaw
    assert flaw is Flaw.CERTIFICATE_REVOKED


def test_without_lists_nothing_is_revoked_here(tmp_path: Path) -> None:
    ca = Authority(tmp_path)
    authorities = ClientAuthorities.load(ca.path)

    assert authorities.evidence(ca.issue("x").der, network="extranet").flaw is None
    assert authorities.current.silent(NOW) == ()


def _delta(builder: Builder) -> Builder:
    return builder.add_extension(x509.DeltaCRLIndicator(1), critical=True)


def _modest(builder: Builder) -> Builder:
    return builder.add_extension(x509.DeltaCRLIndicator(1), critical=False)


def _partial(builder: Builder) -> Builder:
    point = x509.IssuingDistributionPoint(
        full_name=None,
        relative_name=None,
        only_contains_user_certs=True,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )
    return builder.add_extension(point, critical=True)


def _indirect(builder: Builder) -> Builder:
    name = x509.CertificateIssuer([x509.DNSName("another")])
    entry = x509.RevokedCertificateBuilder().serial_number(1).revocation_date(START)
    return builder.add_revoked_certificate(entry.add_extension(name, critical=True).build())


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (_delta, "speaks for a part"),
        (_modest, "speaks for a part"),
        (_partial, "speaks for a part"),
        (_indirect, "entries of other authorities"),
    ],
    ids=["delta", "delta, not critical", "only users", "indirect"],
)
def test_a_list_that_is_not_whole_is_refused(
    tmp_path: Path, changed: Callable[[Builder], Builder], sentence: str
) -> None:
    ca = Authority(tmp_path)
    path = write(tmp_path / "x.crl", crl(ca, changed=changed))

    with pytest.raises(ConfigError, match=sentence):
        load_lists((path,), [ca.certificate])


def test_a_list_counts_only_with_the_signature_of_its_authority(tmp_path: Path) -> None:
    ca, forger = Authority(tmp_path), Authority(tmp_path / "elsewhere")
    assert forger.name == ca.name
    path = write(tmp_path / "x.crl", crl(forger))

    with pytest.raises(ConfigError, match=r"no authority in `tls.client_ca` signed"):
        load_lists((path,), [ca.certificate])


def test_an_authority_that_may_not_sign_lists_has_signed_none(tmp_path: Path) -> None:
    ca = Authority(tmp_path)
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = ca.build(ca.name, ca.public, start=START, end=END)
    restricted = ca.sign(ca.as_authority(builder).add_extension(usage, critical=True))

    with pytest.raises(ConfigError, match=r"no authority in `tls.client_ca` signed"):
        load_lists((write(tmp_path / "x.crl", crl(ca)),), [restricted])


def test_files_that_hold_no_list_are_refused(tmp_path: Path) -> None:
    ca = Authority(tmp_path)
    with pytest.raises(ConfigError, match="does not hold a revocation list"):
        load_lists((ca.path,), [ca.certificate])
    with pytest.raises(ConfigError, match="cannot be read"):
        load_lists((tmp_path / "none.crl",), [ca.certificate])
    twice = write(tmp_path / "twice.crl", crl(ca), crl(ca))
    with pytest.raises(ConfigError, match="second list of one authority"):
        load_lists((twice,), [ca.certificate])


def test_a_list_in_der_is_read_as_well(tmp_path: Path) -> None:
    ca = Authority(tmp_path)
    bad = ca.issue("bad")
    path = tmp_path / "x.crl"
    path.write_bytes(crl(ca, [bad]).public_bytes(Encoding.DER))

    (found,) = load_lists((path,), [ca.certificate]).by_authority.values()
    assert found.serials == {bad.parsed.serial_number}


def test_an_older_list_does_not_come_back(tmp_path: Path) -> None:
    ca = Authority(tmp_path)
    new = load_lists((write(tmp_path / "new", crl(ca, start=NOW - DAY)),), [ca.certificate])
    old = load_lists((write(tmp_path / "old", crl(ca, start=NOW - 2 * DAY)),), [ca.certificate])

    new.verify_not_older(old)
    new.verify_not_older(new)
    with pytest.raises(ConfigError, match="older than the one in force"):
        old.verify_not_older(new)


def test_a_file_whose_second_list_breaks_off_is_refused_whole(tmp_path: Path) -> None:
    """Somebody is writing it: with the first list alone, half of the callers would be refused."""
    one, two = Authority(tmp_path, "one"), Authority(tmp_path / "other", "two")
    path = write(tmp_path / "x.crl", crl(one), crl(two))
    assert len(load_lists((path,), [one.certificate, two.certificate]).by_authority) == 2
    path.write_bytes(path.read_bytes()[:-40])

    with pytest.raises(ConfigError, match="breaks off"):
        load_lists((path,), [one.certificate, two.certificate])
