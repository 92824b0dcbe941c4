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

from govshare_policy.errors import CallError
from govshare_policy.quick import quick

MAX_CALL_BYTES: Final = 64 * 1024
MAX_TEXT: Final = 256
MAX_FIELDS: Final = 512
MAX_PARTIES: Final = 16
YEARS: Final = range(1970, 3000)
ALL_FIELDS: Final = ("*",)
DEFAULT_CHANNEL: Final = "api"
DEFAULT_NETWORK: Final = "extranet"

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)")
# One key: no list of them, no pattern, nothing that an API might read as several.
_ONE_SUBJECT = re.compile(r"[^\s*?%,;|&]+")
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

    def with_id(self, value: str) -> "Call":
        """Return the same call under another id.

        Raises:
            CallError: If *value* is no id.
        """
        return Call(
            id=_text("id", value),
            action=self.action,
            resource=self.resource,
            fields=self.fields,
            purpose=self.purpose,
            at=self.at,
            department=self.department,
            system=self.system,
            operator=self.operator,
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
    texts = {key: _text(key, document[key]) for key in _ALL_TEXTS if key in document}
    network = texts.pop("network", "" if on_the_wire else DEFAULT_NETWORK)
    return Call(
        id=texts.pop("id", ""),
        resource=texts.pop("resource"),
        purpose=texts.pop("purpose", ""),
        action=action,
        at=_instant(document["at"]) if "at" in document else None,
        fields=_fields(document["fields"]),
        recipient=recipient,
        network=network,
        derived=_flag("derived", document.get("derived", False)),
        commercial=_flag("commercial", document.get("commercial", False)),
        on_behalf_of=_parties("on_behalf_of", document.get("on_behalf_of", [])),
        forwarded_for=_parties("forwarded_for", document.get("forwarded_for", [])),
        subject=parse_subject(document["subject"]) if "subject" in document else "",
        **texts,
    )


def parse_subject(value: object) -> str:
    """Return the one subject that *value* names.

    Raises:
        CallError: If it names none, several, or whatever fits a pattern.
    """
    subject = _text("subject", value)
    if not _ONE_SUBJECT.fullmatch(subject):
        raise CallError("`subject` is exactly one key: not empty, no list and no pattern")
    return subject


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


def _text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise CallError(f"`{key}` is a string")
    if len(value) > MAX_TEXT:
        raise CallError(f"`{key}` is at most {MAX_TEXT} characters")
    if value.isascii() and value.isprintable():
        return value  # then it holds no control character, and is its own normal form
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in value):
        raise CallError(f"`{key}` holds a control character")
    return unicodedata.normalize("NFC", value)


def _flag(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise CallError(f"`{key}` is true or false")
    return value


def _action(value: object) -> Action:
    try:
        return Action(_text("action", value))
    except ValueError:
        raise CallError("`action` is `read` or `onward`") from None


def _fields(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise CallError("`fields` is a list of field names")
    if len(value) > MAX_FIELDS:
        raise CallError(f"`fields` names at most {MAX_FIELDS} fields")
    names = tuple(_text("fields[]", name) for name in value)
    if len(set(names)) != len(names):
        raise CallError("`fields` names a field twice")
    if "*" in names and names != ALL_FIELDS:
        raise CallError("`*` stands alone in `fields`")
    return names


def _parties(key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise CallError(f"`{key}` is a list of departments and systems")
    if len(value) > MAX_PARTIES:
        raise CallError(f"`{key}` names at most {MAX_PARTIES} parties")
    names = tuple(_text(f"{key}[]", name) for name in value)
    if "" in names or len(set(names)) != len(names):
        raise CallError(f"`{key}` names each party once, and none of them is empty")
    return names


def _recipient(value: object) -> Recipient:
    if not isinstance(value, dict):
        raise CallError("`recipient` is an object with `kind` and `id`")
    if set(value) - {"kind", "id"}:
        raise CallError("`recipient` has the keys `kind` and `id` and no others")
    try:
        kind = RecipientKind(_text("recipient.kind", value.get("kind")))
    except ValueError:
        raise CallError(
            "`recipient.kind` is `department`, `company`, `person` or `public`"
        ) from None
    if "id" not in value and kind is not RecipientKind.PUBLIC:
        raise CallError("`recipient.id` is required unless the recipient is the public")
    return Recipient(kind=kind, id=_text("recipient.id", value.get("id", "")))


def _instant(value: object) -> datetime:
    text = _text("at", value)
    if not _INSTANT.fullmatch(text):
        raise CallError("`at` is an instant with an offset, such as 2026-01-05T09:30:00+08:00")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise CallError("`at` names a date or time that does not exist") from None
    # Time zones and periods are reckoned with it, and the calendar must not end on the way.
    if at.year not in YEARS:
        raise CallError(f"`at` is in a year from {YEARS.start} to {YEARS.stop - 1}")
    return at
