# SPDX-License-Identifier: Apache-2.0
"""What the record of a request commits to."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from govshare_policy.crypto import sm3
from govshare_sidecar.refusal import RefusedError
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


PLAIN: Mapping[str, str] = {"Content-Type": "application/json"}


def about(body: bytes, headers: Mapping[str, str] = PLAIN, *, path: str = "/find") -> str:
    """Return whom a ``POST`` of *body* is about, where exactly one subject has to be named."""
    route = Route.parse(
        method="POST",
        path="/people/{id_no}" if path != "/find" else path,
        resource="R08",
        channel="api",
        fields=("id_no",),
        fields_parameter="",
        parameters=(),
        records="",
    ).asked_by("id_no")
    found = match((route,), "POST", path)
    call = replace(plain_call(), subject=found.subject)
    asked = Asked(call=call, target=found, method="POST", headers=headers, body=None)
    return asked.with_body(body).call.subject


@pytest.mark.parametrize(
    "said",
    ["application/json", "Application/JSON; charset=utf-8", 'application/json;charset="utf-8"'],
)
def test_a_body_of_json_names_its_subject(said: str) -> None:
    assert about(b'{"id_no": "1"}', {"Content-Type": said}) == "1"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/json; charset=gbk",
        "application/json, application/x-www-form-urlencoded",
    ],
    ids=["nothing", "a form", "text", "another character set", "two"],
)
@pytest.mark.parametrize("path", ["/find", "/people/1"])
def test_a_body_that_may_name_somebody_else_as_another_type_is_refused(
    said: str, path: str
) -> None:
    """The same bytes as a form are about 2; and in GBK a letter may swallow a backslash."""
    body = b'{"id_no": "1", "x": "&id_no=2&y="}'
    with pytest.raises(RefusedError):
        about(body, {"Content-Type": said} if said else {}, path=path)
    assert about(body, path=path) == "1"


@pytest.mark.parametrize("other", ["ID_NO", "Id_No"])
def test_members_that_differ_in_their_letter_case_are_not_one_subject(other: str) -> None:
    for body in (f'{{"id_no": "1", "{other}": "2"}}', f'{{"{other}": "2"}}'):
        with pytest.raises(RefusedError):
            about(body.encode())


@pytest.mark.parametrize("name", ["e\u0301", "\uf900", "\u212a"])
def test_a_subject_goes_on_as_it_is_counted(name: str) -> None:
    """Two spellings of one normal form would be counted once, and may be two persons."""
    with pytest.raises(RefusedError):
        about(f'{{"id_no": "{name}"}}'.encode())
