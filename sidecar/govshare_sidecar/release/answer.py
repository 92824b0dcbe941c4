# SPDX-License-Identifier: Apache-2.0
"""The release of exactly the granted fields out of an answer, in the form that its route states.

Pure; every entrance that filters calls the same function.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Final

from google.protobuf.descriptor import Descriptor

from govshare_sidecar.descriptors import verify_place
from govshare_sidecar.release.digests import record_digests
from govshare_sidecar.release.document import release
from govshare_sidecar.release.elements import release_elements
from govshare_sidecar.release.lines import release_lines
from govshare_sidecar.release.message import release_message
from govshare_sidecar.release.packed import unpack
from govshare_sidecar.release.released import Released
from govshare_sidecar.release.table import release_table
from govshare_sidecar.routes import Form, Route
from govshare_sidecar.upstream import Fault, UpstreamError

# Those that change nothing in how a body is read.
_PARAMETERS: Final = frozenset(("charset=utf-8", 'charset="utf-8"', "header=present"))
# What an answer may be announced as.
_TAKEN: Final[Mapping[Form, tuple[str, ...]]] = {
    Form.JSON: ("application/json",),
    Form.NDJSON: ("application/x-ndjson", "application/ndjson", "application/jsonl"),
    Form.CSV: ("text/csv",),
    Form.XML: ("application/xml", "text/xml"),
    Form.PROTOBUF: ("application/x-protobuf", "application/protobuf"),
}
_ANNOUNCED: Final[Mapping[Form, str]] = {
    Form.JSON: "application/json",
    Form.NDJSON: "application/x-ndjson",
    Form.CSV: "text/csv; charset=utf-8; header=present",
    Form.XML: "application/xml",
    Form.PROTOBUF: "application/x-protobuf",
}


def verify_type(content_type: str, taken: Collection[str]) -> None:
    """Return only if *content_type* announces one of the media types *taken*, in UTF-8.

    Raises:
        UpstreamError: If it announces anything else, or nothing.
    """
    media, *parameters = (part.strip().lower() for part in content_type.split(";"))
    if media not in taken or set(parameters) - _PARAMETERS:
        raise UpstreamError(
            Fault.UNREADABLE,
            f"the department's answer is not announced as {' or '.join(taken)} in UTF-8",
        )


def content_type(form: Form) -> str:
    """Return what a release in *form* is announced as."""
    return _ANNOUNCED[form]


def verify_announced(route: Route, announced: str) -> None:
    """Return only if an answer of *route* is *announced* as what it has to be.

    Raises:
        UpstreamError: If it is announced as anything else, or as nothing.
    """
    verify_type(announced, _TAKEN[route.form])


def route_of(announced: str, *, records: str, message: Callable[[], Descriptor]) -> Route:
    """Return a route whose answers are of the type *announced*, for an answer that has none.

    Args:
        announced: A media type, perhaps with parameters.
        records: Where the records are, as a dotted path.
        message: Says what an answer in protobuf is a message of.

    Raises:
        UpstreamError: If it is announced as nothing that can be filtered.
        RouteError: If there are no such records in that form, or there is no such message.
    """
    media = announced.partition(";")[0].strip().lower()
    form = next((form for form, taken in _TAKEN.items() if media in taken), Form.JSON)
    route = Route.parse(
        method="POST",
        path="/release",
        resource="",
        channel="",
        fields=(),
        fields_parameter="",
        parameters=(),
        records=records,
    ).answered_in(form, message() if form is Form.PROTOBUF else None)
    if route.form is Form.PROTOBUF:
        verify_place(route.kind, route.records)
    verify_announced(route, announced)
    return route


def release_answer(
    body: bytes,
    fields: Collection[str],
    *,
    route: Route,
    announced: str,
    content_encoding: str,
    most: int,
) -> Released:
    """Return the answer *body* of the department's API with nothing in it but *fields*.

    Args:
        body: As it arrived, perhaps packed.
        fields: What was granted.
        route: Says the form of the answer, and where the records are.
        announced: The value of its ``Content-Type``; of two headers, both with a comma between.
        content_encoding: The value of its ``Content-Encoding``, likewise.
        most: Bytes that may be made of it by unpacking.

    Raises:
        UpstreamError: If it is announced as anything else, or cannot be read strictly. Nothing
            of it may leave.
    """
    verify_announced(route, announced)
    released = _release(unpack(body, content_encoding, most=most), fields, route)
    return replace(released, records=record_digests(released.body, route))


def _release(plain: bytes, fields: Collection[str], route: Route) -> Released:
    match route.form:
        case Form.JSON:
            return release(plain, fields, records=route.records)
        case Form.NDJSON:
            return release_lines(plain, fields)
        case Form.CSV:
            return release_table(plain, fields)
        case Form.XML:
            return release_elements(plain, fields, records=route.records)
        case Form.PROTOBUF:
            return release_message(plain, fields, kind=route.kind, records=route.records)
