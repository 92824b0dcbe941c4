# SPDX-License-Identifier: Apache-2.0
"""Request targets: which route a path and a query mean, and what goes on of them.

A path is taken apart before it is compared, and the path sent on is built from the parts, so that
the sidecar and the department's API cannot mean two different resources by one path.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, unquote_to_bytes, urlencode

from govshare_policy.call_values import parse_subject
from govshare_policy.errors import CallError
from govshare_sidecar.refusal import Cause, RefusedError
from govshare_sidecar.routes import Route

MAX_QUERY_FIELDS: Final = 64
_ESCAPES: Final = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*")
# What some servers split or rewrite paths at, and what no readable name holds.
_FORBIDDEN: Final = re.compile(r"[/\\;\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A request target, matched.

    Attributes:
        fields: What the caller asks for.
        path: The path to ask the department's API for, spelled anew.
        query: The parameters to pass on, without the one that names the fields.
    """

    route: Route
    fields: tuple[str, ...]
    path: str
    query: tuple[tuple[str, str], ...]

    @property
    def subject(self) -> str:
        """The one subject that path and query name; empty where the route asks for none there.

        Raises:
            RefusedError: If they name none, several, or a pattern.
        """
        route = self.route
        if not route.subject or route.has_subject_in_body:
            return ""
        parts = zip(route.path[1:].split("/"), self.path[1:].split("/"), strict=True)
        values = [unquote(part) for name, part in parts if name == f"{{{route.subject}}}"]
        values += [value for name, value in self.query if name == route.subject]
        return one_subject(values)

    def upstream(self, released: Sequence[str]) -> str:
        """Return the target to send on; it asks for the *released* fields and no others."""
        pairs = list(self.query)
        if self.route.fields_parameter:
            pairs.append((self.route.fields_parameter, ",".join(released)))
        return f"{self.path}?{urlencode(pairs)}" if pairs else self.path


def one_subject(values: Sequence[object]) -> str:
    """Return the one subject among *values*.

    Raises:
        RefusedError: If there is none, there are several, it is a list or a pattern, or it is not
            spelled in its normal form (NFC).
    """
    if len(values) != 1:
        raise RefusedError(Cause.SUBJECT)
    try:
        subject = parse_subject(values[0])
    except CallError:
        raise RefusedError(Cause.SUBJECT) from None
    if subject != values[0]:
        # What goes on is as it came: two spellings must not be counted as one subject.
        raise RefusedError(Cause.SUBJECT)
    return subject


def match(routes: Sequence[Route], method: str, target: str) -> Target:
    """Return the route that *method* and the raw request *target* stand for.

    Raises:
        RefusedError: If the target is not one that everybody reads the same way, or no route is
            meant by it.
    """
    path, mark, query = target.partition("?")
    if not _VISIBLE.fullmatch(target) or not path.startswith("/") or "#" in target:
        raise RefusedError(Cause.BAD_TARGET)
    segments = [_segment(raw) for raw in path[1:].split("/")]
    covering = [route for route in routes if route.covers(method, segments)]
    if not covering:
        raise RefusedError(Cause.NO_ROUTE)
    route = max(covering, key=lambda route: route.literals)
    pairs = _pairs(query) if mark else ()
    name = route.fields_parameter
    named = [value for key, value in pairs if name and key == name]
    if len(named) > 1:
        raise RefusedError(Cause.BAD_TARGET)
    others = tuple((key, value) for key, value in pairs if not name or key != name)
    if any(key not in route.parameters for key, _ in others):
        raise RefusedError(Cause.PARAMETER)
    return Target(
        route=route,
        fields=tuple(named[0].split(",")) if named else route.fields,
        path="/" + "/".join(quote(segment, safe="") for segment in segments),
        query=others,
    )


def _segment(raw: str) -> str:
    segment = _decoded(raw)
    if not segment or segment in (".", "..") or _FORBIDDEN.search(segment):
        raise RefusedError(Cause.BAD_TARGET)
    return segment


def _decoded(raw: str) -> str:
    if not _ESCAPES.fullmatch(raw):
        raise RefusedError(Cause.BAD_TARGET)
    try:
        return unquote_to_bytes(raw).decode("utf-8", "strict")
    except UnicodeDecodeError:
        raise RefusedError(Cause.BAD_TARGET) from None


def _pairs(query: str) -> tuple[tuple[str, str], ...]:
    if not query:
        return ()
    if not _ESCAPES.fullmatch(query) or ";" in query:
        raise RefusedError(Cause.BAD_TARGET)
    try:
        return tuple(
            parse_qsl(
                query,
                keep_blank_values=True,
                strict_parsing=True,
                errors="strict",
                max_num_fields=MAX_QUERY_FIELDS,
            )
        )
    except ValueError:
        raise RefusedError(Cause.BAD_TARGET) from None
