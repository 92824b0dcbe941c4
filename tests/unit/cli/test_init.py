# SPDX-License-Identifier: Apache-2.0
import ipaddress
import json
import os
import shutil
import stat
import subprocess
import sys
import tomllib
import urllib.request
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import example, given, settings
from hypothesis import strategies as st

from govshare_policy.audit import load_trust
from govshare_policy.call import call_from_document
from govshare_policy.cli import init as init_module
from govshare_policy.cli.__main__ import main
from govshare_policy.cli.development_tls import Authority, spki_digest
from govshare_policy.cli.init import Deployment, grants_text, init
from govshare_policy.crypto import load_public_key, open_signer, verify
from govshare_policy.errors import ConfigError, PolicyError
from govshare_policy.facts import RegisterFacts
from govshare_policy.gate import Basis, check
from govshare_policy.identity import AssumedTrust
from govshare_policy.legal import Effect
from govshare_policy.policy import Precedence, load_bundle, profiles
from govshare_policy.register import Register, load_register
from govshare_sidecar.config import OpenPolicy, load_config

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    directory = tmp_path_factory.mktemp("init") / "qinglan"
    return init(directory, profile="hubei", precedence=Precedence.STRICTEST, today=TODAY)


@pytest.fixture(scope="module")
def register(made: Deployment) -> Register:
    return load_register(made.directory / "data")


def states(grants: Register, day: date) -> dict[str, str]:
    return {
        ident: "coming"
        if day < grant.period.valid_from
        else "ended"
        if day > grant.period.valid_to
        else "open"
        for ident, grant in grants.grants.items()
    }


def test_what_is_written_loads_as_data_policy_and_configuration(
    made: Deployment, register: Register
) -> None:
    config = load_config(made.directory / "govshare.toml")

    assert isinstance(config.policy, OpenPolicy)
    bundle = load_bundle(config.policy.profile, register, precedence=config.policy.precedence)
    assert (bundle.profile, bundle.precedence) == ("hubei", Precedence.STRICTEST)
    assert config.http is not None
    assert {route.resource for route in config.http.routes} <= set(register.resources)
    assert config.log.origin == made.origin


def test_the_audit_key_opens_with_its_passphrase_and_is_the_one_the_auditor_trusts(
    made: Deployment,
) -> None:
    config = load_config(made.directory / "govshare.toml")
    signer = open_signer(config.log.key, config.log.passphrase)
    trust = load_trust(made.directory / "trust.toml")

    assert signer.public == made.public == trust.keys[0].public
    assert signer.public == load_public_key(made.directory / "keys" / "audit.pub.pem")
    assert trust.origin == made.origin
    verify(made.public, b"m", signer.sign(b"m", signer_id=b"i"), signer_id=b"i")


def test_two_deployments_share_no_log_name_and_no_key(tmp_path: Path, made: Deployment) -> None:
    other = init(tmp_path / "b", profile="hubei", precedence=Precedence.LOCAL, today=TODAY)

    assert other.origin != made.origin
    assert other.public != made.public


def test_secrets_are_readable_by_their_owner_only(made: Deployment) -> None:
    secret = [*made.directory.rglob("*.key"), *(made.directory / "keys").glob("audit.pa*")]
    secret += [made.directory / "keys" / "audit.pem"]

    assert len(secret) == len(made.systems) + 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}
    private = [made.directory / name for name in ("", "keys", "tls", "tls/clients", "audit")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o700}


def test_the_audit_key_is_written_encrypted(made: Deployment) -> None:
    text = (made.directory / "keys" / "audit.pem").read_text()

    assert text.startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")


def test_every_system_has_a_registered_certificate_of_the_development_authority(
    made: Deployment, register: Register
) -> None:
    tls = made.directory / "tls"
    authority = x509.load_pem_x509_certificate((tls / "ca.pem").read_bytes())
    noon = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC)
    for system in register.systems:
        pem = (tls / "clients" / f"{system}.pem").read_bytes()
        certificate = x509.load_pem_x509_certificate(pem)
        key = serialization.load_pem_private_key(
            (tls / "clients" / f"{system}.key").read_bytes(), None
        )
        certificate.verify_directly_issued_by(authority)
        assert key.public_key() == certificate.public_key()
        assert certificate.not_valid_before_utc < noon < certificate.not_valid_after_utc
        (row,) = register.certificates[spki_digest(certificate)]
        assert row.system == system
        assert row.valid_from < TODAY < row.valid_to
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_the_sidecar_certificate_is_for_loopback_and_says_development_only(
    made: Deployment,
) -> None:
    pem = (made.directory / "tls" / "sidecar.pem").read_bytes()
    certificate = x509.load_pem_x509_certificate(pem)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert set(names.get_values_for_type(x509.IPAddress)) == {
        ipaddress.ip_address("127.0.0.1"),
        ipaddress.ip_address("::1"),
    }
    assert "DEVELOPMENT ONLY" in certificate.subject.rfc4514_string()


