# SPDX-License-Identifier: Apache-2.0
"""The call: what a caller says it wants. Untrusted, but parsed: every value has its type."""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from govshare_policy.call_values import (
    ALL_FIELDS,
    parse_subject,
    read_fields,
    read_flag,
    read_instant,
    read_parties,
    read_text,
)
from govshare_policy.errors import CallError
from govshare_policy.quick import quick

MAX_CALL_BYTES: Final = 64 * 1024
DEFAULT_CHANNEL: Final = "api"
DEFAULT_NETWORK: Final = "extranet"

_TEXTS = ("id", "department", "system", "operator", "item", "resource", "purpose", "channel")
_MORE_TEXTS = ("network", "grant", "consent")
_CHAINS = ("on_behalf_of", "forwarded_for")
_OTHERS = ("at", "action", "fields", "recipient", "subject", "derived", "commercial")
_KEYS = frozenset((*_TEXTS, *_MORE_TEXTS, *_CHAINS, *_OTHERS))
_REQUIRED_ON_THE_WIRE = frozenset(("action", "resource", "fields"))
_REQUIRED = _REQUIRED_ON_THE_WIRE | {"id", "at", "department", "system"}
_ALL_TEXTS = (*_TEXTS, *_MORE_TEXTS)


class Action(StrEnum):
    """What the caller wants to do with the data."""

    READ = "read"
    ONWARD = "onward"


