# SPDX-License-Identifier: Apache-2.0
"""The proxy in front of a consumer's own API, own systems, subjects, and soft hits."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.egress_world import OTHERS, PEOPLE, Setting, World, as_json, world

REVERSE = """
[[egress.grant]]
grant = "G01"
soft = "alert"
[egress.reverse]
listen = "127.0.0.1:0"
upstream = "{upstream}"
system = "tls/SYS-HCB-PRH.pem"
kind = "{kind}"
"""


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    setting = Setting(
        directory=tmp_path_factory.mktemp("egress"),
        tables=REVERSE.format(upstream="http://{company}", kind="subject"),
    )
    with world(setting) as made:
        assert made.search(PEOPLE).status == 200
        yield made


def answers(world: World, rows: object) -> int:
    """Return the status with which the outside gets *rows* of the consumer's API."""
    world.outside.says(json.dumps(rows, ensure_ascii=False).encode())
    return world.ask("/public/list", door="egress_reverse", client=None).status


def test_an_answer_with_obtained_records_does_not_leave(everybody: World) -> None:
    assert answers(everybody, PEOPLE[:3]) == 403
    record = everybody.onward()[-1]
    assert (record["recognised"]["door"], record["effect"]) == ("egress_reverse", "deny")
    assert record["system"] == "SYS-HCB-PRH"


def test_an_answer_with_own_records_leaves_as_it_is(everybody: World) -> None:
    assert answers(everybody, OTHERS[:5]) == 200


def test_whoever_a_record_is_about_is_shown_that_one(everybody: World) -> None:
    assert answers(everybody, PEOPLE[3]) == 200
    record = everybody.onward()[-1]
    assert record["recognised"]["acted"] == "record"
    assert record["call"]["recipient"]["kind"] == "person"


def test_a_request_in_the_form_of_another_proxy_is_none(everybody: World) -> None:
    assert everybody.ask("http://elsewhere/x", door="egress_reverse", client=None).status == 400


def test_an_api_that_does_not_answer_is_said_not_to(everybody: World) -> None:
    everybody.outside.says(b"{}", headers={"Content-Type": "application/json"}, delay_s=0.0)
    assert answers(everybody, {}) == 200
    whole = everybody.ask("/x", door="egress_reverse", client=None, method="POST", body=as_json([]))
    assert whole.status == 200


def test_where_the_text_knows_consent_the_data_leave_under_it(tmp_path: Path) -> None:
    consent = {
        "consent_id": "CON-1",
        "kind": "onward",
        "resource_id": "R08",
        "provider": "D-CAB",
        "user_dept": "D-HCB",
        "recipients": "C-REALTY",
        "purposes": "",
        "written": "Y",
        "commercial": "N",
        "valid_from": "2020-01-01",
        "valid_to": "2099-12-31",
    }
    setting = Setting(
        directory=tmp_path, change={"consents.tsv": [consent]}, profile="jiangxi-pingxiang"
    )
    with world(setting) as everybody:
        assert everybody.search(PEOPLE).status == 200
        refused = everybody.send(as_json(PEOPLE[:2]))
        allowed = everybody.send(as_json(PEOPLE[:2]), headers={"Govshare-Consent": "CON-1"})

        assert (refused.status, allowed.status) == (403, 200), allowed.body
        record = everybody.onward()[-1]
        assert (record["effect"], record["call"]["consent"]) == ("allow", "CON-1")
        assert everybody.running.deployment.outcomes()[-1]["status"] == "passed_on"