def test_openssl_accepts_the_chain_strictly(made: Deployment) -> None:
    tls = made.directory / "tls"
    for leaf in ("sidecar.pem", "clients/SYS-HCB-PRH.pem"):
        command = ["openssl", "verify", "-x509_strict", "-attime", str(_at(TODAY)), "-CAfile"]
        subprocess.run([*command, tls / "ca.pem", tls / leaf], check=True, capture_output=True)


def _at(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp())


@given(st.dates(date(2025, 1, 1), date(2060, 12, 31)))
@example(date(2026, 8, 31))
@example(date(2026, 9, 1))
@example(date(2026, 10, 31))
@example(date(2026, 11, 30))
@example(date(2026, 12, 31))
@settings(max_examples=60, deadline=None)
def test_grants_are_in_force_on_any_day_save_one_ended_and_one_coming(day: date) -> None:
    header, *rows = [line.split("\t") for line in grants_text(day).splitlines()]
    table = [dict(zip(header, row, strict=True)) for row in rows]
    for row in table:
        start, end = date.fromisoformat(row["valid_from"]), date.fromisoformat(row["valid_to"])
        open_now = start <= day <= end
        assert open_now == (row["grant_id"] not in ("G07", "G13"))
        if row["grant_id"] == "G07":
            assert start < end < day
        if row["grant_id"] == "G13":
            assert day + timedelta(days=27) < start < end


def test_the_register_has_one_grant_ended_and_one_coming(register: Register) -> None:
    found = states(register, TODAY)

    assert {ident for ident, state in found.items() if state == "ended"} == {"G07"}
    assert {ident for ident, state in found.items() if state == "coming"} == {"G13"}


def test_a_directory_that_holds_something_is_refused_and_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "taken"
    target.mkdir()
    (target / "theirs").write_text("kept")

    with pytest.raises(ConfigError, match="not empty"):
        init(target, profile="hubei", precedence=Precedence.LOCAL, today=TODAY)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
    assert (target / "theirs").read_text() == "kept"


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("nowhere")])
def test_a_name_that_is_no_directory_is_refused(tmp_path: Path, make: object) -> None:
    target = tmp_path / "taken"
    make(target)  # type: ignore[operator]

    with pytest.raises(ConfigError, match="already there"):
        init(target, profile="hubei", precedence=Precedence.LOCAL, today=TODAY)


def test_a_directory_filled_in_the_meantime_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "race"
    build = init_module._build

    def slow(*arguments: object, **named: object) -> Deployment:
        target.mkdir()
        (target / "theirs").write_text("kept")
        return build(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(init_module, "_build", slow)
    with pytest.raises(ConfigError, match="cannot be written: directory not empty"):
        init(target, profile="hubei", precedence=Precedence.LOCAL, today=TODAY)
    assert [path.name for path in target.iterdir()] == ["theirs"]
    assert [path.name for path in tmp_path.iterdir()] == ["race"]


def test_an_empty_directory_is_filled(tmp_path: Path) -> None:
    target = tmp_path / "empty"
    target.mkdir()

    init(target, profile="henan-fengqiu", precedence=Precedence.LOCAL, today=TODAY)
    assert (target / "govshare.toml").is_file()


def test_the_current_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError, match="name a new one"):
        init(Path(), profile="hubei", precedence=Precedence.LOCAL, today=TODAY)


def test_an_unknown_profile_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="unknown profile"):
        init(tmp_path / "x", profile="nowhere", precedence=Precedence.LOCAL, today=TODAY)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match="cannot be written"):
        init(tmp_path / "file" / "x", profile="hubei", precedence=Precedence.LOCAL, today=TODAY)


def test_an_authority_that_is_not_there_is_an_operator_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        Authority.load(tmp_path)


def test_an_authority_can_issue_more_after_it_was_written(made: Deployment) -> None:
    authority = Authority.load(made.directory / "tls")
    issued = authority.issue_client("SYS-MORE", start=datetime(2026, 11, 1, tzinfo=UTC))
    certificate = x509.load_pem_x509_certificate(issued.certificate)

    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate))
    assert issued.spki == spki_digest(certificate)
    assert "PRIVATE" not in repr(issued)


