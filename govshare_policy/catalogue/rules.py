# SPDX-License-Identifier: Apache-2.0
"""Read what a text asks of its catalogue (``catalogue.toml``), strictly."""

import re
import string
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NoReturn

from govshare_policy.catalogue.checks import CHECKS
from govshare_policy.catalogue.columns import COLUMNS
from govshare_policy.catalogue.model import LintRule, LintText, Severity, ShareMeaning
from govshare_policy.errors import PolicyError
from govshare_policy.legal import Clause
from govshare_policy.policy import load_pack, packs_directory
from govshare_policy.policy.plain import decode_plain
from govshare_policy.register import model

RULES_FILE: Final = "catalogue.toml"
SHARE_KINDS: Final = (
    "unconditional",
    "controlled",
    "conditional",
    "non_share",
    "unstated",
    "secret",
)
# What a sentence may mention.
PLACEHOLDERS: Final = ("column", "value", "other", "resource", "provider")
_RULE_KEYS: Final = frozenset(
    ("id", "clauses", "severity", "check", "columns", "when", "unless", "values", "en", "zh")
)
_RULE_MUST: Final = frozenset(("id", "clauses", "severity", "check", "columns", "en", "zh"))
_MEANING_KEYS: Final = frozenset(("clauses", "en", "zh"))
_CLOSED: Final[Mapping[str, frozenset[str]]] = {
    "share_type": model.SHARE_TYPES,
    "legal_basis_level": model.BASIS_LEVELS,
    "category": model.CATEGORIES,
    "item_class": model.ITEM_CLASSES,
    "is_secret": frozenset(("Y", "N")),
    "parameter_controlled": frozenset(("Y", "N")),
}


def load_lint(profile: str, *, packs: Path | None = None) -> tuple[LintText, Mapping[str, Clause]]:
    """Load what the text of *profile* asks of its catalogue, and the clauses of the text.

    Raises:
        PolicyError: If the profile is unknown or a file of it is wrong; names file and key.
    """
    pack = load_pack(profile, packs=packs)
    path = (packs or packs_directory()) / profile / RULES_FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PolicyError(f"{profile}/{RULES_FILE}: cannot be read ({error.strerror})") from None
    try:
        text = parse_lint(data, pack.profile, prefix=pack.prefix, clauses=pack.clauses)
    except PolicyError as error:
        raise PolicyError(f"{profile}/{error}") from None
    return replace(text, item_share=pack.item_share), pack.clauses


def parse_lint(
    data: bytes, profile: str, *, prefix: str, clauses: Mapping[str, Clause]
) -> LintText:
    """Return the rules and meanings in the bytes of a ``catalogue.toml``.

    Raises:
        PolicyError: If anything in it is not what it has to be; names the key.
    """
    try:
        table = tomllib.loads(decode_plain(RULES_FILE, data))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{RULES_FILE}: {error}") from None
    _check_keys(table, frozenset(("rule", "share")), frozenset(("rule", "share")), "the file")
    rules, shares = table["rule"], table["share"]
    if not isinstance(rules, list) or not rules or not isinstance(shares, dict):
        _refuse("the file", "has a list of [[rule]] and the tables [share.…]")
    _check_keys(shares, frozenset(SHARE_KINDS), frozenset(SHARE_KINDS), "[share]")
    reader = _Reader(prefix, clauses)
    return LintText(
        profile=profile,
        rules=tuple(reader.rule(number, rule) for number, rule in enumerate(rules, 1)),
        meanings={kind: reader.meaning(kind, shares[kind]) for kind in SHARE_KINDS},
    )


