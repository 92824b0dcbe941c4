# SPDX-License-Identifier: Apache-2.0
"""The tables ``[[http.route]]`` and ``[[envoy.route]]``."""

from govshare_sidecar._table import Table
from govshare_sidecar.descriptors import read_message
from govshare_sidecar.routes import Form, Route, RouteError


def read_routes(tables: tuple[Table, ...]) -> tuple[Route, ...]:
    """Return the routes that *tables* state.

    Raises:
        ConfigError: If a key is unknown, missing or wrong, or two routes cannot be told apart.
    """
    routes: list[Route] = []
    for table in tables:
        try:
            route = _route(table)
            for other in routes:
                route.verify_distinct(other)
        except RouteError as error:
            raise table.error(error.key, str(error)) from None
        routes.append(route)
    return tuple(routes)


def _route(table: Table) -> Route:
    fields: tuple[str, ...] = ("*",)
    if table.has("fields") or not table.has("fields_parameter"):
        fields = table.texts("fields")
    if "*" in fields and fields != ("*",):
        raise table.error("fields", "names `*` beside other fields")
    route = Route.parse(
        method=table.choice("method", ("GET", "POST")),
        path=table.text("path"),
        resource=table.text("resource"),
        channel=table.text("channel", "api"),
        fields=fields,
        fields_parameter=table.text("fields_parameter", ""),
        parameters=table.texts("parameters") if table.has("parameters") else (),
        records=table.text("records", ""),
    ).asked_by(table.text("subject", ""))
    form = Form(table.choice("format", tuple(Form), Form.JSON))
    message = read_message(table, route.records) if form is Form.PROTOBUF else None
    streams = table.flag("stream", default=False)
    table.finish()
    return route.answered_in(form, message, streams=streams)
