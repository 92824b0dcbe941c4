# SPDX-License-Identifier: Apache-2.0
"""The checks that rules name: each yields the faults it finds, and knows nothing of any text."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from govshare_policy.catalogue.bodies import appointed, has_lead, led_by, scoped_to
from govshare_policy.catalogue.columns import BODY_LABELS, COLUMNS, LISTS
from govshare_policy.catalogue.model import PLATFORM_FILE
from govshare_policy.catalogue.question import Check, Fault, Question, fault_at
from govshare_policy.register._items import COLUMN as ITEM_TYPES
from govshare_policy.register._items import item_shares_of
from govshare_policy.register._table import Row

PLATFORM_KEYS: Final = ("crypto", "auth", "mlps_level")
_NO_FEE: Final = frozenset(("", "-", "无", "免费", "无偿", "不收费", "free", "none"))
_LEVELS: Final = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5} | {str(n): n for n in range(1, 6)}
_LEVEL = re.compile(r"[^一二三四五\d]*([一二三四五]|\d+)[^一二三四五\d]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a check may be told.

    Attributes:
        find: The check itself.
        columns: The columns it can look at.
        most: The most columns it takes.
        values: Whether it has to be told values to compare with.
    """

    find: Check
    columns: tuple[str, ...] = COLUMNS
    most: int = len(COLUMNS)
    values: bool = False


def _stated(question: Question) -> Iterator[Fault]:
    """Each column is stated; ``-`` states nothing. A column that the file lacks is one fault."""
    return _missing(question, ("", "-"))


def _filled(question: Question) -> Iterator[Fault]:
    """Each column is filled, if only with ``-`` for "does not apply"."""
    return _missing(question, ("",))


def _among(question: Question) -> Iterator[Fault]:
    """A stated cell is one of the values."""
    for row, column, cell in question.cells():
        if cell not in question.rule.values:
            yield fault_at(row, column, value=cell)


def _not_among(question: Question) -> Iterator[Fault]:
    """A stated cell is none of the values."""
    for row, column, cell in question.cells():
        if cell in question.rule.values:
            yield fault_at(row, column, value=cell)


def _unstated(question: Question) -> Iterator[Fault]:
    """No column is stated; ``-`` states nothing."""
    for row, column, cell in question.cells():
        if cell != "-":
            yield fault_at(row, column, value=cell)


def _not_negotiated(question: Question) -> Iterator[Fault]:
    """No grant of the entry rests on a negotiated agreement, whatever its days."""
    for row in question.entries():
        if grant := question.catalogue.negotiated.get(row.text("resource_id")):
            yield fault_at(row, question.rule.columns[0], other=grant)


def _includes(question: Question) -> Iterator[Fault]:
    """A stated list has at least one of the values."""
    for row, column, _ in question.cells():
        if not set(row.codes(column)) & set(question.rule.values):
            yield fault_at(row, column)


def _matches(question: Question) -> Iterator[Fault]:
    """A stated cell has the form of the one value, a regular expression."""
    form = re.compile(question.rule.values[0])
    for row, column, cell in question.cells():
        if not form.fullmatch(cell):
            yield fault_at(row, column)


def _free(question: Question) -> Iterator[Fault]:
    """A stated fee is nothing."""
    for row, column, cell in question.cells():
        if not _is_nothing(cell):
            yield fault_at(row, column)


def _held_by(question: Question) -> Iterator[Fault]:
    """A stated department holds the role named by the one value, where anybody is known to."""
    role = question.rule.values[0]
    holders = question.catalogue.roles.get((question.profile, role), frozenset())
    for row, column, cell in question.cells():
        if holders and cell not in holders:
            yield fault_at(row, column, value=cell, other=min(holders))


def _not_before(question: Question) -> Iterator[Fault]:
    """The first date is not before the second, where both are stated."""
    column, other = question.rule.columns
    for row in question.entries():
        day, bound = row.day_or_none(column), row.day_or_none(other)
        if day is not None and bound is not None and day < bound:
            yield fault_at(row, column, value=day.isoformat(), other=bound.isoformat())


def _not_copied(question: Question) -> Iterator[Fault]:
    """An entry is no copy of another department's: neither marked so nor with an upstream."""
    providers = {
        row.text("resource_id"): row.text("provider") for row in question.catalogue.entries
    }
    for row in question.entries():
        upstream = row.text("upstream")
        if upstream and providers[upstream] == row.text("provider"):
            continue
        if upstream or row.text("source") in question.rule.values:
            column = "source" if "source" in row.cells else "upstream"
            yield fault_at(row, column, value=row.text("source"), other=upstream or "-")


def _unique(question: Question) -> Iterator[Fault]:
    """No two entries have the same cells."""
    for first, *others in _alike(question):
        yield fault_at(first, question.rule.columns[0], other=others[0].text("resource_id"))
        for row in others:
            yield fault_at(row, question.rule.columns[0], other=first.text("resource_id"))


