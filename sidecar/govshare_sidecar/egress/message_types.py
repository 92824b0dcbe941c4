# SPDX-License-Identifier: Apache-2.0
"""The tables ``[[egress.message]]``: of which type the messages in protobuf are, and where."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from google.protobuf.descriptor import Descriptor

from govshare_policy.errors import ConfigError
from govshare_sidecar._table import Table
from govshare_sidecar.descriptors import find_message, load_descriptors
from govshare_sidecar.routes import RouteError


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageTypes:
    """What is sent to one place, and what comes back from there.

    Attributes:
        host: ``host:port``; empty for an API of our own.
        segments: Of the path; an empty one stands for any.
        request: What is sent; ``None`` if it is not known.
        answer: What comes back, likewise.
    """

    host: str
    segments: tuple[str, ...]
    request: Descriptor | None
    answer: Descriptor | None

    def covers(self, host: str, segments: tuple[str, ...]) -> bool:
        """Tell whether this is of *host* and the decoded *segments* of a path."""
        return (
            host == self.host
            and len(segments) == len(self.segments)
            and all(
                mine in ("", theirs) for mine, theirs in zip(self.segments, segments, strict=True)
            )
        )


def read_messages(table: Table, host: str) -> MessageTypes:
    """Return what a table ``[[egress.message]]`` says of *host*.

    Raises:
        ConfigError: If a key is missing or wrong, or a type is not in the descriptor set.
    """
    path = table.text("path")
    if not path.startswith("/"):
        raise table.error("path", "begins with a slash")
    pool = load_descriptors(table.file("descriptor_set"))
    found: dict[str, Descriptor | None] = {"request": None, "answer": None}
    for key in found:
        try:
            found[key] = find_message(pool, table.text(key)) if table.has(key) else None
        except RouteError as error:
            raise table.error(key, str(error)) from None
    if not any(found.values()):
        raise ConfigError("an `[[egress.message]]` names `request`, `answer` or both")
    table.finish()
    segments = tuple("" if one[:1] == "{" else one for one in path[1:].split("/"))
    return MessageTypes(
        host=host, segments=segments, request=found["request"], answer=found["answer"]
    )


def types_of(types: Iterable[MessageTypes], host: str, target: str) -> MessageTypes:
    """Return what is known of the messages to *host* under *target*; the first that fits counts.

    Args:
        types: All that are configured.
        host: ``host:port``; empty for an API of our own.
        target: Path and query.
    """
    path = target.partition("?")[0]
    segments = tuple(unquote(one) for one in path[1:].split("/"))
    unknown = MessageTypes(host=host, segments=segments, request=None, answer=None)
    return next((one for one in types if one.covers(host, segments)), unknown)
