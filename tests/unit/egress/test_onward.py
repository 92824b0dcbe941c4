# SPDX-License-Identifier: Apache-2.0
"""From what was recognised to onward calls; from a body to rows; what an approver allows."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from govshare_policy.call import Action, Recipient, RecipientKind
from govshare_policy.crypto import generate_key, open_signer
from govshare_policy.egress.allowed import (
    Allowance,
    add_allowance,
    allowed_forms,
    load_allowances,
)
from govshare_policy.egress.obtained import form_of_name, form_of_type, rows_of, scalars_of
from govshare_policy.egress.onward import calls_of, recognised_of, strictest, without_own
from govshare_policy.egress.verdict import Cause, Evidence, Outcome, Verdict
from govshare_policy.errors import CallError, ConfigError, SignatureError, VerificationError

COMPANY = Recipient(kind=RecipientKind.COMPANY, id="C-1")
PASSPHRASE = b"correct horse"
ALLOWANCE = Allowance(
    destination="archive.example:443",
    form="encrypted",
    approver="deputy",
    reason="sealed",
    since=date(2026, 1, 2),
    until=date(2026, 1, 4),
)


def evidence(receipt: str, resource: str = "R08", provider: str = "D-CAB") -> Evidence:
    return Evidence(
        receipt=receipt,
        grant="G01",
        resource=resource,
        provider=provider,
        fields=("id_no", "name"),
        certain=1,
        likely=0,
    )


def verdict(*found: Evidence, outcome: Outcome = Outcome.DENY, releases: int = 0) -> Verdict:
    return Verdict(
        outcome=outcome,
        causes=(Cause.CERTAIN,) if found else (),
        evidence=found,
        releases=releases or len(found),
        rows=len(found),
        segments=1,
        layers=(),
        code="",
    )


def test_each_resource_is_a_call_of_its_own_with_its_fields_and_grant() -> None:
    seen = verdict(evidence("1"), evidence("2", "R10"), evidence("3"))
    calls = calls_of(seen, COMPANY, consent="CON-1")

    assert [(call.resource, len(group)) for call, group in calls] == [("R08", 2), ("R10", 1)]
    call = calls[0][0]
    assert (call.action, call.recipient, call.consent) == (Action.ONWARD, COMPANY, "CON-1")
    assert (call.fields, call.grant) == (("id_no", "name"), "G01")


def test_what_names_no_release_is_a_call_for_no_resource() -> None:
    ((call, group),) = calls_of(verdict(), COMPANY)

    assert (call.resource, call.fields, group) == ("", ("*",), ())


def test_the_strictest_part_of_a_document_counts_and_all_evidence_stays() -> None:
    whole = strictest(
        [verdict(evidence("1"), outcome=Outcome.ALERT), verdict(evidence("2")), verdict()]
    )

    assert (whole.outcome, whole.rows, whole.releases) == (Outcome.DENY, 2, 2)
    assert [one.receipt for one in whole.evidence] == ["1", "2"]
    with pytest.raises(ValueError, match="at least one part"):
        strictest([])


def test_a_provider_may_be_asked_about_its_own_records_and_not_about_others() -> None:
    own, other = evidence("1"), evidence("2", "R10", "D-HRS")

    assert without_own(verdict(own), "D-CAB").outcome is Outcome.PASS
    assert without_own(verdict(own, other), "D-CAB").evidence == (other,)
    assert without_own(verdict(own, releases=101), "D-CAB").outcome is Outcome.DENY
    unread = replace(verdict(), code="encrypted")
    assert without_own(unread, "D-CAB") is unread


def test_a_record_of_many_releases_spells_out_some_and_counts_all() -> None:
    many = [evidence(str(number)) for number in range(40)]
    kept = recognised_of(verdict(*many), many, door="cli", acted=Outcome.DENY)

    assert (len(kept["evidence"]), kept["releases"], kept["acted"]) == (16, 40, "deny")


@pytest.mark.parametrize(
    ("body", "form", "rows"),
    [
        (b'{"a":"1","b":{"c":2}}', "json", [{"a": "1", "b.c": 2}]),
        (
            b'{"n":2,"x":{"items":[{"a":"1"},{"a":"2"}]}}',
            "json",
            [{"n": 2}, {"a": "1"}, {"a": "2"}],
        ),
        (b'[{"a":["1","2"]}]', "json", [{"a.0": "1", "a.1": "2"}]),
        (b'{"a":"1"}\n\n{"a":"2"}\n', "ndjson", [{"a": "1"}, {"a": "2"}]),
        ("\ufeffa,b\r\n1,2\r\n".encode(), "csv", [{"a": "1", "b": "2"}]),
        (b'"1"', "json", [{"value": "1"}]),
    ],
    ids=["object", "page", "list of values", "lines", "csv", "bare"],
)
def test_every_value_obtained_is_a_cell_of_a_row(
    body: bytes, form: str, rows: list[dict[str, object]]
) -> None:
    fields, found = rows_of(body, form)

    assert found == rows
    assert set(fields) == {name for row in rows for name in row}


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (b"{", "json"),
        (b"\xff\xfe", "json"),
        (b"[" * 100_000, "json"),
        (b"a,b\n1\n", "csv"),
        (b'{"a":' * 80 + b"1" + b"}" * 80, "json"),
        (b"{" + b",".join(b'"f%d":1' % n for n in range(300)) + b"}", "json"),
    ],
    ids=["cut off", "not UTF-8", "deep", "short row", "nested", "too many fields"],
)
def test_what_cannot_be_read_as_rows_is_refused(body: bytes, form: str) -> None:
    with pytest.raises(CallError):
        rows_of(body, form)


def test_forms_are_known_by_type_and_by_name() -> None:
    assert form_of_type("application/vnd.county+json; charset=utf-8") == "json"
    assert form_of_name("a.JSONL") == "ndjson"
    for unknown in (form_of_type, form_of_name):
        with pytest.raises(CallError):
            unknown("application/pdf")
    assert list(scalars_of(b'{"a":[1,"x",null,true]}')) == ["1", "x"]
    assert list(scalars_of(b"no json")) == []


def test_an_allowance_counts_for_its_destination_and_days_alone(tmp_path: Path) -> None:
    generate_key(tmp_path / "key.pem", PASSPHRASE)
    signer = open_signer(f"file:{tmp_path / 'key.pem'}", PASSPHRASE)
    path = tmp_path / "allowed"
    assert load_allowances(path, public=signer.public) == ()
    add_allowance(path, ALLOWANCE, signer=signer)
    add_allowance(path, replace(ALLOWANCE, form="tunnel"), signer=signer)

    found = load_allowances(path, public=signer.public)
    assert found[0] == ALLOWANCE
    host = ALLOWANCE.destination
    assert allowed_forms(found, host, on=date(2026, 1, 4)) == {"encrypted", "tunnel"}
    assert allowed_forms(found, host, on=date(2026, 1, 5)) == frozenset()
    assert allowed_forms(found, host, on=date(2026, 1, 1)) == frozenset()
    assert allowed_forms(found, "other.example:443", on=date(2026, 1, 3)) == frozenset()


def test_a_list_that_the_approver_did_not_sign_allows_nothing(tmp_path: Path) -> None:
    for name in ("key.pem", "other.pem"):
        generate_key(tmp_path / name, PASSPHRASE)
    signer, other = (
        open_signer(f"file:{tmp_path / name}", PASSPHRASE) for name in ("key.pem", "other.pem")
    )
    path = tmp_path / "allowed"
    add_allowance(path, ALLOWANCE, signer=signer)
    signed = path.read_bytes()

    with pytest.raises(SignatureError):
        load_allowances(path, public=other.public)
    with pytest.raises(SignatureError):
        add_allowance(path, ALLOWANCE, signer=other)
    for changed, error in (
        (signed.replace(b"archive", b"anybody"), SignatureError),
        (b"{}\n", VerificationError),
        (b"x" * (1 << 20) + b"y", ConfigError),
    ):
        path.write_bytes(changed)
        with pytest.raises(error):
            load_allowances(path, public=signer.public)


@pytest.mark.parametrize(
    "change", [{"form": "anything"}, {"reason": " "}, {"until": date(2025, 1, 1)}], ids=str
)
def test_an_allowance_names_form_reason_and_an_end(change: dict[str, object]) -> None:
    with pytest.raises(CallError):
        replace(ALLOWANCE, **change)  # type: ignore[arg-type]