class _Reader:
    """Reads table by table and says in which of them a fault stands."""

    def __init__(self, prefix: str, clauses: Mapping[str, Clause]) -> None:
        self._prefix = prefix.lower()
        self._clauses = clauses
        self._seen: set[str] = set()
        self._where = ""

    def rule(self, number: int, table: object) -> LintRule:
        self._where = f"rule {number}"
        keys = self._table(table, _RULE_KEYS, _RULE_MUST)
        ident = self._ident(keys["id"])
        self._where = f"rule `{ident}`"
        check = self._one_of(keys, "check", tuple(CHECKS))
        return LintRule(
            id=ident,
            clauses=self._cited(keys),
            severity=Severity(self._one_of(keys, "severity", tuple(Severity))),
            check=check,
            columns=self._columns(keys, check),
            when=self._conditions(keys, "when"),
            unless=self._conditions(keys, "unless"),
            values=self._values(keys, check),
            text_en=self._sentence(keys, "en"),
            text_zh=self._sentence(keys, "zh"),
        )

    def meaning(self, kind: str, table: object) -> ShareMeaning:
        self._where = f"[share.{kind}]"
        keys = self._table(table, _MEANING_KEYS, _MEANING_KEYS)
        return ShareMeaning(
            clauses=self._cited(keys),
            text_en=self._sentence(keys, "en"),
            text_zh=self._sentence(keys, "zh"),
        )

    def _table(
        self, table: object, keys: frozenset[str], must: frozenset[str]
    ) -> Mapping[str, Any]:
        if not isinstance(table, dict):
            _refuse(self._where, "is not a table")
        _check_keys(table, keys, must, self._where)
        return table

    def _ident(self, value: object) -> str:
        form = rf"{re.escape(self._prefix)}(-[a-z0-9]+)+"
        if not isinstance(value, str) or not re.fullmatch(form, value):
            _refuse(self._where, f"`id` is not lower-case words after `{self._prefix}-`")
        if value in self._seen:
            _refuse(self._where, f"the id `{value}` stands twice")
        self._seen.add(value)
        return value

    def _cited(self, keys: Mapping[str, Any]) -> tuple[str, ...]:
        cited = self._texts(keys, "clauses")
        for clause in cited:
            if clause not in self._clauses:
                _refuse(self._where, f"`{clause}` is not in the clause registry of this text")
        return cited

    def _columns(self, keys: Mapping[str, Any], check: str) -> tuple[str, ...]:
        columns, signature = self._texts(keys, "columns"), CHECKS[check]
        for column in columns:
            if column not in signature.columns:
                _refuse(self._where, f"`{check}` cannot look at `{column}`")
        fewest = 2 if check == "not_before" else 1
        if not fewest <= len(columns) <= signature.most:
            _refuse(self._where, f"`{check}` takes another number of `columns`")
        return columns

    def _conditions(self, keys: Mapping[str, Any], key: str) -> dict[str, tuple[str, ...]]:
        table = keys.get(key, {})
        if not isinstance(table, dict):
            _refuse(self._where, f"`{key}` is not a table of columns and values")
        conditions = {}
        for column in table:
            if column not in COLUMNS:
                _refuse(self._where, f"`{key}` names `{column}`, which is no column")
            conditions[column] = self._texts(table, column, empty=True)
            self._check_codes(column, conditions[column], key)
        return conditions

    def _values(self, keys: Mapping[str, Any], check: str) -> tuple[str, ...]:
        if ("values" in keys) is not CHECKS[check].values:
            needs = "needs" if CHECKS[check].values else "takes no"
            _refuse(self._where, f"`{check}` {needs} `values`")
        values = self._texts(keys, "values") if "values" in keys else ()
        if check in ("among", "not_among"):
            for column in keys["columns"]:
                self._check_codes(column, values, "values")
        if check in ("matches", "held_by", "led_by", "platform_at_least") and len(values) != 1:
            _refuse(self._where, f"`{check}` takes one of `values`")
        if check == "platform_at_least" and values[0] not in ("1", "2", "3", "4", "5"):
            _refuse(self._where, "`values` is not a level from 1 to 5")
        if check == "matches":
            self._check_form(values[0])
        return values

    def _check_form(self, form: str) -> None:
        try:
            re.compile(form)
        except re.error:
            _refuse(self._where, "`values` is not a regular expression")

    def _check_codes(self, column: str, values: tuple[str, ...], key: str) -> None:
        # A code that no entry can have would make a rule that never finds anything.
        codes = _CLOSED.get(column)
        for value in values:
            if value and codes is not None and value not in codes:
                _refuse(self._where, f"`{key}` names `{value}`, which is no code of `{column}`")

    def _one_of(self, keys: Mapping[str, Any], key: str, codes: tuple[str, ...]) -> str:
        if keys[key] not in codes:
            _refuse(self._where, f"`{key}` is not one of {', '.join(codes)}")
        return str(keys[key])

    def _texts(self, table: Mapping[str, Any], key: str, *, empty: bool = False) -> tuple[str, ...]:
        values = table[key]
        if not isinstance(values, list) or not values:
            _refuse(self._where, f"`{key}` is not a list of texts")
        if not all(isinstance(value, str) and (value or empty) for value in values):
            _refuse(self._where, f"`{key}` is not a list of texts")
        if len(set(values)) != len(values):
            _refuse(self._where, f"a text stands twice in `{key}`")
        return tuple(values)

    def _sentence(self, keys: Mapping[str, Any], key: str) -> str:
        text = keys[key]
        if not isinstance(text, str) or not text.strip():
            _refuse(self._where, f"`{key}` is not a sentence")
        try:
            parts = list(string.Formatter().parse(text))
        except ValueError:
            _refuse(self._where, f"`{key}` has a brace without its pair")
        for _, name, form, conversion in parts:
            if name is not None and (name not in PLACEHOLDERS or form or conversion):
                _refuse(self._where, f"`{key}` mentions `{name}`, which has no value")
        return text


def _check_keys(
    table: Mapping[str, Any], keys: frozenset[str], must: frozenset[str], where: str
) -> None:
    for key in sorted(set(table) - keys):
        _refuse(where, f"unknown key `{key}`")
    for key in sorted(must - set(table)):
        _refuse(where, f"`{key}` is missing")


def _refuse(where: str, fault: str) -> NoReturn:
    raise PolicyError(f"{RULES_FILE}: {where}: {fault}")
