# SPDX-License-Identifier: Apache-2.0
"""A path means one route, or none."""

import pytest

from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.routes import Route, RouteError
from govshare_sidecar.targets import Target, match


def route(
    path: str, *, method: str = "GET", fields_parameter: str = "", records: str = ""
) -> Route:
    return Route.parse(
        method=method,
        path=path,
        resource="R08",
        channel="api",
        fields=("id_no", "name"),
        fields_parameter=fields_parameter,
        parameters=("a", "b", "c"),
        records=records,
    )


ONE = route("/marriages/{id_no}")
ALL = route("/marriages/all")
PAGES = route("/pages/{page}", fields_parameter="fields")
ROUTES = (ONE, ALL, PAGES, route("/marriages", method="POST"))


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("GET", "/marriages/ID1", ONE),
        ("GET", "/marriages/all", ALL),
        ("GET", "/marriages/%61ll", ALL),
        ("GET", "/marriages/ALL", ONE),
        ("GET", "/marriages/{id_no}?a=b", None),
        ("GET", "/pages/1?fields=name", PAGES),
        ("POST", "/marriages", ROUTES[3]),
    ],
)
def test_the_route_that_spells_out_most_is_meant(
    method: str, target: str, expected: Route | None
) -> None:
    found = match(ROUTES, method, target)
    assert found.route is (expected or ONE)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/marriages/ID1"),
        ("GET", "/marriages"),
        ("GET", "/marriages/ID1/more"),
        ("GET", "/Marriages/ID1"),
        ("GET", "/pages/all%20of%20it/2"),
    ],
)
def test_what_no_route_says_leads_nowhere(method: str, target: str) -> None:
    with pytest.raises(RefusedError) as caught:
        match(ROUTES, method, target)
    assert caught.value.cause is Cause.NO_ROUTE


@pytest.mark.parametrize(
    "target",
    [
        "",
        "*",
        "marriages/ID1",
        "http://host/marriages/ID1",
        "//host/marriages/ID1",
        "/marriages/",
        "/marriages//",
        "/marriages/.",
        "/marriages/..",
        "/marriages/%2E%2e",
        "/marriages/a%2Fb",
        "/marriages/a%2fb",
        "/marriages/a\\b",
        "/marriages/a%5cb",
        "/marriages/a;b",
        "/marriages/a%3Bb",
        "/marriages/a%00",
        "/marriages/a%0d%0a",
        "/marriages/a%7F",
        "/marriages/%C2%85",
        "/marriages/a b",
        "/marriages/张",
        "/marriages/%",
        "/marriages/%4",
        "/marriages/%zz",
        "/marriages/%u4e2d",
        "/marriages/%FF",
        "/marriages/%C0%AF",
        "/marriages/%ED%A0%80",
        "/marriages/a#b",
        "/marriages/a?b=1#c",
        "/marriages/a?b",
        "/marriages/a?b=%4",
        "/marriages/a?b=%FF",
        "/marriages/a?b=1;c=2",
        "/marriages/a?&b=1",
        "/marriages/a?" + "&".join("b=1" for _ in range(65)),
        "/pages/1?fields=name&fields=id_no",
        "/pages/1?fields=name&%66ields=id_no",
    ],
)
def test_what_two_servers_might_read_differently_is_refused(target: str) -> None:
    with pytest.raises(RefusedError) as caught:
        match(ROUTES, "GET", target)
    assert caught.value.cause is Cause.BAD_TARGET


def found(target: str) -> Target:
    return match(ROUTES, "GET", target)


@pytest.mark.parametrize(
    ("target", "sent"),
    [
        ("/marriages/ID1", "/marriages/ID1"),
        ("/%6Darriages/%49D1", "/marriages/ID1"),
        ("/marriages/%E5%BC%A0%20x", "/marriages/%E5%BC%A0%20x"),
        ("/marriages/a%25%3Fb%23", "/marriages/a%25%3Fb%23"),
        ("/marriages/a?b=1&b=%26&c=", "/marriages/a?b=1&b=%26&c="),
        ("/pages/1", "/pages/1?fields=name"),
        ("/pages/1?fields=id_no,name,note&a=1", "/pages/1?a=1&fields=name"),
    ],
)
def test_the_path_sent_on_is_spelled_anew_and_asks_for_released_fields(
    target: str, sent: str
) -> None:
    assert found(target).upstream(("name",)) == sent


def test_the_query_may_name_the_fields_where_the_route_lets_it() -> None:
    assert found("/pages/1?fields=a,b").fields == ("a", "b")
    assert found("/pages/1?fields=").fields == ("",)
    assert found("/pages/1").fields == ("id_no", "name")


@pytest.mark.parametrize(
    "query", ["reg_date=2016", "A=1", "a%00=1", "+a=1", "fields=a", "a=1&include=note", "?a=1"]
)
def test_a_parameter_that_the_route_does_not_name_is_refused(query: str) -> None:
    with pytest.raises(RefusedError) as caught:
        match(ROUTES, "GET", f"/marriages/1?{query}")
    assert caught.value.cause is Cause.PARAMETER


def test_the_parameter_of_the_fields_is_never_passed_on_as_it_came() -> None:
    with pytest.raises(RouteError, match="names the `fields_parameter`"):
        route("/pages/{page}", fields_parameter="a")


@pytest.mark.parametrize(
    "path", ["marriages", "/a//b", "/a/", "/a/..", "/{A}", "/{a}b", "/a?b", "/张"]
)
def test_a_path_that_is_not_well_formed_makes_no_route(path: str) -> None:
    with pytest.raises(RouteError) as caught:
        route(path)
    assert caught.value.key == "path"


@pytest.mark.parametrize("records", [".", "a.", ".a", "a..b"])
def test_a_place_with_an_empty_step_makes_no_route(records: str) -> None:
    with pytest.raises(RouteError) as caught:
        route("/a", records=records)
    assert caught.value.key == "records"


@pytest.mark.parametrize(
    ("one", "other", "distinct"),
    [
        ("/a/{x}", "/a/{y}", False),
        ("/a/b", "/a/b", False),
        ("/a/{x}", "/{y}/b", False),
        ("/{x}/b/{y}", "/a/{z}/c", False),
        ("/a/{x}", "/a/b", True),
        ("/a/{x}", "/b/{x}", True),
        ("/a/{x}", "/a/{x}/c", True),
    ],
)
def test_two_routes_that_cannot_be_told_apart_are_refused(
    one: str, other: str, *, distinct: bool
) -> None:
    route(one).verify_distinct(route(other, method="POST"))
    if distinct:
        route(one).verify_distinct(route(other))
        return
    with pytest.raises(RouteError, match="cannot be told apart"):
        route(one).verify_distinct(route(other))