def test_the_command_says_what_it_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "a"), "--profile", "henan-fengqiu"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["precedence"] == "strictest"
    assert document["development_only"] is True

    english = ["init", str(tmp_path / "b"), "--output", "table", "--lang", "en"]
    assert main(english) == 0
    assert "DEVELOPMENT ONLY" in capsys.readouterr().out
    assert main([*english[:1], str(tmp_path / "c"), *english[2:-1], "zh"]) == 0
    assert "仅供开发" in capsys.readouterr().out

    assert main(["init", str(tmp_path / "a")]) == 2
    assert "not empty" in capsys.readouterr().err


def test_the_readme_gives_commands_over_files_that_are_there(made: Deployment) -> None:
    text = (made.directory / "README.md").read_text(encoding="utf-8")
    named = {word for word in text.split() if word.startswith("tls/") and "." in word}

    assert "$" not in text.replace("$ ", "")
    assert named
    assert all((made.directory / name).is_file() for name in named)


@pytest.mark.parametrize("precedence", Precedence)
@pytest.mark.parametrize("profile", profiles())
def test_the_readme_promises_what_the_texts_answer(
    register: Register, profile: str, precedence: Precedence
) -> None:
    bundle = load_bundle(profile, register, precedence=precedence)
    basis = Basis(trust=AssumedTrust(), facts=RegisterFacts(register=register), bundle=bundle)
    effects = {}
    for system in ("SYS-HCB-PRH", "SYS-HCB-WEB"):
        call = call_from_document(
            {
                "id": system,
                "at": f"{TODAY}T10:00:00+08:00",
                "action": "read",
                "department": "D-HCB",
                "system": system,
                "resource": "R08",
                "fields": ["*"],
                "purpose": "data_verification",
                "grant": "G01",
            }
        )
        effects[system] = check(call, basis).decision.effect

    promised = "200" if effects["SYS-HCB-WEB"] is Effect.ALLOW else "403"
    assert effects["SYS-HCB-PRH"] is Effect.ALLOW
    assert f"the same request: HTTP {promised}." in init_module._readme(profile, precedence, "log")


def test_the_sample_department_answers_what_the_readme_asks_for(made: Deployment) -> None:
    text = (made.directory / "README.md").read_text(encoding="utf-8")
    path = next(word for word in text.split() if word.startswith("https://")).split(":8443")[1]
    upstream = tomllib.loads((made.directory / "govshare.toml").read_text())["http"]["upstream"]
    program = (made.directory / "department.py").read_text(encoding="utf-8")
    source = program.replace("9001)", "0)").replace(
        "        server.serve_forever()",
        "        print(server.server_port, flush=True)\n        server.serve_forever()",
    )
    with subprocess.Popen(
        [sys.executable, "-c", source], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}?fields=a") as reply:
                record = json.load(reply)
        finally:
            process.terminate()
    assert upstream == "http://127.0.0.1:9001"
    assert {"id_no", "name", "marital_status", "reg_date"} < set(record)


def test_a_killed_build_leaves_nothing_half_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_named: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(ConfigError, match="no space left on device"):
        init(tmp_path / "x", profile="hubei", precedence=Precedence.LOCAL, today=TODAY)
    assert list(tmp_path.iterdir()) == []


def test_a_moved_deployment_still_loads(tmp_path: Path, made: Deployment) -> None:
    moved = shutil.copytree(made.directory, tmp_path / "elsewhere")

    policy = load_config(moved / "govshare.toml").policy
    assert isinstance(policy, OpenPolicy)
    assert policy.data.parent == moved


def test_the_readme_says_which_trust_file_is_for_which_log(made: Deployment) -> None:
    """Both logs by path and name; the second comes with the first step."""
    text = (made.directory / "README.md").read_text(encoding="utf-8")
    rows = [row for row in text.splitlines() if row.startswith("| `audit/")]

    for log, origin, trust in (
        ("`audit/log`", f"`{made.origin}`", "`trust.toml`"),
        ("`audit/workflow/log`", f"`{made.origin}/workflow`", "`trust-workflow.toml`"),
    ):
        assert any(log in row and origin in row and trust in row for row in rows)
    assert "govshare audit verify audit/workflow/log --trust trust-workflow.toml" in text
    assert load_trust(made.directory / "trust.toml").origin == made.origin
