# SPDX-License-Identifier: Apache-2.0
"""``govshare call sign`` and ``govshare audit envelope``, one behind the other."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from govshare_policy.audit import AuditLog
from govshare_policy.call import parse_call
from govshare_policy.crypto import Signer, generate_key, open_signer
from govshare_policy.envelope import Opener, Presented, request_digest
from govshare_policy.facts import RegisterFacts
from govshare_policy.gate import Basis, Gate
from govshare_policy.identity import CertificateTrust, Evidence
from govshare_policy.nonces import NonceStore
from govshare_policy.policy import load_bundle
from govshare_policy.register import load_register
from tests.county import write_county
from tests.unit.cli.conftest import Command, Done
from tests.unit.recording import MemorySalts

SYSTEM, AUDIENCE = "SYS-HCB-PRH", "qinglan/audit"
TARGET, BODY = "/marriages/1?a=2", b'{"x": 1}'
TLS_KEY = bytes(32)
CALL = {
    "action": "read",
    "resource": "R08",
    "fields": ["id_no", "marital_status"],
    "purpose": "data_verification",
    "grant": "G01",
    "operator": "Zhang San",
}


class Signing(NamedTuple):
    """A caller's key, and a gate that knows it."""

    here: Path
    signer: Signer

    @property
    def data(self) -> Path:
        return self.here / "data"

    @property
    def log(self) -> Path:
        return self.here / "log"

    def options(self) -> list[str]:
        (self.here / "passphrase").write_text("secret\n")
        return [
            *("--key", f"file:{self.here / 'caller.pem'}", "--system", SYSTEM),
            *("--department", "D-HCB", "--audience", AUDIENCE),
            *("--passphrase-file", str(self.here / "passphrase")),
        ]

    def ask(self, *envelopes: str, request: str = "", **said: Any) -> list[str]:  # noqa: ANN401
        """Put the call to the gate under each envelope; return the ids of the records."""
        register = load_register(self.data)
        basis = Basis(
            trust=CertificateTrust(register=register),
            facts=RegisterFacts(register=register),
            bundle=load_bundle("hubei", register),
        )
        evidence = Evidence(
            spki=TLS_KEY,
            not_before=datetime.now(UTC) - timedelta(days=1),
            not_after=datetime.now(UTC) + timedelta(days=1),
        )
        call = parse_call(json.dumps({**CALL, **said}), on_the_wire=True)
        nonces = NonceStore(self.here / "nonces.sqlite")
        opener = Opener(audience=AUDIENCE, nonces=nonces)
        log = AuditLog.create(
            self.log, origin=AUDIENCE, signer=self.signer, now=lambda: datetime.now(UTC)
        )
        gate = Gate(
            basis=lambda: basis,
            log=log,
            salts=MemorySalts(),
            now=lambda: datetime.now(UTC),
            opener=opener,
        )
        shown = [Presented(text=one, request=request) if one else None for one in envelopes]
        answers = [gate.answer(call, replace(evidence, envelope=one)) for one in shown]
        log.close()
        nonces.close()
        return [answer.record_id for answer in answers]


@pytest.fixture
def signing(tmp_path: Path) -> Signing:
    """A system that signs, registered for today."""
    generate_key(tmp_path / "caller.pem", b"secret")
    signer = open_signer(f"file:{tmp_path / 'caller.pem'}", b"secret")
    rows = [
        {
            "system_id": SYSTEM,
            "spki": spki.hex(),
            "valid_from": "2025-01-01",
            "valid_to": "2999-12-31",
            "revoked_on": "",
        }
        for spki in (TLS_KEY, signer.public.fingerprint)
    ]
    grants = [{"grant_id": "G01", "valid_from": "2025-01-01", "valid_to": "2999-12-31"}]
    write_county(tmp_path / "data", {"certificates.tsv": rows, "grants.tsv": grants})
    return Signing(tmp_path, signer)


def sign(govshare: Command, signing: Signing, *more: object, **said: Any) -> Done:  # noqa: ANN401
    stdin = json.dumps({**CALL, **said}).encode()
    return govshare("call", "sign", "-", *signing.options(), *more, stdin=stdin)


