# SPDX-License-Identifier: Apache-2.0
"""Protobuf through the onward guard: what came in as a message does not go out in any form."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.callers import PURPOSE
from tests.e2e.egress_world import OTHERS, PEOPLE, Setting, World, as_json, world
from tests.e2e.rpc_department import descriptors, make
from tests.egress.generators import Row

MEDIA = "application/x-protobuf"
TABLES = """
[[http.route]]
method = "GET"
path = "/forms/{form}"
resource = "R08"
fields = ["*"]
format = "protobuf"
records = "page.items"
descriptor_set = "county.pb"
message = "county.v1.Found"
[[egress.message]]
host = "{provider}"
path = "/forms/known"
descriptor_set = "county.pb"
answer = "county.v1.Found"
[[egress.message]]
host = "{company}"
path = "/intake"
descriptor_set = "county.pb"
request = "county.v1.Found"
[[egress.message]]
path = "/list"
descriptor_set = "county.pb"
answer = "county.v1.Found"
[egress.reverse]
listen = "127.0.0.1:0"
upstream = "http://{company}"
system = "tls/SYS-HCB-PRH.pem"
kind = "public"
"""


def message(rows: list[Row]) -> bytes:
    people = [
        make("Marriage", id_no=row["id_no"], name=make("Name", text=row["name"])) for row in rows
    ]
    return make("Found", page=make("Page", items=people)).SerializeToString()


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory: Path = tmp_path_factory.mktemp("egress")
    (directory / "county.pb").write_bytes(descriptors().SerializeToString())
    with world(Setting(directory=directory, tables=TABLES)) as made:
        yield made


def obtain(world: World, path: str, rows: list[Row]) -> int:
    world.api.says(message(rows), headers={"Content-Type": MEDIA})
    return world.ask(f"https://{world.provider}{path}", headers=PURPOSE).status


def test_an_answer_of_a_known_type_is_registered_and_one_of_an_unknown_type_is_not_handed_over(
    everybody: World,
) -> None:
    assert obtain(everybody, "/forms/unknown", PEOPLE[:4]) == 502
    assert everybody.send(as_json(PEOPLE[:4])).status == 200
    # Of these no other test asks: they came in by one release.
    assert obtain(everybody, "/forms/known", PEOPLE[4:6]) == 200
    denied = everybody.send(as_json(PEOPLE[4:6]))

    assert denied.status == 403
    (evidence,) = denied.document["recognised"]["evidence"]
    assert (evidence["resource"], evidence["certain"]) == ("R08", 2)


def test_a_message_of_a_known_type_is_looked_at_on_its_way_out(everybody: World) -> None:
    assert obtain(everybody, "/forms/known", PEOPLE[6:]) == 200
    everybody.outside.asked.clear()
    denied = everybody.send(message(PEOPLE[6:]), MEDIA)
    passed = everybody.send(message(OTHERS), MEDIA)

    assert (denied.status, passed.status) == (403, 200)
    assert denied.document["recognised"]["evidence"][0]["resource"] == "R08"
    assert [asked.body for asked in everybody.outside.asked] == [message(OTHERS)]


def test_a_message_of_an_unknown_type_does_not_leave(everybody: World) -> None:
    everybody.outside.asked.clear()
    url = f"http://{everybody.company}/elsewhere"
    denied = everybody.ask(
        url, method="POST", body=message(OTHERS), headers={"Content-Type": MEDIA}
    )

    assert denied.document["recognised"]["code"] == "unknown_form"
    assert (denied.status, everybody.outside.asked) == (403, [])


def test_an_answer_of_our_own_api_is_looked_at(everybody: World) -> None:
    assert obtain(everybody, "/forms/known", PEOPLE[6:]) == 200
    statuses = []
    for rows in (PEOPLE[6:], OTHERS):
        everybody.outside.says(message(rows), headers={"Content-Type": MEDIA})
        statuses.append(everybody.ask("/list", door="egress_reverse", client=None).status)

    assert statuses == [403, 200]
