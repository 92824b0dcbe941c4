# SPDX-License-Identifier: Apache-2.0
"""Canary rows: a few invented records in a batch file, which nobody else was ever given.

Only where the provider consents, and only in batches: nobody decides about an invented person. What
is registered are keyed digests; whoever reads the register cannot pick the canaries out.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Self

from govshare_policy.audit import format_time
from govshare_policy.crypto import hmac_sm3
from govshare_policy.egress.batchfile import Batch, Row, row_digest
from govshare_policy.egress.invented import Draw, invent
from govshare_policy.errors import CallError, ConfigError

KEY_BYTES: Final = 32
MOST: Final = 1000
# A batch in which one row in five were invented would be of no use.
_LEAST_ROWS_EACH: Final = 5
# So short a value may stand in any file by chance.
_LEAST_TAGGED: Final = 8
_COLUMNS: Final = ("resource", "provider", "agreed_by", "valid_from", "valid_to")
_LINE: Final = frozenset({"release", "resource", "at", "count", "root", "tags"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """That a provider agrees to canaries in the batches of one of its resources."""

    resource: str
    provider: str
    agreed_by: str
    valid_from: date
    valid_to: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """What the register says of the canaries in one release.

    Attributes:
        release: The id of the decision, or of the file.
        count: How many there are.
        root: Commits to all of them; 64 hexadecimal digits.
        tags: Keyed digests of their telling values and of whole rows, sorted.
    """

    release: str
    resource: str
    at: str
    count: int
    root: str
    tags: tuple[str, ...]

    def to_line(self) -> str:
        """Return the line of the register, with its line feed."""
        document = {name: getattr(self, name) for name in sorted(_LINE)}
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Return what *line* of a register says.

        Raises:
            ConfigError: If it is no such line.
        """
        try:
            said = json.loads(line)
            if not isinstance(said, dict) or set(said) != _LINE or type(said["count"]) is not int:
                raise ValueError  # noqa: TRY301  one way out of all that can be wrong
            words = {name: str(said[name]) for name in ("release", "resource", "at", "root")}
            return cls(**words, count=said["count"], tags=tuple(map(str, said["tags"])))
        except (ValueError, TypeError):
            raise ConfigError("a line of the register of canaries cannot be read") from None


def attribution(fraction: float, count: int) -> float:
    """Return the chance that a leak of *fraction* of a file holds one of its *count* canaries."""
    if not 0 <= fraction <= 1 or count < 0:
        raise ValueError("a fraction is between 0 and 1, and a count is not negative")
    return 1.0 - math.pow(1.0 - fraction, count)


def load_consents(path: Path) -> tuple[Consent, ...]:
    """Return the consents in the TSV file *path*.

    Raises:
        ConfigError: If a line is none.
        OSError: If it cannot be read.
    """
    names, *lines = path.read_text(encoding="utf-8").splitlines() or [""]
    if tuple(names.split("\t")) != _COLUMNS:
        raise ConfigError(f"`{path.name}` has the columns {', '.join(_COLUMNS)}")
    return tuple(_consent(path.name, number, line) for number, line in enumerate(lines, start=2))


def _consent(name: str, number: int, line: str) -> Consent:
    cells: list[Any] = line.split("\t")
    try:
        resource, provider, agreed_by, first, last = cells
        consent = Consent(
            resource=resource,
            provider=provider,
            agreed_by=agreed_by,
            valid_from=date.fromisoformat(first),
            valid_to=date.fromisoformat(last),
        )
    except ValueError:
        raise ConfigError(f"`{name}`, line {number}: five cells, the last two dates") from None
    if not (resource and provider and agreed_by):
        raise ConfigError(f"`{name}`, line {number}: a consent names resource, provider and person")
    return consent


def consent_for(consents: Sequence[Consent], resource: str, *, on: date) -> Consent:
    """Return the consent under which canaries may stand in a batch of *resource* on that day.

    Raises:
        CallError: If there is none in force.
    """
    for one in consents:
        if one.resource == resource and one.valid_from <= on <= one.valid_to:
            return one
    raise CallError(f"no provider consents to canaries in batches of `{resource}` on that day")


def plant(
    batch: Batch,
    key: bytes,
    *,
    release: str,
    consent: Consent,
    count: int,
    at: datetime,
) -> tuple[bytes, Planted]:
    """Return the file of *batch* with *count* canaries in it, and what the register says of them.

    The rows that are there stay what they are, in their order. The same key and release
    invent the same rows, and stand them in the same places.

    Raises:
        CallError: If the batch is too small for so many, or has nothing that tells rows apart.
    """
    if len(key) != KEY_BYTES:
        raise ValueError("the key of canaries has 32 bytes")
    if not 0 < count <= MOST or len(batch.rows) < count * _LEAST_ROWS_EACH:
        raise CallError(
            f"a canary needs {_LEAST_ROWS_EACH} rows around it, and {MOST} are the most"
        )
    draw = Draw(hmac_sm3(key, b"canary\x00" + release.encode()))
    columns = _columns(batch.rows)
    telling = [name for name, texts in columns.items() if _is_telling(texts)]
    if not telling:
        raise CallError("no column of the batch tells rows apart, so a canary could not be known")
    rows = list(batch.rows)
    planted = []
    for _ in range(count):
        row = batch.spell(invent(columns, draw))
        planted.append(row)
        rows.insert(draw.below(len(rows) + 1), row)
    tags = sorted({tag for row in planted for tag in _tags(key, row, telling)})
    root = hmac_sm3(key, b"root\x00" + b"".join(sorted(row_digest(one.cells) for one in planted)))
    said = Planted(
        release=release,
        resource=consent.resource,
        at=format_time(at),
        count=count,
        root=root.hex(),
        tags=tuple(tags),
    )
    return batch.with_rows(rows), said


def found(rows: Sequence[Row], key: bytes, registered: Sequence[Planted]) -> Mapping[str, int]:
    """Return how many of *rows* are canaries, by the release that they stood in.

    Names and number of columns do not matter: a telling value is enough.
    """
    by_tag = {tag: one.release for one in registered for tag in one.tags}
    hits: Counter[str] = Counter()
    for row in rows:
        releases = {by_tag[tag] for tag in _tags(key, row, tuple(row.cells)) if tag in by_tag}
        hits.update(releases)
    return hits


def load_register(path: Path) -> tuple[Planted, ...]:
    """Return what the register of canaries *path* says; nothing where there is none yet.

    Raises:
        ConfigError: If a line cannot be read.
        OSError: If the file cannot be.
    """
    if not path.exists():
        return ()
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(Planted.from_line(line) for line in lines)


def _columns(rows: Sequence[Row]) -> dict[str, list[str]]:
    return {name: [row.cells.get(name, "") for row in rows] for name in rows[0].cells}


def _is_telling(texts: Sequence[str]) -> bool:
    """Whether every row has its own long value in this column."""
    return len(set(texts)) == len(texts) and min(map(len, texts)) >= _LEAST_TAGGED


def _tags(key: bytes, row: Row, fields: Sequence[str]) -> set[str]:
    values = {row.cells[name] for name in fields if len(row.cells.get(name, "")) >= _LEAST_TAGGED}
    tags = {hmac_sm3(key, b"cell\x00" + value.encode()).hex() for value in values}
    return {*tags, hmac_sm3(key, b"row\x00" + row_digest(row.cells)).hex()}