def test_what_is_signed_opens_the_gate_and_verifies_in_the_log(
    govshare: Command, signing: Signing
) -> None:
    """With the request, and whose key it is."""
    (signing.here / "body").write_bytes(BODY)
    more = ("--method", "POST", "--target", TARGET, "--body", signing.here / "body")
    signed = sign(govshare, signing, *more)
    assert (signed.code, signed.err) == (0, "")
    request = request_digest("POST", TARGET, BODY)
    [record] = signing.ask(signed.out.strip(), request=request)

    verify = ("audit", "envelope", signing.log)
    found = govshare(*verify, record, "--data", signing.data, "-o", "json")
    assert found.code == 0
    [row] = found.json["envelopes"]
    assert (row["verified"], row["registered"], row["system"]) == (True, True, SYSTEM)
    assert row["key"] == f"sm3:{signing.signer.public.fingerprint.hex()}"
    assert "Zhang" not in found.out
    plain = govshare(*verify, "-o", "jsonl")
    assert (plain.code, "registered" in plain.out) == (0, False)
    assert "签名有效，与记录一致" in govshare(*verify, "-o", "table", "--lang", "zh").out


def test_a_call_without_a_request_is_signed_for_check(govshare: Command, signing: Signing) -> None:
    """As a file too."""
    (signing.here / "call").write_text(json.dumps(CALL))
    done = govshare("call", "sign", signing.here / "call", *signing.options())
    signing.ask(done.out.strip())
    assert govshare("audit", "envelope", signing.log).code == 0
    assert sign(govshare, signing).out != done.out


def test_a_record_without_an_envelope_or_with_another_calls_is_exit_1(
    govshare: Command, signing: Signing, tmp_path: Path
) -> None:
    """What the operator changed behind the caller's back is named."""
    record, bare = signing.ask(sign(govshare, signing).out.strip(), "")
    done = govshare("audit", "envelope", signing.log, bare, record, "-o", "jsonl")
    assert done.code == 1
    errors = [row.get("error") for row in done.lines]
    assert errors == [None, "the record keeps no envelope"]

    other = write_county(tmp_path / "other")
    strange = govshare("audit", "envelope", signing.log, "--data", other, "-o", "json")
    assert (strange.code, strange.json["bad"]) == (1, 1)
    assert "key is not registered" in strange.json["envelopes"][0]["error"]
    table = govshare("audit", "envelope", signing.log, bare, "-o", "table")
    assert (table.code, "✗" in table.out) == (1, True)


def test_an_id_that_the_log_does_not_have_is_exit_2(govshare: Command, signing: Signing) -> None:
    """It is not passed over."""
    signing.ask("")
    done = govshare("audit", "envelope", signing.log, "no-such-record")
    assert (done.code, "check RECORD" in done.err) == (2, True)


WRONG: dict[str, tuple[tuple[str, ...], bytes, str]] = {
    "no call": ((), b"{}", "action"),
    "a call too large": ((), b" " * 70_000, "at most 65536 bytes"),
    "a body and no target": (("--body", "x"), b"{}", "--body goes with --target"),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=list(WRONG))
def test_what_cannot_be_signed_is_exit_2(
    case: tuple[tuple[str, ...], bytes, str], govshare: Command, signing: Signing
) -> None:
    """Nothing is printed that could be taken for an envelope."""
    more, stdin, said = case
    done = govshare("call", "sign", "-", *signing.options(), *more, stdin=stdin)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_a_key_needs_its_passphrase(
    govshare: Command, signing: Signing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of a file or the environment; never of the command line."""
    arguments = [*signing.options()[:-2]]
    stdin = json.dumps(CALL).encode()
    none = govshare("call", "sign", "-", *arguments, stdin=stdin)
    assert (none.code, "--passphrase-file" in none.err) == (2, True)
    lost = govshare("call", "sign", "-", *arguments, "--passphrase-file", "nowhere", stdin=stdin)
    assert (lost.code, "cannot be read" in lost.err) == (2, True)
    monkeypatch.setenv("GOVSHARE_PASSPHRASE", "secret")
    assert govshare("call", "sign", "-", *arguments, stdin=stdin).code == 0