class RecipientKind(StrEnum):
    """Whom the data would go to."""

    DEPARTMENT = "department"
    COMPANY = "company"
    PERSON = "person"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """The party that data would be passed to; ``id`` is empty only for the public."""

    kind: RecipientKind
    id: str = ""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One data call as the caller states it.

    An empty string means "not stated". ``at``, ``department``, ``system`` and ``network`` are
    claims; behind the sidecar they are held against the clock, the certificate and the listener.

    Attributes:
        on_behalf_of: The departments and systems that the data are fetched for, in their order.
        forwarded_for: The departments and systems that passed the call on, in their order.
        subject: The one person or thing that the call is about; a personal value.
    """

    id: str
    action: Action
    resource: str
    fields: tuple[str, ...]
    purpose: str
    at: datetime | None = None
    department: str = ""
    system: str = ""
    operator: str = ""
    item: str = ""
    channel: str = DEFAULT_CHANNEL
    network: str = ""
    grant: str = ""
    consent: str = ""
    recipient: Recipient | None = None
    derived: bool = False
    commercial: bool = False
    on_behalf_of: tuple[str, ...] = ()
    forwarded_for: tuple[str, ...] = ()
    subject: str = ""

    def __post_init__(self) -> None:
        if not type(self.fields) is type(self.on_behalf_of) is type(self.forwarded_for) is tuple:
            # A list compares unlike what is parsed: `["*"]` would ask for a field of that name.
            raise CallError("`fields` and the chains of a `Call` are tuples of strings, not lists")

    def stated_by(self, operator: str, *, name: str) -> "Call":
        """Return the same call, of another *operator*, with *name* as its id.

        Raises:
            CallError: If one of them is none.
        """
        return Call(
            id=read_text("id", name),
            action=self.action,
            resource=self.resource,
            fields=self.fields,
            purpose=self.purpose,
            at=self.at,
            department=self.department,
            system=self.system,
            operator=read_text("operator", operator),
            item=self.item,
            channel=self.channel,
            network=self.network,
            grant=self.grant,
            consent=self.consent,
            recipient=self.recipient,
            derived=self.derived,
            commercial=self.commercial,
            on_behalf_of=self.on_behalf_of,
            forwarded_for=self.forwarded_for,
            subject=self.subject,
        )

    @property
    def asks_for_all(self) -> bool:
        """Whether the call asks for whatever fields the caller may have."""
        return self.fields == ALL_FIELDS

    @property
    def states_purpose(self) -> bool:
        """Whether the purpose says anything: blanks, invisible characters and signs do not."""
        return any(unicodedata.category(char)[0] in "LN" for char in self.purpose)


def parse_call(data: bytes | str, *, on_the_wire: bool = False) -> Call:
    """Parse one call document.

    On the wire the identity and the time come from the certificate and the clock, so the keys
    that would claim them may be absent.

    Args:
        data: UTF-8 JSON, at most 64 KiB.
        on_the_wire: Whether identity and time are proven by other means.

    Raises:
        CallError: If the document is not exactly a call. Says which key.
    """
    return call_from_document(parse_object(data), on_the_wire=on_the_wire)


def parse_object(data: bytes | str) -> dict[str, object]:
    """Return the JSON object in *data*; duplicate keys, NaN and bad UTF-8 are refused.

    Raises:
        CallError: If *data* is not one JSON object of at most 64 KiB.
    """
    if len(data) > MAX_CALL_BYTES:
        raise CallError(f"a call is at most {MAX_CALL_BYTES} bytes of JSON")
    try:
        text = data.decode("utf-8", "strict") if isinstance(data, bytes) else data
    except UnicodeDecodeError as error:
        raise CallError(f"the call is not valid UTF-8 at byte {error.start}") from None
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise CallError(
            f"the call is not valid JSON at line {error.lineno} column {error.colno}"
        ) from None
    except RecursionError:
        raise CallError("the call is nested too deeply") from None
    except ValueError:
        # Python refuses to read integers of thousands of digits.
        raise CallError("the call holds a number that is too long") from None
    if not isinstance(document, dict):
        raise CallError("a call is a JSON object")
    return document


def call_from_document(document: Mapping[str, object], *, on_the_wire: bool = False) -> Call:
    """Return the call that *document* states.

    Raises:
        CallError: If a key is unknown or missing, or a value has the wrong type.
    """
    if not document.keys() <= _KEYS:
        raise CallError(f"unknown key {_shown(min(document.keys() - _KEYS))} in the call")
    required = _REQUIRED_ON_THE_WIRE if on_the_wire else _REQUIRED
    if not document.keys() >= required:
        raise CallError(f"the call has no `{min(required - document.keys())}`")
    action = _action(document["action"])
    if action is Action.READ and "purpose" not in document:
        raise CallError("the call has no `purpose`")
    recipient = _recipient(document["recipient"]) if "recipient" in document else None
    if action is Action.ONWARD and recipient is None:
        raise CallError("`recipient` is required when `action` is `onward`")
    texts = {key: read_text(key, document[key]) for key in _ALL_TEXTS if key in document}
    network = texts.pop("network", "" if on_the_wire else DEFAULT_NETWORK)
    return Call(
        id=texts.pop("id", ""),
        resource=texts.pop("resource"),
        purpose=texts.pop("purpose", ""),
        action=action,
        at=read_instant(document["at"]) if "at" in document else None,
        fields=read_fields(document["fields"]),
        recipient=recipient,
        network=network,
        derived=read_flag("derived", document.get("derived", False)),
        commercial=read_flag("commercial", document.get("commercial", False)),
        on_behalf_of=read_parties("on_behalf_of", document.get("on_behalf_of", [])),
        forwarded_for=read_parties("forwarded_for", document.get("forwarded_for", [])),
        subject=parse_subject(document["subject"]) if "subject" in document else "",
        **texts,
    )


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document: dict[str, object] = {}
    for key, value in pairs:
        if key in document:
            raise CallError(f"the key {_shown(key)} stands twice in the call")
        document[key] = value
    return document


def _no_constant(name: str) -> object:
    raise CallError(f"`{name}` is not JSON")


def _shown(key: str) -> str:
    # A key is the caller's text: only a plain one is repeated, so that no value can ride in it.
    return f"`{key}`" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}", key) else "(not printable)"


def _action(value: object) -> Action:
    try:
        return Action(read_text("action", value))
    except ValueError:
        raise CallError("`action` is `read` or `onward`") from None


def _recipient(value: object) -> Recipient:
    if not isinstance(value, dict):
        raise CallError("`recipient` is an object with `kind` and `id`")
    if set(value) - {"kind", "id"}:
        raise CallError("`recipient` has the keys `kind` and `id` and no others")
    try:
        kind = RecipientKind(read_text("recipient.kind", value.get("kind")))
    except ValueError:
        raise CallError(
            "`recipient.kind` is `department`, `company`, `person` or `public`"
        ) from None
    if "id" not in value and kind is not RecipientKind.PUBLIC:
        raise CallError("`recipient.id` is required unless the recipient is the public")
    return Recipient(kind=kind, id=read_text("recipient.id", value.get("id", "")))
