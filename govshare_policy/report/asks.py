# SPDX-License-Identifier: Apache-2.0
"""What a text asks to be reported: its ``report.toml``, read strictly."""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from govshare_policy.errors import PolicyError
from govshare_policy.policy import load_pack, packs_directory
from govshare_policy.policy.plain import decode_plain

FILE: Final = "report.toml"
_DUTY_KEYS: Final = {"clause", "from_zh", "from_en", "to_zh", "to_en", "what_zh", "what_en"}
_SILENCE_KEYS: Final = {"clause", "zh", "en"}


class Figure(StrEnum):
    """A part of a report that a text may ask for."""

    CALLS = "calls"
    USED = "used"
    PROVIDED = "provided"
    AUTHORISATION = "authorisation"
    AVAILABILITY = "availability"
    CORRECTIONS = "corrections"
    FRESHNESS = "freshness"
    SILENT_SYSTEMS = "silent_systems"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDuty:
    """A report that somebody owes somebody."""

    clause: str
    from_zh: str
    from_en: str
    to_zh: str
    to_en: str
    what_zh: str
    what_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """What the text does not ask for, so that nobody looks for it in vain."""

    clause: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asks:
    """What one text asks to be reported.

    Attributes:
        figures: The figures it wants to see, with the clauses that want them.
    """

    profile: str
    name_zh: str
    name_en: str
    duties: tuple[ReportDuty, ...]
    silences: tuple[Silence, ...]
    figures: Mapping[Figure, tuple[str, ...]]


def load_asks(profile: str, *, packs: Path | None = None) -> Asks:
    """Return what the text *profile* asks to be reported.

    Args:
        profile: A profile id, such as ``hubei``.
        packs: The directory of the packs; by default the one that came with the library.

    Raises:
        PolicyError: If the profile is unknown or a file of its pack is wrong.
    """
    pack = load_pack(profile, packs=packs)
    try:
        data = ((packs or packs_directory()) / profile / FILE).read_bytes()
    except OSError as error:
        raise PolicyError(f"{profile}/{FILE}: cannot be read ({error.strerror})") from None
    try:
        duties, silences, figures = parse_asks(data, clauses=pack.clauses)
    except PolicyError as error:
        raise PolicyError(f"{profile}/{error}") from None
    return Asks(
        profile=profile,
        name_zh=pack.name_zh,
        name_en=pack.name_en,
        duties=duties,
        silences=silences,
        figures=figures,
    )


def parse_asks(
    data: bytes, *, clauses: Collection[str]
) -> tuple[tuple[ReportDuty, ...], tuple[Silence, ...], dict[Figure, tuple[str, ...]]]:
    """Return the duties, silences and figures in the bytes of a ``report.toml``.

    Raises:
        PolicyError: If anything in it is not what it has to be; names table and key.
    """
    try:
        document = tomllib.loads(decode_plain(FILE, data))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{FILE}: {error}") from None
    unknown = sorted(set(document) - {"duty", "silence", "figures"})
    if unknown:
        raise PolicyError(f"{FILE}: unknown key `{unknown[0]}`")
    duties = _tables(document, "duty", _DUTY_KEYS, clauses)
    silences = _tables(document, "silence", _SILENCE_KEYS, clauses)
    if not duties and not silences:
        raise PolicyError(f"{FILE}: says neither who reports nor that nobody does")
    return (
        tuple(ReportDuty(**table) for table in duties),
        tuple(Silence(**table) for table in silences),
        _figures(document.get("figures", {}), clauses),
    )


def _tables(
    document: Mapping[str, Any], name: str, keys: Collection[str], clauses: Collection[str]
) -> list[dict[str, str]]:
    tables = document.get(name, [])
    if not isinstance(tables, list):
        raise PolicyError(f"{FILE}: `{name}` is not a list of tables")
    for number, table in enumerate(tables, 1):
        if not isinstance(table, dict) or set(table) != set(keys):
            raise PolicyError(f"{FILE} {name} {number}: has the keys {', '.join(sorted(keys))}")
        for key, value in table.items():
            if not isinstance(value, str) or not value:
                raise PolicyError(f"{FILE} {name} {number} key `{key}`: not a text")
        _known(table["clause"], clauses, f"{name} {number}")
    return tables


def _figures(table: object, clauses: Collection[str]) -> dict[Figure, tuple[str, ...]]:
    if not isinstance(table, dict):
        raise PolicyError(f"{FILE}: [figures] is a table of figures and clauses")
    for figure, cited in table.items():
        if figure not in set(Figure):
            raise PolicyError(f"{FILE}: [figures] has an unknown figure `{figure}`")
        if not isinstance(cited, list) or not cited:
            raise PolicyError(f"{FILE}: `{figure}` is a list of clauses with something in it")
        for clause in cited:
            _known(clause, clauses, f"[figures] `{figure}`")
    return {Figure(figure): tuple(cited) for figure, cited in table.items()}


def _known(clause: object, clauses: Collection[str], where: str) -> None:
    if not isinstance(clause, str) or clause not in clauses:
        raise PolicyError(f"{FILE} {where}: a clause is not in the clause registry of this text")
