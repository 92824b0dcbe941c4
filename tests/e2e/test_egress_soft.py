# SPDX-License-Identifier: Apache-2.0
"""Likely hits under a grant that asks for an alert: they leave, on record, and somebody is told."""

from pathlib import Path

import pytest

from tests.e2e.egress_world import OTHERS, PEOPLE, Setting, as_json, world

GRANT = """
[[egress.grant]]
grant = "G01"
soft = "{soft}"
"""
# A name and a day: of one person most likely, and of another of that name perhaps.
LIKELY = as_json([{"who": row["name"], "when": row["reg_date"]} for row in PEOPLE])
RELEASED = [{**row, "marital_status": row["reg_date"]} for row in PEOPLE]


@pytest.mark.parametrize(("soft", "status"), [("alert", 200), ("record", 200), ("deny", 403)])
def test_a_likely_hit_does_what_the_grant_says_and_is_on_record(
    tmp_path: Path, soft: str, status: int
) -> None:
    with world(Setting(directory=tmp_path, tables=GRANT.format(soft=soft))) as everybody:
        assert everybody.search(RELEASED).status == 200
        everybody.outside.asked.clear()

        assert everybody.send(LIKELY).status == status
        assert len(everybody.outside.asked) == int(status == 200)
        record = everybody.onward()[-1]
        assert (record["effect"], record["recognised"]["acted"]) == ("deny", soft)
        assert record["recognised"]["causes"] == ["likely"]
        # What is certain is denied whatever the grant says.
        assert everybody.send(as_json(PEOPLE)).status == 403
        assert everybody.send(as_json(OTHERS)).status == 200
    said = [one["message"] for one in everybody.running.messages if record["id"] in str(one)]
    alerts = [one for one in said if "likely obtained data left" in one]
    assert len(alerts) == int(soft == "alert")
    assert not any(row["name"] in one for row in PEOPLE for one in alerts)
