# SPDX-License-Identifier: Apache-2.0
"""Canaries stand only where the provider agrees, look like the rest, and are known again."""

from datetime import UTC, date, datetime
from pathlib import Path
from random import Random

import pytest

from govshare_policy.egress.batchfile import Batch, BatchForm, Row, read_batch
from govshare_policy.egress.canary import (
    Consent,
    Planted,
    attribution,
    consent_for,
    found,
    load_consents,
    load_register,
    plant,
)
from govshare_policy.egress.invented import id_check, uscc_check
from govshare_policy.errors import CallError, ConfigError

AT = datetime(2026, 1, 5, 2, tzinfo=UTC)
KEY = bytes(range(32))
CONSENT = Consent(
    resource="R08",
    provider="D-CAB",
    agreed_by="wang",
    valid_from=date(2026, 1, 1),
    valid_to=date(2026, 12, 31),
)


def person(n: int) -> tuple[str, str]:
    digits = f"41072{n % 8}19{60 + n % 40}{1 + n % 12:02}{1 + n % 28:02}{n % 1000:03}"
    return digits + id_check(digits), f"{digits[6:10]}-{digits[10:12]}-{digits[12:14]}"


def batch_of(count: int, form: BatchForm = BatchForm.CSV) -> Batch:
    lines = []
    for n in range(count):
        number, birth = person(n)
        code = f"91410721MA{n:07}"
        lines.append(
            f"{number},{'张王李赵'[n % 4]}{chr(0x5200 + n)},{birth},{'男女'[n % 2]},"
            f"138{n:08},{code}{uscc_check(code)},平原新区长江路{n}号"
        )
    head = "id_no,name,birth,sex,phone,uscc,address"
    if form is BatchForm.CSV:
        return read_batch("\n".join([head, *lines, ""]).encode(), form)
    names = head.split(",")
    objects = (
        "{" + ",".join(f'"{k}":"{v}"' for k, v in zip(names, line.split(","), strict=True)) + "}"
        for line in lines
    )
    return read_batch("\n".join([*objects, ""]).encode(), form)


def planted_in(batch: Batch, count: int = 20) -> tuple[list[Row], Planted]:
    data, said = plant(batch, KEY, release="one", consent=CONSENT, count=count, at=AT)
    return list(read_batch(data, batch.form).rows), said


@pytest.mark.parametrize("form", [BatchForm.CSV, BatchForm.NDJSON])
def test_the_other_rows_stay_what_they_are_in_their_order(form: BatchForm) -> None:
    batch = batch_of(200, form)
    rows, said = planted_in(batch)
    own = {row.text for row in batch.rows}

    assert [row for row in rows if row.text in own] == list(batch.rows)
    assert (len(rows), said.count) == (220, 20)


def test_a_canary_looks_like_the_rows_around_it_and_is_nobody() -> None:
    batch = batch_of(200)
    rows, _ = planted_in(batch)
    own = {row.text for row in batch.rows}
    taken = {row.cells["id_no"] for row in batch.rows}

    for row in (row for row in rows if row.text not in own):
        number, code = row.cells["id_no"], row.cells["uscc"]
        assert number[-1] == id_check(number[:17])
        assert number[4] == "7", "no county has such a number"
        assert number not in taken
        assert code[-1] == uscc_check(code[:17])
        assert row.cells["birth"].replace("-", "") == number[6:14]
        assert row.cells["sex"] in "男女"
        assert row.cells["phone"].startswith("138")
        assert len(row.cells["phone"]) == 11
        date.fromisoformat(row.cells["birth"])


def test_canaries_are_known_again_by_any_telling_value_under_any_name() -> None:
    rows, said = planted_in(batch_of(200))
    renamed = [Row(cells={"身份证": row.cells["id_no"]}, text="") for row in rows]

    assert found(rows, KEY, [said]) == {"one": 20}
    assert found(renamed, KEY, [said]) == {"one": 20}
    assert found(batch_of(200).rows, KEY, [said]) == {}
    assert found(rows, bytes(32), [said]) == {}


def test_the_register_shows_no_value() -> None:
    rows, said = planted_in(batch_of(200))
    line = said.to_line()

    assert Planted.from_line(line) == said
    for row in rows:
        assert not [text for text in row.cells.values() if len(text) > 4 and text in line]


def test_the_same_key_and_release_invent_the_same_rows() -> None:
    one, other = (
        plant(batch_of(50), KEY, release="r", consent=CONSENT, count=3, at=AT) for _ in "12"
    )
    another, _ = plant(batch_of(50), KEY, release="s", consent=CONSENT, count=3, at=AT)

    assert one == other
    assert one[0] != another


def test_a_leak_of_a_tenth_with_twenty_canaries_is_seen_in_88_of_100() -> None:
    assert attribution(0.1, 20) == pytest.approx(0.878, abs=0.001)
    assert (attribution(0, 20), attribution(1, 1)) == (0, 1)
    with pytest.raises(ValueError, match="fraction"):
        attribution(1.1, 1)


def test_leaks_are_seen_as_often_as_the_formula_says() -> None:
    rows, said = planted_in(batch_of(200))
    random = Random(7)  # noqa: S311  a leak, not a secret
    seen = sum(bool(found(random.sample(rows, 22), KEY, [said])) for _ in range(300))

    assert seen / 300 == pytest.approx(attribution(0.1, 20), abs=0.07)


def test_a_small_batch_or_one_without_a_telling_column_takes_none() -> None:
    with pytest.raises(CallError, match="rows around it"):
        planted_in(batch_of(99))
    plain = read_batch(b"sex\nm\nf\nm\nf\nm\n", BatchForm.CSV)
    with pytest.raises(CallError, match="tells rows apart"):
        planted_in(plain, 1)
    with pytest.raises(ValueError, match="32 bytes"):
        plant(plain, b"", release="r", consent=CONSENT, count=1, at=AT)


def test_a_consent_holds_for_its_resource_and_time_alone(tmp_path: Path) -> None:
    path = tmp_path / "consents.tsv"
    head = "resource\tprovider\tagreed_by\tvalid_from\tvalid_to\n"
    path.write_text(f"{head}R08\tD-CAB\twang\t2026-01-01\t2026-12-31\n")
    consents = load_consents(path)

    assert consent_for(consents, "R08", on=date(2026, 12, 31)) == CONSENT
    for resource, on in (("R09", date(2026, 5, 1)), ("R08", date(2027, 1, 1))):
        with pytest.raises(CallError, match="no provider consents"):
            consent_for(consents, resource, on=on)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "resource\n",
        "resource\tprovider\tagreed_by\tvalid_from\tvalid_to\nR08\n",
        "resource\tprovider\tagreed_by\tvalid_from\tvalid_to\nR08\tD\tw\tx\ty\n",
        "resource\tprovider\tagreed_by\tvalid_from\tvalid_to\nR08\tD\t\t2026-01-01\t2026-01-02\n",
    ],
    ids=["empty", "columns", "cells", "dates", "nobody agreed"],
)
def test_a_consent_that_is_not_whole_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "consents.tsv").write_text(text)
    with pytest.raises(ConfigError, match=r"consents\.tsv"):
        load_consents(tmp_path / "consents.tsv")


def test_a_register_that_is_not_there_is_empty_and_a_broken_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "canaries.jsonl"
    assert load_register(path) == ()
    for line in ("[]", "{", '{"release":"r"}'):
        path.write_text(line)
        with pytest.raises(ConfigError, match="register of canaries"):
            load_register(path)
