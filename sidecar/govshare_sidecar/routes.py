# SPDX-License-Identifier: Apache-2.0
"""Routes: which resource, channel and fields a method and a path stand for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Self

from google.protobuf.descriptor import Descriptor

_PARAMETER: Final = re.compile(r"\{[a-z_][a-z0-9_]*\}")
_PLAIN: Final = re.compile(r"[A-Za-z0-9._~-]+")


class Form(StrEnum):
    """The form of the answers behind a route."""

    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    XML = "xml"
    PROTOBUF = "protobuf"


class RouteError(ValueError):
    """A route in the configuration is wrong; the configuration says where."""

    def __init__(self, key: str, complaint: str) -> None:
        super().__init__(complaint)
        self.key = key


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method and path, and the call they stand for.

    Attributes:
        segments: Of the path; an empty one stands for a parameter.
        fields: What is asked for where the query does not say.
        fields_parameter: The query parameter that names the fields; empty where there is none.
        parameters: The other query parameters that are passed on; one that is not named here
            might filter by fields that were not granted, or change what the API does.
        records: Keys that lead to the records in the answer; empty where they are all of it.
        form: Of the answer; any other is not read.
        message: What a protobuf answer is a message of.
        subject: The parameter of the path or the query, or the member of a JSON body, that says
            whom the answer is about; empty where the route is not asked one by one.
        streams: Whether each record leaves as it comes, and not all of them at the end.
    """

    method: str
    path: str
    segments: tuple[str, ...]
    resource: str
    channel: str
    fields: tuple[str, ...]
    fields_parameter: str
    parameters: tuple[str, ...]
    records: tuple[str, ...]
    form: Form = Form.JSON
    message: Descriptor | None = None
    subject: str = ""
    streams: bool = False

    @classmethod
    def parse(
        cls,
        *,
        method: str,
        path: str,
        resource: str,
        channel: str,
        fields: tuple[str, ...],
        fields_parameter: str,
        parameters: tuple[str, ...],
        records: str,
    ) -> Self:
        """Return the route that a table of the configuration states.

        Raises:
            RouteError: If the path, a parameter or the place of the records is not well formed.
        """
        if not path.startswith("/"):
            raise RouteError("path", "begins with a slash")
        segments = []
        for segment in path[1:].split("/"):
            if _PARAMETER.fullmatch(segment):
                segments.append("")
            elif _PLAIN.fullmatch(segment) and segment not in (".", ".."):
                segments.append(segment)
            else:
                raise RouteError("path", "has segments of letters, digits and ._~- or {name}")
        if fields_parameter and fields_parameter in parameters:
            raise RouteError("parameters", "names the `fields_parameter`, which is not passed on")
        keys = tuple(records.split(".")) if records else ()
        if "" in keys:
            raise RouteError("records", "is a dotted path such as `data.items`, or empty")
        return cls(
            method=method,
            path=path,
            segments=tuple(segments),
            resource=resource,
            channel=channel,
            fields=fields,
            fields_parameter=fields_parameter,
            parameters=parameters,
            records=keys,
        )

    def answered_in(
        self, form: Form, message: Descriptor | None = None, *, streams: bool = False
    ) -> Self:
        """Return the route with answers in *form*, in protobuf as a *message*.

        Raises:
            RouteError: If there are no such records in that form.
        """
        if self.records and form in (Form.NDJSON, Form.CSV):
            raise RouteError("records", f"has no place where `format` is {form.value}")
        if not self.records and form is Form.XML:
            raise RouteError("records", "begins with the root element where `format` is xml")
        if streams and (self.records or form in (Form.XML, Form.PROTOBUF)):
            raise RouteError("stream", "needs `format` ndjson or csv, or json that is one list")
        return replace(self, form=form, message=message, streams=streams)

    def asked_by(self, subject: str) -> Self:
        """Return the route where every request names exactly one *subject*.

        Raises:
            RouteError: If there is no such parameter, and no body that could hold it.
        """
        if subject and not self._holds(subject):
            raise RouteError("subject", "names a parameter of the path or of `parameters`")
        return replace(self, subject=subject)

    def _holds(self, subject: str) -> bool:
        return f"{{{subject}}}" in self.path or subject in self.parameters or self.method == "POST"

    @property
    def has_subject_in_body(self) -> bool:
        """Whether the subject is a member of the body."""
        named = f"{{{self.subject}}}" in self.path or self.subject in self.parameters
        return bool(self.subject) and not named

    def verify_distinct(self, other: Self) -> None:
        """Return only if it is plain which of the two routes a path means.

        They may both cover a path where one spells out all that the other does, and more.

        Raises:
            RouteError: If it is not plain.
        """
        if self.method != other.method or len(self.segments) != len(other.segments):
            return
        pairs = tuple(zip(self.segments, other.segments, strict=True))
        if any(mine and theirs and mine != theirs for mine, theirs in pairs):
            return
        here = any(mine and not theirs for mine, theirs in pairs)
        there = any(theirs and not mine for mine, theirs in pairs)
        if here == there:
            raise RouteError("path", f"cannot be told apart from `{other.path}`")

    def covers(self, method: str, segments: Sequence[str]) -> bool:
        """Tell whether *method* and the decoded *segments* of a path are this route's."""
        return (
            method == self.method
            and len(segments) == len(self.segments)
            and all(
                mine in ("", theirs) for mine, theirs in zip(self.segments, segments, strict=True)
            )
        )

    @property
    def kind(self) -> Descriptor:
        """What a protobuf answer is a message of."""
        if self.message is None:
            raise ValueError("a route in protobuf names its message")
        return self.message

    @property
    def literals(self) -> int:
        """How many segments are spelled out; the route with the most wins."""
        return sum(1 for segment in self.segments if segment)
