# SPDX-License-Identifier: Apache-2.0
"""What a department held of whom before it was given the same: the register of own holdings.

A registration is a list of keyed tags over subject and value together, under a signed and dated
statement that counts them and names the one before it. It takes away a posting only of a release
that is later. One that comes after releases, or is large for what was there, is an event that
auditors see; values are never kept.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from govshare_policy.audit import encode_record, format_time, new_record_id
from govshare_policy.audit.disk import Disk, describe
from govshare_policy.crypto import PublicKey, Signer, sign_checked, sm3, verify
from govshare_policy.egress.keys import DepartmentKey
from govshare_policy.egress.register import text_of
from govshare_policy.egress.tags import Tagger
from govshare_policy.egress.values import canonical
from govshare_policy.errors import CallError, ConfigError, VerificationError

REGISTERED: Final = "holdings_registered"
_SIGNER_ID: Final = b"govshare-own-holdings"
_DIGEST_PREFIX: Final = "sm3:"
_LARGE_GROWTH: Final = 0.2
_DELIMITERS: Final = {".csv": ",", ".tsv": "\t"}


class HoldingEvent(StrEnum):
    """What auditors should look at."""

    LATE = "late_registration"
    LARGE = "large_registration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What was registered; all of it is signed.

    Attributes:
        number: 1 and up, without gaps.
        registered_at: Aware; releases before it are not touched.
        subjects: How many persons or bodies.
        values: How many pairs of subject and value.
        tags: SM3 of the file of tags, as ``sm3:`` and hex.
        source: SM3 of the file that was imported, likewise.
        before: SM3 of the statement before this one, likewise; empty in the first.
        key_id: Which key the tags are under, hex.
    """

    number: int
    registered_at: datetime
    subjects: int
    values: int
    tags: str
    source: str
    before: str
    key_id: str

    def to_json(self) -> bytes:
        """Return the bytes that are signed."""
        form = {name: getattr(self, name) for name in self.__slots__}
        form["registered_at"] = self.registered_at.isoformat()
        return json.dumps(form, sort_keys=True).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Return what :meth:`to_json` wrote; its signature was checked."""
        form = json.loads(text)
        return cls(**{**form, "registered_at": datetime.fromisoformat(form["registered_at"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """The register as it was when it was loaded. Changes are made by :func:`register_holdings`.

    Attributes:
        statements: In order.
        tags: The tags of each, sorted.
    """

    statements: tuple[Statement, ...]
    tags: tuple[NDArray[np.uint64], ...] = field(repr=False)
    tagger: Tagger = field(repr=False)

    def held(
        self, subjects: list[str], values: list[str], *, before: datetime
    ) -> NDArray[np.bool_]:
        """Return for each canonical pair whether it was registered earlier than *before*."""
        wanted = self.tagger.tags(_pairs(zip(subjects, values, strict=True)))
        found = np.zeros(wanted.size, dtype=bool)
        for statement, tags in zip(self.statements, self.tags, strict=True):
            if statement.registered_at < before and tags.size:
                at = np.minimum(np.searchsorted(tags, wanted), tags.size - 1)
                found |= tags[at] == wanted
        return found


def load_holdings(directory: Path, *, key: DepartmentKey, public: PublicKey) -> Holdings:
    """Return the register in *directory*; an empty directory holds nothing.

    Raises:
        SignatureError: If a statement was not signed by *public*.
        VerificationError: If tags or the order of statements are not what was signed.
        ConfigError: If a file cannot be read, or the tags are under another key.
    """
    statements: list[Statement] = []
    tags: list[NDArray[np.uint64]] = []
    before = ""
    try:
        count = len(list(directory.glob("*.statement")))
        for number in range(1, count + 1):
            text = _path(directory, number, "statement").read_bytes()
            signature = _path(directory, number, "sig").read_bytes()
            verify(public, text, signature, signer_id=_SIGNER_ID)
            statement = Statement.from_json(text)
            raw = _path(directory, number, "tags").read_bytes()
            _check(statement, raw, number=number, before=before, key=key)
            statements.append(statement)
            tags.append(np.frombuffer(raw, dtype="<u8"))
            before = _digest(text)
    except OSError as error:
        raise ConfigError(
            f"cannot read the own holdings in `{directory}`: {describe(error)}"
        ) from None
    return Holdings(statements=tuple(statements), tags=tuple(tags), tagger=_tagger(key))


def register_holdings(  # noqa: PLR0913  the places and the moment, all of them a caller's
    directory: Path,
    source: Path,
    *,
    subject: str,
    at: datetime,
    key: DepartmentKey,
    signer: Signer,
    first_release: datetime | None = None,
    disk: Disk | None = None,
    record: Callable[[Statement, tuple[HoldingEvent, ...]], object] | None = None,
) -> tuple[Statement, tuple[HoldingEvent, ...]]:
    """Add what *source* says the department holds, and return the statement and its events.

    Args:
        directory: Of the register.
        source: A CSV, TSV or JSONL file whose rows map columns to values.
        subject: The column that says whom a row is about.
        at: Now; aware.
        key: The key of the department.
        signer: Signs the statement.
        first_release: When the first release was registered, if there is one.
        disk: Writes; of the standard kind if not given.
        record: Writes an audit record of it, before it counts; if that fails, it does not.

    Raises:
        CallError: If *source* does not read, or a row has no subject.
        ConfigError: If the register cannot be read or written.
        VerificationError: If what is there is not what was signed.
    """
    existing = load_holdings(directory, key=key, public=signer.public)
    pairs, subjects = _import(source, subject)
    tags = np.unique(_tagger(key).tags(_pairs(pairs))).astype("<u8").tobytes()
    last = existing.statements[-1] if existing.statements else None
    if at.tzinfo is None or (last and at < last.registered_at):
        raise ValueError("a registration is dated, aware, and not before the last one")
    statement = Statement(
        number=len(existing.statements) + 1,
        registered_at=at,
        subjects=subjects,
        values=len(tags) // 8,
        tags=_digest(tags),
        source=_digest(source.read_bytes()),
        before=_digest(last.to_json()) if last else "",
        key_id=key.key_id.hex(),
    )
    events = _events(existing, statement, first_release)
    if record is not None:
        record(statement, events)
    _store(disk or Disk(), directory, statement, tags, signer)
    return statement, events


def holdings_record(statement: Statement, events: Iterable[HoldingEvent]) -> bytes:
    """Return the audit record of a registration: numbers and digests, never a value."""
    return encode_record(
        {
            "v": 1,
            "id": new_record_id(statement.registered_at),
            "t": format_time(statement.registered_at),
            "phase": "admin",
            "event": REGISTERED,
            "number": statement.number,
            "subjects": statement.subjects,
            "values": statement.values,
            "source": statement.source,
            "flags": [event.value for event in events],
        }
    )


def _store(disk: Disk, directory: Path, statement: Statement, tags: bytes, signer: Signer) -> None:
    """Write the files of *statement*; it is in force when the last of them, itself, is there."""
    text = statement.to_json()
    signature = sign_checked(signer, text, signer_id=_SIGNER_ID)
    try:
        for end, data in (("tags", tags), ("sig", signature), ("statement", text)):
            disk.replace(_path(directory, statement.number, end), data)
    except OSError as error:
        raise ConfigError(
            f"cannot write the own holdings in `{directory}`: {describe(error)}"
        ) from None


def _events(
    existing: Holdings, new: Statement, first_release: datetime | None
) -> tuple[HoldingEvent, ...]:
    events = []
    if first_release is not None and new.registered_at >= first_release:
        events.append(HoldingEvent.LATE)
    before = sum(statement.values for statement in existing.statements)
    if before and new.values > _LARGE_GROWTH * before:
        events.append(HoldingEvent.LARGE)
    return tuple(events)


def _check(
    statement: Statement, raw: bytes, *, number: int, before: str, key: DepartmentKey
) -> None:
    if statement.key_id != key.key_id.hex():
        raise ConfigError(f"own holdings `{number}` are not under the key of epoch `{key.epoch}`")
    follows = statement.number == number and statement.before == before
    if not follows or statement.tags != _digest(raw) or len(raw) != 8 * statement.values:
        raise VerificationError(f"own holdings `{number}` are not what was signed")


def _import(source: Path, subject: str) -> tuple[set[tuple[str, str]], int]:
    """Return the canonical pairs of subject and value in *source*, and how many subjects."""
    pairs: set[tuple[str, str]] = set()
    subjects: set[str] = set()
    try:
        for line, row in enumerate(_rows(source), start=1):
            whom = canonical(text_of(row.get(subject)))
            if not whom:
                raise CallError(f"row `{line}` of `{source.name}` has no `{subject}`")
            subjects.add(whom)
            # The subject's own number counts as held, too.
            values = (canonical(text_of(cell)) for cell in row.values())
            pairs.update((whom, value) for value in values if value)
    except (UnicodeDecodeError, json.JSONDecodeError, csv.Error):
        raise CallError(f"`{source.name}` does not read as UTF-8 CSV, TSV or JSONL") from None
    except OSError as error:
        raise ConfigError(f"cannot read `{source}`: {describe(error)}") from None
    return pairs, len(subjects)


def _rows(source: Path) -> Iterator[Mapping[str, str | None]]:
    end = source.suffix.lower()
    if end not in (*_DELIMITERS, ".jsonl"):
        raise CallError(f"`{source.name}` is no .csv, .tsv or .jsonl file")
    with source.open(encoding="utf-8-sig", newline="") as file:
        if end == ".jsonl":
            for line in file:
                if line.strip():
                    row = json.loads(line)
                    if not isinstance(row, dict):
                        raise CallError(f"`{source.name}` has a line that is no object")
                    yield {name: text_of(cell) for name, cell in row.items()}
            return
        for cells in csv.DictReader(file, delimiter=_DELIMITERS[end]):
            if None in cells or None in cells.values():
                raise CallError(f"`{source.name}` has a row of another length than its header")
            yield cells


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return what is tagged: U+001F stands in no canonical value."""
    return [f"{whom}\x1f{value}" for whom, value in pairs]


def _tagger(key: DepartmentKey) -> Tagger:
    """Return a tagger whose tags are not those of releases."""
    return Tagger(DepartmentKey(epoch=key.epoch, secret=key.derive("own holdings")))


def _digest(data: bytes) -> str:
    return _DIGEST_PREFIX + sm3(data).hex()


def _path(directory: Path, number: int, end: str) -> Path:
    return directory / f"{number:06}.{end}"
