# SPDX-License-Identifier: Apache-2.0
"""What the record of a request commits to."""

from govshare_policy.crypto import sm3
from govshare_sidecar.request import Asked
from govshare_sidecar.routes import Route
from govshare_sidecar.targets import match
from tests.unit.gathered import plain_call

ROUTE = Route.parse(
    method="POST",
    path="/people/{id}/marriages/{id}",
    resource="R08",
    channel="api",
    fields=("id_no",),
    fields_parameter="fields",
    parameters=("name", "page"),
    records="",
)
TARGET = "/people/330102199001011234/marriages/%E5%BC%A0%20x?fields=id_no&name=%E5%BC%A0&page=2"


def asked(target: str = TARGET, body: bytes | None = b'{"a": 1}') -> Asked:
    found = match((ROUTE,), "POST", target)
    return Asked(call=plain_call(), target=found, method="POST", headers={}, body=body)


def test_the_digest_is_over_the_request_as_the_department_gets_it() -> None:
    """Everything but the fields, which the record names in clear."""
    seen = (
        b'POST\n/people/330102199001011234/marriages/%E5%BC%A0%20x\nname=%E5%BC%A0&page=2\n{"a": 1}'
    )

    assert asked().values()["request"] == sm3(seen).hex()
    assert asked(TARGET.replace("fields=id_no", "fields=name")).values() == asked().values()


def test_every_value_that_the_caller_chose_is_a_subject_in_its_order() -> None:
    values = asked().values()
    del values["request"]

    assert values == {
        "subject_1": "330102199001011234",
        "subject_2": "张 x",
        "subject_3": "张",
        "subject_4": "2",
    }


def test_any_other_request_has_another_digest() -> None:
    others = {
        asked(body=None).values()["request"],
        asked(body=b'{"a": 2}').values()["request"],
        asked(TARGET.replace("page=2", "page=3")).values()["request"],
        asked(TARGET.replace("&page=2", "")).values()["request"],
        asked(TARGET.replace("1234", "1235")).values()["request"],
        asked().values()["request"],
    }

    assert len(others) == 6