def _one_provider(question: Question) -> Iterator[Fault]:
    """Entries with the same cells are of one provider."""
    for rows in _alike(question):
        of_each: dict[str, str] = {}
        for row in rows:
            of_each.setdefault(row.text("provider"), row.text("resource_id"))
        for row in rows if len(of_each) > 1 else ():
            foreign = (ident for name, ident in of_each.items() if name != row.text("provider"))
            yield fault_at(row, question.rule.columns[0], other=next(foreign))


def _of_one_type(question: Question) -> Iterator[Fault]:
    """No item of an entry that states its type is of another type."""
    for row in question.entries():
        own = {one.share_type for one in item_shares_of(row).values()}
        stated = row.text("share_type")
        if stated and own - {stated}:
            yield fault_at(row, ITEM_TYPES, value=stated)


def _platform_stated(question: Question) -> Iterator[Fault]:
    """The platform states at least one of the keys, where it is described at all."""
    platform = question.catalogue.platform
    if platform is not None and not _said(platform, question.rule.columns):
        yield Fault(row=None, column="key", file=PLATFORM_FILE)


def _platform_names(question: Question) -> Iterator[Fault]:
    """One of the keys that the platform states has one of the values in it."""
    said = _said(question.catalogue.platform or {}, question.rule.columns)
    if said and not any(_names(row.text("value"), question.rule.values) for row in said):
        row = said[0]
        yield Fault(row=None, column="value", file=PLATFORM_FILE, line=row.line)


def _platform_at_least(question: Question) -> Iterator[Fault]:
    """The level that the platform states is at least the one value."""
    for row in _said(question.catalogue.platform or {}, question.rule.columns):
        match = _LEVEL.fullmatch(row.text("value"))
        level = _LEVELS.get(match[1], 0) if match else 0
        if level < int(question.rule.values[0]):
            yield Fault(row=None, column="value", file=PLATFORM_FILE, line=row.line)


CHECKS: Final[Mapping[str, Signature]] = {
    "stated": Signature(find=_stated),
    "filled": Signature(find=_filled),
    "among": Signature(find=_among, values=True),
    "not_among": Signature(find=_not_among, values=True),
    "unstated": Signature(find=_unstated),
    "not_negotiated": Signature(find=_not_negotiated, columns=("legal_basis_level",), most=1),
    "scoped_to": Signature(find=scoped_to, columns=("share_scope",), values=True),
    "includes": Signature(find=_includes, columns=LISTS, values=True),
    "matches": Signature(find=_matches, values=True),
    "free": Signature(find=_free, columns=("fee",)),
    "held_by": Signature(find=_held_by, columns=("basis_verified_by",), values=True),
    "not_before": Signature(
        find=_not_before,
        columns=("secrecy_review", "updated_on", "filed_on", "review_requested_on"),
        most=2,
    ),
    "not_copied": Signature(find=_not_copied, columns=("source",), values=True),
    "unique": Signature(find=_unique),
    "one_provider": Signature(find=_one_provider),
    "of_one_type": Signature(find=_of_one_type, columns=(ITEM_TYPES,)),
    "appointed": Signature(find=appointed, columns=tuple(BODY_LABELS), values=True),
    "has_lead": Signature(find=has_lead, columns=("base_or_theme",)),
    "led_by": Signature(find=led_by, columns=("base_or_theme",), values=True),
    "platform_stated": Signature(find=_platform_stated, columns=PLATFORM_KEYS),
    "platform_names": Signature(find=_platform_names, columns=PLATFORM_KEYS, values=True),
    "platform_at_least": Signature(
        find=_platform_at_least, columns=("mlps_level",), most=1, values=True
    ),
}


def _missing(question: Question, nothing: tuple[str, ...]) -> Iterator[Fault]:
    rows = list(question.entries())
    for column in question.rule.columns:
        lacking = [row for row in rows if row.text(column) in nothing]
        if lacking and column not in question.catalogue.columns:
            yield Fault(row=None, column=column)
            continue
        for row in lacking:
            yield fault_at(row, column)


def _is_nothing(fee: str) -> bool:
    if fee.lower() in _NO_FEE:
        return True
    try:
        return Decimal(fee.removesuffix("元")) == 0
    except InvalidOperation:
        return False


def _alike(question: Question) -> Iterable[list[Row]]:
    """Return the entries that state the same in all columns of the rule, group by group."""
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in question.entries():
        cells = [_value(row, column) for column in question.rule.columns]
        if all(cells):
            groups.setdefault(tuple(cells), []).append(row)
    return [rows for rows in groups.values() if len(rows) > 1]


def _value(row: Row, column: str) -> object:
    return frozenset(row.codes(column, ",|")) if column in LISTS else row.text(column)


def _said(platform: Mapping[str, Row], keys: tuple[str, ...]) -> list[Row]:
    return [platform[key] for key in keys if key in platform and platform[key].text("value")]


def _names(value: str, names: tuple[str, ...]) -> bool:
    """Whether *value* has one of *names* in it; a name of letters only as a word of its own."""
    return any(
        re.search(
            re.escape(name) + (r"(?![a-z0-9])" if name[-1:].isascii() else ""),
            value,
            re.IGNORECASE,
        )
        for name in names
    )
