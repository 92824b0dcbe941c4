# SPDX-License-Identifier: Apache-2.0
"""What follows from what was recognised; what is shown of it, and what never is."""

import io
import logging
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from govshare_policy.egress.guard import Envelope
from govshare_policy.egress.quickly import canonical_of
from govshare_policy.egress.values import canonical, fold
from govshare_policy.egress.verdict import Cause, Outcome
from tests.egress.forms import as_csv, as_json
from tests.egress.generators import GENERATORS, household, rows
from tests.egress.guarded import AT, Guarded, make_guarded
from tests.egress.roles import only

OWN_PER_GENERATOR = 40


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    with make_guarded(tmp_path) as made:
        yield made


def encrypted_zip() -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("a.txt", "x" * 100)
    raw = bytearray(body.getvalue())
    for sign, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(sign) + place] |= 1
    return bytes(raw)


def test_a_denial_names_receipts_fields_and_counts(guarded: Guarded) -> None:
    released = rows(household, 50, seed=1)
    guarded.release(released, receipt="R-7")

    verdict = guarded.scan(as_json(only(released[:4], "id", "name")))

    (evidence,) = verdict.evidence
    assert (verdict.outcome, verdict.causes) == (Outcome.DENY, (Cause.CERTAIN,))
    assert (evidence.receipt, evidence.grant, evidence.resource) == ("R-7", "G01", "R08")
    assert (evidence.provider, evidence.certain, evidence.likely) == ("D-CAB", 4, 0)
    assert evidence.fields == ("id_no", "name")


@pytest.mark.parametrize("strength", ["deny", "alert", "record"])
def test_the_grant_says_what_likely_records_do_and_certain_ones_always_deny(
    strength: str, guarded: Guarded
) -> None:
    released = rows(household, 50, seed=1)
    guarded.release(released, strength=strength)

    likely = guarded.scan(as_json(only(released[:8], "name", "date")))
    certain = guarded.scan(as_json(only(released[:1], "id")))

    assert (likely.outcome, likely.causes) == (Outcome(strength), (Cause.LIKELY,))
    assert certain.outcome is Outcome.DENY


def test_two_likely_records_are_not_acted_on(guarded: Guarded) -> None:
    released = rows(household, 50, seed=1)
    guarded.release(released)

    assert guarded.scan(as_json(only(released[:2], "name", "date"))).outcome is Outcome.PASS


def test_values_that_the_caller_sent_do_not_count(guarded: Guarded) -> None:
    released = rows(household, 30, seed=1)
    sent = frozenset(row["id_no"] for row in released)
    guarded.release(released, sent=sent)

    assert guarded.scan(as_json(only(released, "id"))).outcome is Outcome.PASS


def test_a_dropped_release_is_not_recognised(guarded: Guarded) -> None:
    released = rows(household, 30, seed=1)
    guarded.release(released, receipt="R-9")
    guarded.index.drop("R-9")

    assert guarded.scan(as_json(released)).outcome is Outcome.PASS


def test_what_cannot_be_read_is_denied_unless_an_approver_listed_it(guarded: Guarded) -> None:
    body = encrypted_zip()
    listed = Envelope(caller="S", destination="D", at=AT, allowed=frozenset({"encrypted"}))

    verdict = guarded.scan(body)

    assert (verdict.outcome, verdict.causes) == (Outcome.DENY, (Cause.UNSCANNABLE,))
    assert verdict.code == "encrypted"
    assert guarded.guard.scan(body, listed).outcome is Outcome.RECORD


def test_an_empty_body_passes(guarded: Guarded) -> None:
    guarded.release(rows(household, 5, seed=1))

    assert guarded.scan(b"").outcome is Outcome.PASS


@pytest.mark.parametrize("generator", GENERATORS)
def test_own_documents_pass(generator: str, guarded: Guarded) -> None:
    """Own data of the same places and the same words, of other people."""
    for name, make in GENERATORS.items():
        guarded.release(rows(make, 1_000, seed=1), receipt=f"R-{name}")
    own = rows(GENERATORS[generator], OWN_PER_GENERATOR * 100, seed=2)
    forms = (as_json, as_csv)

    verdicts = [
        guarded.scan(forms[n % 2](own[n * 100 : n * 100 + 100])) for n in range(OWN_PER_GENERATOR)
    ]

    assert {verdict.outcome for verdict in verdicts} == {Outcome.PASS}


@pytest.mark.parametrize("generator", GENERATORS)
def test_no_released_value_can_be_read_anywhere(
    generator: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in the index, the day, the verdict, a representation or a log line."""
    caplog.set_level(logging.DEBUG)
    made = make_guarded(tmp_path)
    released = rows(GENERATORS[generator], 120, seed=1)
    with made:
        made.release(released)
        one_by_one = [made.scan(as_csv([row]), caller="slow") for row in only(released, "phone")]
        verdict = made.scan(as_json(released))
        scan = made.guard.scanner.scan("\x1e".join("\x1f".join(r.values()) for r in released))
        told = f"{verdict!r}{one_by_one!r}{made!r}{scan!r}{caplog.text}"
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    values = {value for row in released for value in row.values() if len(value) > 2}

    for value in values | {canonical(value) for value in values}:
        assert value not in told
        for charset in ("utf-8", "utf-16-le", "gb18030"):
            assert value.encode(charset) not in stored


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(
        st.text(max_size=20),
        st.from_regex(r"[0-9]{1,20}", fullmatch=True),
        st.from_regex(r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}", fullmatch=True),
        st.from_regex(r"[0-9]{1,11}\.[0-9]{0,9}", fullmatch=True),
        st.from_regex(r"[a-z]{0,4}[0-9]{8}[0-9a-z]{0,10}", fullmatch=True),
        st.from_regex(r"[省市年月日元路一壹1-9a-z.,-]{1,12}", fullmatch=True),
    )
)
def test_the_short_way_to_the_one_form_ends_where_the_long_way_does(text: str) -> None:
    folded = fold(text)

    assert canonical_of(folded) == canonical(folded)
